package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps all records of the module. The package documentation has the promises of all
// methods.
type Store interface {
	Catalog
	Subscriptions
	SecretKeys
	Messages
	History
	Queue
	Recoveries
	AuditTrail
	Erasures
	OneTime

	// Ping reports whether the store answers and is ready to be used: that its
	// schema is there and of the version this program needs. It honours ctx.
	Ping(ctx context.Context) error

	// Durable reports whether acknowledged changes survive the end of the process.
	Durable() bool

	// Abilities returns the store's optional abilities, the same ones at every call.
	// This is the only way in which they are found: a type assertion would miss the
	// abilities of a store inside a decorator. A decorator that embeds a Store has its
	// abilities. One that adds, changes or hides an ability defines Abilities too.
	Abilities() Abilities
}

// Tx is an open transaction of a store. It comes from the caller's own database
// handle (bunstore.Tx) or from [Transactor]. Messages that are published in it become
// visible and are delivered when it commits.
//
// A method that takes a Tx works on the transaction's connection alone, from its
// first statement to its last. It never asks the pool for a second connection: the
// pool's connections may all be held by transactions like this one, and then each
// of them would wait for another one to end. A Tx that is nil or of another store is ErrForeignTx,
// and one that has ended is ErrTxEnded.
type Tx interface {
	// Commit ends the transaction and keeps its changes. It fails if the transaction has ended.
	Commit() error
	// Rollback ends the transaction and drops its changes. It fails if the transaction has ended.
	Rollback() error
}

// Transactor is the optional ability of a store to begin a transaction of its
// own.
type Transactor interface {
	// Begin begins a transaction. The end of ctx may roll it back.
	Begin(ctx context.Context) (Tx, error)
}

// Notifier is the optional ability of a store to say that attempts may be due.
// Without it, and whenever it fails, the dispatcher polls.
type Notifier interface {
	// Listen calls wake when it has begun to listen, and whenever attempts may have become due,
	// also through another process that shares the store. Wake does not block. Listen returns when ctx is
	// done, or with an error when it can no longer listen.
	Listen(ctx context.Context, wake func()) error
}

// Maintainer is the optional ability of a store that wants regular upkeep, such as
// room for the days to come.
type Maintainer interface {
	// Maintain does the upkeep that is due now. The dispatcher of every process calls
	// it at its start and then every hour. It is cheap while no upkeep is due. Of
	// concurrent calls one does the work, and the others return at once. A step that
	// would have to wait for a lock is left to a later call, which is no error. A store
	// works without upkeep, but less well.
	Maintain(ctx context.Context, now time.Time) error
}

