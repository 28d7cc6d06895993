package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/ecg-api/webhooks/store"
)

var durationCases = []testCase{
	{"CountByBucketOutcomeAndDuration", durationCounts},
	{"AreOfWhatWasPostedInTheTime", durationRange},
	{"LeaveOutWhatWasNotPostedOrNotFinished", durationOthers},
	{"BucketsBeginAtMultiplesSince1970", durationBuckets},
	{"IncludeWhatWasReported", durationReported},
	{"AreOfOneSubscription", durationSubscription},
	{"OfAnUnknownSubscriptionAreNotFound", durationNotFound},
}

// day is a day in the past: attempts may have been posted then.
var day = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)

// posted publishes a message and gives its one attempt an outcome.
func (f *fixture) posted(e store.EventType, at time.Time, status store.Status, d time.Duration) {
	f.t.Helper()
	outcome := f.success(f.queue(e).Lease)
	outcome.Status, outcome.PostedAt, outcome.Duration = status, at, d
	f.record(outcome)
}

// durations returns the counts of a day, or of the given part of it, in order.
func (f *fixture) durations(s store.Subscription, bucket time.Duration, part ...time.Time) []store.DurationCount {
	f.t.Helper()
	q := store.DurationQuery{
		OrganizationID: s.OrganizationID, SubscriptionID: s.ID, From: day, To: day.Add(24 * time.Hour), Bucket: bucket,
	}
	if len(part) == 2 {
		q.From, q.To = part[0], part[1]
	}
	counts := must(f.s.Durations(f.ctx, q))(f.t)
	slices.SortFunc(counts, func(a, b store.DurationCount) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Duration, b.Duration), cmp.Compare(outcomeOrder(a), outcomeOrder(b)))
	})
	return counts
}

func outcomeOrder(c store.DurationCount) int {
	if c.Succeeded {
		return 1
	}
	return 0
}

// sameCounts demands counts, in order.
func (f *fixture) sameCounts(what string, got, want []store.DurationCount) {
	f.t.Helper()
	if len(got) > 0 || len(want) > 0 {
		f.equal(what, got, want)
	}
}

func durationCounts(f *fixture) {
	e, sub := f.scene()
	second := 250*time.Millisecond + 900*time.Microsecond // of which whole milliseconds are kept
	for _, p := range []struct {
		minute   int
		status   store.Status
		duration time.Duration
	}{
		{0, store.Succeeded, 250 * time.Millisecond},
		{59, store.Succeeded, second},
		{30, store.Failed, 250 * time.Millisecond},
		{40, store.Succeeded, 0},
		{60, store.Succeeded, 250 * time.Millisecond},
		{300, store.Failed, time.Hour},
	} {
		f.posted(e, day.Add(time.Duration(p.minute)*time.Minute), p.status, p.duration)
	}
	at := func(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }
	f.sameCounts("by hour", f.durations(sub, time.Hour), []store.DurationCount{
		{From: at(0), Succeeded: true, Duration: 0, Count: 1},
		{From: at(0), Succeeded: false, Duration: 250 * time.Millisecond, Count: 1},
		{From: at(0), Succeeded: true, Duration: 250 * time.Millisecond, Count: 2},
		{From: at(1), Succeeded: true, Duration: 250 * time.Millisecond, Count: 1},
		{From: at(5), Succeeded: false, Duration: time.Hour, Count: 1},
	})
	f.sameCounts("by day", f.durations(sub, 24*time.Hour), []store.DurationCount{
		{From: day, Succeeded: true, Duration: 0, Count: 1},
		{From: day, Succeeded: false, Duration: 250 * time.Millisecond, Count: 1},
		{From: day, Succeeded: true, Duration: 250 * time.Millisecond, Count: 3},
		{From: day, Succeeded: false, Duration: time.Hour, Count: 1},
	})
}

func durationRange(f *fixture) {
	e, sub := f.scene()
	for i := range 4 {
		f.posted(e, day.Add(time.Duration(i)*time.Millisecond), store.Succeeded, time.Duration(i)*time.Second)
	}
	zone := time.FixedZone("UTC+5:45", 5*3600+45*60)
	got := f.durations(sub, time.Second, day.Add(time.Millisecond).In(zone), day.Add(3*time.Millisecond).In(zone))
	f.sameCounts("counts", got, []store.DurationCount{
		{From: day, Succeeded: true, Duration: time.Second, Count: 1},
		{From: day, Succeeded: true, Duration: 2 * time.Second, Count: 1},
	})
	f.sameCounts("of no time", f.durations(sub, time.Second, day, day), nil)
}

func durationOthers(f *fixture) {
	e, sub := f.scene()
	external := f.newExternal(e)
	external.PostedAt = day
	f.add(sub.ID, external)
	f.posted(e, day, store.Cancelled, time.Second)
	f.posted(e, time.Time{}, store.Failed, 0) // it was too late to send it
	f.queue(e)
	f.sameCounts("counts", f.durations(sub, time.Hour, time.Time{}, f.at(time.Hour)), nil)
}

func durationBuckets(f *fixture) {
	e, sub := f.scene()
	f.posted(e, day, store.Succeeded, time.Second)
	for _, seconds := range []int64{1, 7, 3600, 7 * 24 * 3600} {
		from := time.Unix(day.Unix()-day.Unix()%seconds, 0).UTC()
		f.sameCounts("counts", f.durations(sub, time.Duration(seconds)*time.Second), []store.DurationCount{
			{From: from, Succeeded: true, Duration: time.Second, Count: 1},
		})
	}
}

func durationReported(f *fixture) {
	e, sub := f.scene()
	external := f.newExternal(e)
	external.PostedAt = day
	f.report(sub.ID, f.add(sub.ID, external).ID, f.newReport(store.Failed))
	f.sameCounts("counts", f.durations(sub, time.Hour), []store.DurationCount{{From: day, Count: 1}})
}

func durationSubscription(f *fixture) {
	e, sub := f.scene()
	f.posted(e, day, store.Succeeded, time.Second)
	f.sameCounts("of another", f.durations(f.subscribe(only(e)), time.Hour), nil)
	f.setArchived(sub.ID, true)
	f.equal("of the archived", len(f.durations(sub, time.Hour)), 1)
}

func durationNotFound(f *fixture) {
	e, sub := f.scene()
	f.posted(e, day, store.Succeeded, time.Second)
	q := store.DurationQuery{OrganizationID: f.org, SubscriptionID: f.id(), From: day, To: f.now, Bucket: time.Hour}
	_, err := f.s.Durations(f.ctx, q)
	f.notFound("of none", err)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	q.SubscriptionID = sub.ID
	_, err = f.s.Durations(f.ctx, q)
	f.notFound("of the deleted", err)
}
