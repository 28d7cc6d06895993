package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps everything the module knows. See the package documentation for
// what holds for all methods.
type Store interface {
	Catalog
	Subscriptions
	SecretKeys
	Messages
	History
	Queue
	Recoveries

	// Ping reports whether the store answers and is ready to be used: that its
	// schema is there and of the version this program needs. It honours ctx.
	Ping(ctx context.Context) error

	// Durable reports whether what the store acknowledged survives the end of
	// the process.
	Durable() bool

	// Abilities returns the store's optional abilities, the same ones at every call.
	// This is the only way in which they are found: a type assertion would miss the
	// abilities of a store inside a decorator. A decorator that embeds a Store has its
	// abilities. One that adds, changes or hides an ability defines Abilities too.
	Abilities() Abilities
}

// Tx is an open transaction of a store. It comes from the caller's own database
// handle (bunstore.Tx) or from [Transactor]. What is published in it becomes
// visible and is delivered when it commits.
//
// A method that takes a Tx works on the transaction's connection alone, from its
// first statement to its last. It never asks the pool for a second connection: the
// pool's connections may all be held by transactions like this one, and then each
// of them would wait for another one to end. A Tx of another store is ErrForeignTx.
type Tx interface {
	Commit() error
	Rollback() error
}

// Transactor is the optional ability of a store to begin a transaction of its
// own.
type Transactor interface {
	Begin(ctx context.Context) (Tx, error)
}

// Notifier is the optional ability of a store to say that work may be due.
// Without it, and whenever it fails, the dispatcher polls.
type Notifier interface {
	// Listen calls wake, which does not block, whenever somebody may have added
	// attempts that are due, also in another process where the store is shared.
	// It returns when ctx is done, or with an error when it can no longer listen.
	Listen(ctx context.Context, wake func()) error
}

// Maintainer is the optional ability of a store that wants regular upkeep, such as
// room for the days to come.
type Maintainer interface {
	// Maintain does what is to be done as of now. The dispatcher of every process
	// calls it when it starts and then every hour, so it is cheap where there is
	// nothing to do, of several that call it at once one does the work, and nobody
	// waits for it: what cannot be had at once is left to a later call, which is no
	// error. The store works without, if less well.
	Maintain(ctx context.Context, now time.Time) error
}

// Catalog keeps categories, event types, their samples, and the seeds.
//
// The Update methods read a record, call change with it, and write back what
// change made of it, all in one transaction that no other change of the same
// record can come between. An error from change is returned as it is, and
// nothing is written. Change must not call the store. The store increments
// Revision; the ID, what the record belongs to (CategoryID, EventTypeID,
// OrganizationID) and the fields that the store fills in stay as they are,
// whatever change does to them. The updated record is returned.
type Catalog interface {
	// CreateCategory adds a category with Revision 1, or fails with ErrCodeTaken.
	CreateCategory(ctx context.Context, c Category) error
	Category(ctx context.Context, id uuid.UUID) (Category, error)
	Categories(ctx context.Context, archived ArchivedFilter, page Page) (List[Category], error)
	UpdateCategory(ctx context.Context, id uuid.UUID, change func(*Category) error) (Category, error)
	// DeleteCategory fails with ErrInUse while the category has event types. Its
	// code is free again. Check sees the category first, and its error stops the
	// deletion; nil for none.
	DeleteCategory(ctx context.Context, id uuid.UUID, check func(Category) error) error

	// CreateEventType adds an event type with Revision 1. It fails with
	// ErrCodeTaken, or with ErrBadReference if the category does not exist.
	CreateEventType(ctx context.Context, e EventType) error
	EventType(ctx context.Context, id uuid.UUID) (EventType, error)
	// EventTypeByCode returns the event type that a publisher means. With a tx it
	// reads in that transaction, and sees the changes that the transaction made.
	EventTypeByCode(ctx context.Context, tx Tx, code, version string) (EventType, error)
	// EventTypes lists a category's event types, or all for a zero categoryID. The
	// filter looks at the event type, not at its category. An unknown category has
	// none.
	EventTypes(ctx context.Context, categoryID uuid.UUID, archived ArchivedFilter, page Page) (List[EventType], error)
	// HistoricEventTypes returns those of the given ids that exist, and the deleted
	// ones until Prune removes them, by id. History refers to them.
	HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]EventType, error)
	UpdateEventType(ctx context.Context, id uuid.UUID, change func(*EventType) error) (EventType, error)
	// DeleteEventType fails with ErrInUse while a subscription that is not
	// archived selects the event type by id; archived ones lose it, which counts
	// as a change in their Revision. Its code is free again, its samples are gone.
	// Check is as in DeleteCategory.
	DeleteEventType(ctx context.Context, id uuid.UUID, check func(EventType) error) error

	// CreateSample adds a sample with Revision 1. It fails with ErrSampleExists,
	// or with ErrBadReference if the event type does not exist.
	CreateSample(ctx context.Context, s Sample) error
	Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (Sample, error)
	// Samples lists an event type's samples, or those of all event types for a zero
	// id.
	Samples(ctx context.Context, eventTypeID uuid.UUID, page Page) (List[Sample], error)
	// UpdateSample may change the version too, and then fails with
	// ErrSampleExists if that has one.
	UpdateSample(ctx context.Context, eventTypeID uuid.UUID, version string, change func(*Sample) error) (Sample, error)
	DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(Sample) error) error

	// ApplySeed applies the seed and records its version, in one transaction,
	// unless it was applied before: then it changes nothing and reports false, or
	// fails with ErrSeedChanged if the checksum differs. It fails with
	// ErrBadReference if the seed refers to what is not in it. Of several hosts
	// that apply the same seed at once, one does.
	ApplySeed(ctx context.Context, s Seed) (applied bool, err error)
	// SeedVersions lists what was applied, by AppliedAt, oldest first.
	SeedVersions(ctx context.Context) ([]SeedVersion, error)
}

