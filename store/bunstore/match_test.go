package bunstore_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// matched is the result of a publish: the number of deliveries and of handed-off jobs, and the sum
// of the revisions of the jobs.
type matched struct{ deliveries, jobs, revisions int }

func (sc *scene) matched(data string) (m matched) {
	sc.tb.Helper()
	out, err := sc.s.Publish(sc.tb.Context(), nil, []store.NewMessage{sc.message([]byte(data))}, sc.options(100))
	check(sc.tb, err)
	m.deliveries, m.jobs = out[0].Deliveries, len(out[0].Jobs)
	for _, j := range out[0].Jobs {
		m.revisions += int(j.SubscriptionRevision)
	}
	return m
}

// The cache of a host never hides a change of a subscription by another host.
func TestPublishSeesEveryChangeOfAnotherHost(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newPostgres(t))
	other := newOn(t, postgresPool(t), bunstore.Options{Schema: sc.s.Schema()})
	update := func(change func(*store.Subscription)) {
		_, err := other.UpdateSubscription(t.Context(), sc.org, sc.sub.ID, sc.now, func(s *store.Subscription) error { change(s); return nil })
		check(t, err)
	}
	selectors, published := sc.sub.Selectors, 0
	for _, c := range []struct {
		name   string
		change func()
		want   matched
	}{
		{"one", func() {}, matched{1, 1, 1}},
		{"another", func() {
			s := *sc
			s.s = other
			s.subscribe()
		}, matched{2, 2, 2}},
		{"new secret", func() {
			check(t, other.AddSecret(t.Context(), sc.org, sc.sub.ID, func(s store.Subscription, _ store.Secret) (store.Secret, error) {
				return store.Secret{ID: newID(), OrganizationID: sc.org, SubscriptionID: s.ID, Key: []byte("new"), ValidFrom: sc.now}, nil
			}))
		}, matched{2, 2, 3}},
		{"ordered", func() { update(func(s *store.Subscription) { s.Ordered = true }) }, matched{2, 1, 1}},
		{"unordered", func() { update(func(s *store.Subscription) { s.Ordered = false }) }, matched{2, 2, 5}},
		{"filter", func() {
			update(func(s *store.Subscription) {
				s.Filter = store.Filter{{Pointer: "", Op: store.OpEqual, Value: []byte(`"y"`)}}
			})
		}, matched{1, 1, 1}},
		{"no filter", func() { update(func(s *store.Subscription) { s.Filter = nil }) }, matched{2, 2, 7}},
		{"inactive", func() { update(func(s *store.Subscription) { s.Active = false }) }, matched{1, 1, 1}},
		{"active", func() { update(func(s *store.Subscription) { s.Active = true }) }, matched{2, 2, 9}},
		{"archived", func() { update(func(s *store.Subscription) { s.Archived = true }) }, matched{1, 1, 1}},
		{"unarchived", func() { update(func(s *store.Subscription) { s.Archived = false }) }, matched{2, 2, 11}},
		{"no selectors", func() { update(func(s *store.Subscription) { s.Selectors = nil }) }, matched{1, 1, 1}},
		{"selectors", func() { update(func(s *store.Subscription) { s.Selectors = selectors }) }, matched{2, 2, 13}},
		{"deleted", func() {
			update(func(s *store.Subscription) { s.Archived = true })
			check(t, other.DeleteSubscription(t.Context(), sc.org, sc.sub.ID, sc.now, func(store.Subscription) error { return nil }))
		}, matched{1, 1, 1}},
	} {
		c.change()
		for range 2 { // the second time from the cache
			got := sc.matched("x")
			if got != c.want {
				t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
			}
			published += got.deliveries
		}
	}
	var stored, stray int
	check(t, sc.s.DB().QueryRow(inSchema(sc.s, `SELECT (SELECT count(*) FROM {}attempts),
		(SELECT count(*) FROM {}queue WHERE attempt_id NOT IN (SELECT id FROM {}attempts))`)).Scan(&stored, &stray))
	if stored != published || stray > 0 {
		t.Errorf("%d attempts are stored, want %d; %d rows of the queue have no attempt", stored, published, stray)
	}
}

// A cached empty list does not hide the first subscription.
func TestPublishSeesTheFirstSubscription(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newPostgres(t))
	sc.org = uuid.New()
	sc.matched("x")
	sc.matched("x")
	sc.sub = sc.subscribe()
	if got := sc.matched("x"); got != (matched{1, 1, 1}) {
		t.Errorf("got %+v", got)
	}
	list, err := sc.s.Messages(t.Context(), sc.org, store.Page{Take: 10})
	check(t, err)
	if list.Total != 3 || sc.attempts() != 1 {
		t.Errorf("%d messages with %d attempts, want 3 with 1", list.Total, sc.attempts())
	}
}

func TestPublishOfCachedMatchesTakesOneStatement(t *testing.T) {
	t.Parallel()
	config, counted := parse(t, testpg.DSN(t)), new(statements)
	config.Tracer = counted
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { check(t, pool.Close()) })
	sc := newScene(t, migrated(t, newOn(t, pool, bunstore.Options{})))
	for _, want := range []int64{2, 1, 1} {
		before := counted.n.Load()
		sc.matched("x")
		if n := counted.n.Load() - before; n != want {
			t.Errorf("it took %d statements, want %d", n, want)
		}
	}
	for name, c := range map[string]struct {
		changes *bunstore.Store
		wants   []int64
	}{
		"its own":        {sc.s, []int64{2, 1}},
		"another host's": {newOn(t, postgresPool(t), bunstore.Options{Schema: sc.s.Schema()}), []int64{3, 1}}, // stale insert, new query, insert
	} {
		_, err := c.changes.UpdateSubscription(t.Context(), sc.org, sc.sub.ID, time.Now(), func(*store.Subscription) error { return nil })
		check(t, err)
		for _, want := range c.wants {
			before := counted.n.Load()
			sc.matched("x")
			if n := counted.n.Load() - before; n != want {
				t.Errorf("after a change of %s it took %d statements, want %d", name, n, want)
			}
		}
	}
}
