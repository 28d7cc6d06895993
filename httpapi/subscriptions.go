package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

// maskedView returns the function that shows the subscriptions inside a list or another resource.
func (a *api) maskedView(c *call, found []webhooks.Subscription) (show func(webhooks.Subscription) subscriptionWire, err error) {
	secrets, err := a.hooks.Subscriptions.CurrentSecrets(c.ctx(), found)
	if err != nil {
		return nil, err
	}
	names, err := c.organizationNames(found)
	if err != nil {
		return nil, err
	}
	statuses, err := a.hooks.Subscriptions.Statuses(c.ctx(), found)
	return func(s webhooks.Subscription) subscriptionWire {
		return showSubscription(s, names[s.OrganizationID], secrets[s.ID], statuses[s.ID]).masked()
	}, err
}

func (a *api) replySubscription(c *call, s webhooks.Subscription) error {
	secrets, err := a.hooks.Subscriptions.CurrentSecrets(c.ctx(), []webhooks.Subscription{s})
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, s)
	if err != nil {
		return err
	}
	return c.resource(http.StatusOK, s.Revision, c.subscriptionView(s, secrets[s.ID], status))
}

func (a *api) statusOf(c *call, s webhooks.Subscription) (webhooks.SubscriptionStatus, error) {
	all, err := a.hooks.Subscriptions.Statuses(c.ctx(), []webhooks.Subscription{s})
	return all[s.ID], err
}

func (a *api) createSubscription(c *call) error {
	var body subscriptionInput
	if err := c.body(&body); err != nil {
		return err
	}
	in, err := body.input()
	if err != nil {
		return err
	}
	made, secret, err := a.hooks.Subscriptions.Create(c.ctx(), c.org, in)
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, made)
	if err != nil {
		return err
	}
	return c.resource(http.StatusCreated, made.Revision, c.subscriptionView(made, secret, status))
}

// subscriptionView shows a single subscription: masked, unless the caller may see secrets.
func (c *call) subscriptionView(s webhooks.Subscription, secret string, status webhooks.SubscriptionStatus) subscriptionWire {
	w := showSubscription(s, c.names[c.org], cmp.Or(secret, signing.Mask("")), status)
	if c.caller.may(tenantSecrets) {
		return w
	}
	return w.masked()
}

func (a *api) listSubscriptions(c *call) error {
	q := c.query()
	p := q.paging("ASC", "DESC")
	listQuery := webhooks.SubscriptionQuery{
		Version: q.version("version"), EventTypeID: q.id("eventId"), Archived: q.archived(),
		Search: q.search(), State: q.state(), Page: p.page(),
	}
	included := q.included("recent")
	if err := q.err(); err != nil {
		return err
	}
	found, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Subscription], error) {
		listQuery.MaxBytes = maxBytes
		return a.hooks.Subscriptions.List(c.ctx(), c.org, listQuery)
	})
	if err != nil {
		return err
	}
	show, err := a.maskedView(c, found.Items)
	if err != nil {
		return err
	}
	var recent map[uuid.UUID]webhooks.Recent
	if included["recent"] {
		ids := make([]uuid.UUID, len(found.Items))
		for i, s := range found.Items {
			ids[i] = s.ID
		}
		if recent, err = a.hooks.Subscriptions.RecentDeliveries(c.ctx(), c.org, ids); err != nil {
			return err
		}
	}
	return replyPage(c, found, p, func(s webhooks.Subscription) uuid.UUID { return s.ID }, func(s webhooks.Subscription) subscriptionWire {
		w := show(s)
		if included["recent"] {
			r := recent[s.ID]
			w.Recent = &recentWire{r.Deliveries, r.Pending, timestamp(r.LastSuccess)}
		}
		return w
	})
}

func (a *api) getSubscription(c *call) error {
	found, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, c.id("subscriptionId"))
	if err != nil {
		return err
	}
	return a.replySubscription(c, found)
}

func (a *api) patchSubscription(c *call) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	before, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, c.id("subscriptionId"))
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, before) // read before the update, so that the request takes one connection at a time
	if err != nil {
		return err
	}
	changed, err := a.hooks.Subscriptions.Update(c.ctx(), c.org, before.ID,
		func(now webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			if err := c.ifMatch(now.Revision); err != nil {
				return err
			}
			doc := c.subscriptionView(now, "", status)
			doc.Events = make([]any, len(in.Events))
			for i, e := range in.Events {
				doc.Events[i] = e
			}
			var next subscriptionInput
			if err := p.apply(doc, &next); err != nil {
				return err
			}
			if err := unmaskHeaders(next.Headers, now.Headers); err != nil {
				return err
			}
			*in, err = next.input()
			return err
		})
	if err != nil {
		return unprocessable(err)
	}
	return a.replySubscription(c, changed)
}

// unmaskHeaders restores the values of headers that a patch left masked. A masked value under another
// name is refused, because receivers would get the mask.
func unmaskHeaders(headers map[string]*string, now map[string]string) error {
	for name, value := range headers {
		if value == nil {
			continue
		}
		if kept, ok := now[name]; ok && *value == signing.Mask(kept) {
			headers[name] = &kept
		} else if strings.HasPrefix(*value, "••••") {
			return invalid("/headers/"+escapePointer(name), "must be given in full: this value is masked")
		}
	}
	return nil
}

func (a *api) deleteSubscription(c *call) error {
	return c.done(a.hooks.Subscriptions.Delete(c.ctx(), c.org, c.id("subscriptionId"), c.unchanged))
}

func (a *api) removeEvent(c *call) error {
	return c.done(a.hooks.Subscriptions.RemoveEvent(c.ctx(), c.org, c.id("subscriptionId"), c.id("eventId"), c.unchanged))
}

// unchanged checks If-Match against a subscription that is about to be changed.
func (c *call) unchanged(now webhooks.Subscription) error { return c.ifMatch(now.Revision) }

// subscriptionCommand serves a change of a subscription's state.
func subscriptionCommand(do func(*webhooks.Subscriptions, context.Context, uuid.UUID, uuid.UUID) error) func(*api, *call) error {
	return func(a *api, c *call) error {
		return c.done(do(a.hooks.Subscriptions, c.ctx(), c.org, c.id("subscriptionId")))
	}
}
