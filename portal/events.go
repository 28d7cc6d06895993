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
		CursorQuery: client.CursorQuery{Take: eventsTake, Cursor: q.Get("cursor")},
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
	Endpoints []client.Explanation // of this page: the endpoints that got the event first
	Unknown   bool                 // the reasons could not be read: Endpoints are those that got the event
	Pager     pager
}

// showEvent shows an event, and for each endpoint whether it got the event, and why not.
func (p *portal) showEvent(v *visit) error {
	id, err := v.id("eventId")
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var explanations []client.Explanation
	var errExplain error
	ctx, cancel := context.WithTimeout(v.ctx, explainTimeLimit)
	defer cancel()
	all.Go(func() { explanations, errExplain = p.api.Dispatcher.Explain(ctx, v.org, id) })
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
	if errExplain != nil {
		explanations = explanationsOf(event.Activations)
	}
	if event.Expunged != nil || slices.Contains(event.Damaged, "data") {
		view.Shown = ""
	}
	view.Endpoints, view.Pager = v.pageOf(explanations)
	return v.render(http.StatusOK, "event", view)
}

// explanationsOf tells for the deliveries of an event that the endpoint got it.
func explanationsOf(deliveries []client.Delivery) []client.Explanation {
	var all []client.Explanation
	for _, d := range deliveries {
		all = append(all, client.Explanation{
			SubscriptionID: d.Subscription.ID, Matched: true, ActivationID: d.ID, Status: d.Status, HeldUntil: d.HeldUntil,
		})
	}
	return all
}

// pageOf sorts explanations, the endpoints that got the event first, and returns the page that the address asks for.
func (v *visit) pageOf(all []client.Explanation) ([]client.Explanation, pager) {
	slices.SortStableFunc(all, func(a, b client.Explanation) int { return cmp.Compare(a.Reason, b.Reason) })
	number, pages := pageNumber(v.r), (len(all)+eventsTake-1)/eventsTake
	from := min(number*eventsTake, len(all))
	return all[from:min(from+eventsTake, len(all))], pagerOf(v, number, pages)
}
