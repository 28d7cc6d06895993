package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// BenchmarkNeighbours measures the time from publish to receipt of 99 good endpoints at 400
// events a second: alone, and beside an organization with 300 endpoints that answer after
// 12 s, each of which gets an event a second.
func BenchmarkNeighbours(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	m := inTurn(b, pairs,
		func(b testing.TB) figures { return besideSlow(b, receiver, 0) },
		func(b testing.TB) figures { return besideSlow(b, receiver, 300) })
	for i, name := range []string{"alone", "beside"} {
		b.ReportMetric(m[i]["p50"], "p50-ms/"+name)
		b.ReportMetric(m[i]["p99"], "p99-ms/"+name)
		b.ReportMetric(m[i]["p99"]/m[0]["p99"], "ratio-p99/"+name)
	}
	b.ReportMetric(m[1]["in-flight"], "in-flight/beside")
	b.ReportMetric(0, "ns/op") // of all
}

func besideSlow(b testing.TB, receiver child, slow int) figures {
	b.Helper()
	d := newLibrary(b, newPostgres(b))
	d.catalog()
	orgs := make([]uuid.UUID, crowdSize)
	for i := range orgs {
		orgs[i] = uuid.New()
		if i < crowdSize-1 {
			d.subscribe(orgs[i], fmt.Sprintf("%s/good/%d", receiver.url, i))
		}
	}
	for i := range slow {
		d.subscribe(orgs[crowdSize-1], fmt.Sprintf("%s/wait-12000-0/%d", receiver.url, i))
	}
	publish := func(i int) {
		if i%crowdSize != crowdSize-1 || i%crowdRate == crowdSize-1 { // the last one once a second
			d.publish(orgs[i%crowdSize], 1)
		}
	}
	good := func(n int) int { return n - n/crowdSize }
	receiver.ask(b, "", "forget")
	defer d.start()()
	n := pace(crowdRate, crowdWarm, publish)
	receiver.await(b, "good", good(n))
	receiver.ask(b, "", "forget")
	n = pace(crowdRate, 4*crowdTime, publish)
	got := receiver.await(b, "good", good(n))
	return figures{
		"p50": milliseconds(quantile(got.Took, .5)), "p99": milliseconds(quantile(got.Took, .99)), "in-flight": float64(got.InFlight),
	}
}

// BenchmarkTransient measures the throughput of one endpoint that takes 200 ms, as a ratio
// to the throughput of 64 attempts in flight without a pause: with 0, 5 and 30 % of the
// answers at once, and from 5 s after eight requests were refused, or nine connections cut.
func BenchmarkTransient(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	const most = 64 / 0.2
	for _, c := range []struct {
		name, part, order string
		instant           float64
	}{
		{"instant-0", "mixed-0-200", "", 0},
		{"instant-5", "mixed-5-200", "", 0.05},
		{"instant-30", "mixed-30-200", "", 0.3},
		{"eight-503", "mixed-0-200", "refuse=8", 0},
		{"nine-cut", "mixed-0-200", "cut=9", 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := inTurn(b, 1, func(b testing.TB) figures { return afterHiccup(b, receiver, c.part, c.order) })
			b.ReportMetric(m[0]["rate"], "deliveries/s")
			b.ReportMetric(m[0]["rate"]/(most/(1-c.instant)), "ratio")
			b.ReportMetric(0, "ns/op") // of all
		})
	}
}

func afterHiccup(b testing.TB, receiver child, part, order string) figures {
	b.Helper()
	d := newLibrary(b, newPostgres(b))
	d.catalog()
	org := uuid.New()
	d.subscribe(org, receiver.url+"/"+part+"/1")
	for range 12 {
		d.publish(org, 1000)
	}
	receiver.ask(b, "", "forget")
	defer d.start()()
	time.Sleep(5 * time.Second) // the limiter climbs
	if order != "" {
		receiver.ask(b, part, order)
		time.Sleep(5 * time.Second)
	}
	before := receiver.ask(b, part).Count
	const during = 8 * time.Second
	time.Sleep(during)
	return figures{"rate": float64(receiver.ask(b, part).Count-before) / during.Seconds()}
}
