package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Operations is the optional ability of a store to show an operator the state of all organizations. The methods change
// nothing, and their work does not grow with history. The argument most bounds the records that a method counts: a count
// that reaches most means "most or more".
type Operations interface {
	// Layout describes the tables of the store.
	Layout(ctx context.Context) (Layout, error)
	// SeenHosts lists the hosts (see [Hosts]) that beat last, the latest first, at most most. The list is empty for a store
	// that keeps no record of hosts.
	SeenHosts(ctx context.Context, most int) ([]SeenHost, error)
	// Traffic counts messages that were published, and attempts that succeeded or failed, at the time or after it. It looks
	// at the newest messages and attempts, as many as most of each, and at no attempt that was created more than
	// TrafficReach before the time.
	Traffic(ctx context.Context, since time.Time, most int) (Traffic, error)
	// Backlogs returns the organizations and the subscriptions with the most waiting attempts, the largest backlog first, at
	// most top of each. It counts the attempts that are due first, as many as most.
	Backlogs(ctx context.Context, top, most int) (Backlogs, error)
	// Unhealthy lists subscriptions of all organizations that get nothing but probes, or nothing, without archived
	// subscriptions, the newest ids first. Each item has the Health of the subscription; of the Subscription itself it has
	// ID, OrganizationID, PostURI, InactiveReason and Lifecycle alone, and it has no Secrets.
	Unhealthy(ctx context.Context, q UnhealthyQuery) (List[Target], error)
	// RecoveryJobs lists recoveries of all organizations, the newest ids first.
	RecoveryJobs(ctx context.Context, q RecoveryQuery) (List[Recovery], error)
	// NextSecretKey returns the Key of a secret whose first KeyPrefix bytes are the least that are not less than from; nil
	// if there is none. Keys with the same first bytes cost no more than one of them.
	NextSecretKey(ctx context.Context, from []byte) ([]byte, error)
}

const (
	// TrafficReach is the time before the period of Traffic in which the counted attempts were created.
	TrafficReach = time.Hour
	// KeyPrefix is the number of bytes of a Key that NextSecretKey compares.
	KeyPrefix = 9
)

// Layout describes the tables of a store.
type Layout struct {
	Kind            string    // postgres, sqlite or memory; another store chooses a word
	Version, Newest int       // of the tables, and the version that this program needs; 0 for a store without versions
	FirstDay        time.Time // the first day, in UTC, that has a partition, or a message in a store without partitions; zero for none
	LastDay         time.Time // the last such day
	Bytes           int64     // size of all tables with their indexes; 0 if unknown
	RunningErasures int       // erasures that are not done
}

// SeenHost is a host that is known to the store.
type SeenHost struct {
	Number int64         // as in Beat
	Silent time.Duration // since its last Beat
	Dead   bool          // another host found it dead, and ends its leases
}

// Traffic counts messages and outcomes of a period.
type Traffic struct {
	Published         int                 // messages; a message that was made for one subscription does not count
	Succeeded, Failed int                 // attempts, by their outcomes
	Capped            bool                // most ended a count before the beginning of the period: the counts are too small
	MostFailures      []OrganizationCount // the organizations with the most failed attempts, the largest count first, at most 10
}

// MostFailures is the largest number of organizations in Traffic.
const MostFailures = 10

// OrganizationCount is a count of an organization's records.
type OrganizationCount struct {
	OrganizationID uuid.UUID // the organization
	Count          int       // of its records
}

// Backlogs are the largest backlogs of a store.
type Backlogs struct {
	Organizations []Backlog // of organizations, without SubscriptionID
	Subscriptions []Backlog // of subscriptions
	Capped        bool      // the queue has more attempts than were counted
}

// Backlog counts the waiting attempts of an organization or a subscription.
type Backlog struct {
	OrganizationID uuid.UUID     // the organization
	SubscriptionID uuid.UUID     // the subscription; zero for all of the organization
	Waiting        int           // queued attempts that are not being sent: due, scheduled and held ones
	Held           int           // of these, attempts that were given back as Held, see Deferral, and are due later
	OldestDue      time.Duration // how long the attempt that became due first has been due; 0 if none is due
}

// UnhealthyQuery chooses among unhealthy subscriptions.
type UnhealthyQuery struct {
	Failing  bool      // subscriptions whose circuit is open, and that are active
	Paused   bool      // inactive subscriptions without InactiveReason
	Disabled bool      // inactive subscriptions with an InactiveReason
	After    uuid.UUID // start behind this id; zero for the beginning
	Take     int       // items at most
	MaxTotal int       // bound of List.Total
}

// Keeps reports whether a list for the query has a subscription with the health, whatever its id. The subscription exists.
func (q UnhealthyQuery) Keeps(s Subscription, h Health) bool {
	switch {
	case s.Archived:
		return false
	case s.Active:
		return q.Failing && !h.ProbeAt.IsZero()
	case s.InactiveReason == "":
		return q.Paused
	}
	return q.Disabled
}

// RecoveryQuery chooses among recoveries.
type RecoveryQuery struct {
	State    RecoveryFilter // the zero value chooses all
	After    uuid.UUID      // start behind this id; zero for the beginning
	Take     int            // items at most
	MaxTotal int            // bound of List.Total
}

// RecoveryFilter restricts a list of recoveries by state.
type RecoveryFilter int

// The filters. AnyRecovery is the zero value.
const (
	AnyRecovery           RecoveryFilter = iota // everything
	OnlyRunningRecoveries                       // RecoveryRunning
	OnlyDoneRecoveries                          // RecoveryDone
	OnlyStoppedRecoveries                       // RecoveryStopped
)

// State returns the state that the filter keeps; ok is false for AnyRecovery.
func (f RecoveryFilter) State() (state RecoveryState, ok bool) {
	return RecoveryState(f) - 1, f != AnyRecovery
}

// Keeps reports whether a list with the filter shows a recovery in the state.
func (f RecoveryFilter) Keeps(s RecoveryState) bool {
	state, ok := f.State()
	return !ok || s == state
}
