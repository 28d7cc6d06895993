package portal

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// findDelivery returns the delivery to an endpoint that has the id itself, or an attempt with the id, or the event with the id. It is
// zero if there is none.
func (p *portal) findDelivery(v *visit, endpoint, id uuid.UUID) (uuid.UUID, error) {
	attempt, err := p.firstAttempt(v, endpoint, id)
	if err == nil {
		return attempt.ID, nil
	}
	if !errors.Is(err, client.ErrNotFound) {
		return uuid.Nil, err
	}
	event, err := p.api.Dispatcher.Message(v.ctx, v.org, id)
	switch {
	case errors.Is(err, client.ErrNotFound):
		return uuid.Nil, nil
	case err != nil:
		return uuid.Nil, err
	}
	for _, d := range event.Activations {
		if d.Subscription.ID == endpoint {
			return d.ID, nil
		}
	}
	if event.Deliveries.Total <= len(event.Activations) || event.Expunged != nil {
		return uuid.Nil, nil
	}
	explained, err := p.api.Dispatcher.ListExplanations(v.ctx, v.org, id, client.ExplanationQuery{SubscriptionID: endpoint})
	if err != nil || len(explained.Items) == 0 {
		return uuid.Nil, err
	}
	return explained.Items[0].ActivationID, nil
}

// maxClimb bounds the retries between an attempt and the first attempt of its delivery.
const maxClimb = 50

// firstAttempt returns the first attempt of the delivery of an attempt, with the attempts of the delivery. An attempt whose
// predecessor was pruned is the first one.
func (p *portal) firstAttempt(v *visit, endpoint, id uuid.UUID) (client.AttemptDetail, error) {
	found, err := p.api.Subscriptions.Attempt(v.ctx, v.org, endpoint, id, client.Flat)
	for range maxClimb {
		if err != nil || found.RetryingFromPostID == uuid.Nil {
			break
		}
		above, errAbove := p.api.Subscriptions.Attempt(v.ctx, v.org, endpoint, found.RetryingFromPostID, client.Flat)
		if errors.Is(errAbove, client.ErrNotFound) {
			break
		}
		found, err = above, errAbove
	}
	return found, err
}

const maxFilterTypes = 100 // categories, and event types of each, that a filter offers

// eventTypes returns the event types of the catalog by their code, also archived ones, and whether these are all.
func (p *portal) eventTypes(ctx context.Context) (types []client.EventType, complete bool) {
	q := client.CatalogQuery{ListQuery: client.ListQuery{Take: maxFilterTypes}, Archived: client.IncludeArchived}
	categories, err := p.api.Registry.ListCategories(ctx, q)
	if err != nil {
		return nil, false
	}
	complete = categories.TotalPages <= 1
	var mu sync.Mutex
	eachAtOnce(len(categories.Items), func(i int) {
		page, err := p.api.Registry.ListEventTypes(ctx, categories.Items[i].ID, q)
		mu.Lock()
		defer mu.Unlock()
		complete = complete && err == nil && page.TotalPages <= 1
		types = append(types, page.Items...)
	})
	slices.SortFunc(types, func(a, b client.EventType) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Version, b.Version))
	})
	return types, complete
}