// Catalog keeps categories, event types, their samples, and the seeds.
//
// The Update methods read a record, call change with it, and write the changed record, in
// one transaction. No other change of the record can come between. An error from change is
// returned as it is, and nothing is written. Change must not call the store. The rules are
// those of [UpdatedCategory] and its siblings: the store increments Revision, and the ID,
// the owner (CategoryID, EventTypeID, OrganizationID) and the fields that the store fills
// in stay. The updated record is returned.
type Catalog interface {
	// CreateCategory adds a category with Revision 1, or fails with ErrCodeTaken.
	CreateCategory(ctx context.Context, c Category) error
	// Category returns a category, archived or not.
	Category(ctx context.Context, id uuid.UUID) (Category, error)
	// Categories lists the categories.
	Categories(ctx context.Context, archived ArchivedFilter, page Page) (List[Category], error)
	// UpdateCategory changes a category. It fails with ErrCodeTaken if another category has
	// the new code.
	UpdateCategory(ctx context.Context, id uuid.UUID, change func(*Category) error) (Category, error)
	// DeleteCategory deletes a category, and frees its code. It fails with ErrInUse
	// while the category has event types. Check sees the category first, and its error
	// stops the deletion. A nil check allows it.
	DeleteCategory(ctx context.Context, id uuid.UUID, check func(Category) error) error

	// CreateEventType adds an event type with Revision 1. It fails with
	// ErrCodeTaken, or with ErrBadReference if the category does not exist.
	CreateEventType(ctx context.Context, e EventType) error
	// EventType returns an event type, archived or not.
	EventType(ctx context.Context, id uuid.UUID) (EventType, error)
	// EventTypeByCode returns the event type with the code and version. With a tx it
	// reads in that transaction, and sees the changes that the transaction made.
	EventTypeByCode(ctx context.Context, tx Tx, code, version string) (EventType, error)
	// EventTypes lists a category's event types, or all event types for a zero
	// categoryID. The filter looks at the event type, not at its category. The list of
	// an unknown category is empty.
	EventTypes(ctx context.Context, categoryID uuid.UUID, archived ArchivedFilter, page Page) (List[EventType], error)
	// HistoricEventTypes returns the event types with the given ids, by id. Deleted
	// event types are among them until Prune removes them, because history refers to
	// them. Unknown ids are left out.
	HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]EventType, error)
	// UpdateEventType changes an event type. It fails with ErrCodeTaken if another event type
	// has the new code and version.
	UpdateEventType(ctx context.Context, id uuid.UUID, change func(*EventType) error) (EventType, error)
	// DeleteEventType deletes an event type and its samples, and frees its code. It
	// fails with ErrInUse while a subscription that is not archived selects the event
	// type by id. Archived subscriptions lose the selector, and their Revision
	// increases. Check is as in DeleteCategory.
	DeleteEventType(ctx context.Context, id uuid.UUID, check func(EventType) error) error

	// CreateSample adds a sample with Revision 1. It fails with ErrSampleExists,
	// or with ErrBadReference if the event type does not exist.
	CreateSample(ctx context.Context, s Sample) error
	// Sample returns the sample of an event type for a version.
	Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (Sample, error)
	// Samples lists an event type's samples, or all samples for a zero id.
	Samples(ctx context.Context, eventTypeID uuid.UUID, page Page) (List[Sample], error)
	// UpdateSample may change the version too. It fails with ErrSampleExists if the
	// new version has a sample.
	UpdateSample(ctx context.Context, eventTypeID uuid.UUID, version string, change func(*Sample) error) (Sample, error)
	// DeleteSample deletes a sample. Check is as in DeleteCategory.
	DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(Sample) error) error

	// ApplySeed applies the seed and records its version, in one transaction. If the
	// version was applied before, it changes nothing and returns false, or fails with
	// ErrSeedChanged if the checksum differs. It fails as [Seed.Check] does. Of several
	// hosts that apply the same seed at once, one applies it.
	ApplySeed(ctx context.Context, s Seed) (applied bool, err error)
	// SeedVersions lists the applied seeds by AppliedAt, oldest first.
	SeedVersions(ctx context.Context) ([]SeedVersion, error)
}

// Subscriptions keeps subscriptions and their secrets.
//
// A member of a subscription can be unreadable, because another program wrote to the
// database. The subscription is returned like any other, with the names of the unreadable
// members in Damaged. It is in lists, gets deliveries (all of its event types if its Filter
// is damaged), and hides no other subscription. An update keeps the stored values of the
// members that the change leaves in Damaged, and overwrites the members that it removes
// from Damaged.
type Subscriptions interface {
	// CreateSubscription adds a subscription with Revision 1, and its first
	// secret. It fails with ErrBadReference if a selector names an event type
	// that does not exist, and with ErrErasing while an erasure of the organization runs.
	CreateSubscription(ctx context.Context, s Subscription, first Secret) error
	// Subscription returns a subscription of the organization, archived or not.
	Subscription(ctx context.Context, org, id uuid.UUID) (Subscription, error)
	// Subscriptions lists the subscriptions of an organization that the query selects.
	Subscriptions(ctx context.Context, org uuid.UUID, q SubscriptionQuery) (List[Subscription], error)
	// Subscribers lists the live subscriptions that have one of the topics, each once.
	// Orgs are the organizations that own them: nil for all, and the list is empty for
	// an empty slice.
	Subscribers(ctx context.Context, topics []string, orgs []uuid.UUID, page Page) (List[Subscription], error)
	// UpdateSubscription works as the Update methods of Catalog do, and fails with
	// ErrBadReference as CreateSubscription does. In the same transaction, the change has
	// the effect of [QueueChangeOf] on the subscription's pending attempts and its
	// Health: archiving cancels the pending attempts; when the subscription becomes live,
	// they are due at once; when its PostURI changes, the attempts that are Held (see
	// Deferral) are due at once. Attempts that are being sent and external attempts stay
	// as they are.
	UpdateSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, change func(*Subscription) error) (Subscription, error)
	// DeleteSubscription cancels the pending attempts as archiving does. The secrets, the
	// Health and all fields but ID, OrganizationID and Revision are deleted at once. The
	// history stays until retention ends it, but can no longer be reached. Prune then
	// removes the remaining record. Check is as in Catalog.
	DeleteSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, check func(Subscription) error) error

	// Secrets lists a subscription's secrets; the current one has a zero ValidTo.
	Secrets(ctx context.Context, org, subscription uuid.UUID, page Page) (List[Secret], error)
	// SecretAt returns the secret that was current at the time, or ErrNotFound.
	SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (Secret, error)
	// AddSecret calls next with the subscription and its current secret, and makes the
	// returned secret the current one. The former secret ends when the new one begins,
	// and its audit names the creator of the new one. The subscription's Revision
	// increases. All of it is one transaction as in the Update methods. An error from
	// next is returned as it is, and nothing is written.
	AddSecret(ctx context.Context, org, subscription uuid.UUID, next func(s Subscription, current Secret) (Secret, error)) error
}

