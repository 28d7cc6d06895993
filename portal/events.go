package portal

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const eventsPath = "/organizations/{organization}/events"

var eventRoutes = []route{
	{"GET " + eventsPath, (*portal).listEvents},
	{"GET " + eventsPath + "/{eventId}", (*portal).showEvent},
}

// eventsTake is the number of events on a page, and of endpoints on the page of an event.
const eventsTake = 25

// explainTimeLimit is the time after which an event is shown without the reasons.
const explainTimeLimit = time.Second

// eventsView is the data of the page of the published events.
type eventsView struct {
	Items  []client.Message
	Total  int
	ID     string // as it was typed
	Faults faults
	First  string // address of the first page; "": this is it
	Next   string // address of the next page; "": there is none
	Here   string // address of the page without parameters
}

// listEvents shows the events of an organization, newest first.
func (p *portal) listEvents(v *visit) error {
	q := v.r.URL.Query()
	view := eventsView{Here: v.url("events"), ID: q.Get("id")}
	if view.ID != "" {
		id, err := uuid.Parse(view.ID)
		if err == nil {
			if _, err = p.api.Dispatcher.Message(v.ctx, v.org, id); err == nil {
				return v.redirect(v.url("events", id.String()))
			}
			if !errors.Is(err, client.ErrNotFound) {
				return err
			}
		}
		view.Faults.add("id", v.say("events.id.unknown"))
	}
	page, err := p.api.Dispatcher.ListMessages(v.ctx, v.org, client.MessageQuery{
		CursorQuery: client.CursorQuery{Take: eventsTake, Cursor: q.Get("cursor"), MaxTotal: maxTotal},
	})
	if err != nil {
		return err
	}
	view.Items, view.Total = page.Items, page.TotalRecords
	if page.NextCursor != "" {
		view.Next = v.with("cursor", page.NextCursor)
	}
	if q.Has("cursor") {
		view.First = v.with("cursor", "")
	}
	return v.render(view.Faults.status(), "events", view)
}

// eventView is the data of the page of an event.
type eventView struct {
	Crumbs []crumb
	client.MessageDetail
	Shown     string // the data; "": they were removed, or cannot be read
	Pretty    bool
	Toggle    string               // address of the page with the data in the other form
	Got       []client.Explanation // the first endpoints that got the event; nil where Endpoints has them
	Endpoints []client.Explanation // of this page
	Unknown   bool                 // the reasons could not be read: Endpoints are those that got the event
	First     string               // address of the first page; "": this is it
	Next      string               // address of the next page; "": there is none
}

// showEvent shows an event, and for each endpoint whether it got the event, and why not.
func (p *portal) showEvent(v *visit) error {
	id, err := v.id("eventId")
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var explained client.Explanations
	var errExplain error
	cursor := v.r.URL.Query().Get("cursor")
	ctx, cancel := context.WithTimeout(v.ctx, explainTimeLimit)
	defer cancel()
	all.Go(func() {
		explained, errExplain = p.api.Dispatcher.ListExplanations(ctx, v.org, id, client.ExplanationQuery{Take: eventsTake, Cursor: cursor})
	})
	event, err := p.api.Dispatcher.Message(v.ctx, v.org, id)
	all.Wait()
	if err != nil {
		return err
	}
	view := eventView{
		Crumbs: []crumb{{v.url("events"), v.say("nav.events")}}, MessageDetail: event, Unknown: errExplain != nil,
		Shown: string(event.Data), Pretty: v.r.URL.Query().Get("body") != "raw", Toggle: v.with("body", "raw"),
	}
	if view.Pretty {
		view.Shown = indent(view.Shown)
	} else {
		view.Toggle = v.with("body", "")
	}
	if event.Expunged != nil || slices.Contains(event.Damaged, "data") {
		view.Shown = ""
	}
	p.setEndpoints(ctx, v, &view, explained)
	return v.render(http.StatusOK, "event", view)
}

// setEndpoints sets the endpoints of the page. If one page has all endpoints, the ones that got the event are first. Otherwise the
// first page begins with some of them.
func (p *portal) setEndpoints(ctx context.Context, v *visit, e *eventView, page client.Explanations) {
	if e.Unknown {
		e.Endpoints = p.gotBy(ctx, v, e.Activations)
		return
	}
	e.Endpoints = page.Items
	slices.SortStableFunc(e.Endpoints, func(a, b client.Explanation) int { return cmp.Compare(a.Reason, b.Reason) })
	if page.NextCursor != "" {
		e.Next = v.with("cursor", page.NextCursor)
	}
	if v.r.URL.Query().Has("cursor") {
		e.First = v.with("cursor", "")
	} else if e.Next != "" {
		e.Got = p.gotBy(ctx, v, e.Activations)
	}
}

// gotBy tells for the first deliveries of an event that the endpoint got it.
func (p *portal) gotBy(ctx context.Context, v *visit, deliveries []client.Delivery) []client.Explanation {
	all := make([]client.Explanation, min(eventsTake, len(deliveries)))
	eachAtOnce(len(all), func(i int) {
		d := deliveries[i]
		endpoint, _ := p.api.Subscriptions.Get(ctx, v.org, d.Subscription.ID) // a deleted endpoint is shown by its id
		all[i] = client.Explanation{
			SubscriptionID: d.Subscription.ID, PostURI: endpoint.PostURI, Matched: true, ActivationID: d.ID, Status: d.Status,
			HeldUntil: d.HeldUntil,
		}
	})
	return all
}
