package webhooks_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

func TestCatalogRefusesWrongInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		in      webhooks.CategoryInput
		pointer string
	}{
		"no name":                {webhooks.CategoryInput{Code: "c"}, "/name"},
		"a name of spaces":       {webhooks.CategoryInput{Name: "  ", Code: "c"}, "/name"},
		"a name too long":        {webhooks.CategoryInput{Name: strings.Repeat("ä", 201), Code: "c"}, "/name"},
		"a name with a tab":      {webhooks.CategoryInput{Name: "a\tb", Code: "c"}, "/name"},
		"a name not UTF-8":       {webhooks.CategoryInput{Name: "a\xff", Code: "c"}, "/name"},
		"no code":                {webhooks.CategoryInput{Name: "n"}, "/code"},
		"a code with a slash":    {webhooks.CategoryInput{Name: "n", Code: "a/b"}, "/code"},
		"a code starting oddly":  {webhooks.CategoryInput{Name: "n", Code: ".a"}, "/code"},
		"a code too long":        {webhooks.CategoryInput{Name: "n", Code: strings.Repeat("c", 101)}, "/code"},
		"a description too long": {webhooks.CategoryInput{Name: "n", Code: "c", Description: strings.Repeat("d", 2001)}, "/description"},
		"a description with NUL": {webhooks.CategoryInput{Name: "n", Code: "c", Description: "\x00"}, "/description"},
	} {
		_, err := w.Registry.CreateCategory(t.Context(), c.in)
		t.Log(name)
		wantFault(t, err, webhooks.Invalid, c.pointer)
	}
	ok := webhooks.CategoryInput{Name: " " + strings.Repeat("ä", 200) + " ", Code: "A.b_c-1", Description: "two\nlines\tand a tab"}
	c, err := w.Registry.CreateCategory(t.Context(), ok)
	if err != nil || c.Name != strings.Repeat("ä", 200) {
		t.Errorf("%+v, %v", c, err)
	}
	_, err = w.Registry.CreateCategory(t.Context(), ok)
	wantErr(t, err, webhooks.ErrCodeTaken)
	_, err = w.Registry.CreateEventType(t.Context(), w.category.ID, webhooks.EventTypeInput{Name: "n", Code: "c"})
	wantFault(t, err, webhooks.Invalid, "/version")
	_, err = w.Registry.CreateEventType(t.Context(), uuid.New(), webhooks.EventTypeInput{Name: "n", Code: "c", Version: "v1"})
	wantErr(t, err, webhooks.ErrNotFound)
}

func TestChangesAreAuditedAndAtomic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := webhooks.WithActor(t.Context(), "ann")
	c, err := w.Registry.CreateCategory(ann, webhooks.CategoryInput{Name: "n", Code: "audited"})
	w.must(err)
	if c.CreatedBy != "ann" || c.UpdatedBy != "ann" || !c.CreatedAt.Equal(c.UpdatedAt) || c.Revision != 1 {
		t.Errorf("created %+v", c)
	}
	bob := webhooks.WithActor(t.Context(), "bob")
	changed, err := w.Registry.UpdateCategory(bob, c.ID, func(now webhooks.Category, in *webhooks.CategoryInput) error {
		if now.Revision != 1 || in.Code != "audited" {
			t.Errorf("change sees %+v, %+v", now, in)
		}
		in.Name = "m"
		return nil
	})
	if err != nil || changed.Name != "m" || changed.UpdatedBy != "bob" || changed.CreatedBy != "ann" || changed.Revision != 2 {
		t.Errorf("changed %+v, %v", changed, err)
	}
	stop := errors.New("stop")
	_, err = w.Registry.UpdateCategory(bob, c.ID, func(_ webhooks.Category, in *webhooks.CategoryInput) error {
		in.Name = "never"
		return stop
	})
	wantErr(t, err, stop)
	_, err = w.Registry.UpdateCategory(bob, c.ID, func(_ webhooks.Category, in *webhooks.CategoryInput) error {
		in.Name, in.Code = "never", "not allowed"
		return nil
	})
	wantFault(t, err, webhooks.Invalid, "/code")
	if got, err := w.Registry.Category(t.Context(), c.ID); err != nil || got != changed {
		t.Errorf("a refused change left %+v, %v", got, err)
	}
}

func TestArchivedThingsTakeNoChanges(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	w.must(w.Registry.ArchiveEventType(ctx, w.category.ID, w.typ.ID))
	_, err := w.Registry.UpdateEventType(ctx, w.category.ID, w.typ.ID, func(webhooks.EventType, *webhooks.EventTypeInput) error { return nil })
	wantErr(t, err, webhooks.ErrArchived)
	_, err = w.Registry.CreateSample(ctx, w.category.ID, w.typ.ID, webhooks.SampleInput{Payload: []byte("{}")})
	wantErr(t, err, webhooks.ErrArchived)
	wantErr(t, w.Registry.ActivateEventType(ctx, w.category.ID, w.typ.ID), webhooks.ErrArchived)
	w.must(w.Registry.ArchiveCategory(ctx, w.category.ID))
	_, err = w.Registry.CreateEventType(ctx, w.category.ID, webhooks.EventTypeInput{Name: "n", Code: "n", Version: "v1"})
	wantErr(t, err, webhooks.ErrArchived)
	_, err = w.Registry.UpdateCategory(ctx, w.category.ID, func(webhooks.Category, *webhooks.CategoryInput) error { return nil })
	wantErr(t, err, webhooks.ErrArchived)
	w.must(w.Registry.RestoreCategory(ctx, w.category.ID))
	w.must(w.Registry.RestoreEventType(ctx, w.category.ID, w.typ.ID))
	w.publish("1")
}

