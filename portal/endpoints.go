package portal

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
)

var endpointRoutes = []route{
	{"GET /organizations/{organization}/endpoints", (*portal).listEndpoints},
}

// endpointsView is the data of the page of all endpoints.
type endpointsView struct {
	Items  []endpointItem
	Pager  pager
	Search string
	State  string   // of endpointStates; "": any
	States []string // that can be chosen
	Chosen bool     // the list is restricted
}

// endpointStates are the choices of the filter by state. An archived endpoint is in no other list.
var endpointStates = []string{
	string(client.Enabled), string(client.Failing), string(client.Paused), string(client.Disabled), stateArchived,
}

const stateArchived = "archived"

// endpointItem is an endpoint in the list.
type endpointItem struct {
	client.Subscription
	Recent    client.Recent // its newest deliveries
	Sparkline template.HTML // the success rate of 24 hours
}

// Older reports whether there are older deliveries than Recent is about.
func (e endpointItem) Older() bool { return e.Recent.Deliveries >= webhooks.MaxRecent }

const (
	endpointsTake    = 20
	detailsAtOnce    = 4                      // endpoints whose details are read at the same time
	detailsTimeLimit = 500 * time.Millisecond // then the list is shown without the details
)

// listEndpoints shows the endpoints of an organization.
func (p *portal) listEndpoints(v *visit) error {
	asked := v.r.URL.Query()
	view := endpointsView{Search: strings.TrimSpace(asked.Get("q")), State: asked.Get("state"), States: endpointStates}
	q := client.SubscriptionQuery{
		ListQuery: client.ListQuery{Skip: pageNumber(v.r), Take: endpointsTake, Order: client.NewestFirst}, Search: view.Search,
		Include: []client.Include{client.IncludeRecent},
	}
	switch {
	case view.State == stateArchived:
		q.Archived = client.OnlyArchived
	case slices.Contains(endpointStates, view.State):
		q.State = client.State(view.State)
	default:
		view.State = ""
	}
	view.Chosen = view.Search != "" || view.State != ""
	page, err := p.api.Subscriptions.List(v.ctx, v.org, q)
	if err != nil {
		return err
	}
	view.Items, view.Pager = make([]endpointItem, len(page.Items)), pagerOf(v, page.CurrentPageNumber, page.TotalPages)
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	eachAtOnce(len(page.Items), func(i int) {
		stats, _, _ := p.stats.Get(ctx, statisticsKey{org: v.org, endpoint: page.Items[i].ID}) // without statistics, the line is empty
		view.Items[i] = endpointItem{page.Items[i], *cmp.Or(page.Items[i].Recent, new(client.Recent)), v.text.sparkline(stats.Items)}
	})
	return v.render(http.StatusOK, "endpoints", view)
}

// pager links the pages of a list.
type pager struct {
	Previous, Next string // addresses; "": there is none
	Text           string
}

// pageNumber is the number of the page that the address asks for, from 0.
func pageNumber(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || n < 1 || n > 1_000_000 {
		return 0
	}
	return n - 1
}

// pagerOf links the pages before and behind a page.
func pagerOf(v *visit, number, pages int) pager {
	if pages < 2 {
		return pager{}
	}
	links := pager{Text: v.say("pager.page", number+1, pages)}
	if number > 0 {
		links.Previous = v.with("page", strconv.Itoa(number))
	}
	if number+1 < pages {
		links.Next = v.with("page", strconv.Itoa(number+2))
	}
	return links
}
