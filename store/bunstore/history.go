package bunstore

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// attemptRow is an attempt, with the body and the source of its message in most queries. Columns
// that only the queue needs are left out.
type attemptRow struct {
	bun.BaseModel `bun:"table:attempts,alias:a"`

	ID              id `bun:",pk"`
	DeliveryID      id
	MessageID       id
	OrganizationID  id
	SubscriptionID  id
	EventTypeID     id
	Line            optionalID
	Number          int
	Step            int
	Type            store.AttemptType
	External        bool
	Status          store.Status
	RetryOf         optionalID
	PostedAt        instant
	DurationMS      int64 `bun:"duration_ms"`
	HTTPStatus      int   `bun:"http_status"`
	Response        []byte
	ResponseHeaders string
	Error           string
	NextRetryAt     instant
	auditRow

	Body      []byte  `bun:",scanonly"`
	Source    []byte  `bun:",scanonly"`
	Sending   bool    `bun:",scanonly"`
	HeldUntil instant `bun:",scanonly"`
	// Of the message, in most queries.
	ExpungedAt instant `bun:",scanonly"`
	ExpungedBy string  `bun:",scanonly"`
	sizedRow
}

func (r *attemptRow) toStore() store.Attempt {
	if r.Sending {
		r.Status = store.Sending
	}
	return store.Attempt{
		ID: uuid.UUID(r.ID), DeliveryID: uuid.UUID(r.DeliveryID), MessageID: uuid.UUID(r.MessageID),
		OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID), EventTypeID: uuid.UUID(r.EventTypeID),
		Number: r.Number, Step: r.Step, Type: r.Type, External: r.External, Status: r.Status, RetryOf: uuid.UUID(r.RetryOf),
		PostedAt: time.Time(r.PostedAt), Duration: time.Duration(r.DurationMS) * time.Millisecond, HTTPStatus: r.HTTPStatus,
		Response: r.Response, ResponseHeaders: store.HeaderLines(r.ResponseHeaders), Error: r.Error, NextRetryAt: time.Time(r.NextRetryAt),
		HeldUntil: time.Time(r.HeldUntil).Truncate(time.Millisecond), Audit: r.auditRow.toStore(),
		Body: r.Body, Source: r.Source, Expunged: store.Expunged{At: time.Time(r.ExpungedAt), By: r.ExpungedBy},
	}
}

// deliveryRow is the first attempt of a chain, with the outcome of the chain.
type deliveryRow struct {
	bun.BaseModel `bun:"table:attempts,alias:a"`

	attemptRow
	ChainStatus   *store.Status
	ChainAttempts int

	Outcome            optionalID `bun:",scanonly"` // the deciding attempt, zero for this attempt
	OutcomeDurationMS  int64      `bun:"outcome_duration_ms,scanonly"`
	OutcomeHTTPStatus  int        `bun:"outcome_http_status,scanonly"`
	OutcomeResponse    []byte     `bun:",scanonly"`
	OutcomeHeaders     string     `bun:",scanonly"`
	OutcomeError       string     `bun:",scanonly"`
	OutcomeNextRetryAt instant    `bun:",scanonly"`
	RetryHeldUntil     instant    `bun:",scanonly"` // of the retries
}

func (r *deliveryRow) toStore() store.Delivery {
	d := store.Delivery{Attempt: r.attemptRow.toStore(), Attempts: r.ChainAttempts}
	if r.ChainStatus != nil {
		d.Status = *r.ChainStatus
	}
	if !d.Status.Finished() {
		d.Status = store.Pending
	}
	if uuid.UUID(r.Outcome) != uuid.Nil {
		d.Duration, d.HTTPStatus = time.Duration(r.OutcomeDurationMS)*time.Millisecond, r.OutcomeHTTPStatus
		d.Response, d.ResponseHeaders = r.OutcomeResponse, store.HeaderLines(r.OutcomeHeaders)
		d.Error, d.NextRetryAt = r.OutcomeError, time.Time(r.OutcomeNextRetryAt)
	}
	if until := time.Time(r.RetryHeldUntil).Truncate(time.Millisecond); d.HeldUntil.IsZero() || !until.IsZero() && until.Before(d.HeldUntil) {
		d.HeldUntil = until
	}
	return d
}

