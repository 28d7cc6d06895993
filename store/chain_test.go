package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/store"
)

func TestNextStep(t *testing.T) {
	t.Parallel()
	latest := func(kind store.AttemptType, status store.Status) store.Attempt {
		return store.Attempt{Step: 3, Type: kind, Status: status}
	}
	external := latest(store.AutomaticRetry, store.Pending)
	external.External = true
	for name, tt := range map[string]struct {
		latest            store.Attempt
		former            *store.Attempt
		manual, automatic int
	}{
		"AfterAFailure":                     {latest(store.AutomaticRetry, store.Failed), nil, 3, 4},
		"AfterACancelledAutomaticRetry":     {latest(store.AutomaticRetry, store.Cancelled), nil, 2, 3},
		"AfterACancelledOneThatKeptItsStep": {latest(store.AutomaticRetry, store.Cancelled), &store.Attempt{Step: 3}, 3, 4},
		"AfterACancelledOneThatUsedAStep":   {latest(store.AutomaticRetry, store.Cancelled), &store.Attempt{Step: 2}, 2, 3},
		"IsNeverNegative":                   {store.Attempt{Type: store.AutomaticRetry, Status: store.Cancelled}, nil, 0, 1},
		"WithdrawsAPendingAutomaticRetry":   {latest(store.AutomaticRetry, store.Pending), nil, 2, 3},
		"BesidesOneThatIsBeingSent":         {latest(store.AutomaticRetry, store.Sending), nil, 3, 4},
		"BesidesAnExternalAutomaticRetry":   {external, nil, 3, 4},
		"AfterACancelledManualRetry":        {latest(store.ManualRetry, store.Cancelled), nil, 3, 4},
		"AfterASuccessfulFirstPost":         {latest(store.FirstPost, store.Succeeded), nil, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := store.NextStep(tt.latest, tt.former, store.ManualRetry); got != tt.manual {
				t.Errorf("step of a manual retry: %d, want %d", got, tt.manual)
			}
			if got := store.NextStep(tt.latest, tt.former, store.AutomaticRetry); got != tt.automatic {
				t.Errorf("step of an automatic retry: %d, want %d", got, tt.automatic)
			}
		})
	}
}

// Whatever happens to a chain, its attempts are numbered from 1, no more than one automatic
// retry is pending, no step is skipped, and its summary agrees with its attempts.
func TestChain_KeepsItsInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0).UTC()
		var chain store.Chain
		add := func(n store.NewAttempt) {
			a := chain.NewAttempt(n, store.Message{}, uuid.Nil)
			for _, former := range chain {
				if former.Withdrawable() {
					chain.Cancel(former, now, "")
				}
			}
			chain = append(chain, &a)
		}
		add(store.NewAttempt{ID: uuid.New(), Type: store.FirstPost})
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			a := rapid.SampledFrom(chain).Draw(t, "attempt")
			var next *store.Next
			if rapid.Bool().Draw(t, "retried") {
				next = &store.Next{ID: uuid.New(), KeepStep: rapid.Bool().Draw(t, "keeps its step")}
			}
			switch event := rapid.IntRange(0, 3).Draw(t, "event"); {
			case event == 0 && a.Status == store.Pending:
				a.Status = store.Sending
			case event == 1 && a.Status == store.Sending:
				if retry := chain.Record(a, store.Outcome{Status: store.Failed, Next: next}); retry != nil {
					chain = append(chain, retry)
				}
			case event == 2:
				r := store.Report{Status: rapid.SampledFrom([]store.Status{store.Succeeded, store.Failed}).Draw(t, "status"), Next: next}
				if retry := chain.Report(a, r); retry != nil {
					chain = append(chain, retry)
				}
			case event == 3 && a.Status.Finished():
				kind := rapid.SampledFrom([]store.AttemptType{store.ManualRetry, store.AutomaticRetry}).Draw(t, "type")
				add(store.NewAttempt{ID: uuid.New(), Type: kind, RetryOf: a.ID, External: rapid.Bool().Draw(t, "external")})
			}
			checkChain(t, chain)
		}
	})
}

func checkChain(t *rapid.T, chain store.Chain) {
	withdrawable, unfinished, automatic := 0, 0, 0
	for i, a := range chain {
		if a.Type == store.AutomaticRetry {
			automatic++
		}
		if a.Number != i+1 || a.DeliveryID != chain[0].ID || a.Step < 0 || a.Step > automatic {
			t.Fatalf("attempt %d of %d: %+v", i+1, len(chain), a)
		}
		if a.Withdrawable() {
			withdrawable++
		}
		if !a.Status.Finished() {
			unfinished++
		}
	}
	d := chain.Delivery()
	if withdrawable > 1 || (d.Status == store.Pending) != (unfinished > 0) || d.Attempts != len(chain) || d.ID != chain[0].ID {
		t.Fatalf("%d automatic retries are pending, %d attempts are not finished; the delivery is %+v", withdrawable, unfinished, d)
	}
}

func TestSequence(t *testing.T) {
	t.Parallel()
	attempt := func(delivery byte) *store.Attempt { return &store.Attempt{DeliveryID: uuid.UUID{delivery}} }
	first, again, second, third := attempt(1), attempt(1), attempt(2), attempt(3)
	s := store.Sequence{}.With(third).With(first).With(second).With(again)
	turns := func(want ...*store.Attempt) {
		t.Helper()
		for i, a := range []*store.Attempt{first, again, second, third} {
			wants := false
			for _, w := range want {
				wants = wants || a == w
			}
			if s.HasTurn(a) != wants {
				t.Errorf("turn of attempt %d: %t, want %t", i, s.HasTurn(a), wants)
			}
		}
	}
	turns(first, again)
	s = s.Without(first)
	turns(first, again) // another attempt of its delivery is queued
	s = s.Without(again)
	turns(second)
}
