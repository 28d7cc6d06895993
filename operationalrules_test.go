package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// repeating is a store whose transactions fail to commit once, and are repeated.
type repeating struct{ store.Store }

func (s repeating) UpdateHealth(ctx context.Context, subs []uuid.UUID, update func(uuid.UUID, *store.Health)) error {
	return s.Store.UpdateHealth(ctx, subs, func(id uuid.UUID, h *store.Health) {
		lost := *h
		update(id, &lost)
		update(id, h)
	})
}

func TestARepeatedTransactionMakesNoOperationalEventTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t)
		hooks, err := webhooks.New(repeating{o.store}, webhooks.Config{
			Sender: o, OperationalEvents: webhooks.OperationalEvents{Enabled: true}, RetrySchedule: []time.Duration{time.Hour},
		})
		o.must(err)
		o.must(hooks.Dispatcher.Start(t.Context()))
		o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusServiceUnavailable)
		for range 3 {
			_, err := hooks.Dispatcher.Publish(t.Context(), o.org, event("1"))
			o.must(err)
			pass(time.Second)
		}
		pass(time.Minute)
		o.wantNews(alertURL, "endpoint.failing")
		o.must(hooks.Dispatcher.Stop(t.Context()))
	})
}

func TestOperationalEventsAreOrderedByEndpointAndHaveTheServiceAsAuthor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(1))
		o.must(o.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusBadRequest)
		o.publish("1")
		pass(5 * time.Minute)
		list, err := o.Dispatcher.Messages(t.Context(), o.org, webhooks.Page{Take: 10})
		o.must(err)
		found := 0
		for _, m := range list.Items {
			if m.Type != "webhooks.message.exhausted" {
				continue
			}
			if found++; m.OrderingKey != sub.ID.String() || m.CreatedBy != "webhooks" {
				t.Errorf("the event has the ordering key %q and the author %q", m.OrderingKey, m.CreatedBy)
			}
		}
		if found != 1 {
			t.Errorf("%d events, want 1", found)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

// An endpoint that gets operational events, too, takes one of them before it takes a customer event again.
func TestOperationalEventsTellNoFailuresThatAnotherDeliveryEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(10))
		o.must(o.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "*")
		o.listen(o.org, alertURL, "webhooks.endpoint.*")
		o.setAnswer(brokenURL, http.StatusServiceUnavailable)
		for range 3 {
			o.publish("1")
			pass(time.Second)
		}
		o.wantNews(alertURL, "endpoint.failing")
		o.setAnswer(brokenURL, 0)
		o.retryNews(sub)
		o.wantNews(brokenURL, "endpoint.failing")
		o.wantNews(alertURL, "endpoint.failing")
		pass(5 * time.Minute)
		recovered := o.wantNews(alertURL, "endpoint.failing", "endpoint.recovered")[1]
		want := fmt.Sprintf(`{"organizationId":%q,"state":"enabled","subscriptionId":%q}`, o.org, sub.ID)
		if string(recovered.data) != want {
			t.Errorf("told %s, want %s", recovered.data, want)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

// The success of an operational event begins the count of failures anew. The next failure is no recovery.
func TestOperationalEventsTellNoRecoveryOfAnEndpointThatFailsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, func(c *webhooks.Config) { c.RetrySchedule = []time.Duration{24 * time.Hour} })
		o.must(o.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusServiceUnavailable)
		for range 3 {
			o.publish("1")
			pass(time.Second)
		}
		o.setAnswer(brokenURL, 0)
		o.retryNews(sub)
		o.wantNews(brokenURL, "endpoint.failing")
		o.setAnswer(brokenURL, http.StatusServiceUnavailable)
		for range 3 {
			o.publish("2")
			pass(time.Second)
		}
		o.wantNews(alertURL, "endpoint.failing")
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

// retryNews retries the operational events that an endpoint did not take.
func (o *operational) retryNews(sub webhooks.Subscription) {
	o.t.Helper()
	for _, a := range o.attempts(sub) {
		if a.EventTypeID != o.typ.ID && a.Status == store.Failed {
			_, err := o.Dispatcher.Retry(context.Background(), o.org, sub.ID, a.ID)
			o.must(err)
		}
	}
	pass(time.Second)
}

func TestWithoutOperationalEventsTheCatalogMayHaveTheirCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const event = `{"name":"a","code":"webhooks.endpoint.failing","version":"v1"}`
	applied, err := w.Registry.Seed(t.Context(), fstest.MapFS{"a.json": {Data: []byte(
		`{"version":"1","categories":[{"name":"Mine","code":"webhooks","events":[` + event + `]}]}`,
	)}})
	if err != nil || len(applied) != 1 {
		t.Errorf("applied %v, %v", applied, err)
	}
}

// leaving is a sender whose endpoint is switched off by a person while it answers 410 Gone.
type leaving struct{ *operational }

func (s leaving) Post(ctx context.Context, r guard.Request) guard.Result {
	if r.URL.String() == brokenURL {
		list, err := s.Subscriptions.List(context.Background(), s.org, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 10}})
		s.must(err)
		for _, sub := range list.Items {
			if sub.PostURI == brokenURL {
				s.must(s.Subscriptions.Deactivate(webhooks.WithActor(context.Background(), "dora"), s.org, sub.ID))
			}
		}
	}
	return s.operational.Post(ctx, r)
}

func TestOperationalEventsDoNotTellOfASubscriptionThatAPersonSwitchedOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t)
		hooks, err := webhooks.New(o.store, webhooks.Config{
			Sender: leaving{o}, OperationalEvents: webhooks.OperationalEvents{Enabled: true}, RetrySchedule: []time.Duration{time.Hour},
		})
		o.must(err)
		o.must(hooks.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.endpoint.*")
		o.setAnswer(brokenURL, http.StatusGone)
		_, err = hooks.Dispatcher.Publish(t.Context(), o.org, event("1"))
		o.must(err)
		pass(time.Minute)
		o.wantNews(alertURL)
		off, err := o.Subscriptions.Get(t.Context(), o.org, sub.ID)
		if err != nil || off.Active || off.UpdatedBy != "dora" || off.InactiveReason != "" {
			t.Errorf("the subscription is %+v, %v", off, err)
		}
		o.must(hooks.Dispatcher.Stop(t.Context()))
	})
}