// largeAttempt and largeDelivery are the columns that bareAttemptsOf and bareDeliveries leave out, largeOutcome those of a
// delivery without its message.
var (
	largeAttempt  = large{answer + ", m.body, m.source", octets("m.body", "m.source", "a.response", "a.response_headers")}
	largeDelivery = large{
		outcomeAnswer + ", m.body, m.source", octets("m.body", "m.source", outcomeOf("response"), outcomeOf("response_headers")),
	}
	largeOutcome = large{outcomeAnswer, octets(outcomeOf("response"), outcomeOf("response_headers"))}
)

const (
	answer        = "a.response, a.response_headers"
	outcomeAnswer = answer + ", o.response AS outcome_response, o.response_headers AS outcome_headers"
)

// outcomeOf is a column of the attempt that has the outcome of the chain.
func outcomeOf(column string) string {
	return "CASE WHEN o.id IS NULL THEN a." + column + " ELSE o." + column + " END"
}

// bareAttempts finds attempts, without their large members.
func (s *Store) bareAttempts(db bun.IDB, model any) *bun.SelectQuery {
	queue := s.table("queue AS q")
	return db.NewSelect().Model(model).ModelTableExpr(s.table("attempts AS a")).ExcludeColumn("response", "response_headers").
		ColumnExpr("coalesce((SELECT q.sending FROM "+queue+" WHERE a.status = ? AND q.attempt_id = a.id), false) AS sending", store.Pending).
		ColumnExpr("(SELECT q.due_at FROM "+queue+" WHERE a.status = ? AND q.attempt_id = a.id AND q.held) AS held_until", store.Pending)
}

// bareAttemptsOf finds attempts of the subscription, with their messages, without their
// large members.
func (s *Store) bareAttemptsOf(db bun.IDB, model any, subscription uuid.UUID) *bun.SelectQuery {
	return s.bareAttempts(db, model).ColumnExpr("m.expunged_at, m.expunged_by").
		Join("JOIN "+s.table("messages AS m")).JoinOn("m.id = a.message_id").
		Where("a.subscription_id = ?", id(subscription))
}

// attempts finds attempts of the subscription.
func (s *Store) attempts(db bun.IDB, model any, subscription uuid.UUID) *bun.SelectQuery {
	return s.bareAttemptsOf(db, model, subscription).ColumnExpr(largeAttempt.columns)
}

// bareDeliveries finds the first attempts of the subscription's deliveries, without their
// large members.
func (s *Store) bareDeliveries(db bun.IDB, model any, subscription uuid.UUID) *bun.SelectQuery {
	return s.withOutcome(s.bareAttemptsOf(db, model, subscription)).Where("a.number = 1")
}

// withOutcome adds the outcome of the chain to first attempts, without the answer.
func (s *Store) withOutcome(q *bun.SelectQuery) *bun.SelectQuery {
	return q.
		ColumnExpr("o.id AS outcome, coalesce(o.duration_ms, 0) AS outcome_duration_ms, coalesce(o.http_status, 0) AS outcome_http_status").
		ColumnExpr("coalesce(o.error, '') AS outcome_error, o.next_retry_at AS outcome_next_retry_at").
		ColumnExpr("(SELECT min(q.due_at) FROM "+s.table("attempts AS p")+" JOIN "+s.table("queue AS q")+" ON q.attempt_id = p.id"+
			" WHERE a.chain_status = ?0 AND p.delivery_id = a.id AND p.number > 1 AND p.status = ?0 AND q.held) AS retry_held_until", store.Pending).
		Join("LEFT JOIN " + s.table("attempts AS o")).JoinOn("o.id = a.outcome_id")
}

