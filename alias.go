package webhooks

import (
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// Records, queries and notices under the name of this package, so that a user imports one package.
// Their fields are documented in package store; the fields of notices, senders and inspections in package
// delivery.
type (
	// Store keeps all records, and is the argument of [New]. store/memstore and store/bunstore have the
	// stores that ship with the module.
	Store = store.Store
	// Tx is an open transaction of a store, for [Dispatcher.PublishTx]. On a database, bunstore.Tx makes
	// one of the service's own transaction.
	Tx = store.Tx

	// Audit has the times and authors of a record's creation and last change. See [WithActor] for the
	// authors.
	Audit = store.Audit
	// Lifecycle says whether a category, event type or subscription is active, and whether it is archived.
	Lifecycle = store.Lifecycle
	// Category groups event types in the catalog. [Registry.CreateCategory] makes one.
	Category = store.Category
	// EventType is a kind of event that can be published, named by its code and version, with an optional
	// JSON Schema of its data. [Registry.CreateEventType] makes one.
	EventType = store.EventType
	// Sample is an example of an event type's data. [Dispatcher.Test] sends it.
	Sample = store.Sample
	// SeedVersion records that [Registry.Seed] applied a seed document, and when.
	SeedVersion = store.SeedVersion
	// Subscription is a URL of an organization and the event types that are sent to it, as
	// [Subscriptions.Get] returns it. A caller sets its fields by a [SubscriptionInput].
	Subscription = store.Subscription
	// Selector is one entry in the list of events of a [Subscription]: an event type, or a pattern such as
	// "vitals.*".
	Selector = store.Selector
	// Filter restricts a subscription to the events with data that meets all of its conditions.
	Filter = store.Filter
	// Condition is one comparison of a [Filter]: a place in the data, an operator and a value.
	Condition = store.Condition
	// Op is the operator of a [Condition]. The operators are constants of package store, such as store.OpEqual.
	Op = store.Op

	// Message is a published event as it was stored, with the body that is sent. Its ID is the webhook-id.
	Message = store.Message
	// MessageSummary is a [Message] with the number of its deliveries by status.
	MessageSummary = store.MessageSummary
	// Recent summarizes the newest deliveries of a subscription.
	Recent = store.Recent
	// Tally counts deliveries by status.
	Tally = store.Tally
	// Delivery is one message on its way to one subscription: the summary of its attempts. REST calls it an
	// activation.
	Delivery = store.Delivery
	// Attempt is one POST of a delivery, to come, under way or done, with the receiver's answer. REST calls
	// it an activity.
	Attempt = store.Attempt
	// AttemptType is the origin of an attempt: [FirstPost], [AutomaticRetry], [ManualRetry] or [TestPost].
	AttemptType = store.AttemptType
	// Status is the state of an attempt or a delivery, from [Pending] to [Succeeded], [Failed] or [Cancelled].
	Status = store.Status
	// Recovery is a job of [Dispatcher.Recover], with its progress.
	Recovery = store.Recovery
	// RecoveryScope selects the deliveries that a [Recovery] queues: [RecoverFailed], [RecoverMissed] or
	// [RecoverAll].
	RecoveryScope = store.RecoveryScope
	// RecoveryState is the state of a [Recovery]: [RecoveryRunning], [RecoveryDone] or [RecoveryStopped].
	RecoveryState = store.RecoveryState

	// AuditEntry records one change, without values: see [Webhooks.AuditTrail].
	AuditEntry = store.AuditEntry
	// AuditQuery selects entries for [Webhooks.AuditTrail]. Zero fields do not restrict.
	AuditQuery = store.AuditQuery
	// AuditAction is the kind of a change, such as store.ActionSubscriptionUpdated. The actions are constants of
	// package store.
	AuditAction = store.AuditAction
	// AuditResource is a kind of record in the audit trail, such as store.AuditSubscription. The kinds are
	// constants of package store.
	AuditResource = store.AuditResource
	// Erasure is a job of [Webhooks.Erase], with its progress.
	Erasure = store.Erasure
	// ErasureState is the state of an [Erasure]: [ErasureRunning] or [ErasureDone].
	ErasureState = store.ErasureState
	// Expunged says when the content of a message was removed, and by whom: see [Dispatcher.Expunge].
	Expunged = store.Expunged

	// Page selects a part of a list: how many items to skip and to take, and in which order. The zero Page
	// takes no items and returns the Total alone.
	Page = store.Page
	// List is a page of a list, and the length of the whole list.
	List[T any] = store.List[T]
	// ArchivedFilter says whether a list has archived records: [ExcludeArchived] (the default),
	// [IncludeArchived] or [OnlyArchived].
	ArchivedFilter = store.ArchivedFilter
	// StatusFilter restricts a history list by status: [AnyStatus] (the default), [OnlySucceeded], [OnlyFailed]
	// or [OnlyPending].
	StatusFilter = store.StatusFilter
	// StatusClass restricts a history list by the HTTP status of the answer: [AnyClass] (the default), [NoResponse],
	// [Class2xx], [Class3xx], [Class4xx] or [Class5xx].
	StatusClass = store.StatusClass
	// SubscriptionState is the state of a subscription in one word. REST uses the same words.
	SubscriptionState = store.SubscriptionState
	// SubscriptionQuery selects subscriptions for [Subscriptions.List].
	SubscriptionQuery = store.SubscriptionQuery
	// HistoryQuery selects attempts or deliveries for [Subscriptions.Attempts] and
	// [Subscriptions.Deliveries].
	HistoryQuery = store.HistoryQuery

	// Notice is a message of the dispatcher to the [Observer]: an attempt that ended, or an event for the
	// operator.
	Notice = delivery.Notice
	// NoticeKind is the kind of a [Notice], such as [AttemptEnded] or [CircuitOpened].
	NoticeKind = delivery.NoticeKind
	// Sender makes the HTTP requests of deliveries. A test or a transport of one's own implements it, and
	// is set as Config.Sender.
	Sender = delivery.Sender
	// Tracer makes the spans of a distributed trace, and is set as Config.Tracer. Package telemetry has one for
	// OpenTelemetry.
	Tracer = delivery.Tracer
	// PublishStart describes a publish to a [Tracer].
	PublishStart = delivery.PublishStart
	// PublishEnd is the result of a publish, for a [Tracer].
	PublishEnd = delivery.PublishEnd
	// AttemptStart describes an attempt to a [Tracer].
	AttemptStart = delivery.AttemptStart
	// AttemptEnd is the outcome of an attempt, for a [Tracer].
	AttemptEnd = delivery.AttemptEnd
	// Measures count the queue in an [Overview].
	Measures = store.Measures
	// Traffic counts the messages and outcomes of a minute in an [Overview].
	Traffic = store.Traffic
	// SeenHost is a dispatcher that is known to the store, in an [Overview].
	SeenHost = store.SeenHost
	// Layout describes the tables of the store, in an [Overview] and a [StorageState].
	Layout = store.Layout
	// Backlogs are the largest backlogs: the result of [Operations.Backlog].
	Backlogs = store.Backlogs
	// Backlog counts the waiting attempts of an organization or a subscription, in [Backlogs].
	Backlog = store.Backlog
	// UnhealthyQuery chooses the subscriptions that [Operations.Unhealthy] lists.
	UnhealthyQuery = store.UnhealthyQuery
	// RecoveryQuery chooses the jobs that [Operations.Recoveries] lists.
	RecoveryQuery = store.RecoveryQuery

	// RecoveryFilter restricts a [RecoveryQuery] by state: the zero value chooses all jobs.
	RecoveryFilter = store.RecoveryFilter

	// Inspection is a snapshot of the running dispatcher for an operator's page: see [Dispatcher.Inspect].
	Inspection = delivery.Inspection
	// OrganizationLoad is the part of an [Inspection] about one organization.
	OrganizationLoad = delivery.OrganizationLoad
	// SubscriptionLoad is the part of an [Inspection] about one subscription.
	SubscriptionLoad = delivery.SubscriptionLoad
)

// MaxTraceContext bounds the text of [Tracer].TraceContext, in bytes.
const MaxTraceContext = delivery.MaxTraceContext

// The origins of an attempt, see [AttemptType].
const (
	// FirstPost is the first attempt of a delivery.
	FirstPost = store.FirstPost
	// AutomaticRetry is a retry by the schedule.
	AutomaticRetry = store.AutomaticRetry
	// ManualRetry is a retry that a caller asked for: see [Dispatcher.Retry]. It uses no step of the schedule.
	ManualRetry = store.ManualRetry
	// TestPost is an attempt of [Dispatcher.Test].
	TestPost = store.TestPost
)

// The states of an attempt or a delivery, see [Status].
const (
	// Pending waits for its time, for a worker or for its subscription. A delivery is pending until its chain
	// ends, also while an attempt is being sent.
	Pending = store.Pending
	// Sending is claimed by a dispatcher; of attempts alone.
	Sending = store.Sending
	// Succeeded was answered with a 2xx, or reported as a success. Final.
	Succeeded = store.Succeeded
	// Failed was not answered with a 2xx, or passed its deadline. Final for the attempt; of a delivery it
	// means that no automatic retry follows.
	Failed = store.Failed
	// Cancelled was withdrawn: its subscription was archived or deleted, or a manual retry replaced it. Final.
	Cancelled = store.Cancelled
)

// The classes of HTTP statuses, see [StatusClass].
const (
	// AnyClass lists everything. The zero value.
	AnyClass = store.AnyClass
	// NoResponse lists attempts and deliveries without an answer, also the ones that are not sent yet.
	NoResponse = store.NoResponse
	// Class2xx lists attempts and deliveries with a status of 200–299.
	Class2xx = store.Class2xx
	// Class3xx lists attempts and deliveries with a status of 300–399.
	Class3xx = store.Class3xx
	// Class4xx lists attempts and deliveries with a status of 400–499.
	Class4xx = store.Class4xx
	// Class5xx lists attempts and deliveries with a status of 500–599.
	Class5xx = store.Class5xx
)

// The filters of archived records, see [ArchivedFilter].
const (
	// ExcludeArchived lists the records that are not archived. The zero value.
	ExcludeArchived = store.ExcludeArchived
	// IncludeArchived lists all records.
	IncludeArchived = store.IncludeArchived
	// OnlyArchived lists the archived records.
	OnlyArchived = store.OnlyArchived
)

// The scopes of a recovery, see [RecoveryScope].
const (
	// RecoverFailed retries the deliveries that failed.
	RecoverFailed = store.RecoverFailed
	// RecoverMissed delivers the messages that were published while the subscription was inactive, or did not
	// list their event type.
	RecoverMissed = store.RecoverMissed
	// RecoverAll does the work of both.
	RecoverAll = store.RecoverAll
)

// The states of a recovery, see [RecoveryState].
const (
	// RecoveryRunning says that deliveries remain to be queued.
	RecoveryRunning = store.RecoveryRunning
	// RecoveryDone says that the job went through all deliveries and messages.
	RecoveryDone = store.RecoveryDone
	// RecoveryStopped says that [Dispatcher.StopRecovery] ended the job, or that its subscription was archived,
	// deleted or damaged.
	RecoveryStopped = store.RecoveryStopped
)

// The states of an erasure, see [ErasureState].
const (
	// ErasureRunning says that records of the organization may remain.
	ErasureRunning = store.ErasureRunning
	// ErasureDone says that no record remains.
	ErasureDone = store.ErasureDone
)

// The filters of recoveries, see [RecoveryFilter].
const (
	// OnlyRunningRecoveries chooses jobs that are running.
	OnlyRunningRecoveries = store.OnlyRunningRecoveries
	// OnlyDoneRecoveries chooses jobs that are done.
	OnlyDoneRecoveries = store.OnlyDoneRecoveries
	// OnlyStoppedRecoveries chooses jobs that were stopped.
	OnlyStoppedRecoveries = store.OnlyStoppedRecoveries
)

// The filters of history lists, see [StatusFilter].
const (
	// AnyStatus lists everything. The zero value.
	AnyStatus = store.AnyStatus
	// OnlySucceeded lists attempts and deliveries that are [Succeeded].
	OnlySucceeded = store.OnlySucceeded
	// OnlyFailed lists attempts and deliveries that are [Failed].
	OnlyFailed = store.OnlyFailed
	// OnlyPending lists attempts and deliveries that are [Pending] or [Sending].
	OnlyPending = store.OnlyPending
)

// The kinds of notice, see [Notice].
const (
	// AttemptEnded says that an attempt has an outcome, which is recorded.
	AttemptEnded = delivery.AttemptEnded
	// FirstFailure says that the first attempt of a delivery failed.
	FirstFailure = delivery.FirstFailure
	// Recovered says that a retry succeeded.
	Recovered = delivery.Recovered
	// Exhausted says that a delivery failed for good: no automatic retry follows.
	Exhausted = delivery.Exhausted
	// CircuitOpened says that an endpoint failed ten times in a row: its deliveries wait, and one at a time is
	// sent as a probe.
	CircuitOpened = delivery.CircuitOpened
	// CircuitClosed says that a probe succeeded, or that the subscription was activated: its deliveries go out
	// again.
	CircuitClosed = delivery.CircuitClosed
	// SubscriptionDeactivated says that the dispatcher switched a subscription off, after 410 Gone or five days of
	// nothing but failures. The Reason says which.
	SubscriptionDeactivated = delivery.SubscriptionDeactivated
	// LeaseLost says that an outcome came too late and changed nothing: the attempt was claimed again or
	// ended meanwhile. Its receiver may get the message twice.
	LeaseLost = delivery.LeaseLost
	// SenderStuck says that Config.Sender did not return 2 s after an attempt's deadline: see [Dispatcher.Stuck].
	SenderStuck = delivery.SenderStuck
	// StoreDown says that the store does not answer. Acknowledged publishes are safe.
	StoreDown = delivery.StoreDown
	// StoreUp says that the store answers again.
	StoreUp = delivery.StoreUp
)
