package bunstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// damage are values that another program may write into the columns of a subscription.
var damage = map[store.Member]string{
	store.MemberSelectors:     `selectors = '{bad'`,
	store.MemberHeaders:       `headers = '{bad'`,
	store.MemberRetrySchedule: `retry_schedule = '["5s"]'`,
	store.MemberFilter:        `filter = '[{"pointer":'`,
}

// spoil changes a row of the scene's database.
func (sc *scene) spoil(table, set string, id uuid.UUID) {
	sc.tb.Helper()
	prefix, value := `"`+sc.s.Schema()+`".`, any(id)
	if sc.s.DB().Dialect().Name() == dialect.SQLite {
		prefix, value = sc.s.Schema()+"_", id[:]
	}
	result, err := sc.s.DB().ExecContext(sc.tb.Context(), `UPDATE `+prefix+table+` SET `+set+` WHERE id = ?`, value)
	check(sc.tb, err)
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		sc.tb.Fatalf("spoilt %d rows, %v", n, err)
	}
}

// stored returns a column of a subscription.
func (sc *scene) stored(column string, id uuid.UUID) (text *string) {
	sc.tb.Helper()
	prefix, value := `"`+sc.s.Schema()+`".`, any(id)
	if sc.s.DB().Dialect().Name() == dialect.SQLite {
		prefix, value = sc.s.Schema()+"_", id[:]
	}
	check(sc.tb, sc.s.DB().QueryRowContext(sc.tb.Context(), `SELECT `+column+` FROM `+prefix+`subscriptions WHERE id = ?`, value).Scan(&text))
	return text
}

func TestADamagedSubscriptionHidesNoOther(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		for member, set := range damage {
			t.Run(string(member), func(t *testing.T) {
				sub := sc.subscribe()
				sc.spoil("subscriptions", set, sub.ID)
				list, err := s.Subscriptions(t.Context(), sc.org, store.SubscriptionQuery{Page: store.Page{Take: 100}})
				if err != nil || len(list.Items) != list.Total || !slices.ContainsFunc(list.Items,
					func(found store.Subscription) bool { return found.ID == sc.sub.ID && found.Damaged == nil }) {
					t.Errorf("%d of %d are listed, %v", len(list.Items), list.Total, err)
				}
				found, err := s.Subscription(t.Context(), sc.org, sub.ID)
				if err != nil || !slices.Equal(found.Damaged, []store.Member{member}) {
					t.Errorf("%v are damaged, %v", found.Damaged, err)
				}
				targets, err := s.Targets(t.Context(), []uuid.UUID{sc.sub.ID, sub.ID}, sc.now)
				if err != nil || len(targets) != 2 || !slices.Equal(targets[sub.ID].Damaged, []store.Member{member}) {
					t.Errorf("%d targets, %v", len(targets), err)
				}
				out, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
				if err != nil || out[0].Deliveries != list.Total {
					t.Errorf("published to %+v, %v, want %d", out, err, list.Total)
				}
			})
		}
	})
}

// A change of another member neither fails nor overwrites the damaged one; a change of the
// damaged member mends it.
func TestADamagedMemberStaysUntilItIsReplaced(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		columns := map[store.Member]string{
			store.MemberSelectors: "selectors", store.MemberHeaders: "headers",
			store.MemberRetrySchedule: "retry_schedule", store.MemberFilter: "filter",
		}
		for member, set := range damage {
			t.Run(string(member), func(t *testing.T) {
				sub := sc.subscribe()
				sc.spoil("subscriptions", set, sub.ID)
				before := sc.stored(columns[member], sub.ID)
				update := func(change func(*store.Subscription)) store.Subscription {
					changed, err := s.UpdateSubscription(t.Context(), sc.org, sub.ID, sc.now,
						func(sub *store.Subscription) error { change(sub); return nil })
					check(t, err)
					return changed
				}
				changed := update(func(sub *store.Subscription) { sub.Description = "changed" })
				if after := sc.stored(columns[member], sub.ID); *after != *before || changed.Description != "changed" || len(changed.Damaged) != 1 {
					t.Errorf("after another change %q is stored, of %+v", *after, changed)
				}
				update(func(sub *store.Subscription) {
					sub.Damaged = nil
					sub.Headers, sub.RetrySchedule = map[string]string{"X-A": "b"}, []time.Duration{time.Second}
					sub.Selectors, sub.Filter = []store.Selector{{Pattern: "*"}}, store.Filter{}
				})
				found, err := s.Subscription(t.Context(), sc.org, sub.ID)
				if err != nil || found.Damaged != nil || found.Headers["X-A"] != "b" || len(found.Selectors) != 1 {
					t.Errorf("after it was replaced: %+v, %v", found, err)
				}
			})
		}
	})
}

