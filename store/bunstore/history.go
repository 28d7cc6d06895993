package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// attemptRow is an attempt, mostly with what its message shows. What only the queue
// needs is not read.
type attemptRow struct {
	bun.BaseModel `bun:"table:attempts,alias:a"`

	ID             id `bun:",pk"`
	DeliveryID     id
	MessageID      id
	OrganizationID id
	SubscriptionID id
	EventTypeID    id
	Line           optionalID
	Number         int
	Step           int
	Type           store.AttemptType
	External       bool
	Status         store.Status
	RetryOf        optionalID
	PostedAt       instant
	DurationMS     int64 `bun:"duration_ms"`
	HTTPStatus     int   `bun:"http_status"`
	Response       []byte
	Error          string
	NextRetryAt    instant
	auditRow

	Body      []byte  `bun:",scanonly"`
	Source    []byte  `bun:",scanonly"`
	Sending   bool    `bun:",scanonly"`
	HeldUntil instant `bun:",scanonly"`
}

func (r *attemptRow) record() store.Attempt {
	if r.Sending {
		r.Status = store.Sending
	}
	return store.Attempt{
		ID: uuid.UUID(r.ID), DeliveryID: uuid.UUID(r.DeliveryID), MessageID: uuid.UUID(r.MessageID),
		OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID), EventTypeID: uuid.UUID(r.EventTypeID),
		Number: r.Number, Step: r.Step, Type: r.Type, External: r.External, Status: r.Status, RetryOf: uuid.UUID(r.RetryOf),
		PostedAt: time.Time(r.PostedAt), Duration: time.Duration(r.DurationMS) * time.Millisecond, HTTPStatus: r.HTTPStatus,
		Response: r.Response, Error: r.Error, NextRetryAt: time.Time(r.NextRetryAt),
		HeldUntil: time.Time(r.HeldUntil).Truncate(time.Millisecond), Audit: r.auditRow.record(),
		Body: r.Body, Source: r.Source,
	}
}

// deliveryRow is the first attempt of a chain, with the outcome of the chain.
type deliveryRow struct {
	bun.BaseModel `bun:"table:attempts,alias:a"`

	attemptRow
	ChainStatus   *store.Status
	ChainAttempts int

	Outcome            optionalID `bun:",scanonly"` // zero if it is this attempt's
	OutcomeDurationMS  int64      `bun:"outcome_duration_ms,scanonly"`
	OutcomeHTTPStatus  int        `bun:"outcome_http_status,scanonly"`
	OutcomeResponse    []byte     `bun:",scanonly"`
	OutcomeError       string     `bun:",scanonly"`
	OutcomeNextRetryAt instant    `bun:",scanonly"`
	RetryHeldUntil     instant    `bun:",scanonly"` // of the retries
}

func (r *deliveryRow) record() store.Delivery {
	d := store.Delivery{Attempt: r.attemptRow.record(), Attempts: r.ChainAttempts}
	if r.ChainStatus != nil {
		d.Status = *r.ChainStatus
	}
	if !d.Status.Finished() {
		d.Status = store.Pending
	}
	if uuid.UUID(r.Outcome) != uuid.Nil {
		d.Duration, d.HTTPStatus = time.Duration(r.OutcomeDurationMS)*time.Millisecond, r.OutcomeHTTPStatus
		d.Response, d.Error, d.NextRetryAt = r.OutcomeResponse, r.OutcomeError, time.Time(r.OutcomeNextRetryAt)
	}
	if until := time.Time(r.RetryHeldUntil).Truncate(time.Millisecond); d.HeldUntil.IsZero() || !until.IsZero() && until.Before(d.HeldUntil) {
		d.HeldUntil = until
	}
	return d
}

// bareAttempts finds attempts, without what their messages show.
func (s *Store) bareAttempts(db bun.IDB, model any) *bun.SelectQuery {
	queue := s.table("queue AS q")
	return db.NewSelect().Model(model).ModelTableExpr(s.table("attempts AS a")).ColumnExpr("?TableColumns").
		ColumnExpr("coalesce((SELECT q.sending FROM " + queue + " WHERE a.status = 0 AND q.attempt_id = a.id), false) AS sending").
		ColumnExpr("(SELECT q.due_at FROM " + queue + " WHERE a.status = 0 AND q.attempt_id = a.id AND q.held) AS held_until")
}

// attempts finds attempts of the subscription.
func (s *Store) attempts(db bun.IDB, model any, subscription uuid.UUID) *bun.SelectQuery {
	return s.bareAttempts(db, model).ColumnExpr("m.body, m.source").
		Join("JOIN "+s.table("messages AS m")).JoinOn("m.id = a.message_id").
		Where("a.subscription_id = ?", id(subscription))
}

