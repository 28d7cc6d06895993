package bench_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
)

// erased is the number of messages that an erasure removes, each with an attempt.
var erased = setting("BENCH_ERASED", 100_000)

// BenchmarkErasure erases an organization with BENCH_ERASED messages and as many attempts, in the steps of the job. The limit deletes
// as many rows of the two tables with two statements in one transaction. The CPU time is that of this process and of PostgreSQL
// (on Linux only).
func BenchmarkErasure(b *testing.B) {
	testpg.DSN(b)
	database := postmaster(b)
	measure := func(remove func(*flat) figures) func(testing.TB) figures {
		return func(b testing.TB) (out figures) {
			f := newErasable(b)
			cpu := ownCPU(database, func() { out = remove(f) })
			out["cpu-s/100k"] = cpu / float64(2*erased) * 100_000
			return out
		}
	}
	compare(b, measure((*flat).deleteAtOnce), measure((*flat).erase))
}

// newErasable returns a library with the history of one organization and its one subscription.
func newErasable(b testing.TB) *flat {
	b.Helper()
	f := newFlat(b, 1)
	fillHistoryOf(b, f.s, f.org, "'"+firstSubscription(b, f).ID.String()+"'::uuid", f.event.ID, erased)
	return f
}

// deleteAtOnce returns the records that two statements of one transaction remove in a second.
func (f *flat) deleteAtOnce() figures {
	f.b.Helper()
	ctx, began := f.b.Context(), time.Now()
	tx, err := f.s.DB().DB.BeginTx(ctx, nil)
	check(f.b, err)
	for _, table := range []string{"attempts", "messages"} {
		text := strings.ReplaceAll(`DELETE FROM {}`+table+` WHERE organization_id = $1`, "{}", `"`+f.s.Schema()+`".`)
		result, err := tx.ExecContext(ctx, text, f.org)
		check(f.b, err)
		if n, err := result.RowsAffected(); err != nil || n != int64(erased) {
			f.b.Fatalf("%d %s are deleted, want %d: %v", n, table, erased, err)
		}
	}
	check(f.b, tx.Commit())
	return figures{"records/s": perSecond(2*erased, began, time.Now())}
}

// erase returns the records that an erasure removes in a second, the median and the longest time of a step, which is a
// transaction, and the part of the time in which attempts are removed.
func (f *flat) erase() figures {
	f.b.Helper()
	ctx := f.b.Context()
	job, err := f.Erase(ctx, f.org)
	check(f.b, err)
	var steps []time.Duration
	var attempts time.Duration
	began, before := time.Now(), job
	last := began
	done, err := f.FinishErasure(ctx, job.ID, func(e webhooks.Erasure) {
		took := time.Since(last)
		if e.Attempts > before.Attempts {
			attempts += took
		}
		steps, last, before = append(steps, took), time.Now(), e
	})
	check(f.b, err)
	if done.Messages != erased || done.Attempts != erased || done.Subscriptions != 1 {
		f.b.Fatalf("%+v", done)
	}
	ended := time.Now()
	return figures{
		"records/s": perSecond(2*erased, began, ended), "step-ms": milliseconds(median(steps)),
		"longest-step-ms": milliseconds(slices.Max(steps)),
		"attempts-share":  attempts.Seconds() / ended.Sub(began).Seconds(),
	}
}
