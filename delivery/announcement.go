package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Announcement is a change that the owner of a subscription is told of. Config.Announce makes messages of it. Over all
// hosts it is made once, because it is part of the transaction of the change. Of the outcomes of attempts, only those count
// whose message was not made by Config.Announce itself.
type Announcement struct {
	Kind           AnnouncementKind // decides which of the other fields are set
	At             time.Time        // when the change was decided, by the engine's clock
	OrganizationID uuid.UUID        // the owner
	SubscriptionID uuid.UUID        // whose endpoint, delivery or job it is
	Health         store.Health     // of a failing endpoint after the failure; of a recovered endpoint before the success
	Attempt        *store.Job       // the last attempt of a delivery that is exhausted; else nil
	HTTPStatus     int              // of the answer to the attempt that decided; 0 for none
	Class          string           // of that attempt's failure, as in Notice; "" for none
	Reason         string           // one line for a person, as in Notice; "" for none
	Recovery       *store.Recovery  // the job that ended; else nil
}

// AnnouncementKind is the kind of change that an Announcement reports.
type AnnouncementKind string

// The kinds of announcement. An endpoint that goes on failing is announced once for each stage; of stages that it reaches
// with one outcome, the last one is.
const (
	EndpointFailing     AnnouncementKind = "endpoint_failing"     // FailingAfter attempts failed in a row
	EndpointOpened      AnnouncementKind = "endpoint_opened"      // its circuit is open: it is only probed
	EndpointRecovered   AnnouncementKind = "endpoint_recovered"   // an attempt succeeded, after one of the announcements above
	EndpointDeactivated AnnouncementKind = "endpoint_deactivated" // the dispatcher switched its subscription off
	DeliveryExhausted   AnnouncementKind = "delivery_exhausted"   // a delivery used up its schedule or its time, or was answered 410
	RecoveryEnded       AnnouncementKind = "recovery_ended"       // a recovery is done, or was stopped
)

// stageChanges are the kinds of announcement by the stage that an endpoint reaches.
var stageChanges = map[store.HealthStage]AnnouncementKind{
	store.StageHealthy: EndpointRecovered, store.StageFailing: EndpointFailing, store.StageOpen: EndpointOpened,
}

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

// tellingOfHealth returns a context for the update of Health that makes the changes.
func (r *run) tellingOfHealth(ctx context.Context, changes map[uuid.UUID]*healthChange) context.Context {
	return r.telling(ctx, func(store.Change) (news []Announcement) {
		for _, c := range changes {
			news = append(news, c.news...)
			c.news = nil // a repeated update may find that the subscription was deleted
		}
		return news
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
