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
//	REST                  Go            what it is
//	webhook category      Category      groups event types
//	webhook event         EventType     (code, version): what can happen
//	webhook subscription  Subscription  an organization's URL and what it wants there
//	published event       Message       what happened once; its id is the webhook-id
//	activation            Delivery      one message for one subscription
//	activity              Attempt       one POST of a delivery, and what came back
//	secret history        Secret        a signing secret and when it was valid
//
// A delivery has no record of its own: it is the chain of its attempts, and its
// id is the id of the first. An attempt that is pending or being sent is the
// queue's unit of work.
//
// # What holds for all methods of a store
//
// They are safe for concurrent use. They take and return copies: neither side
// sees the other's later changes. Times are UTC with millisecond precision and
// given by the caller, except leases and when an attempt is due, which the store's own
// clock decides (on PostgreSQL the database's, so that hosts need not agree on the
// time): an attempt that is added is due at once, or after a wait that the store adds
// to its own time. Ids are
// UUIDs of version 7, made by the caller; lists are in the order of the ids,
// which is the order of creation. A method given an organization sees what that
// organization owns and nothing else: the rest is [ErrNotFound]. Rules about
// what a value may be (lengths, alphabets, archived things) are the caller's: a
// store keeps what it is given, byte for byte.
package store