// Subscriptions keeps subscriptions and their secrets.
//
// A subscription of which a part cannot be read, because another program wrote to the
// database, is returned like any other, with the names of the unreadable members in
// Damaged. It stands in lists, gets deliveries (all of its event types if its Filter is
// damaged), and hides no other subscription. An update keeps the stored values of the
// members that the change leaves in Damaged, and overwrites the members that it takes out.
type Subscriptions interface {
	// CreateSubscription adds a subscription with Revision 1, and its first
	// secret. It fails with ErrBadReference if a selector names an event type
	// that does not exist.
	CreateSubscription(ctx context.Context, s Subscription, first Secret) error
	Subscription(ctx context.Context, org, id uuid.UUID) (Subscription, error)
	Subscriptions(ctx context.Context, org uuid.UUID, q SubscriptionQuery) (List[Subscription], error)
	// Subscribers lists the live subscriptions that have one of the topics, each
	// once: those of the given organizations, or of all if nil. Of no organizations
	// (empty, not nil) there are none.
	Subscribers(ctx context.Context, topics []string, orgs []uuid.UUID, page Page) (List[Subscription], error)
	// UpdateSubscription works as the Update methods of Catalog do, and fails with
	// ErrBadReference as CreateSubscription does. In the same
	// transaction, archiving cancels the subscription's pending attempts, but not
	// what is being sent, and a subscription that becomes live has its pending
	// attempts all due at once, as those that are Held (see Deferral) if its PostURI
	// changes; its Health is zero then. External attempts stay as they are.
	UpdateSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, change func(*Subscription) error) (Subscription, error)
	// DeleteSubscription cancels its pending attempts as archiving does. Its secrets,
	// its Health and all fields but ID, OrganizationID and Revision are deleted at once.
	// Its history stays until retention ends it, but can no longer be reached. Prune then
	// removes what is left of the subscription. Check is as in Catalog.
	DeleteSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, check func(Subscription) error) error

	// Secrets lists a subscription's secrets; the current one has a zero ValidTo.
	Secrets(ctx context.Context, org, subscription uuid.UUID, page Page) (List[Secret], error)
	// SecretAt returns the secret that was current at the time, or ErrNotFound.
	SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (Secret, error)
	// AddSecret calls next with the subscription and its current secret and makes
	// what it returns the current one; the former ends when the new one begins, a
	// change that its audit owes to the new one's creation. It increments the
	// subscription's Revision, all in one transaction as the Update methods do. An
	// error from next is returned as it is, and nothing is written.
	AddSecret(ctx context.Context, org, subscription uuid.UUID, next func(s Subscription, current Secret) (Secret, error)) error
}

