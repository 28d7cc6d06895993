package bunstore

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// CountRecoverable implements store.Recoveries.
func (s *Store) CountRecoverable(ctx context.Context, r store.Recovery) (n int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		n = 0
		sub, err := s.subscription(ctx, tx, r.OrganizationID, r.SubscriptionID, "")
		if err != nil {
			return err
		}
		f := finder{conn: s.on(tx.Tx), recovery: r, sub: sub}
		if r.Scope != store.RecoverMissed {
			if n, err = f.countFailed(ctx); err != nil {
				return err
			}
		}
		if r.Scope == store.RecoverFailed {
			return nil
		}
		return f.findMissed(ctx, everything, 0, func(_ store.Message, matches bool) {
			if matches {
				n++
			}
		})
	})
	return n, err
}

// finder finds the failed deliveries and the missed messages of a recovery.
type finder struct {
	conn
	recovery store.Recovery
	sub      store.Subscription
}

// idRange is the ids behind one id, up to and with another.
type idRange struct{ behind, last uuid.UUID }

var everything = idRange{uuid.Nil, uuid.Max}

// maxScanned bounds the attempts of the subscription, and the messages of the organization, that
// one step of a recovery reads.
const maxScanned = 5000

// nextRange returns the range behind an id that one step reads, of the ids that the text selects
// for the owner, and whether there are ids behind the range.
func (f finder) nextRange(ctx context.Context, ids string, owner, behind uuid.UUID) (st idRange, more bool, err error) {
	st = idRange{behind, uuid.Max}
	err = f.query(ctx, ids+` AND id > ? ORDER BY id LIMIT 1 OFFSET ?`, func(row scanner) error {
		more = true
		return row.Scan((*id)(&st.last))
	}, f.id(owner), f.id(behind), maxScanned-1)
	return st, more, err
}

const (
	attemptIDs = `SELECT id FROM {}attempts WHERE subscription_id = ?`
	messageIDs = `SELECT id FROM {}messages WHERE subscription_id IS NULL AND organization_id = ?`
)

var failedDeliveries = numbered(`
FROM {}attempts AS a
WHERE a.subscription_id = ? AND a.number = 1 AND a.type <> {TestPost} AND NOT a.external AND coalesce(a.chain_status, a.status) = {Failed}
  AND a.created_at >= ? AND a.created_at < ?`)

func (f finder) countFailed(ctx context.Context) (n int, err error) {
	err = f.query(ctx, `SELECT count(*) `+failedDeliveries, func(row scanner) error { return row.Scan(&n) },
		f.id(f.sub.ID), f.recovery.Since, f.recovery.Until)
	return n, err
}

// findFailed returns the failed deliveries in a range, in the order of their ids.
func (f finder) findFailed(ctx context.Context, in idRange, limit int) (found []uuid.UUID, err error) {
	err = f.query(ctx, `SELECT a.id `+failedDeliveries+` AND a.id > ? AND a.id <= ? ORDER BY a.id LIMIT ?`, func(row scanner) error {
		var delivery id
		err := row.Scan(&delivery)
		found = append(found, uuid.UUID(delivery))
		return err
	}, f.id(f.sub.ID), f.recovery.Since, f.recovery.Until, f.id(in.behind), f.id(in.last), limit)
	return found, err
}

// findMissed calls see for each message in a range that the subscription did not get and its
// selectors match, in the order of the ids, and says whether the filter matches too. A limit of 0
// is none.
func (f finder) findMissed(ctx context.Context, in idRange, limit int, see func(m store.Message, matches bool)) error {
	matches, args := f.selected()
	if matches == "" {
		return nil
	}
	since := f.recovery.Since
	if f.sub.CreatedAt.After(since) {
		since = f.sub.CreatedAt
	}
	body := "NULL"
	if len(f.sub.Filter) > 0 {
		body = "m.body"
	}
	// A count of the attempts is a look-up for each message, and a message has few attempts. The
	// planner would join EXISTS to all attempts of the subscription.
	text := `
SELECT m.id, m.event_type_id, m.ordering_key, ` + body + ` FROM {}messages AS m
WHERE m.organization_id = ? AND m.subscription_id IS NULL AND m.id > ? AND m.id <= ? AND m.created_at >= ? AND m.created_at < ?
  AND m.expunged_at IS NULL
  AND (` + matches + `)
  AND (SELECT count(*) FROM {}attempts AS a WHERE a.message_id = m.id AND a.subscription_id = ? AND a.number = 1) = 0
ORDER BY m.id`
	args = append([]any{f.id(f.sub.OrganizationID), f.id(in.behind), f.id(in.last), since, f.recovery.Until}, args...)
	args = append(args, f.id(f.sub.ID))
	if limit > 0 {
		text += ` LIMIT ?`
		args = append(args, limit)
	}
	return f.query(ctx, text, func(row scanner) error {
		var m store.Message
		if err := row.Scan((*id)(&m.ID), (*id)(&m.EventTypeID), &m.OrderingKey, &m.Body); err != nil {
			return err
		}
		see(m, f.sub.Filter.Matches(store.NewDocument(m.Data())))
		return nil
	}, args...)
}

// selected returns an SQL condition on messages for the selectors of the subscription, by the rule
// of store.Topics; "" if it has none.
func (f finder) selected() (text string, args []any) {
	var either []string
	for _, sel := range f.sub.Selectors {
		prefix, isPattern := strings.CutSuffix(sel.Pattern, "*")
		switch {
		case sel.Pattern == "":
			either = append(either, "m.event_type_id = ?")
			args = append(args, f.id(sel.EventTypeID))
		case sel.Pattern == "*":
			either = append(either, "m.version = ?")
			args = append(args, f.sub.Version)
		case isPattern && strings.HasSuffix(prefix, "."):
			either = append(either, "(m.version = ? AND substr(m.type, 1, length(CAST(? AS text))) = ?)")
			args = append(args, f.sub.Version, prefix, prefix)
		}
	}
	return strings.Join(either, " OR "), args
}