// Messages keeps the published messages.
type Messages interface {
	// Publish stores the messages, and for each message one pending attempt per live
	// subscription of its organization that has one of its topics and a Filter that
	// matches its data. The attempts are due at once. All of it is one transaction. With
	// a tx it is part of that transaction, or Publish fails with ErrForeignTx, ErrTxEnded or
	// ErrReadOnly; the caller's transaction stays usable after every error of the store.
	// The results are in the order of the messages.
	//
	// A message is a duplicate if its organization used the idempotency key since
	// opts.KeysSince. It is not stored. Its result is that of the first message with the
	// key, marked as a duplicate and without jobs. A key is used when its message is
	// created. If the fingerprint differs, Publish fails with *IdempotencyError and
	// stores nothing. The keys in one call are distinct within an organization.
	Publish(ctx context.Context, tx Tx, messages []NewMessage, opts PublishOptions) ([]Published, error)

	// Message returns a message of the organization.
	Message(ctx context.Context, org, id uuid.UUID) (Message, error)

	// Messages lists the messages that the organization published, without Body and
	// Source, each with the states of its deliveries. Messages that were made for one
	// subscription are not listed.
	Messages(ctx context.Context, org uuid.UUID, page Page) (List[MessageSummary], error)

	// MessageDeliveries lists the deliveries of a message of the organization, without
	// Body and Source: all chains that began with the message, also of subscriptions that
	// were deleted since. Unless to is nil, it lists the deliveries to these subscriptions
	// alone. It fails with ErrNotFound if there is no such message.
	MessageDeliveries(ctx context.Context, org, message uuid.UUID, to []uuid.UUID, page Page) (List[Delivery], error)

	// MessageTally counts the deliveries that MessageDeliveries lists, and fails as it does.
	MessageTally(ctx context.Context, org, message uuid.UUID) (Tally, error)

	// Prune removes messages that were created before the time, with all their attempts,
	// the oldest first and at most max, and idempotency keys that were first used before
	// the time. It returns the number of removed messages. A store may take the age of a
	// message from its id, which is of version 7.
	//
	// If it removes fewer than max messages, it also removes deleted records without
	// history: subscriptions without attempts, with their recoveries; event types that
	// were deleted before the time, unless a message of the event type that was created
	// before the time stays; and categories without event types. Where there are many, a
	// store may leave some to a later call.
	//
	// A store that removes whole days (in UTC) at once may remove more than max messages:
	// all messages of the days that ended before the time. A day that is in use is left to
	// a later call. Max and the order then hold for the other messages.
	//
	// Two kinds of messages stay, and do not count towards max. A message stays while one
	// of its attempts is queued. A message that began a delivery stays while the chain has
	// attempts of another message, so that no chain loses its first attempt. A message
	// that joined a chain may be removed before the message that began it: the remaining
	// attempts keep their numbers, and the delivery is the summary of them.
	Prune(ctx context.Context, before time.Time, max int) (int, error)
}

// NewMessage is a message to be published.
type NewMessage struct {
	Message                  // with ID, Body and CreatedAt, made by the caller
	Topics         []string  // see the function Topics; only read, because messages share it
	ExpiresAt      time.Time // its attempts are not sent after this time
	IdempotencyKey string    // "" for none
	Fingerprint    []byte    // of the content; compared when the key is used again
}

// PublishOptions are the options of Publish.
type PublishOptions struct {
	NewID     func() uuid.UUID // ids for the attempts; required
	KeysSince time.Time        // idempotency keys that were first used before this time are forgotten

	// HandOff decides about a new attempt of a subscription. If it returns true, the
	// attempt is stored as being sent, leased to the caller for the duration Lease, and
	// returned as a job that shares the Body of the message. If not, the attempt waits
	// for a claim. It is called in the order of the messages, and again when a
	// transaction has to be repeated. It must not call the store. Nil hands off no
	// attempt. It is not called for attempts in a sequence (see Queue), nor with a tx.
	HandOff func(organization, subscription uuid.UUID) bool
	// Lease is the duration of the lease on an attempt that is handed off.
	Lease time.Duration
	// Host is the host that sends the attempts, see Hosts; 0 for none.
	Host int64
}

