package portal

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// catalogRecord is a category, an event type or a sample payload that is edited, or a new one.
type catalogRecord struct {
	Kind   string // category, event_type or sample: a part of the keys of texts
	Name   string // "": it is new
	URL    string // of its page
	Back   string // the page that lists it
	Crumbs []crumb
	ETag   string
	Fields []formField

	client.ArchiveInfo
	client.ActiveInfo

	create func(ctx context.Context, values fieldValues) (to string, err error) // of a new one
	update func(ctx context.Context, patch client.Patch, etag client.IfMatch) error
	remove func(ctx context.Context, etag client.IfMatch) error
	states map[string]func(ctx context.Context) error // nil: it has no states
}

// formField is a field of a form.
type formField struct {
	ID       string // the name of the member in the REST interface
	Kind     string // text, area, or json
	Required bool
	Value    string
	Now      string // what is stored now, if that is another value; "": nothing to say
}

// fieldValues are the values of fields by their ids: texts, or JSON, which is nil for an empty field.
type fieldValues map[string]any

func (f fieldValues) text(id string) string { s, _ := f[id].(string); return s }

// fieldOf returns the fieldOf of the record's form.
func (r *catalogRecord) fieldOf() fieldOf {
	ids := map[string]string{}
	for _, f := range r.Fields {
		ids[f.ID] = f.ID
	}
	return fields(ids)
}

// catalogEditURL is the address of a page for editing the catalog.
func (v *visit) catalogEditURL(segments ...string) string {
	return organizationURL(v.p.cfg.Path, "", append([]string{"operations", "catalog-edit"}, segments...)...)
}

// record returns the record that the path names.
func (p *portal) record(v *visit) (*catalogRecord, error) {
	category, err := v.id("categoryId")
	if err != nil {
		return nil, err
	}
	if v.r.PathValue("eventTypeId") == "" {
		c, err := p.api.Registry.Category(v.ctx, category)
		return p.categoryRecord(v, c), err
	}
	_, id, err := v.eventTypeIDs()
	if err != nil {
		return nil, err
	}
	e, err := p.api.Registry.EventType(v.ctx, category, id)
	if err != nil || v.r.PathValue("version") == "" {
		return p.eventTypeRecord(v, e), err
	}
	s, err := p.api.Registry.Sample(v.ctx, category, id, v.r.PathValue("version"))
	return p.sampleRecord(v, e, s), err
}

// newRecord returns a new record below the one that the path names.
func (p *portal) newRecord(v *visit) (*catalogRecord, error) {
	if v.r.PathValue("categoryId") == "" {
		return p.categoryRecord(v, client.Category{}), nil
	}
	parent, err := p.record(v)
	if err != nil {
		return nil, err
	}
	category := client.CategoryReference{ID: uuid.MustParse(v.r.PathValue("categoryId")), Name: parent.Name}
	id := v.r.PathValue("eventTypeId")
	if id == "" {
		return p.eventTypeRecord(v, client.EventType{Category: category}), nil
	}
	category.Name = parent.categoryName()
	e := client.EventType{ID: uuid.MustParse(id), Name: parent.Name, Category: category}
	return p.sampleRecord(v, e, client.Sample{Version: v.r.URL.Query().Get("version")}), nil
}

// categoryName is the name of the category of an event type.
func (r *catalogRecord) categoryName() string { return r.Crumbs[1].Text }

func (p *portal) categoryRecord(v *visit, c client.Category) *catalogRecord {
	registry := p.api.Registry
	return &catalogRecord{
		Kind: "category", Name: c.Name, ETag: c.ETag, ArchiveInfo: c.ArchiveInfo, ActiveInfo: c.ActiveInfo,
		URL: v.catalogEditURL(c.ID.String()), Back: v.catalogEditURL(), Crumbs: []crumb{{v.catalogEditURL(), v.say("nav.catalog-edit")}},
		Fields: []formField{
			{ID: "name", Kind: "text", Required: true, Value: c.Name},
			{ID: "code", Kind: "text", Required: true, Value: c.Code},
			{ID: "description", Kind: "area", Value: c.Description},
		},
		create: func(ctx context.Context, in fieldValues) (string, error) {
			made, err := registry.CreateCategory(ctx, client.CategoryInput{
				Name: in.text("name"), Code: in.text("code"), Description: in.text("description"),
			})
			return v.catalogEditURL(made.ID.String()), err
		},
		update: func(ctx context.Context, patch client.Patch, etag client.IfMatch) error {
			_, err := registry.UpdateCategory(ctx, c.ID, patch, etag)
			return err
		},
		remove: func(ctx context.Context, etag client.IfMatch) error { return registry.DeleteCategory(ctx, c.ID, etag) },
		states: map[string]func(context.Context) error{
			"activate":   func(ctx context.Context) error { return registry.ActivateCategory(ctx, c.ID) },
			"deactivate": func(ctx context.Context) error { return registry.DeactivateCategory(ctx, c.ID) },
			"archive":    func(ctx context.Context) error { return registry.ArchiveCategory(ctx, c.ID) },
			"restore":    func(ctx context.Context) error { return registry.RestoreCategory(ctx, c.ID) },
		},
	}
}