// whereStatus applies a filter to a status, which is an SQL expression.
func whereStatus(q *bun.SelectQuery, expression string, filter store.StatusFilter) {
	switch filter {
	case store.OnlySucceeded:
		q.Where(expression+" = ?", store.Succeeded)
	case store.OnlyFailed:
		q.Where(expression+" = ?", store.Failed)
	case store.OnlyPending:
		q.Where(expression+" = ?", store.Pending)
	case store.AnyStatus:
	}
}

// Attempts implements store.History.
func (s *Store) Attempts(ctx context.Context, query store.HistoryQuery) (list store.List[store.Attempt], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		total, err := s.countHistory(ctx, tx, query, attemptColumns)
		if err != nil || total == 0 {
			return err
		}
		rows, truncated, err := scanBounded(ctx, func(rows *[]attemptRow) *bun.SelectQuery {
			return whereHistory(s.bareAttemptsOf(tx, rows, query.SubscriptionID), query, attemptColumns)
		}, largeAttempt, "a", query.Page)
		list = toList(rows, total, truncated, (*attemptRow).toStore)
		return err
	})
	return list, err
}

// Deliveries implements store.History.
func (s *Store) Deliveries(ctx context.Context, query store.HistoryQuery) (list store.List[store.Delivery], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		total, err := s.countHistory(ctx, tx, query, deliveryColumns)
		if err != nil || total == 0 {
			return err
		}
		rows, truncated, err := scanBounded(ctx, func(rows *[]deliveryRow) *bun.SelectQuery {
			return whereHistory(s.bareDeliveries(tx, rows, query.SubscriptionID), query, deliveryColumns)
		}, largeDelivery, "a", query.Page)
		list = toList(rows, total, truncated, (*deliveryRow).toStore)
		return err
	})
	return list, err
}

// RecentDeliveries implements store.History.
func (s *Store) RecentDeliveries(
	ctx context.Context, org uuid.UUID, subscriptions []uuid.UUID, newest int,
) (out map[uuid.UUID]store.Recent, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		out = map[uuid.UUID]store.Recent{}
		for _, sub := range subscriptions {
			r, err := s.recentDeliveries(ctx, tx, org, sub, newest)
			if err != nil {
				return err
			}
			if r.Deliveries > 0 {
				out[sub] = r
			}
		}
		return nil
	})
	return out, err
}

func (s *Store) recentDeliveries(ctx context.Context, tx bun.Tx, org, subscription uuid.UUID, newest int) (r store.Recent, err error) {
	of := tx.NewSelect().TableExpr(s.table("attempts AS a")).
		ColumnExpr("coalesce(a.chain_status, a.status) AS status, a.posted_at, a.outcome_id").
		Where("a.subscription_id = ?", id(subscription)).Where("a.organization_id = ?", id(org)).Where("a.number = 1").
		OrderExpr("a.id DESC").Limit(int64(newest))
	err = tx.NewSelect().TableExpr("(?) AS d", of).
		ColumnExpr("count(*), count(CASE WHEN d.status = ? THEN 1 END)", store.Pending).
		ColumnExpr("max(CASE WHEN d.status = ? THEN coalesce((SELECT o.posted_at FROM "+s.table("attempts AS o")+
			" WHERE o.id = d.outcome_id), d.posted_at) END)", store.Succeeded).
		Scan(ctx, &r.Deliveries, &r.Pending, (*instant)(&r.LastSuccess))
	return r, err
}

// historyColumns are SQL expressions for members of a list's items.
type historyColumns struct{ status, httpStatus string }

// The columns of attempts, and of deliveries by their first attempt a and their outcome o.
var (
	attemptColumns  = historyColumns{"a.status", "a.http_status"}
	deliveryColumns = historyColumns{"coalesce(a.chain_status, a.status)", "coalesce(o.http_status, a.http_status)"}
)

