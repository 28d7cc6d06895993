package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// recordForm shows the form that changes a record.
func (p *portal) recordForm(v *visit) error {
	r, err := p.record(v)
	if err != nil {
		return err
	}
	return v.showForm(r, url.Values{}, faults{})
}

// newRecordForm shows the form that creates a record.
func (p *portal) newRecordForm(v *visit) error {
	r, err := p.newRecord(v)
	if err != nil {
		return err
	}
	return v.showForm(r, url.Values{}, faults{})
}

// createRecord creates the record of the form.
func (p *portal) createRecord(v *visit) error {
	return p.save(v, "catalog_created", p.newRecord, func(r *catalogRecord, _ url.Values, values fieldValues) (string, error) {
		return r.create(v.ctx, values)
	})
}

// updateRecord changes the record as the form says.
func (p *portal) updateRecord(v *visit) error {
	return p.save(v, "catalog_saved", p.record, func(r *catalogRecord, form url.Values, values fieldValues) (string, error) {
		var patch client.Patch
		for _, f := range r.Fields {
			patch = append(patch, client.Set("/"+f.ID, values[f.ID]))
		}
		to := r.URL
		if r.Kind == "sample" {
			to = r.Back + "?version=" + url.QueryEscape(values.text("version"))
		}
		return to, r.update(v.ctx, patch, client.IfMatch(form.Get("etag")))
	})
}

// confirmDeletion asks whether a record should be deleted.
func (p *portal) confirmDeletion(v *visit) error {
	r, err := p.record(v)
	if err != nil {
		return err
	}
	return v.showDeletion(r, faults{})
}

// deleteRecord deletes the record.
func (p *portal) deleteRecord(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	return v.once(form, v.catalogListURL(), func() error {
		r, err := p.record(v)
		if err != nil {
			return err
		}
		if err = r.remove(v.ctx, client.IfMatch(form.Get("etag"))); err == nil {
			return v.redirect(withDone(r.Back, "catalog_deleted"))
		}
		var found faults
		if err := found.take(v, err, fields(nil)); err != nil {
			return err
		}
		return v.showDeletion(r, found)
	})
}

// catalogListURL is the page that lists the record of the path. It is there after the record was deleted, too.
func (v *visit) catalogListURL() string {
	var ids []string
	for _, name := range []string{"categoryId", "eventTypeId", "version"} {
		if id := v.r.PathValue(name); id != "" {
			ids = append(ids, id)
		}
	}
	return v.catalogEditURL(ids[:len(ids)-1]...)
}

// changeState activates, deactivates, archives or restores a record.
func (p *portal) changeState(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	r, err := p.record(v)
	if err != nil {
		return err
	}
	change, ok := r.states[form.Get("state")]
	if !ok {
		return errNoPage
	}
	if err := change(v.ctx); err != nil {
		return err
	}
	return v.redirect(withDone(r.URL, "catalog_"+form.Get("state")))
}

// save carries out a form with the fields of a record, which load reads, and sends the browser to the page of the result. If the form
// has faults, it shows the form again.
func (p *portal) save(
	v *visit, done string, load func(*visit) (*catalogRecord, error), do func(*catalogRecord, url.Values, fieldValues) (string, error),
) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	r, err := load(v)
	if err != nil {
		return err
	}
	values, found := v.fieldValues(r.Fields, form)
	if found.Any() {
		return v.showForm(r, form, found)
	}
	again := r.URL
	if r.Name == "" {
		again = r.Back
	}
	return v.once(form, again, func() error {
		to, err := do(r, form, values)
		if err := found.take(v, err, r.fieldOf()); err != nil {
			return err
		}
		if found.Any() {
			return v.showForm(r, form, found)
		}
		return v.redirect(withDone(to, done))
	})
}

// formView is the data of the pages with a form about a record.
type formView struct {
	*catalogRecord
	Faults faults
}

// showForm shows the form with what was typed. If the record was changed meanwhile, it shows what is stored now; the form then
// replaces that.
func (v *visit) showForm(r *catalogRecord, typed url.Values, found faults) error {
	if found.Any() {
		changed := found.Status == http.StatusPreconditionFailed
		for i, f := range r.Fields {
			value := strings.ReplaceAll(typed.Get(f.ID), "\r\n", "\n")
			if changed && strings.TrimSpace(value) != strings.TrimSpace(f.Value) {
				r.Fields[i].Now = f.Value
			}
			r.Fields[i].Value = value
		}
		if !changed {
			r.ETag = typed.Get("etag")
		}
	}
	return v.render(found.status(), "catalog_form", formView{r, found})
}

// showDeletion shows the question whether a record should be deleted.
func (v *visit) showDeletion(r *catalogRecord, found faults) error {
	if found.Status == http.StatusPreconditionFailed {
		found.General = []string{v.say("catalog.edit.delete.changed")}
	}
	return v.render(found.status(), "catalog_delete", formView{r, found})
}

// fieldValues reads the fields of a form, and finds their faults.
func (v *visit) fieldValues(all []formField, form url.Values) (values fieldValues, found faults) {
	values = fieldValues{}
	for _, f := range all {
		text := strings.TrimSpace(strings.ReplaceAll(form.Get(f.ID), "\r\n", "\n"))
		switch {
		case f.Required && text == "":
			found.add(f.ID, v.say("fault.required"))
		case f.Kind != "json":
			values[f.ID] = text
		case text != "":
			values[f.ID] = v.readJSON(&found, f.ID, text)
		}
	}
	return values, found
}
