package bunstore

import (
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type subscriptionRow struct {
	bun.BaseModel `bun:"table:subscriptions,alias:s"`

	ID             id `bun:",pk"`
	OrganizationID id
	PostURI        string `bun:"post_uri"`
	Version        string
	Selectors      *string // JSON, as are the next three
	Headers        *string
	RetrySchedule  *string
	Filter         *string
	RateLimit      float64
	Ordered        bool
	IsDevelopment  bool
	Description    string
	TimeoutNS      int64 `bun:"timeout_ns"`
	InactiveReason string
	lifecycleRow
	auditRow
	Revision  int64
	DeletedAt instant
	sizedRow
}

func subscriptionRowOf(sub store.Subscription) (*subscriptionRow, error) {
	row := &subscriptionRow{
		ID: id(sub.ID), OrganizationID: id(sub.OrganizationID), PostURI: sub.PostURI, Version: sub.Version,
		IsDevelopment: sub.IsDevelopment, Description: sub.Description, TimeoutNS: int64(sub.Timeout),
		InactiveReason: sub.InactiveReason, RateLimit: sub.RateLimit, Ordered: sub.Ordered,
		lifecycleRow: lifecycleRowOf(sub.Lifecycle), auditRow: auditRowOf(sub.Audit), Revision: sub.Revision,
	}
	var err error
	if row.Selectors, err = encode(selectorsOf(sub.Selectors), sub.Selectors == nil); err != nil {
		return nil, err
	}
	if row.Headers, err = encode(sub.Headers, sub.Headers == nil); err != nil {
		return nil, err
	}
	if row.RetrySchedule, err = encode(sub.RetrySchedule, sub.RetrySchedule == nil); err != nil {
		return nil, err
	}
	row.Filter, err = encode(sub.Filter, sub.Filter == nil)
	return row, err
}

// toStore returns the subscription. completeSelectors adds the event types of its selectors.
func (r *subscriptionRow) toStore() store.Subscription {
	sub := store.Subscription{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), PostURI: r.PostURI, Version: r.Version,
		IsDevelopment: r.IsDevelopment, Description: r.Description, Timeout: time.Duration(r.TimeoutNS),
		InactiveReason: r.InactiveReason, RateLimit: r.RateLimit, Ordered: r.Ordered,
		Lifecycle: r.lifecycleRow.toStore(), Audit: r.auditRow.toStore(), Revision: r.Revision,
	}
	sub.Selectors = selectorsToStore(decodeMember[[]selector](&sub, store.MemberSelectors, r.Selectors))
	sub.Headers = decodeMember[map[string]string](&sub, store.MemberHeaders, r.Headers)
	sub.RetrySchedule = decodeMember[[]time.Duration](&sub, store.MemberRetrySchedule, r.RetrySchedule)
	sub.Filter = decodeMember[store.Filter](&sub, store.MemberFilter, r.Filter)
	if math.IsNaN(r.RateLimit) || math.IsInf(r.RateLimit, 0) {
		sub.RateLimit, sub.Damaged = 0, append(sub.Damaged, store.MemberRateLimit)
	}
	return sub
}

// decodeMember decodes the JSON of a member. If it cannot be read it is zero, and damaged.
func decodeMember[T any](sub *store.Subscription, member store.Member, text *string) (v T) {
	if err := decode(text, &v); err != nil {
		sub.Damaged = append(sub.Damaged, member)
		return *new(T)
	}
	return v
}

// memberColumns are the columns of the members that may be damaged.
var memberColumns = map[store.Member]string{
	store.MemberSelectors: "selectors", store.MemberHeaders: "headers", store.MemberRetrySchedule: "retry_schedule",
	store.MemberRateLimit: "rate_limit", store.MemberFilter: "filter",
}
