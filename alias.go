package webhooks

import (
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// The records, queries and notices, under this package's name, so that a user
// imports one package. Package store documents them; package delivery documents
// notices and senders.
type (
	Store             = store.Store
	Tx                = store.Tx
	Audit             = store.Audit
	Lifecycle         = store.Lifecycle
	Category          = store.Category
	EventType         = store.EventType
	Sample            = store.Sample
	SeedVersion       = store.SeedVersion
	Subscription      = store.Subscription
	Selector          = store.Selector
	Message           = store.Message
	MessageSummary    = store.MessageSummary
	Tally             = store.Tally
	Filter            = store.Filter
	Condition         = store.Condition
	Op                = store.Op
	Recovery          = store.Recovery
	RecoveryScope     = store.RecoveryScope
	RecoveryState     = store.RecoveryState
	Delivery          = store.Delivery
	Attempt           = store.Attempt
	AttemptType       = store.AttemptType
	Status            = store.Status
	Page              = store.Page
	List[T any]       = store.List[T]
	ArchivedFilter    = store.ArchivedFilter
	StatusFilter      = store.StatusFilter
	SubscriptionQuery = store.SubscriptionQuery
	HistoryQuery      = store.HistoryQuery
	Notice            = delivery.Notice
	NoticeKind        = delivery.NoticeKind
	Sender            = delivery.Sender
	Inspection        = delivery.Inspection
	OrganizationLoad  = delivery.OrganizationLoad
	SubscriptionLoad  = delivery.SubscriptionLoad
)

// The values of the types above.
const (
	FirstPost      = store.FirstPost
	AutomaticRetry = store.AutomaticRetry
	ManualRetry    = store.ManualRetry
	TestPost       = store.TestPost

	Pending   = store.Pending
	Sending   = store.Sending
	Succeeded = store.Succeeded
	Failed    = store.Failed
	Cancelled = store.Cancelled

	ExcludeArchived = store.ExcludeArchived
	IncludeArchived = store.IncludeArchived
	OnlyArchived    = store.OnlyArchived

	RecoverFailed = store.RecoverFailed
	RecoverMissed = store.RecoverMissed
	RecoverAll    = store.RecoverAll

	RecoveryRunning = store.RecoveryRunning
	RecoveryDone    = store.RecoveryDone
	RecoveryStopped = store.RecoveryStopped

	AnyStatus     = store.AnyStatus
	OnlySucceeded = store.OnlySucceeded
	OnlyFailed    = store.OnlyFailed
	OnlyPending   = store.OnlyPending

	AttemptEnded            = delivery.AttemptEnded
	FirstFailure            = delivery.FirstFailure
	Recovered               = delivery.Recovered
	Exhausted               = delivery.Exhausted
	CircuitOpened           = delivery.CircuitOpened
	CircuitClosed           = delivery.CircuitClosed
	SubscriptionDeactivated = delivery.SubscriptionDeactivated
	LeaseLost               = delivery.LeaseLost
	SenderStuck             = delivery.SenderStuck
	StoreDown               = delivery.StoreDown
	StoreUp                 = delivery.StoreUp
)
