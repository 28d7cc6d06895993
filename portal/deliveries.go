package portal

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const deliveriesPath = "/organizations/{organization}/endpoints/{endpointId}/deliveries"

var deliveryRoutes = []route{
	{"GET " + deliveriesPath, (*portal).listDeliveries},
	{"GET " + deliveryPath, (*portal).showDelivery},
	{"POST " + deliveryPath, (*portal).showSecret},
	{"GET " + deliveryPath + "/body", (*portal).downloadBody},
	{"POST " + deliveryPath + "/retry", (*portal).sendAgain},
}

// deliveriesTake is the number of deliveries on a page.
const deliveriesTake = 25

// deliveryFilter are the fields of the filter, as the address has them.
type deliveryFilter struct {
	State, Event, Class string
	Since, Until        timeField
	ID                  string // of a delivery or an event

	event uuid.UUID
}

// Any reports whether the filter selects deliveries.
func (f deliveryFilter) Any() bool {
	return f.State+f.Event+f.Class+f.Since.Text+f.Until.Text+f.ID != ""
}

// moves reports whether a delivery can leave or enter the list when its state changes.
func (f deliveryFilter) moves() bool { return f.State+f.Class != "" }

// deliveriesView is the data of the page of the deliveries to an endpoint.
type deliveriesView struct {
	Crumbs   []crumb
	Endpoint client.Subscription
	Filter   deliveryFilter
	Faults   faults
	Presets  []preset
	States   []client.StatusFilter // of the filter
	Classes  []client.StatusClass  // of the filter
	Types    []client.EventType
	AllTypes bool // Types are all event types
	Items    []client.Delivery
	Total    int
	First    string   // address of the first page; "": this is it
	Next     string   // address of the next page; "": there is none
	Reset    string   // address of the page without a filter
	Refresh  *refresh // nil: only the first page is refreshed
	InPlace  bool     // the states of the rows are refreshed
}

// refresh are the addresses by which a page keeps up with new deliveries. The rows of the page stay: new deliveries are counted.
type refresh struct {
	On     bool
	URL    string // of the refreshed part
	Toggle string // address of the page with the refresh paused, or not paused
	Show   string // address of the page with the new deliveries
	New    int    // deliveries since the page was opened
}

// listDeliveries shows the deliveries to an endpoint, newest first.
func (p *portal) listDeliveries(v *visit) error {
	id, err := v.id("endpointId")
	if err != nil {
		return err
	}
	view := deliveriesView{
		Presets: v.presets(time.Now(), "cursor", "top"), Reset: v.url("endpoints", id.String(), "deliveries"),
		States:  []client.StatusFilter{client.OnlyPending, client.OnlySucceeded, client.OnlyFailed},
		Classes: []client.StatusClass{client.Class2xx, client.Class3xx, client.Class4xx, client.Class5xx, client.NoResponse},
	}
	view.Filter = v.deliveryFilter(v.r.URL.Query(), &view.Faults)
	if view.Filter.ID != "" && !view.Faults.Any() {
		found, err := p.findDelivery(v, id, uuid.MustParse(view.Filter.ID))
		if err != nil {
			return err
		}
		if found != uuid.Nil {
			return v.redirect(v.url("endpoints", id.String(), "deliveries", found.String()))
		}
		view.Faults.add("id", v.say("deliveries.id.unknown"))
	}
	if err := p.readDeliveries(v, id, &view); err != nil {
		return err
	}
	return v.render(view.Faults.status(), "deliveries", view)
}

func (v *visit) deliveryFilter(q url.Values, found *faults) deliveryFilter {
	f := deliveryFilter{
		State: q.Get("state"), Event: q.Get("event"), Class: q.Get("class"), ID: strings.TrimSpace(q.Get("id")),
		Since: v.timeField(q, "since", found), Until: v.timeField(q, "until", found),
	}
	if !f.Since.Time.IsZero() && !f.Until.Time.IsZero() && !f.Since.Time.Before(f.Until.Time) {
		found.add("since", v.say("time.order"))
	}
	if f.Event != "" {
		var err error
		if f.event, err = uuid.Parse(f.Event); err != nil {
			found.add("event", v.say("deliveries.event.fault"))
		}
	}
	if f.ID != "" && uuid.Validate(f.ID) != nil {
		found.add("id", v.say("deliveries.id.fault"))
	}
	return f
}

