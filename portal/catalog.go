package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

var catalogRoutes = []route{
	{"GET /organizations/{organization}/catalog", (*portal).showCatalog},
	{"GET /organizations/{organization}/catalog/{categoryId}", (*portal).showCategory},
	{"GET /organizations/{organization}/catalog/{categoryId}/{eventTypeId}", (*portal).showEventType},
	{"POST /organizations/{organization}/catalog/{categoryId}/{eventTypeId}", (*portal).sendSample},
}

// publicRoutes are the pages of [Config.PublicCatalog]. They have no organization and no caller.
var publicRoutes = []route{
	{"GET /catalog", (*portal).showCatalog},
	{"GET /catalog/{categoryId}", (*portal).showCategory},
	{"GET /catalog/{categoryId}/{eventTypeId}", (*portal).showEventType},
}

const (
	categoriesTake = 20
	firstTake      = 20  // event types of each category on the page of all categories
	eventTypesTake = 50  // on the page of a category
	maxVersions    = 100 // event types among which the versions of an event type are found
)

// catalogView is the data of the page of all categories, or of one of them.
type catalogView struct {
	Categories []categoryView
	One        bool // the page is about one category
	Pager      pager
	Crumbs     []crumb
}

// categoryView is a category with event types.
type categoryView struct {
	client.Category
	Events  []eventGroup
	More    int  // event types that are not shown
	Unknown bool // the event types could not be read in time
}

// eventGroup is an event with its versions, the latest last.
type eventGroup struct {
	client.EventType // the latest version
	Versions         []client.EventType
}

// showCatalog shows the categories with the first event types of each.
func (p *portal) showCatalog(v *visit) error {
	page, err := p.api.Registry.ListCategories(v.ctx, client.CatalogQuery{
		ListQuery: client.ListQuery{Skip: pageNumber(v.r), Take: categoriesTake},
	})
	if err != nil {
		return err
	}
	view := catalogView{
		Categories: make([]categoryView, len(page.Items)), Pager: pagerOf(v, page.CurrentPageNumber, page.TotalPages),
	}
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	eachAtOnce(len(page.Items), func(i int) {
		c := &view.Categories[i]
		c.Category = page.Items[i]
		_, err := p.readEventTypes(ctx, c, 0, firstTake)
		c.Unknown = err != nil
	})
	return v.render(http.StatusOK, "catalog", view)
}

// showCategory shows a category with its event types.
func (p *portal) showCategory(v *visit) error {
	id, err := v.id("categoryId")
	if err != nil {
		return err
	}
	var c categoryView
	if c.Category, err = p.api.Registry.Category(v.ctx, id); err != nil {
		return err
	}
	if v.public && c.ArchiveInfo.Archived {
		return errNoPage
	}
	page, err := p.readEventTypes(v.ctx, &c, pageNumber(v.r), eventTypesTake)
	if err != nil {
		return err
	}
	c.More = 0
	return v.render(http.StatusOK, "catalog", catalogView{
		Categories: []categoryView{c}, One: true, Pager: pagerOf(v, page.CurrentPageNumber, page.TotalPages), Crumbs: v.catalogCrumbs(),
	})
}

// readEventTypes reads a page of the event types of a category.
func (p *portal) readEventTypes(ctx context.Context, c *categoryView, skip, take int) (client.Page[client.EventType], error) {
	page, err := p.api.Registry.ListEventTypes(ctx, c.ID, client.CatalogQuery{ListQuery: client.ListQuery{Skip: skip, Take: take}})
	c.Events, c.More = groupByCode(page.Items), page.TotalRecords-len(page.Items)
	return page, err
}

func groupByCode(all []client.EventType) (groups []eventGroup) {
	at := map[string]int{}
	for _, e := range all {
		i, known := at[e.Code]
		if !known {
			i = len(groups)
			at[e.Code], groups = i, append(groups, eventGroup{})
		}
		groups[i].EventType, groups[i].Versions = e, append(groups[i].Versions, e)
	}
	return groups
}

// eventTypeView is the data of the page of an event type.
type eventTypeView struct {
	client.EventType
	Crumbs     []crumb
	Versions   []client.EventType // of the same code, this one among them
	Tree       *schemaNode        // nil: any data
	SchemaText string
	Sample     string // in lines; "": none
	Unknown    bool   // sample or versions could not be read in time
	Send       *sampleForm
}

// showEventType shows an event type with its schema, its sample and the form that sends the sample.
func (p *portal) showEventType(v *visit) error {
	view, err := p.eventTypeView(v)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "event_type", view)
}

func (p *portal) eventTypeView(v *visit) (*eventTypeView, error) {
	category, id, err := v.eventTypeIDs()
	if err != nil {
		return nil, err
	}
	view := &eventTypeView{}
	if view.EventType, err = p.api.Registry.EventType(v.ctx, category, id); err != nil {
		return nil, err
	}
	if v.public && (view.ArchiveInfo.Archived || view.Category.Archived) {
		return nil, errNoPage
	}
	view.Crumbs = append(v.catalogCrumbs(), crumb{v.url("catalog", category.String()), view.Category.Name})
	view.readSchema()
	ctx, cancel := context.WithTimeout(v.ctx, detailsTimeLimit)
	defer cancel()
	var noSample, noVersions, noEndpoints error
	reads := []func(){
		func() { view.Sample, noSample = p.sampleText(ctx, view.EventType, view.Version) },
		func() { view.Versions, noVersions = p.versions(ctx, view.EventType) },
		func() { view.Send, noEndpoints = p.sampleForm(ctx, v) },
	}
	eachAtOnce(len(reads), func(i int) { reads[i]() })
	view.Unknown = noSample != nil || noVersions != nil || noEndpoints != nil
	if view.Send != nil {
		view.Send.Payload = view.Sample
	}
	return view, nil
}

func (view *eventTypeView) readSchema() {
	if len(view.Schema) == 0 || string(view.Schema) == "null" {
		return
	}
	tree := schemaTree(view.Schema)
	view.Tree, view.SchemaText = &tree, indented(view.Schema)
}

// sampleText returns the sample payload of a version in lines; "" if there is none.
func (p *portal) sampleText(ctx context.Context, e client.EventType, version string) (string, error) {
	sample, err := p.api.Registry.Sample(ctx, e.Category.ID, e.ID, version)
	if errors.Is(err, client.ErrNotFound) {
		return "", nil
	}
	return indented(sample.Payload), err
}

// versions returns the event types of the category that have the code.
func (p *portal) versions(ctx context.Context, e client.EventType) ([]client.EventType, error) {
	page, err := p.api.Registry.ListEventTypes(ctx, e.Category.ID, client.CatalogQuery{ListQuery: client.ListQuery{Take: maxVersions}})
	return slices.DeleteFunc(page.Items, func(other client.EventType) bool { return other.Code != e.Code }), err
}

func (v *visit) catalogCrumbs() []crumb {
	return []crumb{{v.url("catalog"), v.say("nav.catalog")}}
}

func (v *visit) eventTypeIDs() (category, eventType uuid.UUID, err error) {
	if category, err = v.id("categoryId"); err == nil {
		eventType, err = v.id("eventTypeId")
	}
	return category, eventType, err
}
