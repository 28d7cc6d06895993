// Package store is the vocabulary that every part of the module shares: the
// records, the interfaces of a store, its errors, and the rule by which a
// published event finds its subscriptions. It runs nothing.
//
// Three stores ship with the module: store/memstore in memory, store/bunstore
// on PostgreSQL and on SQLite. To write another one, implement [Store] and run
// storetest.Run against it.
//
// # Decorators
//
// A decorator is a store around another store, for example one that counts calls. It
// embeds a [Store] and redefines the methods that it changes. [Store].Abilities then is
// the one of the inner store, so the decorator has its abilities, such as LISTEN on
// PostgreSQL. A decorator that changes an ability changes the field:
//
//	func (d decorator) Abilities() store.Abilities {
//		a := d.Store.Abilities()
//		a.Notifier = nil // the dispatcher polls
//		return a
//	}
//
// storetest.Run tests a decorator as it tests any store.
//
// # Names
//
// The REST interface keeps the words of its published reference, Go and the
// database use the field's:
//
//	REST                  Go            meaning
//	webhook category      Category      groups event types
//	webhook event         EventType     a kind of event: (code, version)
//	webhook subscription  Subscription  an organization's URL and the events that go there
//	published event       Message       one event; its id is the webhook-id
//	activation            Delivery      one message for one subscription
//	activity              Attempt       one POST of a delivery, and its answer
//	secret history        Secret        a signing secret and the time of its validity
//
// A delivery has no record of its own: it is the chain of its attempts, and its
// id is the id of the first. An attempt that is pending or being sent is the
// queue's unit of work.
//
// # Rules and records
//
// The functions of this package state the rules of chains ([Chain]), sequences ([Sequence]),
// changes of records ([UpdatedSubscription], [QueueChangeOf]), recoveries and pages ([ListOf])
// once. A store that keeps records in memory calls them. A store with a query language may
// state the same rule as a query: storetest compares both.
//
// # Promises of all methods of a store
//
// They are safe for concurrent use. They take and return copies: neither side sees the
// other's later changes.
//
// Times are UTC with millisecond precision ([WholeMilliseconds]). The caller gives them,
// except for the ends of leases and the times at which attempts are due: these come from the
// store's own clock (on PostgreSQL the database's), so that hosts need not agree on the time.
// An attempt that is added is due at once, or after a wait that the store adds to its own
// time.
//
// Ids are UUIDs of version 7, made by the caller. Lists are in the order of the ids, which is
// the order of creation.
//
// A method with an organization as an argument finds only records of that organization. For
// all other records it returns [ErrNotFound].
//
// Rules about values (lengths, alphabets, archived records) are the caller's. A store keeps
// each value byte for byte.
package store
