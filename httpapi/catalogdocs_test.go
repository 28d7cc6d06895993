package httpapi_test

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

const (
	catalogOpenAPI  = "GET /api/catalog.openapi.json"
	catalogAsyncAPI = "GET /api/catalog.asyncapi.json"
)

// catalogDocument returns a document of the catalog, and its entity tag.
func (f *fixture) catalogDocument(do string) (document map[string]any, tag string) {
	f.Helper()
	w := f.send(step{as: "read", do: do})
	if w.Code != 200 || w.Header().Get("ETag") == "" {
		f.Fatalf("%s answers %d, ETag %q: %s", do, w.Code, w.Header().Get("ETag"), w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		f.Fatal(err)
	}
	return document, w.Header().Get("ETag")
}

func TestCatalogDocuments(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const e = "/api/webhook-categories/{category}/webhook-events/{event}"
		const samples = e + "/sample-payloads"
		for _, c := range []struct {
			step

			shown string // a part of the documents then
		}{
			{step{as: "read", do: "GET " + e, status: 200}, "vitals.measured"},
			{
				step{as: "catalog", do: "PATCH " + e, body: `[{"op": "replace", "path": "/description", "value": "Anew <b>"}]`, status: 200},
				"Anew <b>",
			},
			{step{as: "catalog", do: "PATCH " + e, body: `[{"op": "add", "path": "/schema", "value": {"required": ["n"]}}]`, status: 200}, `"n"`},
			{step{as: "catalog", do: "POST " + samples, body: `{"payload": {"n": 1.50}}`, status: 201}, "1.50"},
			{step{as: "catalog", do: "POST " + e + "/deactivate", status: 200, want: `{"value": true}`}, "Inactive"},
			{step{as: "catalog", do: "POST /api/webhook-categories/{category}/archive", status: 200, want: `{"value": true}`}, "deprecated"},
		} {
			_, before := f.catalogDocument(catalogOpenAPI)
			f.step(c.do, c.step)
			for _, do := range []string{catalogOpenAPI, catalogAsyncAPI} {
				f.step(do, step{as: "read", do: do, status: 200, has: c.shown})
			}
			if _, after := f.catalogDocument(catalogOpenAPI); (before == after) != (c.as == "read") {
				f.Errorf("%s: the ETag was %s, and is %s", c.do, before, after)
			}
		}
		f.step("no token", step{do: catalogOpenAPI, status: 401, code: "unauthorized"})
		f.step("no scope", step{as: "nothing", do: catalogAsyncAPI, status: 403, code: "forbidden"})
	})
}

// countingStore counts the reads of samples with their payloads.
type countingStore struct {
	store.Store
	reads atomic.Int64
}

func (s *countingStore) Samples(ctx context.Context, eventType uuid.UUID, p store.Page) (store.List[store.Sample], error) {
	if p.MaxBytes > 1 {
		s.reads.Add(1)
	}
	return s.Store.Samples(ctx, eventType, p)
}

func TestACatalogDocumentIsMadeOnceForEachVersion(t *testing.T) {
	t.Parallel()
	st := &countingStore{Store: memstore.New()}
	f := newFixture(t, st)
	f.catalog()
	st.reads.Store(0)
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() { f.send(step{as: "read", do: catalogOpenAPI}) })
	}
	callers.Wait()
	if n := st.reads.Load(); n != 1 {
		t.Errorf("20 requests read the whole catalog %d times", n)
	}
	f.send(step{as: "catalog", do: "POST /api/webhook-categories/{category}/webhook-events/{event}/archive"})
	f.send(step{as: "read", do: catalogOpenAPI})
	if n := st.reads.Load(); n != 2 {
		t.Errorf("after a change the catalog was read %d times, want 2", n)
	}
}