// receiver is a sender that counts the requests to each URL.
type receiver struct {
	mu   sync.Mutex
	sent map[string]int
}

func (r *receiver) Post(_ context.Context, q guard.Request) guard.Result {
	r.mu.Lock()
	r.sent[q.URL.String()]++
	r.mu.Unlock()
	return guard.Result{Status: 200}
}

// Deliveries of damaged rows fail by themselves, and say why; all other deliveries go out.
func TestDamagedDeliveriesFailByThemselves(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		var damaged []store.Subscription
		for _, set := range damage {
			sub := sc.subscribe()
			sc.spoil("subscriptions", set, sub.ID)
			damaged = append(damaged, sub)
		}
		if s.DB().Dialect().Name() == dialect.SQLite { // the other has no texts in columns of numbers
			sub := sc.subscribe()
			sc.spoil("subscriptions", "timeout_ns = 'soon'", sub.ID)
			damaged = append(damaged, sub)
		}
		publish := func() uuid.UUID {
			out, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
			check(t, err)
			return out[0].MessageID
		}
		sc.spoil("messages", "body = NULL", publish())
		noDeadline := publish()
		deliveries, err := s.MessageDeliveries(t.Context(), sc.org, noDeadline, nil, store.Page{Take: 100})
		check(t, err)
		for _, d := range deliveries.Items {
			if set := "expires_at = 'infinity'"; d.SubscriptionID == sc.sub.ID { // for SQLite it is a text
				sc.spoil("attempts", set, d.ID)
			}
		}
		healthy := publish()

		key, err := signing.ParseSecret(signing.NewSecret())
		check(t, err)
		posts, log := &receiver{sent: map[string]int{}}, &lockedBuffer{}
		ended := make(chan delivery.Notice, 100)
		e, err := delivery.New(delivery.Config{
			Store: s, Sender: posts, Schedule: delivery.Schedule{time.Hour}, Retention: -1,
			Signer: func(store.Target) (signing.Signer, error) {
				return signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
			},
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Observe: func(n delivery.Notice) {
				if n.Kind == delivery.AttemptEnded {
					ended <- n
				}
			},
		})
		check(t, err)
		check(t, e.Start(t.Context()))
		reasons := map[uuid.UUID][]string{}
		for range 3 * (1 + len(damaged)) {
			n := <-ended
			reasons[n.SubscriptionID] = append(reasons[n.SubscriptionID], n.Reason)
			if (n.Status == store.Succeeded) != (n.SubscriptionID == sc.sub.ID && n.MessageID == healthy) {
				t.Errorf("%v of message %v: %v, %s", n.SubscriptionID, n.MessageID, n.Status, n.Reason)
			}
		}
		check(t, e.Stop(t.Context()))
		if posts.sent[sc.sub.PostURI] != 1 {
			t.Errorf("sent: %v", posts.sent)
		}
		slices.Sort(reasons[sc.sub.ID])
		if want := []string{"", "not sent before its deadline", "the stored body of the message cannot be read"}; !slices.Equal(reasons[sc.sub.ID], want) {
			t.Errorf("the healthy one's ended with %q, want %q", reasons[sc.sub.ID], want)
		}
		for _, sub := range damaged {
			for _, reason := range reasons[sub.ID] {
				if !strings.HasPrefix(reason, "the stored data of the subscription cannot be read: [") ||
					!strings.Contains(log.String(), sub.ID.String()) {
					t.Errorf("a damaged one failed with %q, and the log says:\n%s", reason, log)
				}
			}
		}
		if strings.Contains(log.String(), "the store does not answer") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