func TestAnEventTypeIsReachedThroughItsOwnCategoryOnly(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	r := w.Registry
	other, err := r.CreateCategory(ctx, webhooks.CategoryInput{Name: "o", Code: "other"})
	w.must(err)
	id := w.typ.ID
	_, read := r.EventType(ctx, other.ID, id)
	_, update := r.UpdateEventType(ctx, other.ID, id, func(webhooks.EventType, *webhooks.EventTypeInput) error { return nil })
	_, sample := r.CreateSample(ctx, other.ID, id, webhooks.SampleInput{Payload: []byte("{}")})
	for _, err := range []error{
		read, update, sample, r.ArchiveEventType(ctx, other.ID, id), r.DeleteEventType(ctx, other.ID, id, nil),
	} {
		wantErr(t, err, webhooks.ErrNotFound)
	}
	w.must(r.DeleteEventType(ctx, w.category.ID, id, nil))
}

func TestSamplesMatchTheSchema(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	s, err := w.Registry.CreateSample(ctx, w.category.ID, w.typ.ID, webhooks.SampleInput{Payload: []byte(` {"b": 1.0, "a": "x"} `)})
	if err != nil || string(s.Payload) != `{"b":1.0,"a":"x"}` || s.Version != "v1" {
		t.Fatalf("%s %s, %v", s.Payload, s.Version, err)
	}
	setSchema := func(schema string) error {
		_, err := w.Registry.UpdateEventType(ctx, w.category.ID, w.typ.ID, func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
			in.Schema = []byte(schema)
			return nil
		})
		return err
	}
	wantFault(t, setSchema(`{"required":["c"]}`), webhooks.SchemaMismatch, "/schema")
	wantFault(t, setSchema(`{"$schema":"http://json-schema.org/draft-07/schema#","required":["b"]}`), webhooks.Invalid, "/schema")
	w.must(setSchema(`{"$schema":"https://json-schema.org/draft/2020-12/schema","required":["b"]}`))
	w.must(setSchema(`{"required":["b"]}`))
	setPayload := func(payload string) error {
		_, err := w.Registry.UpdateSample(ctx, w.category.ID, w.typ.ID, "v1", func(_ webhooks.Sample, in *webhooks.SampleInput) error {
			in.Payload = []byte(payload)
			return nil
		})
		return err
	}
	wantFault(t, setPayload(`{"a":1}`), webhooks.SchemaMismatch, "/payload")
	wantFault(t, setPayload(`[1]`), webhooks.Invalid, "/payload")
	w.must(setPayload(`{"b":2}`))
	_, err = w.Registry.CreateSample(ctx, w.category.ID, w.typ.ID, webhooks.SampleInput{Payload: []byte(`{"b":1}`)})
	wantErr(t, err, webhooks.ErrSampleExists)
}

func TestSeedDocumentsAreAppliedOnce(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	first := `{"version":"1","description":"start","categories":[{"name":"Orders","code":"orders","events":[
		{"name":"Paid","code":"order.paid","version":"v1","schema":{"required":["id"]},"sample":{"id":7}}]}]}`
	folder := fstest.MapFS{"001.json": {Data: []byte(first)}, "readme.txt": {Data: []byte("no seed")}}
	applied, err := w.Registry.Seed(ctx, folder)
	if err != nil || len(applied) != 1 {
		t.Fatalf("applied %v, %v", applied, err)
	}
	_, err = w.Dispatcher.Publish(ctx, w.org, webhooks.Event{Type: "order.paid", Data: map[string]int{"id": 1}})
	w.must(err)
	folder["002.json"] = &fstest.MapFile{Data: []byte(`{"version":"2","categories":[{"name":"Orders!","code":"orders"}]}`)}
	applied, err = w.Registry.Seed(ctx, folder)
	if err != nil || len(applied) != 1 || applied[0] != "2" {
		t.Fatalf("second start applied %v, %v", applied, err)
	}
	versions, err := w.Registry.SeedVersions(ctx)
	if err != nil || len(versions) != 2 || versions[0].Version != "1" || versions[0].Description != "start" {
		t.Errorf("versions %+v, %v", versions, err)
	}
	folder["001.json"] = &fstest.MapFile{Data: []byte(strings.Replace(first, "Paid", "Settled", 1))}
	_, err = w.Registry.Seed(ctx, folder)
	wantErr(t, err, webhooks.ErrSeedChanged)
	for name, bad := range map[string]string{
		"unknown member": `{"version":"3","categories":[],"x":1}`,
		"no JSON":        `{"version":`,
		"no version":     `{"categories":[]}`,
		"bad code":       `{"version":"3","categories":[{"name":"n","code":"a b"}]}`,
		"bad sample": `{"version":"3","categories":[{"name":"n","code":"n","events":[
			{"name":"n","code":"n","version":"v1","schema":{"required":["id"]},"sample":{}}]}]}`,
	} {
		_, err := w.Registry.Seed(ctx, fstest.MapFS{"bad.json": {Data: []byte(bad)}})
		if err == nil || !strings.Contains(err.Error(), "bad.json") {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}