// SecretKeys is for who keeps the keys that the signing secrets of all organizations
// are encrypted with.
type SecretKeys interface {
	// SecretsExcept lists secrets whose Key begins with none of the prefixes, in the
	// order of their ids: those after the given one, at most max. The ended ones are
	// among them, and those of archived subscriptions.
	SecretsExcept(ctx context.Context, prefixes [][]byte, after uuid.UUID, max int) ([]Secret, error)
	// ReplaceKeys gives secrets another Key, all in one transaction: those whose Key
	// is From. It returns how many they were. Nothing else of them changes, and
	// nothing of their subscriptions.
	ReplaceKeys(ctx context.Context, changes []KeyChange) (int, error)
}

// KeyChange replaces the Key of a secret.
type KeyChange struct {
	SecretID uuid.UUID
	From, To []byte `log:"size"`
}

// Messages takes in what is published.
type Messages interface {
	// Publish stores the messages and one pending attempt for each live
	// subscription of the message's organization that has one of its topics and
	// whose Filter matches the message's data, due at once: all
	// of it or nothing, in one transaction. With a tx it does so inside that one (or
	// fails with ErrForeignTx, or ErrReadOnly), and the caller's transaction stays usable
	// whatever Publish finds. The results are in the order of the messages.
	//
	// A message whose idempotency key its organization used since
	// opts.KeysSince is not stored: the result is the first one's, marked as a
	// duplicate and without jobs. A key is used when its message is created. If
	// the fingerprint differs, Publish fails with *IdempotencyError and stores
	// nothing. The keys in one call are distinct within an organization.
	Publish(ctx context.Context, tx Tx, messages []NewMessage, opts PublishOptions) ([]Published, error)

	// Message returns a message of the organization.
	Message(ctx context.Context, org, id uuid.UUID) (Message, error)

	// Messages lists what the organization published, without Body and Source,
	// each with the states of its deliveries. Messages that were made for one
	// subscription are not listed.
	Messages(ctx context.Context, org uuid.UUID, page Page) (List[MessageSummary], error)

	// MessageDeliveries lists the deliveries of a message of the organization, to
	// all its subscriptions, also those deleted since, without Body and Source.
	// They are those whose first attempt is the message's. ErrNotFound if there is
	// no such message.
	MessageDeliveries(ctx context.Context, org, message uuid.UUID, page Page) (List[Delivery], error)

	// Prune removes messages created before the time, with all their attempts,
	// the oldest first and max messages at most, and idempotency keys first used
	// before it. It returns how many messages it removed.
	//
	// Where these are fewer than max it also removes what was deleted and has no
	// history any more: subscriptions without attempts, with their recoveries; event
	// types that were deleted before the time, unless a message created before it
	// stays that has the event type; and categories without event types. A store may
	// leave some of them to a later call, where there are many.
	//
	// A store that removes whole days at once may remove more than max: those of the
	// days (in UTC) that ended before the time. If such a day is in use it is left to a
	// later call. Max and the order are then those of the rest.
	//
	// Two kinds of messages stay, and do not count among max: those with an attempt
	// that is pending or being sent, where an external one that waits for its
	// outcome keeps nothing; and those that began a delivery which still has
	// attempts of another message, so that no chain loses its first attempt. A
	// message that joined a chain may go before the one that began it. The rest of
	// the chain keeps its numbers, and the delivery is what they make it.
	Prune(ctx context.Context, before time.Time, max int) (int, error)
}

// NewMessage is a message to be published.
type NewMessage struct {
	Message
	Topics         []string  // see Topics
	ExpiresAt      time.Time // its attempts are not sent after this
	IdempotencyKey string    // "" for none
	Fingerprint    []byte    // of the content, compared when a key comes again
}

