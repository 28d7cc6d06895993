package delivery

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// leases are the attempts that are leased to this process and known to it: from the end of the claim or the
// publish that leased them until their result is recorded.
//
// A connection may break after a store has committed a claim or a publish, and before its reply. The attempts are leased
// to this process without its knowledge. After such an error the process is in doubt: see endUnknownLeases.
type leases struct {
	mu    sync.Mutex
	known map[leaseID]struct{}
	calls *sync.WaitGroup // claims and publishes that are under way: their attempts may not be known yet
	doubt time.Time       // when the doubt ends
}

type leaseID struct {
	attempt uuid.UUID
	token   int64
}

// doubtTime is how long a process is in doubt after an error. A database may carry a statement out some time
// after its client gave it up.
const doubtTime = 10 * time.Second

func (l *leases) init() { l.known, l.calls = map[leaseID]struct{}{}, new(sync.WaitGroup) }

// begin begins a call that leases attempts. The caller marks it as done once its attempts are known.
func (l *leases) begin() *sync.WaitGroup {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls.Add(1)
	return l.calls
}

// add makes the attempts of jobs known.
func (l *leases) add(jobs []store.Job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range jobs {
		l.known[leaseID{jobs[i].AttemptID, jobs[i].Token}] = struct{}{}
	}
}

// remove forgets the attempts of results that were recorded.
func (l *leases) remove(recorded []*result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range recorded {
		delete(l.known, leaseID{b.AttemptID, b.Token})
	}
}

// unsure notes that the reply of a call was lost.
func (l *leases) unsure(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubt = now.Add(doubtTime)
}

func (l *leases) inDoubt(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.doubt)
}

// unknown returns the leases that the store has and this process does not know. It waits for the calls that have
// begun: the store may have their attempts already.
func (l *leases) unknown(stored []store.Lease) []store.Lease {
	if len(stored) == 0 {
		return nil
	}
	l.mu.Lock()
	calls := l.calls
	l.calls = new(sync.WaitGroup)
	l.mu.Unlock()
	calls.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(stored, func(s store.Lease) bool {
		_, known := l.known[leaseID{s.AttemptID, s.Token}]
		return known
	})
}
