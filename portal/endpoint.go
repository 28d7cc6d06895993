package portal

import (
	"context"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const endpointPath = "/organizations/{organization}/endpoints/{endpointId}"

var endpointPageRoutes = []route{
	{"GET " + endpointPath, (*portal).showEndpoint},
	{"POST " + endpointPath + "/test", (*portal).testEndpoint},
	{"POST " + endpointPath + "/pause", endpointCommand("paused", (*client.Subscriptions).Deactivate)},
	{"POST " + endpointPath + "/resume", endpointCommand("resumed", (*client.Subscriptions).Activate)},
	{"POST " + endpointPath + "/archive", endpointCommand("archived", (*client.Subscriptions).Archive)},
	{"POST " + endpointPath + "/restore", endpointCommand("restored", (*client.Subscriptions).Restore)},
	{"GET " + endpointPath + "/delete", (*portal).confirmDelete},
	{"POST " + endpointPath + "/delete", (*portal).deleteEndpoint},
}

// endpointView is the data of the page of an endpoint.
type endpointView struct {
	endpointHead
	Stats     client.Stats
	StatsAt   time.Time
	ByDay     bool // the statistics are of 30 days; otherwise of 24 hours
	Counts    template.HTML
	Durations template.HTML
	Recent    []client.Delivery
	Defaults  client.DeliveryDefaults

	NoStats, NoRecent, NoDefaults bool // they could not be read in time
}

// endpointHead is the data of each page below an endpoint.
type endpointHead struct {
	client.Subscription
	Crumbs []crumb
}

func (v *visit) endpointHead(sub client.Subscription, below bool) endpointHead {
	if below {
		return endpointHead{sub, v.endpointCrumbs(sub)}
	}
	return endpointHead{sub, v.endpointsCrumbs()}
}

// endpointsCrumbs links the list of endpoints.
func (v *visit) endpointsCrumbs() []crumb {
	return []crumb{{v.url("endpoints"), v.say("endpoints.title")}}
}

// endpointCrumbs links the list of endpoints and an endpoint.
func (v *visit) endpointCrumbs(e client.Subscription, more ...crumb) []crumb {
	return append(append(v.endpointsCrumbs(), crumb{v.url("endpoints", e.ID.String()), endpointName(e)}), more...)
}

// endpointName is the name of an endpoint for a person.
func endpointName(sub client.Subscription) string {
	for _, name := range []string{sub.PostURI, sub.Description} {
		if name != "" {
			return name
		}
	}
	return sub.ID.String()
}

// endpoint reads the endpoint of the address.
func (p *portal) endpoint(v *visit) (client.Subscription, error) {
	id, err := v.id("endpointId")
	if err != nil {
		return client.Subscription{}, err
	}
	return p.api.Subscriptions.Get(v.ctx, v.org, id)
}

const (
	recentTake = 10
	daysShown  = 30
)

// showEndpoint shows an endpoint: its health, statistics, last deliveries and settings.
func (p *portal) showEndpoint(v *visit) error {
	sub, err := p.endpoint(v)
	if err != nil {
		return err
	}
	view := endpointView{endpointHead: v.endpointHead(sub, false), ByDay: v.r.URL.Query().Get("by") == "day"}
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		var err error
		view.Stats, view.StatsAt, err = p.stats.Get(ctx, statisticsKey{v.org, sub.ID, view.ByDay})
		view.NoStats = err != nil
	})
	all.Go(func() {
		page, err := p.api.Subscriptions.ListDeliveries(ctx, v.org, sub.ID, client.DeliveryQuery{
			CursorQuery: client.CursorQuery{Take: recentTake, MaxTotal: 1}, Include: []client.Include{client.IncludeEventType},
		})
		view.Recent, view.NoRecent = page.Items, err != nil
	})
	all.Go(func() {
		var err error
		view.Defaults, err = p.api.Subscriptions.Defaults(ctx)
		view.NoDefaults = err != nil
	})
	all.Wait()
	view.Counts, view.Durations = v.text.countsChart(view.Stats.Items), v.text.durationsChart(view.Stats.Items)
	return v.render(http.StatusOK, "endpoint", view)
}

// endpointCommand serves a change of an endpoint's state. A change to the present state is done too.
func endpointCommand(
	notice string, do func(*client.Subscriptions, context.Context, string, uuid.UUID) error,
) func(*portal, *visit) error {
	return func(p *portal, v *visit) error {
		id, err := v.id("endpointId")
		if err != nil {
			return err
		}
		if err := do(p.api.Subscriptions, v.ctx, v.org, id); err != nil {
			return err
		}
		return v.done("endpoint_"+notice, "endpoints", id.String())
	}
}

// confirmDelete asks whether an endpoint is to be deleted.
func (p *portal) confirmDelete(v *visit) error {
	if err := v.mayManage(); err != nil {
		return err
	}
	sub, err := p.endpoint(v)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "endpoint_delete", v.endpointHead(sub, true))
}

func (p *portal) deleteEndpoint(v *visit) error {
	id, err := v.id("endpointId")
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	return v.once(form, v.url("endpoints"), func() error {
		err := p.api.Subscriptions.Delete(v.ctx, v.org, id, client.IfMatch(form.Get("etag")))
		return orDone(v, err, "endpoint_deleted", "endpoints")
	})
}
