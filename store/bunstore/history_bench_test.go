package bunstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// ofOne is the number of attempts of the subscription with the measured history.
const ofOne = 10_000

// past is a PostgreSQL with a history, of which one subscription has ofOne attempts,
// spread evenly over the table.
type past struct {
	*scene
	stride int // the subscription has one of this many attempts
}

// newPast fills a store with attempts: of ten, the ninth failed and the tenth is its
// retry, one more failed, and one waits.
func newPast(b *testing.B, total int) *past {
	b.Helper()
	s := newPostgres(b)
	p := &past{newScene(b, s), total / ofOne}
	fill := func(text string) {
		b.Helper()
		text = strings.NewReplacer(
			"{}", `"`+s.Schema()+`".`, "{all}", fmt.Sprintf(`(SELECT i, i / %d AS k FROM generate_series(0::bigint, %d) AS i) AS g`, p.stride,
				total-1),
			"{org}", p.own("1", p.org), "{subscription}", p.own("2", p.sub.ID),
			"{message}", numbered("3", p.first()), "{delivery}", numbered("4", p.first()), "{attempt}", numbered("4", "i"),
			"{retry}", numbered("4", fmt.Sprintf("i + %d", p.stride)), "{former}", numbered("4", fmt.Sprintf("i - %d", p.stride)),
			"{event}", fmt.Sprintf("CASE WHEN k %% 4 = 0 THEN '%s'::uuid ELSE '%s' END", p.event.ID, uuid.Max),
			"{time}", "now() - interval '1 day' + i * interval '1 ms'",
		).Replace(text)
		_, err := s.DB().DB.ExecContext(b.Context(), text)
		check(b, err)
	}
	fill(`INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_at, created_by)
SELECT {message}, {org}, {event}, 'vitals.observations.created', 'v1', convert_to(repeat(md5(i::text), 10), 'UTF8'), '', {time}, ''
FROM {all} WHERE k % 10 <> 9`)
	fill(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  created_at, updated_at, posted_at, duration_ms, number, step, http_status, type, status,
  chain_status, chain_attempts, outcome_id, retry_of, created_by, updated_by, response)
SELECT {attempt}, {delivery}, {message}, {org}, {subscription}, {event},
  {time}, {time}, {time}, i % 1000, CASE k % 10 WHEN 9 THEN 2 ELSE 1 END,
  CASE k % 10 WHEN 9 THEN 1 ELSE 0 END, 200, CASE k % 10 WHEN 9 THEN 1 ELSE 0 END, CASE k % 10 WHEN 8 THEN 3 WHEN 3 THEN 3 WHEN 5 THEN 0 ELSE 2 END,
  CASE k % 10 WHEN 8 THEN 2 END, CASE k % 10 WHEN 8 THEN 2 ELSE 1 END, CASE k % 10 WHEN 8 THEN {retry} END, CASE k % 10 WHEN 9 THEN {former} END, '', '', 'ok'
FROM {all}`)
	fill(`VACUUM ANALYZE {}messages`)
	fill(`VACUUM ANALYZE {}attempts`)
	return p
}

// own is the first id of the subscription's attempts, others of all other attempts.
func (p *past) own(kind string, id uuid.UUID) string {
	return fmt.Sprintf("CASE WHEN i %% %d = 0 THEN '%s'::uuid ELSE %s END", p.stride, id, numbered(kind, fmt.Sprintf("i %% %d", p.stride)))
}

// first is the number of the first attempt of the delivery.
func (p *past) first() string {
	return fmt.Sprintf("CASE k %% 10 WHEN 9 THEN i - %d ELSE i END", p.stride)
}

// numbered is an id that sorts by the number.
func numbered(kind, number string) string {
	return fmt.Sprintf("(lpad(to_hex(1700000000000 + %[2]s), 12, '0') || '7000800%[1]s' || lpad(to_hex(%[2]s), 12, '0'))::uuid", kind,
		"("+number+")")
}

// middle is an id from the middle of the subscription's attempts, or of its messages.
func (p *past) middle(kind int) uuid.UUID {
	n := ofOne / 2 * p.stride
	return uuid.MustParse(fmt.Sprintf("%012x7000800%d%012x", 1_700_000_000_000+n, kind, n))
}

func (p *past) query(page store.Page) store.HistoryQuery {
	return store.HistoryQuery{OrganizationID: p.org, SubscriptionID: p.sub.ID, Page: page}
}

// A reading is a way to read history. It says how much it found.
type reading struct {
	name string
	read func(ctx context.Context, s *bunstore.Store, p *past) (items, total int, err error)
}

func attemptsRead(name string, choose func(p *past) store.HistoryQuery) reading {
	return reading{"Attempts" + name, func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
		list, err := s.Attempts(ctx, choose(p))
		return len(list.Items), list.Total, err
	}}
}

func deliveriesRead(name string, choose func(p *past) store.HistoryQuery) reading {
	return reading{"Deliveries" + name, func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
		list, err := s.Deliveries(ctx, choose(p))
		return len(list.Items), list.Total, err
	}}
}

func messagesRead(name string, choose func(p *past) store.Page) reading {
	return reading{"Messages" + name, func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
		list, err := s.Messages(ctx, p.org, choose(p))
		return len(list.Items), list.Total, err
	}}
}

func readings() []reading {
	first := func(p *past) store.HistoryQuery { return p.query(store.Page{Take: 10}) }
	newest := func(p *past) store.HistoryQuery { return p.query(store.Page{Take: 10, Descending: true}) }
	deep := func(p *past) store.HistoryQuery { return p.query(store.Page{Take: 11, After: p.middle(4)}) }
	status := func(filter store.StatusFilter) func(p *past) store.HistoryQuery {
		return func(p *past) store.HistoryQuery {
			q := first(p)
			q.Status = filter
			return q
		}
	}
	event := func(p *past) store.HistoryQuery {
		q := first(p)
		q.EventTypeID = p.event.ID
		return q
	}
	return []reading{
		attemptsRead("/first", first), attemptsRead("/newest", newest), attemptsRead("/deep", deep),
		deliveriesRead("/first", first), deliveriesRead("/newest", newest), deliveriesRead("/deep", deep),
		{"Attempt", func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
			_, err := s.Attempt(ctx, p.org, p.sub.ID, p.middle(4))
			return 1, 1, err
		}},
		{"Delivery", func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
			_, err := s.Delivery(ctx, p.org, p.sub.ID, p.middle(4))
			return 1, 1, err
		}},
		attemptsRead("/failed", status(store.OnlyFailed)), attemptsRead("/succeeded", status(store.OnlySucceeded)),
		attemptsRead("/pending", status(store.OnlyPending)), attemptsRead("/event", event),
		deliveriesRead("/failed", status(store.OnlyFailed)), deliveriesRead("/succeeded", status(store.OnlySucceeded)),
		deliveriesRead("/pending", status(store.OnlyPending)), deliveriesRead("/event", event),
		messagesRead("/first", func(*past) store.Page { return store.Page{Take: 10} }),
		messagesRead("/newest", func(*past) store.Page { return store.Page{Take: 10, Descending: true} }),
		messagesRead("/deep", func(p *past) store.Page { return store.Page{Take: 11, After: p.middle(3)} }),
		{"MessageDeliveries", func(ctx context.Context, s *bunstore.Store, p *past) (int, int, error) {
			list, err := s.MessageDeliveries(ctx, p.org, p.middle(3), nil, store.Page{Take: 10})
			return len(list.Items), list.Total, err
		}},
	}
}

// BenchmarkHistory reads the history of a subscription with 10,000 attempts, in a
// table of only these and in one of a million. Each iteration reads both; it reports
// the medians, and the time on the large table as a multiple of the time on the small one.
func BenchmarkHistory(b *testing.B) {
	testpg.DSN(b)
	small, large := newPast(b, ofOne), newPast(b, 100*ofOne)
	for _, r := range readings() {
		b.Run(r.name, func(b *testing.B) {
			var took [2][]time.Duration
			for b.Loop() {
				var items, total [2]int
				for i, p := range []*past{small, large} {
					began := time.Now()
					var err error
					items[i], total[i], err = r.read(b.Context(), p.s, p)
					took[i] = append(took[i], time.Since(began))
					check(b, err)
				}
				if items[0] != items[1] || total[0] != total[1] || total[1] == 0 {
					b.Fatalf("found %v of %v", items, total)
				}
			}
			b.ReportMetric(milliseconds(median(took[0])), "ms/10k")
			b.ReportMetric(milliseconds(median(took[1])), "ms/1M")
			b.ReportMetric(milliseconds(median(took[1]))/milliseconds(median(took[0])), "ratio")
			b.ReportMetric(0, "ns/op") // of both
		})
	}
}

func median(in []time.Duration) time.Duration {
	slices.Sort(in)
	return in[len(in)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
