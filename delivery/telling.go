package delivery

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// telling returns a context in which a change of the store publishes the messages of announcements.
func (e *Engine) telling(ctx context.Context, of func(store.Change) []Announcement) context.Context {
	if e.cfg.Announce == nil {
		return ctx
	}
	return store.WithNews(ctx, store.News{NewID: e.cfg.NewID, Messages: func(c store.Change) (messages []store.NewMessage) {
		for _, a := range of(c) {
			messages = append(messages, e.cfg.Announce(a)...)
		}
		return messages
	}})
}

// TellingOfRecovery returns a context for the calls of a store that may end a recovery: its end is announced.
func (e *Engine) TellingOfRecovery(ctx context.Context) context.Context {
	return e.telling(ctx, func(c store.Change) []Announcement {
		return []Announcement{{
			Kind: RecoveryEnded, At: c.Ended.FinishedAt, OrganizationID: c.Ended.OrganizationID,
			SubscriptionID: c.Ended.SubscriptionID, Recovery: c.Ended,
		}}
	})
}

// exhausted reports whether it is announced that the delivery failed for good. It is not after a retry that a person or a
// recovery asked for: the schedule of such a delivery was used up before.
func (r *run) exhausted(b *result) bool {
	return r.cfg.Announce != nil && b.outcome.Status == store.Failed && b.outcome.Next == nil &&
		b.Type != store.ManualRetry && !r.cfg.Announces(b.Body)
}

// tellingOfExhausted returns a context for recording the results.
func (r *run) tellingOfExhausted(ctx context.Context, ended []*result) context.Context {
	exhausted := map[uuid.UUID]*result{}
	for _, b := range ended {
		if r.exhausted(b) {
			exhausted[b.AttemptID] = b
		}
	}
	if len(exhausted) == 0 {
		return ctx
	}
	return r.telling(ctx, func(c store.Change) (news []Announcement) {
		for i := range c.Recorded {
			if b := exhausted[c.Recorded[i].AttemptID]; b != nil {
				a := b.announcement(DeliveryExhausted, store.Health{})
				a.Attempt = &b.Job
				news = append(news, a)
			}
		}
		return news
	})
}

// announcement returns an announcement of a change that the result made.
func (b *result) announcement(kind AnnouncementKind, h store.Health) Announcement {
	return Announcement{
		Kind: kind, At: b.outcome.At, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Health: h,
		HTTPStatus: b.outcome.HTTPStatus, Class: b.failure, Reason: b.outcome.Error,
	}
}