func (p *portal) eventTypeRecord(v *visit, e client.EventType) *catalogRecord {
	registry, category := p.api.Registry, e.Category.ID
	back := v.catalogEditURL(category.String())
	return &catalogRecord{
		Kind: "event_type", Name: e.Name, ETag: e.ETag, ArchiveInfo: e.ArchiveInfo, ActiveInfo: e.ActiveInfo,
		URL: v.catalogEditURL(category.String(), e.ID.String()), Back: back,
		Crumbs: []crumb{{v.catalogEditURL(), v.say("nav.catalog-edit")}, {back, e.Category.Name}},
		Fields: []formField{
			{ID: "name", Kind: "text", Required: true, Value: e.Name},
			{ID: "code", Kind: "text", Required: true, Value: e.Code},
			{ID: "version", Kind: "text", Required: true, Value: e.Version},
			{ID: "description", Kind: "area", Value: e.Description},
			{ID: "schema", Kind: "json", Value: jsonText(e.Schema)},
		},
		create: func(ctx context.Context, in fieldValues) (string, error) {
			made, err := registry.CreateEventType(ctx, category, client.EventTypeInput{
				Name: in.text("name"), Code: in.text("code"), Version: in.text("version"), Description: in.text("description"),
				Schema: in["schema"],
			})
			return v.catalogEditURL(category.String(), made.ID.String()), err
		},
		update: func(ctx context.Context, patch client.Patch, etag client.IfMatch) error {
			_, err := registry.UpdateEventType(ctx, category, e.ID, patch, etag)
			return err
		},
		remove: func(ctx context.Context, etag client.IfMatch) error {
			return registry.DeleteEventType(ctx, category, e.ID, etag)
		},
		states: map[string]func(context.Context) error{
			"activate":   func(ctx context.Context) error { return registry.ActivateEventType(ctx, category, e.ID) },
			"deactivate": func(ctx context.Context) error { return registry.DeactivateEventType(ctx, category, e.ID) },
			"archive":    func(ctx context.Context) error { return registry.ArchiveEventType(ctx, category, e.ID) },
			"restore":    func(ctx context.Context) error { return registry.RestoreEventType(ctx, category, e.ID) },
		},
	}
}

func (p *portal) sampleRecord(v *visit, e client.EventType, s client.Sample) *catalogRecord {
	registry, category := p.api.Registry, e.Category.ID
	back := v.catalogEditURL(category.String(), e.ID.String())
	r := &catalogRecord{
		Kind: "sample", ETag: s.ETag, URL: back + "?version=" + s.Version, Back: back,
		Crumbs: []crumb{
			{v.catalogEditURL(), v.say("nav.catalog-edit")}, {v.catalogEditURL(category.String()), e.Category.Name}, {back, e.Name},
		},
		Fields: []formField{
			{ID: "version", Kind: "text", Required: true, Value: s.Version},
			{ID: "payload", Kind: "json", Required: true, Value: jsonText(s.Payload)},
		},
		create: func(ctx context.Context, in fieldValues) (string, error) {
			made, err := registry.CreateSample(ctx, category, e.ID, client.SampleInput{Version: in.text("version"), Payload: in["payload"]})
			return back + "?version=" + made.Version, err
		},
		update: func(ctx context.Context, patch client.Patch, etag client.IfMatch) error {
			_, err := registry.UpdateSample(ctx, category, e.ID, s.Version, patch, etag)
			return err
		},
		remove: func(ctx context.Context, etag client.IfMatch) error {
			return registry.DeleteSample(ctx, category, e.ID, s.Version, etag)
		},
	}
	if s.ID != uuid.Nil {
		r.Name = s.Version
	}
	return r
}

// jsonText returns JSON for a field of a form; "" for none.
func jsonText(text json.RawMessage) string {
	if len(text) == 0 || string(text) == "null" {
		return ""
	}
	return indented(text)
}
