package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
)

// queued is the number of attempts in the backlog of one organization.
var queued = setting("BENCH_QUEUED", 100_000)

// BenchmarkBlocked measures the time of an event from publish to receipt, beside another
// organization with an endpoint that never answers, 10,000 attempts due and BENCH_QUEUED
// due later: first the event after the start, and then one event at a time. Another process
// publishes the event, so it is claimed behind the due attempts.
func BenchmarkBlocked(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	s := newPostgres(b)
	d := newLibrary(b, s)
	event, org := d.catalog(), uuid.New()
	d.subscribe(org, receiver.url+"/good/")
	publisher := newLibrary(b, openPostgres(b, s.Schema()))
	const n = 20
	one := func() time.Duration {
		receiver.ask(b, "", "forget")
		publisher.publish(org, 1)
		return receiver.await(b, "good", 1).Took[0]
	}
	series := func() []time.Duration {
		var took []time.Duration
		for range n {
			took = append(took, one())
		}
		return took
	}
	stop := d.start()
	one()
	alone := median(series())
	stop()
	blocked := d.subscribe(uuid.New(), receiver.url+"/hang/")
	fillQueue(b, s, event.ID, queued, 3600, blocked)
	fillQueue(b, s, event.ID, 10_000, -60, blocked)
	for b.Loop() {
		stop := d.start()
		first := one()
		took := series()
		stop()
		b.ReportMetric(milliseconds(alone), "alone-ms")
		b.ReportMetric(milliseconds(first), "first-ms")
		b.ReportMetric(milliseconds(median(took)), "median-ms")
		b.ReportMetric(milliseconds(slices.Max(took)), "max-ms")
		b.ReportMetric(float64(median(took))/float64(alone), "ratio-median")
	}
	b.ReportMetric(0, "ns/op") // of all
}

// crowd are a hundred organizations with an endpoint each.
type crowd struct {
	receiver child
	claims   bool // another process publishes
}

const (
	crowdSize = 100
	crowdRate = 400 // events a second, over all organizations
	crowdTime = 6 * time.Second
	crowdWarm = time.Second // time to warm up
)

// BenchmarkFairness measures the time from publish to receipt of 99 good endpoints: alone,
// beside an endpoint that hangs, and beside an organization with BENCH_QUEUED attempts due.
// It reports the rate at which these attempts go out. In the first two cases BENCH_QUEUED
// attempts exist but are not due, so that vacuum costs the same. The time to warm up does
// not count.
func BenchmarkFairness(b *testing.B) {
	testpg.DSN(b)
	for _, c := range []struct {
		name   string
		claims bool
	}{{"hand-off", false}, {"claims", true}} {
		b.Run(c.name, func(b *testing.B) {
			crowd := crowd{role(b, "receiver"), c.claims}
			m := inTurn(b, pairs,
				func(b testing.TB) figures { return crowd.measure(b, "much", 3600) },
				func(b testing.TB) figures { return crowd.measure(b, "hang", 3600) },
				func(b testing.TB) figures { return crowd.measure(b, "much", -60) })
			b.ReportMetric(m[2]["drained"], "deliveries/s/queued")
			for i, name := range []string{"alone", "hanging", "queued"} {
				b.ReportMetric(m[i]["p50"], "p50-ms/"+name)
				b.ReportMetric(m[i]["p99"], "p99-ms/"+name)
				b.ReportMetric(m[i]["p99"]/m[0]["p99"], "ratio-p99/"+name)
			}
			b.ReportMetric(0, "ns/op") // of all
		})
	}
}

// measure publishes to all organizations in turn. The hundredth endpoint has a queue that is
// due in dueIn seconds, and hangs if last is "hang".
func (c crowd) measure(b testing.TB, last string, dueIn int) figures {
	b.Helper()
	s := newPostgres(b)
	d := newLibrary(b, s, func(c *webhooks.Config) { c.Timeout = 2 * time.Second })
	event := d.catalog()
	orgs := make([]uuid.UUID, crowdSize)
	for i := range orgs {
		orgs[i] = uuid.New()
		part := "good"
		if i == crowdSize-1 {
			part = last
		}
		sub := d.subscribe(orgs[i], fmt.Sprintf("%s/%s/%d", c.receiver.url, part, i))
		if i == crowdSize-1 {
			fillQueue(b, s, event.ID, queued, dueIn, sub)
		}
	}
	p := d
	if c.claims {
		p = newLibrary(b, openPostgres(b, s.Schema()))
	}
	publish := func(i int) { p.publish(orgs[i%crowdSize], 1) }
	c.receiver.ask(b, "", "forget")
	defer d.start()()
	n := pace(crowdRate, crowdWarm, publish)
	c.receiver.await(b, "good", n-n/crowdSize)
	c.receiver.ask(b, "", "forget")
	n = pace(crowdRate, crowdTime, publish)
	took := c.receiver.await(b, "good", n-n/crowdSize).Took
	drained := float64(c.receiver.ask(b, "much").Count) / crowdTime.Seconds()
	return figures{"p50": milliseconds(quantile(took, .5)), "p99": milliseconds(quantile(took, .99)), "drained": drained}
}