// countHistory counts the rows of a query for history. Unless the query needs the outcome of
// deliveries, it joins nothing, so that an index-only scan can answer it.
func (s *Store) countHistory(ctx context.Context, tx bun.Tx, query store.HistoryQuery, in historyColumns) (total int, err error) {
	if err := s.requireSubscription(ctx, tx, query.OrganizationID, query.SubscriptionID, ""); err != nil {
		return 0, err
	}
	q := tx.NewSelect().TableExpr(s.table("attempts AS a")).ColumnExpr("1").
		Where("a.subscription_id = ?", id(query.SubscriptionID))
	if in == deliveryColumns {
		q.Where("a.number = 1")
		if query.Class != store.AnyClass {
			q.Join("LEFT JOIN " + s.table("attempts AS o")).JoinOn("o.id = a.outcome_id")
		}
	}
	return count(ctx, tx, whereHistory(q, query, in), query.Page)
}

// whereHistory applies the filters of the query.
func whereHistory(q *bun.SelectQuery, query store.HistoryQuery, in historyColumns) *bun.SelectQuery {
	if query.EventTypeID != uuid.Nil {
		q.Where("a.event_type_id = ?", id(query.EventTypeID))
	}
	whereStatus(q, in.status, query.Status)
	if query.Class != store.AnyClass {
		from, to := query.Class.Range()
		q.Where(in.httpStatus+" >= ?", from).Where(in.httpStatus+" < ?", to)
	}
	if !query.Since.IsZero() {
		q.Where("a.id >= ?", id(store.FirstID(query.Since)))
	}
	if !query.Until.IsZero() {
		q.Where("a.id < ?", id(store.FirstID(query.Until)))
	}
	return q
}

// Attempt implements store.History.
func (s *Store) Attempt(ctx context.Context, org, subscription, attempt uuid.UUID) (store.Attempt, error) {
	if err := s.requireSubscription(ctx, s.db, org, subscription, ""); err != nil {
		return store.Attempt{}, s.mapError(ctx, err)
	}
	var row attemptRow
	if err := s.attempts(s.db, &row, subscription).Where("a.id = ?", id(attempt)).Scan(ctx); err != nil {
		return store.Attempt{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}

// Chain implements store.History.
func (s *Store) Chain(
	ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int,
) (list store.List[store.Attempt], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		if err := s.requireSubscription(ctx, tx, org, subscription, ""); err != nil {
			return err
		}
		all := store.Page{Take: math.MaxInt32, MaxBytes: maxBytes}
		rows, truncated, err := scanBounded(ctx, func(rows *[]attemptRow) *bun.SelectQuery {
			return s.whereChain(s.bareAttemptsOf(tx, rows, subscription), id(delivery)).Order("a.number")
		}, largeAttempt, "a", all)
		if err == nil && len(rows) == 0 {
			err = store.ErrNotFound
		}
		list = toList(rows, len(rows), truncated, (*attemptRow).toStore)
		return err
	})
	return list, err
}

// whereChain keeps the attempts of a delivery. The subquery leaves the planner one plan, which looks each attempt up: without
// bitmap scans it would read the history of the subscription for an OR.
func (s *Store) whereChain(q *bun.SelectQuery, delivery id) *bun.SelectQuery {
	return q.Where("a.delivery_id = ?0 AND a.id IN (SELECT ?0 UNION ALL SELECT o.id FROM "+s.table("attempts AS o")+
		" WHERE o.delivery_id = ?0 AND o.number > 1)", delivery)
}

// Delivery implements store.History.
func (s *Store) Delivery(ctx context.Context, org, subscription, delivery uuid.UUID) (store.Delivery, error) {
	if err := s.requireSubscription(ctx, s.db, org, subscription, ""); err != nil {
		return store.Delivery{}, s.mapError(ctx, err)
	}
	var row deliveryRow
	q := s.bareDeliveries(s.db, &row, subscription).ColumnExpr(largeDelivery.columns).Where("a.id = ?", id(delivery))
	if err := q.Scan(ctx); err != nil {
		return store.Delivery{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}
