package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// deaf is a store in which Listen, upkeep and recoveries fail while broken is set.
type deaf struct {
	store.Store
	mu     sync.Mutex
	broken error
}

func (d *deaf) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

func (d *deaf) repair() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = nil
}

func (d *deaf) Abilities() store.Abilities { return store.Abilities{Notifier: d, Maintainer: d} }

func (d *deaf) Listen(ctx context.Context, _ func()) error {
	if err := d.failure(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (d *deaf) Maintain(context.Context, time.Time) error { return d.failure() }

func (d *deaf) AdvanceRecovery(context.Context, store.AdvanceOptions) (bool, error) {
	return false, d.failure()
}

// logged is a log that a test reads.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// count returns how many lines have the text, and forgets none.
func (l *logged) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestConditionsOfTheStoreAreLoggedOnceAndThenHourly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newWorld(t), &logged{}
		st := &deaf{Store: w.store, broken: errors.New("not allowed")}
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store, c.Logger = st, log.logger() })
		w.must(e.Start(t.Context()))
		time.Sleep(5*time.Hour + 30*time.Minute)
		for _, text := range []string{"cannot listen", "a recovery cannot go on", "upkeep of the store failed"} {
			if n := log.count(text); n < 5 || n > 6 {
				t.Errorf("%q: %d lines in 5:30 h, want one an hour", text, n)
			}
		}
		if n := log.count("repeated="); n < 8 {
			t.Errorf("%d lines say how often it was", n)
		}
		st.repair()
		time.Sleep(2 * time.Hour)
		for _, text := range []string{"listening for wake-ups", "recoveries go on", "upkeep of the store works again"} {
			if n := log.count(text); n != 1 {
				t.Errorf("%q: %d lines, want 1", text, n)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestAStoreThatIsAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newWorld(t), &logged{}
		m := &moody{Store: w.store}
		e := w.engine(answer(200), func(c *delivery.Config) { c.Store, c.Logger = m, log.logger() })
		w.must(e.Start(t.Context()))
		m.away.Store(true)
		time.Sleep(30 * time.Minute)
		m.away.Store(false)
		time.Sleep(time.Minute)
		if n := log.count("does not answer"); n != 1 {
			t.Errorf("%d lines that it does not answer, want 1", n)
		}
		if n := log.count("answers again"); n != 1 {
			t.Errorf("%d lines that it answers again, want 1", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestUnusableSecretsAreLoggedForAFewSubscriptionsAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ subscriptions, lines int }{{3, 3}, {100, 21}} {
		t.Run(fmt.Sprint(test.subscriptions), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, log, org := newWorld(t), &logged{}, newID()
				for range test.subscriptions {
					w.subscribe(org)
				}
				var mu sync.Mutex
				asked := map[uuid.UUID]int{}
				e := w.engine(answer(200), func(c *delivery.Config) {
					c.Logger = log.logger()
					c.Signer = func(s store.Target) (signing.Signer, error) {
						mu.Lock()
						defer mu.Unlock()
						asked[s.ID]++
						return nil, errors.New("damaged")
					}
				})
				w.must(e.Start(t.Context()))
				for range 10 {
					w.publish(org, 1)
					time.Sleep(2 * time.Second)
				}
				w.must(e.Stop(t.Context()))
				if n := log.count("secrets of a subscription cannot be used"); n != test.lines {
					t.Errorf("%d lines, want %d", n, test.lines)
				}
				if len(asked) != test.subscriptions {
					t.Errorf("%d subscriptions were tried", len(asked))
				}
			})
		})
	}
}
