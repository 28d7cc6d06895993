package bench_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/limits"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// warmUp is the number of events before the measurement. They open connections, prepare
// statements, and let the concurrency limit of each subscription adapt to its endpoint.
const warmUp = 2_000

// way is a way to publish and deliver.
type way struct {
	load
	claims bool // one process publishes, another one delivers
	fanOut int
	orgs   int // organizations that have events in turn
}

// BenchmarkPipeline publishes, delivers and records in one process, on PostgreSQL.
func BenchmarkPipeline(b *testing.B) {
	testpg.DSN(b)
	for _, w := range []struct {
		name string
		way
	}{
		{"single", way{load{64, 1}, false, 1, 1}},
		{"batch=100", way{load{8, 100}, false, 1, 1}},
		{"claims/single", way{load{64, 1}, true, 1, 1}},
		{"claims/batch=100", way{load{8, 100}, true, 1, 1}},
		{"fan-out=10", way{load{64, 1}, false, 10, 1}},
		{"organizations=10000", way{load{64, 1}, false, 1, 10_000}},
	} {
		b.Run(w.name, func(b *testing.B) {
			receiver := role(b, "receiver")
			compare(b, func(b testing.TB) figures {
				return w.limit(b, limits.OpenPostgres(testpg.DSN(b), newSchema(b)), receiver)
			}, func(b testing.TB) figures {
				s := newPostgres(b)
				deliverer := s
				if w.claims {
					deliverer = openPostgres(b, s.Schema())
				}
				return w.ours(b, s, deliverer, receiver)
			})
		})
	}
}

// BenchmarkSQLite does the same on SQLite, which syncs each commit.
func BenchmarkSQLite(b *testing.B) {
	for _, w := range []struct {
		name string
		way
	}{
		{"single", way{load{64, 1}, false, 1, 1}},
		{"batch=100", way{load{8, 100}, false, 1, 1}},
	} {
		b.Run(w.name, func(b *testing.B) {
			receiver := role(b, "receiver")
			compare(b, func(b testing.TB) figures {
				return w.limit(b, limits.OpenSQLite(filepath.Join(b.TempDir(), "limits.db")), receiver)
			}, func(b testing.TB) figures {
				s := newSQLite(b)
				return w.ours(b, s, s, receiver)
			})
		})
	}
}

func (w way) limit(b testing.TB, s limits.Store, receiver child) figures {
	b.Helper()
	recorded := newTally()
	p := limits.New(s, limits.Options{Target: receiver.url + "/limit/", FanOut: w.fanOut, Claim: w.claims, Finished: recorded.add})
	defer p.Close()
	return w.measure(b, receiver, recorded, func(n int) {
		bodies := make([][]byte, n)
		for i := range bodies {
			bodies[i] = payload(bodySize)
		}
		p.Publish(bodies...)
	})
}

func (w way) ours(b testing.TB, publisher, deliverer *bunstore.Store, receiver child) figures {
	b.Helper()
	d := newLibrary(b, deliverer)
	d.catalog()
	orgs := make([]uuid.UUID, w.orgs)
	for i := range orgs {
		orgs[i] = uuid.New()
		for j := range w.fanOut {
			d.subscribe(orgs[i], fmt.Sprintf("%s/ours/%d", receiver.url, i*w.fanOut+j))
		}
	}
	defer d.start()()
	p := d
	if publisher != deliverer {
		p = newLibrary(b, publisher)
	}
	var turn atomic.Int64
	f := w.measure(b, receiver, d.recorded, func(n int) { p.publish(orgs[int(turn.Add(1))%len(orgs)], n) })
	if n := d.failed.Load(); n > 0 {
		b.Fatalf("%d attempts failed", n)
	}
	return f
}

// measure publishes and waits until all outcomes are recorded.
func (w way) measure(b testing.TB, receiver child, recorded *tally, publish func(n int)) figures {
	b.Helper()
	receiver.ask(b, "", "forget")
	n := events / w.fanOut / w.batch * w.batch
	w.run(warmUp, publish)
	recorded.await(b, warmUp*w.fanOut)
	began := time.Now()
	w.run(n, publish)
	published := time.Now()
	recorded.await(b, (warmUp+n)*w.fanOut)
	return figures{
		"deliveries/s": perSecond(n*w.fanOut, began, time.Now()),
		"published/s":  perSecond(n, began, published),
	}
}
