package limits

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	maxBatch = 500 // rows of a commit; larger ones are no faster
	writers  = 2   // goroutines of each kind: one gathers while the other one commits
	senders  = 64  // POSTs in flight at once; more are slower on two cores
)

// Event is a published event.
type Event struct {
	ID   uuid.UUID
	Body []byte
}

// Delivery is an event for an endpoint, with its outcome.
type Delivery struct {
	ID       uuid.UUID
	Event    uuid.UUID
	Endpoint int
	Body     []byte
	At       time.Time
	Took     time.Duration
	Status   int
}

// Store is the durable part. Each method is one commit.
type Store interface {
	// Insert adds events and their deliveries, which are due at once, or leased to
	// the caller.
	Insert(events []Event, deliveries []*Delivery, leased bool)
	// Claim leases up to max deliveries that are due.
	Claim(max int) []*Delivery
	// Finish records the outcomes of deliveries.
	Finish(deliveries []*Delivery)
	Close()
}

// Options of a [Pipeline].
type Options struct {
	Target string // URL that everything is posted to, with the endpoint's number behind it
	FanOut int    // deliveries of an event
	Claim  bool   // every delivery is claimed from the store; none is handed over in memory
	// Finished, if it is not nil, is called with the number of newly recorded deliveries.
	Finished func(more int)
}

// Pipeline publishes and delivers, from [New] to Close.
type Pipeline struct {
	Options
	store  Store
	client *http.Client

	publications chan publication
	work         chan *Delivery
	outcomes     chan *Delivery
	wake         chan struct{}

	claiming                                context.Context
	stop                                    context.CancelFunc
	inserters, claimers, workers, recorders sync.WaitGroup
}

// publication is one call of Publish.
type publication struct {
	events []Event
	stored chan struct{}
}

// New starts a pipeline. It closes the store at its end.
func New(s Store, o Options) *Pipeline {
	p := &Pipeline{
		Options: o, store: s, client: newClient(),
		publications: make(chan publication, 1024),
		work:         make(chan *Delivery, 2*maxBatch),
		outcomes:     make(chan *Delivery, 2*maxBatch),
		wake:         make(chan struct{}, 1),
	}
	p.claiming, p.stop = context.WithCancel(context.Background())
	if o.Claim {
		p.claimers.Go(p.claim)
	}
	for range writers {
		p.inserters.Go(p.insert)
		p.recorders.Go(p.record)
	}
	for range senders {
		p.workers.Go(p.send)
	}
	return p
}

// Publish returns once the events are stored.
func (p *Pipeline) Publish(bodies ...[]byte) {
	batch := publication{make([]Event, len(bodies)), make(chan struct{})}
	for i, body := range bodies {
		batch.events[i] = Event{newID(), body}
	}
	p.publications <- batch
	<-batch.stored
}

// ServeHTTP publishes the body of a request.
func (p *Pipeline) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.Publish(body)
	w.WriteHeader(http.StatusAccepted)
}

// Close ends the pipeline when all published events are recorded. Publish must not be
// called any more.
func (p *Pipeline) Close() {
	close(p.publications)
	p.inserters.Wait()
	p.stop()
	p.claimers.Wait()
	close(p.work)
	p.workers.Wait()
	close(p.outcomes)
	p.recorders.Wait()
	p.client.CloseIdleConnections()
	p.store.Close()
}

// gather returns the first item and the items that wait behind it. A group commit takes
// the items that arrived during the last commit, and does not wait for more.
func gather[T any](first T, in <-chan T, size func(T) int) []T {
	batch, n := []T{first}, size(first)
	for n < maxBatch {
		select {
		case next, ok := <-in:
			if !ok {
				return batch
			}
			batch, n = append(batch, next), n+size(next)
		default:
			return batch
		}
	}
	return batch
}

func (p *Pipeline) insert() {
	for first := range p.publications {
		batch := gather(first, p.publications, func(b publication) int { return len(b.events) })
		var events []Event
		for _, b := range batch {
			events = append(events, b.events...)
		}
		deliveries := p.fanOut(events)
		p.store.Insert(events, deliveries, !p.Claim)
		for _, b := range batch {
			close(b.stored)
		}
		if p.Claim {
			select {
			case p.wake <- struct{}{}:
			default:
			}
			continue
		}
		for _, d := range deliveries {
			p.work <- d
		}
	}
}

func (p *Pipeline) fanOut(events []Event) []*Delivery {
	deliveries := make([]*Delivery, 0, len(events)*p.FanOut)
	for _, e := range events {
		for i := range p.FanOut {
			deliveries = append(deliveries, &Delivery{ID: newID(), Event: e.ID, Endpoint: i, Body: e.Body})
		}
	}
	return deliveries
}

func (p *Pipeline) claim() {
	for p.claiming.Err() == nil {
		claimed := p.store.Claim(maxBatch)
		for _, d := range claimed {
			p.work <- d
		}
		if len(claimed) == maxBatch {
			continue
		}
		select {
		case <-p.wake:
		case <-p.claiming.Done():
		}
	}
}

func (p *Pipeline) send() {
	for d := range p.work {
		p.post(d)
		p.outcomes <- d
	}
}

func (p *Pipeline) record() {
	for first := range p.outcomes {
		batch := gather(first, p.outcomes, func(*Delivery) int { return 1 })
		p.store.Finish(batch)
		if p.Finished != nil {
			p.Finished(len(batch))
		}
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