// query returns the query of the REST interface for the filter.
func (f deliveryFilter) query(take int) client.DeliveryQuery {
	return client.DeliveryQuery{
		CursorQuery: client.CursorQuery{Take: take, MaxTotal: maxTotal}, Status: client.StatusFilter(f.State), Class: client.StatusClass(f.Class),
		EventTypeID: f.event, Since: f.Since.Time, Until: f.Until.Time, Include: []client.Include{client.IncludeEventType},
	}
}

// readDeliveries reads the parts of the page at the same time. The page is shown without event types and new deliveries if these
// cannot be read in time.
func (p *portal) readDeliveries(v *visit, id uuid.UUID, view *deliveriesView) error {
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	var all sync.WaitGroup
	var endpointErr, listErr error
	all.Go(func() { view.Endpoint, endpointErr = p.api.Subscriptions.Get(v.ctx, v.org, id) })
	if v.r.Header.Get("HX-Request") == "" {
		all.Go(func() { view.Types, view.AllTypes = p.eventTypes(ctx) })
	}
	if !view.Faults.Any() {
		all.Go(func() { listErr = p.readDeliveryRows(ctx, v, id, view) })
	}
	all.Wait()
	view.Crumbs = v.endpointCrumbs(view.Endpoint)
	return errors.Join(endpointErr, listErr)
}

// readDeliveryRows reads a page of the list. A refreshed page has the parameter top: the time just after its newest row. It shows the
// rows before that time, and counts the deliveries since.
func (p *portal) readDeliveryRows(ctx context.Context, v *visit, id uuid.UUID, view *deliveriesView) error {
	q, fresh, top := view.Filter.query(deliveriesTake), 0, time.Now()
	q.Cursor = v.r.URL.Query().Get("cursor")
	if at, ok := v.top(q); ok {
		since := view.Filter.query(1)
		since.Since, q.Until, top = at, at, at
		if newer, err := p.api.Subscriptions.ListDeliveries(ctx, v.org, id, since); err == nil {
			fresh = newer.TotalRecords
		}
	}
	page, err := p.api.Subscriptions.ListDeliveries(v.ctx, v.org, id, q)
	if err != nil {
		return err
	}
	view.Items, view.Total = page.Items, page.TotalRecords
	if page.NextCursor != "" {
		view.Next = v.with("cursor", page.NextCursor)
	}
	if q.Cursor != "" {
		view.First = v.with("cursor", "")
		return nil
	}
	if q.Until != top && len(page.Items) > 0 {
		top = time.Unix(page.Items[0].ID.Time().UnixTime()).Add(time.Millisecond) // the filter by time compares ids
	}
	view.Refresh, view.InPlace = v.refresh(top, fresh), !view.Filter.moves()
	return nil
}

// top returns the parameter top, if it is between the bounds of the filter.
func (v *visit) top(q client.DeliveryQuery) (time.Time, bool) {
	at, ok := parseTime(v.r.URL.Query().Get("top"))
	return at, ok && q.Cursor == "" && (q.Until.IsZero() || at.Before(q.Until)) && q.Since.Before(at)
}

// refresh returns the addresses of a page that shows the rows before the time.
func (v *visit) refresh(top time.Time, fresh int) *refresh {
	at := top.UTC().Format(time.RFC3339Nano)
	r := &refresh{On: v.r.URL.Query().Get("refresh") != "off", URL: v.with("top", at), Show: v.with("top", ""), New: fresh}
	r.Toggle = v.with("top", at, "refresh", "off")
	if !r.On {
		r.Toggle = v.with("top", at, "refresh", "")
	}
	return r
}
