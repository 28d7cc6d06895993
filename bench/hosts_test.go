package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/limits"
	"github.com/ecg-api/webhooks/internal/testpg"
)

// BenchmarkHosts lets one, two, three and four dispatchers with pools of their own drain
// the same backlog of twenty organizations. As many pipelines of the limit program drain a
// backlog of their own. The benchmark fails if an event is delivered twice.
func BenchmarkHosts(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	const most = 4
	var runs []func(b testing.TB) figures
	for i := range most {
		runs = append(runs, func(b testing.TB) figures { return drain(b, receiver, i+1) })
	}
	for i := range most {
		runs = append(runs, func(b testing.TB) figures { return drainLimit(b, receiver, i+1) })
	}
	m := inTurn(b, pairs, runs...)
	for i, f := range m[:most] {
		b.ReportMetric(f["rate"], fmt.Sprintf("deliveries/s/%d", i+1))
		b.ReportMetric(f["rate"]/m[0]["rate"], fmt.Sprintf("ratio/%d", i+1))
		b.ReportMetric(f["least"], fmt.Sprintf("least-share/%d", i+1))
		b.ReportMetric(m[most+i]["rate"]/m[most]["rate"], fmt.Sprintf("limit-ratio/%d", i+1))
	}
	b.ReportMetric(0, "ns/op") // of all
}

// drained is the number of deliveries of a run: with fewer, the start would dominate.
var drained = 5 * events

// drain returns the deliveries a second of a number of hosts, and the share of the least
// busy host, as a part of an even share.
func drain(b testing.TB, receiver child, hosts int) figures {
	b.Helper()
	s := newPostgres(b)
	recorded := newTally()
	all := []*library{newLibrary(b, s)}
	for range hosts - 1 {
		all = append(all, newLibrary(b, openPostgres(b, s.Schema())))
	}
	for _, l := range all {
		l.recorded = recorded
	}
	event := all[0].catalog()
	subs := make([]webhooks.Subscription, 20)
	for i := range subs {
		subs[i] = all[0].subscribe(uuid.New(), fmt.Sprintf("%s/drain/%d", receiver.url, i))
	}
	fillQueue(b, s, event.ID, drained, -60, subs...)
	receiver.ask(b, "", "forget")
	n, began := int64(drained), time.Now()
	for _, l := range all {
		defer l.start()()
	}
	recorded.await(b, int(n))
	ended, least := time.Now(), n
	for _, l := range all {
		least = min(least, l.succeeded.Load())
	}
	if got := receiver.ask(b, "drain"); int64(got.Count) != n || got.Repeated > 0 {
		b.Fatalf("%d of %d were delivered, %d of them twice", got.Count, n, got.Repeated)
	}
	return figures{"rate": perSecond(int(n), began, ended), "least": float64(least) / float64(n) * float64(hosts)}
}

// drainLimit returns the deliveries a second of a number of pipelines of the limit program.
func drainLimit(b testing.TB, receiver child, hosts int) figures {
	b.Helper()
	schema := newSchema(b)
	stores := []limits.Store{limits.OpenPostgres(testpg.DSN(b), schema)}
	for range hosts - 1 {
		stores = append(stores, limits.JoinPostgres(testpg.DSN(b), schema))
	}
	const batch = 500
	n := drained / batch * batch
	for range n / batch {
		var of []limits.Event
		var deliveries []*limits.Delivery
		for range batch {
			e := limits.Event{ID: uuid.Must(uuid.NewV7()), Body: payload(bodySize)}
			of = append(of, e)
			deliveries = append(deliveries, &limits.Delivery{ID: uuid.Must(uuid.NewV7()), Event: e.ID})
		}
		stores[0].Insert(of, deliveries, false)
	}
	recorded, began := newTally(), time.Now()
	for _, s := range stores {
		p := limits.New(s, limits.Options{Target: receiver.url + "/limit/", FanOut: 1, Claim: true, Finished: recorded.add})
		defer p.Close()
	}
	recorded.await(b, n)
	return figures{"rate": perSecond(n, began, time.Now())}
}