// deliveries finds the first attempts of the subscription's deliveries.
func (s *Store) deliveries(db bun.IDB, model any, subscription uuid.UUID) *bun.SelectQuery {
	return s.withOutcome(s.attempts(db, model, subscription)).Where("a.number = 1")
}

// withOutcome adds to first attempts what became of their chains.
func (s *Store) withOutcome(q *bun.SelectQuery) *bun.SelectQuery {
	return q.
		ColumnExpr("o.id AS outcome, coalesce(o.duration_ms, 0) AS outcome_duration_ms, coalesce(o.http_status, 0) AS outcome_http_status").
		ColumnExpr("o.response AS outcome_response, coalesce(o.error, '') AS outcome_error, o.next_retry_at AS outcome_next_retry_at").
		ColumnExpr("(SELECT min(q.due_at) FROM " + s.table("attempts AS p") + " JOIN " + s.table("queue AS q") + " ON q.attempt_id = p.id" +
			" WHERE a.chain_status = 0 AND p.delivery_id = a.id AND p.number > 1 AND p.status = 0 AND q.held) AS retry_held_until").
		Join("LEFT JOIN " + s.table("attempts AS o")).JoinOn("o.id = a.outcome_id")
}

// whereStatus applies a filter to the status that the expression gives.
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
		var rows []attemptRow
		total, err := s.scanHistory(ctx, tx, s.attempts(tx, &rows, query.SubscriptionID), query, false)
		list = listOfRecords(rows, total, (*attemptRow).record)
		return err
	})
	return list, err
}

// Deliveries implements store.History.
func (s *Store) Deliveries(ctx context.Context, query store.HistoryQuery) (list store.List[store.Delivery], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var rows []deliveryRow
		total, err := s.scanHistory(ctx, tx, s.deliveries(tx, &rows, query.SubscriptionID), query, true)
		list = listOfRecords(rows, total, (*deliveryRow).record)
		return err
	})
	return list, err
}

// scanHistory counts what the query is for and scans the page of it. The count
// joins nothing, so that mostly an index alone answers it.
func (s *Store) scanHistory(
	ctx context.Context, tx bun.Tx, q *bun.SelectQuery, query store.HistoryQuery, deliveries bool,
) (total int, err error) {
	if err := s.hold(ctx, tx, query.OrganizationID, query.SubscriptionID, ""); err != nil {
		return 0, err
	}
	count := tx.NewSelect().TableExpr(s.table("attempts AS a")).ColumnExpr("count(*)").
		Where("a.subscription_id = ?", id(query.SubscriptionID))
	status := "a.status"
	if deliveries {
		count.Where("a.number = 1")
		status = "coalesce(a.chain_status, a.status)"
	}
	for _, q := range []*bun.SelectQuery{count, q} {
		if query.EventTypeID != uuid.Nil {
			q.Where("a.event_type_id = ?", id(query.EventTypeID))
		}
		whereStatus(q, status, query.Status)
	}
	if err := count.Scan(ctx, &total); err != nil {
		return 0, err
	}
	return total, scanRows(ctx, q, "a", query.Page)
}

// Attempt implements store.History.
func (s *Store) Attempt(ctx context.Context, org, subscription, attempt uuid.UUID) (store.Attempt, error) {
	if err := s.hold(ctx, s.db, org, subscription, ""); err != nil {
		return store.Attempt{}, s.failed(ctx, err)
	}
	var row attemptRow
	if err := s.attempts(s.db, &row, subscription).Where("a.id = ?", id(attempt)).Scan(ctx); err != nil {
		return store.Attempt{}, s.failed(ctx, err)
	}
	return row.record(), nil
}

// Chain implements store.History.
func (s *Store) Chain(ctx context.Context, org, subscription, delivery uuid.UUID) ([]store.Attempt, error) {
	err := s.hold(ctx, s.db, org, subscription, "")
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	var rows []attemptRow
	// The second condition is there for the index of the later attempts.
	err = s.attempts(s.db, &rows, subscription).Where("a.delivery_id = ?", id(delivery)).
		Where("a.id = ? OR (a.delivery_id = ? AND a.number > 1)", id(delivery), id(delivery)).Order("a.number").Scan(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	if len(rows) == 0 {
		return nil, store.ErrNotFound
	}
	out := make([]store.Attempt, len(rows))
	for i := range rows {
		out[i] = rows[i].record()
	}
	return out, nil
}

// Delivery implements store.History.
func (s *Store) Delivery(ctx context.Context, org, subscription, delivery uuid.UUID) (store.Delivery, error) {
	if err := s.hold(ctx, s.db, org, subscription, ""); err != nil {
		return store.Delivery{}, s.failed(ctx, err)
	}
	var row deliveryRow
	if err := s.deliveries(s.db, &row, subscription).Where("a.id = ?", id(delivery)).Scan(ctx); err != nil {
		return store.Delivery{}, s.failed(ctx, err)
	}
	return row.record(), nil
}
