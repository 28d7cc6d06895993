package bunstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// longHistory is a scene whose subscription has one attempt for each second from begin on.
type longHistory struct {
	*scene
	begin time.Time
	n     int
}

// newLongHistory fills a store with n attempts: nine of ten got 200, the tenth 500.
func newLongHistory(t *testing.T, s *bunstore.Store, n int) longHistory {
	t.Helper()
	sc := newScene(t, s)
	fill := strings.NewReplacer(
		"{message}", numbered("3", "i * 1000"), "{attempt}", numbered("4", "i * 1000"), "{rows}", fmt.Sprint(n-1),
		"{org}", sc.org.String(), "{event}", sc.event.ID.String(), "{subscription}", sc.sub.ID.String())
	sc.exec(fill.Replace(`INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_by)
SELECT {message}, '{org}', '{event}', 'x', 'v1', 'x', '', '' FROM generate_series(0::bigint, {rows}) AS i`))
	sc.exec(fill.Replace(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, number, step,
  http_status, type, status, created_by, updated_by)
SELECT {attempt}, {attempt}, {message}, '{org}', '{subscription}', '{event}', 1, 0,
  CASE i % 10 WHEN 0 THEN 500 ELSE 200 END, 0, 2, '', '' FROM generate_series(0::bigint, {rows}) AS i`))
	sc.exec(`ANALYZE {}attempts, {}messages`)
	return longHistory{sc, time.UnixMilli(1_700_000_000_000).UTC(), n}
}

// reads returns how many rows and entries of indexes a call reads.
func (h longHistory) reads(call func()) int {
	h.tb.Helper()
	read := func() (n int) {
		h.exec(`SELECT pg_stat_force_next_flush()`)
		return h.one(`SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = ?0)
+ (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = ?0)`, h.s.Schema())
	}
	before := read()
	call()
	return read() - before
}

// id is the id of the attempt in the middle, or of its message.
func (h longHistory) id(kind int) uuid.UUID {
	i := h.n / 2 * 1000
	return uuid.MustParse(fmt.Sprintf("%012x7000800%d%012x", h.begin.UnixMilli()+int64(i), kind, i))
}

// A list of a time reads the attempts of that time, and no other attempts of the subscription.
func TestAListOfATimeReadsNoOtherTime(t *testing.T) {
	t.Parallel()
	onEachPool(t, listOfATime)
}

func listOfATime(t *testing.T, s *bunstore.Store) {
	h := newLongHistory(t, s, 20_000)
	q := store.HistoryQuery{
		OrganizationID: h.org, SubscriptionID: h.sub.ID, Class: store.Class5xx,
		Since: h.begin.Add(10_000 * time.Second), Until: h.begin.Add(10_100 * time.Second),
		Page: store.Page{Take: 5, Descending: true},
	}
	read := h.reads(func() {
		found, err := s.Attempts(t.Context(), q)
		check(t, err)
		delivered, err := s.Deliveries(t.Context(), q)
		check(t, err)
		if found.Total != 10 || len(found.Items) != 5 || delivered.Total != 10 || len(delivered.Items) != 5 {
			t.Errorf("found %d of %d attempts, %d of %d deliveries", len(found.Items), found.Total, len(delivered.Items), delivered.Total)
		}
	})
	if read > 1500 {
		t.Errorf("%d rows and entries were read, for 100 attempts of %d", read, h.n)
	}
}

// Pages, totals with a bound, single records and retries read a part of a long history that does not grow with it.
func TestALongHistoryIsNotReadThrough(t *testing.T) {
	t.Parallel()
	onEachPool(t, longHistoryReads)
}

func longHistoryReads(t *testing.T, s *bunstore.Store) {
	h := newLongHistory(t, s, 20_000)
	attempt, message := h.id(4), h.id(3)
	page := store.Page{Take: 10, Descending: true, MaxTotal: 100}
	of := func(status store.StatusFilter) store.HistoryQuery {
		return store.HistoryQuery{OrganizationID: h.org, SubscriptionID: h.sub.ID, Status: status, Page: page}
	}
	for name, call := range map[string]func(ctx context.Context) error{
		"Attempts":      func(ctx context.Context) error { _, err := s.Attempts(ctx, of(store.AnyStatus)); return err },
		"Deliveries":    func(ctx context.Context) error { _, err := s.Deliveries(ctx, of(store.AnyStatus)); return err },
		"Succeeded":     func(ctx context.Context) error { _, err := s.Deliveries(ctx, of(store.OnlySucceeded)); return err },
		"Messages":      func(ctx context.Context) error { _, err := s.Messages(ctx, h.org, page); return err },
		"Attempt":       func(ctx context.Context) error { _, err := s.Attempt(ctx, h.org, h.sub.ID, attempt); return err },
		"Delivery":      func(ctx context.Context) error { _, err := s.Delivery(ctx, h.org, h.sub.ID, attempt); return err },
		"Chain":         func(ctx context.Context) error { _, err := s.Chain(ctx, h.org, h.sub.ID, attempt, 0); return err },
		"ChainInPieces": func(ctx context.Context) error { _, err := s.Chain(ctx, h.org, h.sub.ID, attempt, 1); return err },
		"MessageTally":  func(ctx context.Context) error { _, err := s.MessageTally(ctx, h.org, message); return err },
		"MessageDeliveries": func(ctx context.Context) error {
			_, err := s.MessageDeliveries(ctx, h.org, message, nil, page)
			return err
		},
		"RecentDeliveries": func(ctx context.Context) error {
			_, err := s.RecentDeliveries(ctx, h.org, []uuid.UUID{h.sub.ID}, 100)
			return err
		},
		"Retry": func(ctx context.Context) error {
			retry := store.NewAttempt{ID: newID(), Type: store.ManualRetry, RetryOf: attempt, At: h.now, ExpiresAt: h.now.Add(time.Hour), External: true}
			_, err := s.AddAttempt(ctx, h.org, h.sub.ID, retry)
			if err == nil {
				_, err = s.Report(ctx, h.org, h.sub.ID, retry.ID, func(store.Attempt) (*store.Report, error) {
					return &store.Report{Status: store.Succeeded, At: h.now}, nil
				})
			}
			return err
		},
	} {
		for range 6 { // from the sixth time on a plan is kept
			check(t, call(t.Context()))
		}
		if read := h.reads(func() { check(t, call(t.Context())) }); read > 800 {
			t.Errorf("%s read %d rows and entries of %d", name, read, h.n)
		}
	}
}
