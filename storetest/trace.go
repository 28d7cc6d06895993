package storetest

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var traceCases = []testCase{
	{"IsReadWithTheMessage", traceOfMessages},
	{"OfEachMessageIsInItsJobs", traceOfJobs},
	{"IsHandedOff", traceHandedOff},
	{"SurvivesDeferralLeaseAndRetries", traceOfRetries},
	{"SurvivesRecovery", traceRecovered},
	{"OfAPostToOneSubscriptionIsInItsJob", traceOfPost},
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// traced makes a message with a trace context.
func (f *fixture) traced(e store.EventType) store.NewMessage {
	m := f.newMessage(e)
	m.TraceContext = traceparent
	return m
}

func traceOfMessages(f *fixture) {
	e, _ := f.scene()
	with, without, long := f.traced(e), f.newMessage(e), f.traced(e)
	long.TraceContext += " " + strings.Repeat(`vendor=v!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`, 20)
	f.publish(with, without, long)
	for i, m := range []store.NewMessage{with, without, long} {
		f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
		f.equal("trace context in the list", f.messages().Items[i].TraceContext, m.TraceContext)
	}
}

func traceOfJobs(f *fixture) {
	e, _ := f.scene()
	f.subscribe(only(e))
	want := map[uuid.UUID]string{}
	for i, m := range []store.NewMessage{f.traced(e), f.newMessage(e), f.traced(e)} {
		if m.TraceContext != "" {
			m.TraceContext += strings.Repeat("x", i)
		}
		want[m.ID] = m.TraceContext
		f.publish(m)
	}
	jobs := f.claim(10)
	f.equal("claimed", len(jobs), 6)
	for _, j := range jobs {
		f.equal("trace context", j.TraceContext, want[j.MessageID])
	}
}

func traceHandedOff(f *fixture) {
	e, _ := f.scene()
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(2), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.traced(e), f.newMessage(e)}, opts))(f.t)
	f.equal("trace context", got[0].Jobs[0].TraceContext, traceparent)
	f.equal("of the message without one", got[1].Jobs[0].TraceContext, "")
}

func traceOfRetries(f *fixture) {
	e, _ := f.scene()
	f.publish(f.traced(e))
	job := f.claimOne()
	f.deferTo(f.now, job)
	job = f.claimAgain(f.shortLease())
	f.equal("after a deferral, and a lease that ended", job.TraceContext, traceparent)
	f.record(f.failure(job.Lease, f.next()))
	retried := f.claimOne()
	f.equal("of the automatic retry", retried.TraceContext, traceparent)
	f.record(f.failure(retried.Lease, nil))
	f.retry(retried)
	f.equal("of the manual retry", f.claimOne().TraceContext, traceparent)
}

func traceRecovered(f *fixture) {
	e, sub := f.scene()
	f.publish(f.traced(e))
	f.record(f.failure(f.claimOne().Lease, nil))
	f.setActive(sub.ID, false)
	f.publish(f.traced(e))
	f.setActive(sub.ID, true)
	f.recover(f.newRecovery(sub, store.RecoverAll), 2)
	f.advance(10)
	jobs := f.claim(10)
	f.equal("recovered", len(jobs), 2)
	for _, j := range jobs {
		f.equal("trace context", j.TraceContext, traceparent)
	}
}

func traceOfPost(f *fixture) {
	e, sub := f.scene()
	a := f.newPost(e)
	a.Message.TraceContext = traceparent
	f.add(sub.ID, a)
	f.equal("trace context", f.claimOne().TraceContext, traceparent)
}