// PublishOptions are what Publish needs besides the messages.
type PublishOptions struct {
	NewID     func() uuid.UUID // ids for the attempts; required
	KeysSince time.Time        // idempotency keys first used before this are forgotten

	// HandOff says of a new attempt whether it is stored as being sent, leased to the
	// caller for the time of Lease, and returned as a job, with the Body of the message
	// itself; the others are left to be claimed. It is asked in the order of the
	// messages, and again when a transaction has to be repeated, and must not call the
	// store. Nil is for none. It is not asked for what stands in a line, nor with a tx.
	HandOff func(organization, subscription uuid.UUID) bool
	Lease   time.Duration
}

// Published is the result for one message.
type Published struct {
	MessageID  uuid.UUID // the first message's, for a duplicate
	Deliveries int       // how many subscriptions matched
	Duplicate  bool
	Jobs       []Job // what was handed off
}

// History reads what became of the messages.
type History interface {
	// Attempts lists attempts of a subscription. ErrNotFound if the organization
	// has no such subscription, here as in all methods of History.
	Attempts(ctx context.Context, q HistoryQuery) (List[Attempt], error)
	// Attempt returns one of a subscription's attempts.
	Attempt(ctx context.Context, org, subscription, id uuid.UUID) (Attempt, error)
	// Chain lists all attempts of a delivery in the order of their numbers. MaxBytes
	// is that of a Page.
	Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (List[Attempt], error)
	// Deliveries lists deliveries of a subscription. Status is the chain's.
	Deliveries(ctx context.Context, q HistoryQuery) (List[Delivery], error)
	// Delivery returns one of a subscription's deliveries.
	Delivery(ctx context.Context, org, subscription, id uuid.UUID) (Delivery, error)
	// AddAttempt adds an attempt that somebody asked for, and its message if that
	// is new, in one transaction. It fails with ErrNotFound if the organization has
	// no such subscription, and as NewAttempt says.
	AddAttempt(ctx context.Context, org, subscription uuid.UUID, a NewAttempt) (Attempt, error)

	// Report stores an outcome that somebody else than the dispatcher reports. In
	// one transaction it reads the attempt, calls decide with it, and finishes the
	// attempt as decide says: it is taken out of the queue, and the next attempt is
	// added as Queue.Record does. Decide sees an attempt in any state; when it
	// returns nil, nothing is changed, and an error from it is returned as it is.
	// Decide must not call the store. It returns the attempt as it is then. A lease
	// on the attempt is lost. An attempt that has an outcome gets the new one.
	Report(ctx context.Context, org, subscription, attempt uuid.UUID, decide func(Attempt) (*Report, error)) (Attempt, error)

	// Durations counts the attempts of a subscription that succeeded or failed and
	// were posted in [q.From, q.To), by the time in which they were posted, what
	// became of them, and how long they took. There is one count for each of these,
	// and none for nothing. The order is arbitrary.
	Durations(ctx context.Context, q DurationQuery) ([]DurationCount, error)
}

// Recoveries keeps the jobs that queue again what a subscription did not get. A
// job's progress is in the store, so that it goes on where it was, in whatever
// process. ErrNotFound if the organization has no such subscription, or the
// subscription no such job.
type Recoveries interface {
	// CountRecoverable counts what a recovery would queue now. It looks at the
	// fields of r that say what to recover.
	CountRecoverable(ctx context.Context, r Recovery) (int, error)
	// CreateRecovery adds a job, which is running.
	CreateRecovery(ctx context.Context, r Recovery) error
	Recovery(ctx context.Context, org, subscription, id uuid.UUID) (Recovery, error)
	// StopRecovery ends a job at the time, if it is running. What it queued stays
	// queued. A job that is not running stays as it is.
	StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) error
	// AdvanceRecovery takes a running job whose time has come, if there is one that
	// nobody else advances, and queues the next of what it recovers, in one
	// transaction: what a process that dies here had begun is as if it never was.
	// At most opts.Max are queued, or a second's worth at the job's rate if that is
	// less: its time comes again, by the store's clock, when the rate allows more. A
	// job that has nothing left is done, at opts.At; one whose subscription was
	// archived or deleted, or is damaged, is stopped then, and queues nothing. Of several jobs, the
	// one whose time came first goes on. It reports whether there was a job.
	AdvanceRecovery(ctx context.Context, opts AdvanceOptions) (bool, error)
}