// Published is the result for one message.
type Published struct {
	MessageID  uuid.UUID // the first message's, for a duplicate
	Deliveries int       // number of subscriptions that matched
	Duplicate  bool      // the idempotency key was used before: nothing was stored
	Jobs       []Job     // the attempts that were handed off
}

// History keeps the attempts and their outcomes. All methods fail with ErrNotFound if the
// organization has no such subscription.
type History interface {
	// Attempts lists attempts of a subscription.
	Attempts(ctx context.Context, q HistoryQuery) (List[Attempt], error)
	// Attempt returns one of a subscription's attempts.
	Attempt(ctx context.Context, org, subscription, id uuid.UUID) (Attempt, error)
	// Chain lists all attempts of a delivery in the order of their numbers. MaxBytes
	// is that of a Page.
	Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (List[Attempt], error)
	// Deliveries lists deliveries of a subscription. Status is the chain's.
	Deliveries(ctx context.Context, q HistoryQuery) (List[Delivery], error)
	// RecentDeliveries summarizes the newest deliveries of each of the organization's
	// subscriptions, at most newest of each. A subscription without deliveries is not in the
	// result, nor is one that the organization does not have.
	RecentDeliveries(ctx context.Context, org uuid.UUID, subscriptions []uuid.UUID, newest int) (map[uuid.UUID]Recent, error)
	// Delivery returns one of a subscription's deliveries.
	Delivery(ctx context.Context, org, subscription, id uuid.UUID) (Delivery, error)
	// AddAttempt adds an attempt that somebody asked for, and its message if that is new,
	// in one transaction. It fails as NewAttempt says.
	AddAttempt(ctx context.Context, org, subscription uuid.UUID, a NewAttempt) (Attempt, error)

	// Report stores an outcome that a caller reports instead of the dispatcher. In one
	// transaction it reads the attempt, calls decide with it, gives the attempt the
	// returned outcome as [Chain.Report] does, removes it from the queue, and adds the
	// next attempt. Decide sees attempts in any state. When decide returns nil, nothing
	// changes. An error from decide is returned as it is. Decide must not call the store.
	// Report returns the attempt as it is at the end. A lease on the attempt is lost. An
	// attempt that has an outcome gets the new one.
	Report(ctx context.Context, org, subscription, attempt uuid.UUID, decide func(Attempt) (*Report, error)) (Attempt, error)

	// Durations counts the attempts of a subscription that succeeded or failed and were
	// posted in [q.From, q.To), by the bucket of the time of posting, the success and the
	// duration. It returns one count for each combination that occurs, in any order.
	Durations(ctx context.Context, q DurationQuery) ([]DurationCount, error)
}

// Recoveries keeps the jobs that queue failed deliveries and missed messages of a
// subscription again. The progress of a job is in the store, so that any process continues
// it. The methods fail with ErrNotFound if the organization has no such subscription, or
// the subscription no such job.
type Recoveries interface {
	// CountRecoverable counts the deliveries and messages that a recovery with the
	// subscription, scope and times of r would queue now.
	CountRecoverable(ctx context.Context, r Recovery) (int, error)
	// CreateRecovery adds a job, which is running. ErrConflict if a job has its id.
	CreateRecovery(ctx context.Context, r Recovery) error
	// Recovery returns a job with its progress.
	Recovery(ctx context.Context, org, subscription, id uuid.UUID) (Recovery, error)
	// StopRecovery ends a job at the time, if it is running. Attempts that it queued stay
	// queued. A job that is not running stays as it is.
	StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) error
	// AdvanceRecovery takes a running job that is due and that no other caller advances,
	// the one that has been due longest, and queues the next attempts that it recovers,
	// in one transaction. If the process dies here, nothing has happened. It queues as
	// many attempts as [Recovery].Batch says for opts.Max. The job is due again, by the
	// store's clock, after Recovery.Wait. A job without further work is done at opts.At.
	// A job is stopped at opts.At, and queues nothing, if its subscription was archived or
	// deleted, or is damaged. Opts.Ended is told of a job that the call ended. AdvanceRecovery
	// reports whether it found a job.
	AdvanceRecovery(ctx context.Context, opts AdvanceOptions) (bool, error)
}
