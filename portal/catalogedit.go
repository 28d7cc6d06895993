package portal

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

const (
	catalogEditPath   = "/operations/catalog-edit"
	categoryEditPath  = catalogEditPath + "/{categoryId}"
	eventTypeEditPath = categoryEditPath + "/{eventTypeId}"
	sampleEditPath    = eventTypeEditPath + "/samples/{version}"
)

var catalogEditRoutes = append([]route{
	{"GET " + catalogEditPath, editor((*portal).editCatalog)},
	{"GET " + categoryEditPath, editor((*portal).editCategory)},
	{"GET " + eventTypeEditPath, editor((*portal).editEventType)},
	{"GET " + catalogEditPath + "/new", editor((*portal).newRecordForm)},
	{"POST " + catalogEditPath + "/new", editor((*portal).createRecord)},
	{"GET " + categoryEditPath + "/new", editor((*portal).newRecordForm)},
	{"POST " + categoryEditPath + "/new", editor((*portal).createRecord)},
	{"GET " + eventTypeEditPath + "/samples/new", editor((*portal).newRecordForm)},
	{"POST " + eventTypeEditPath + "/samples/new", editor((*portal).createRecord)},
	{"POST " + categoryEditPath + "/state", editor((*portal).changeState)},
	{"POST " + eventTypeEditPath + "/state", editor((*portal).changeState)},
}, append(append(recordRoutes(categoryEditPath), recordRoutes(eventTypeEditPath)...), recordRoutes(sampleEditPath)...)...)

func recordRoutes(path string) []route {
	return []route{
		{"GET " + path + "/edit", editor((*portal).recordForm)},
		{"POST " + path + "/edit", editor((*portal).updateRecord)},
		{"GET " + path + "/delete", editor((*portal).confirmDeletion)},
		{"POST " + path + "/delete", editor((*portal).deleteRecord)},
	}
}

// editor returns the handler for callers that may change the catalog.
func editor(handler func(*portal, *visit) error) func(*portal, *visit) error {
	return func(p *portal, v *visit) error {
		if !may(v.caller, httpapi.ScopeCatalog) {
			return errForbidden
		}
		return handler(p, v)
	}
}

// catalogEditView is the data of the pages for editing.
type catalogEditView struct {
	*catalogRecord                   // zero on the page of all categories
	Categories     []client.Category // of the page of all categories
	Events         []client.EventType
	Pager          pager
	Archived       bool // archived records are listed too

	Event  client.EventType
	Sample *client.Sample // nil: there is none of the version
	Wanted string         // the version of Sample
}

// HasSchema reports whether the event type has a schema.
func (c catalogEditView) HasSchema() bool { return jsonText(c.Event.Schema) != "" }

// SampleText is the sample payload in lines; "" if there is none.
func (c catalogEditView) SampleText() string {
	if c.Sample == nil {
		return ""
	}
	return jsonText(c.Sample.Payload)
}

// catalogQuery is the page of a list that the address asks for.
func (v *visit) catalogQuery(take int) client.CatalogQuery {
	q := client.CatalogQuery{ListQuery: client.ListQuery{Skip: pageNumber(v.r), Take: take}}
	if v.r.URL.Query().Get("archived") == "include" {
		q.Archived = client.IncludeArchived
	}
	return q
}

// editCatalog lists the categories.
func (p *portal) editCatalog(v *visit) error {
	q := v.catalogQuery(eventTypesTake)
	page, err := p.api.Registry.ListCategories(v.ctx, q)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "catalog_edit", catalogEditView{
		catalogRecord: &catalogRecord{}, Categories: page.Items, Archived: q.Archived != "",
		Pager: pagerOf(v, page.CurrentPageNumber, page.TotalPages),
	})
}

// editCategory shows a category with its event types.
func (p *portal) editCategory(v *visit) error {
	r, err := p.record(v)
	if err != nil {
		return err
	}
	q := v.catalogQuery(eventTypesTake)
	page, err := p.api.Registry.ListEventTypes(v.ctx, uuid.MustParse(v.r.PathValue("categoryId")), q)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "catalog_edit", catalogEditView{
		catalogRecord: r, Events: page.Items, Pager: pagerOf(v, page.CurrentPageNumber, page.TotalPages), Archived: q.Archived != "",
	})
}

// editEventType shows an event type with a sample.
func (p *portal) editEventType(v *visit) error {
	category, id, err := v.eventTypeIDs()
	if err != nil {
		return err
	}
	e, err := p.api.Registry.EventType(v.ctx, category, id)
	if err != nil {
		return err
	}
	view := catalogEditView{catalogRecord: p.eventTypeRecord(v, e), Event: e, Wanted: e.Version}
	if wanted := v.r.URL.Query().Get("version"); wanted != "" {
		view.Wanted = wanted
	}
	s, err := p.api.Registry.Sample(v.ctx, category, id, view.Wanted)
	switch {
	case err == nil:
		view.Sample = &s
	case !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrInvalid):
		return err
	}
	return v.render(http.StatusOK, "catalog_edit_event", view)
}
