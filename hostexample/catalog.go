package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/store/memstore"
)

// catalogCmd deals with the catalog as a whole.
type catalogCmd struct {
	Export catalogExport `cmd:"" help:"Write the catalog as a document, or as types of Go."`
}

// catalogExport writes a document of the catalog.
type catalogExport struct {
	storeSettings
	FromSeed string `help:"Folder of seed documents: they are the catalog. Default: none; the catalog is that of --store."`
	URL      string `name:"url" help:"Address of a running host: the catalog is its own. WEBHOOKS_TOKEN is a token for it. Default: none."`

	Format  catalogFormat `help:"Form of the document: openapi (3.1), asyncapi (3.0), markdown, or go." default:"openapi"`
	Output  string        `short:"o" help:"File to write. Default: standard output."`
	Title   string        `help:"Title of the document." default:"Webhooks"`
	Edition string        `help:"Version of the document. Default: a hash of the catalog."`
	Package string        `help:"Name of the package of Go." default:"webhookevents"`
}

// maxExport bounds the descriptions, schemas and samples in a document, in bytes.
const maxExport = 256 << 20

func (e *catalogExport) run(ctx context.Context, h *host, _ *cli) error {
	if e.FromSeed != "" && e.URL != "" {
		return wrong("url", "and --from-seed are both set: set one")
	}
	snapshot, err := e.snapshot(ctx, h)
	if err != nil {
		return err
	}
	if snapshot.Omitted > 0 {
		fmt.Fprintf(h.stderr, "%d event types are left out: a document has at most %d\n", snapshot.Omitted, webhooks.MaxSnapshotTypes)
	}
	text, err := e.render(snapshot, catalog.Info{Title: e.Title, Version: e.Edition})
	if err != nil {
		return err
	}
	if e.Output == "" {
		_, err = h.stdout.Write(text)
		return err
	}
	return os.WriteFile(e.Output, text, 0o644) //nolint:gosec // a document for everybody
}

func (e *catalogExport) render(s webhooks.CatalogSnapshot, info catalog.Info) ([]byte, error) {
	switch e.Format {
	case "asyncapi":
		return catalog.Indent(catalog.AsyncAPI(s, info)), nil
	case "markdown":
		return catalog.Markdown(s, info), nil
	case "go":
		text, err := catalog.Go(s, info, e.Package)
		if err != nil {
			return nil, wrong("package", "is %q: %v", e.Package, err)
		}
		return text, nil
	}
	return catalog.Indent(catalog.OpenAPI(s, info)), nil
}

// snapshot reads the catalog from a host, from seed documents or from the store.
func (e *catalogExport) snapshot(ctx context.Context, h *host) (webhooks.CatalogSnapshot, error) {
	switch {
	case e.URL != "":
		return remoteCatalog(ctx, h, e.URL)
	case e.FromSeed == "":
		return e.storedCatalog(ctx, h)
	case !isFolder(e.FromSeed):
		return webhooks.CatalogSnapshot{}, wrong("from-seed", "is %q, which is not a folder", e.FromSeed)
	}
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		return webhooks.CatalogSnapshot{}, err
	}
	applied, err := hooks.Registry.Seed(ctx, os.DirFS(e.FromSeed))
	if err == nil && applied == nil {
		err = wrong("from-seed", "is %q, which has no *.json files", e.FromSeed)
	}
	if err != nil {
		return webhooks.CatalogSnapshot{}, err
	}
	return hooks.Registry.Snapshot(ctx, maxExport)
}

func (e *catalogExport) storedCatalog(ctx context.Context, h *host) (s webhooks.CatalogSnapshot, err error) {
	hooks, db, err := h.openLibrary(ctx, &e.storeSettings, webhooks.Config{})
	if err != nil {
		return s, err
	}
	defer func() { _ = db.Close() }()
	return hooks.Registry.Snapshot(ctx, maxExport)
}

// openLibrary returns the library on the store of the settings, which another process may serve.
func (h *host) openLibrary(ctx context.Context, s *storeSettings, c webhooks.Config) (*webhooks.Webhooks, *database, error) {
	if err := h.readStore(s); err != nil {
		return nil, nil, err
	}
	if s.Store == "memory:" {
		return nil, nil, wrong("store", "is memory:, which no other process shares")
	}
	db, err := s.open(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	if err := answers(ctx, db); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	hooks, err := webhooks.New(db, c)
	if err != nil {
		return nil, nil, errors.Join(named(err), db.Close())
	}
	return hooks, db, nil
}

// remoteCatalog reads the catalog of a running host.
func remoteCatalog(ctx context.Context, h *host, url string) (s webhooks.CatalogSnapshot, err error) {
	token, err := h.readSecret("WEBHOOKS_TOKEN")
	if err != nil {
		return s, err
	}
	if token == "" {
		return s, wrong("WEBHOOKS_TOKEN", "is not set: set it to a token for the host of --url")
	}
	host, err := client.New(client.Config{BaseURL: url, Token: client.StaticToken(token)})
	if err != nil {
		return s, wrong("url", "is wrong: it must be an absolute http or https URL without user, query and fragment")
	}
	s.Samples = map[uuid.UUID][]webhooks.Sample{}
	all := client.CatalogQuery{Archived: client.IncludeArchived}
	for c, err := range host.Registry.Categories(ctx, all) {
		if err != nil {
			return s, err
		}
		s.Categories = append(s.Categories, webhooks.Category{ID: c.ID, Name: c.Name, Code: c.Code, Description: c.Description})
		for e, err := range host.Registry.EventTypes(ctx, c.ID, all) {
			if err != nil {
				return s, err
			}
			if err := addRemote(ctx, host.Registry, &s, c, e); err != nil {
				return s, err
			}
		}
	}
	s.Sort()
	return s, nil
}

// addRemote adds an event type and its sample.
func addRemote(ctx context.Context, r *client.Registry, s *webhooks.CatalogSnapshot, c client.Category, e client.EventType) (err error) {
	if e.Truncated { // the page was too large
		if e, err = r.EventType(ctx, c.ID, e.ID); err != nil {
			return err
		}
	}
	t := webhooks.EventType{ID: e.ID, CategoryID: c.ID, Name: e.Name, Code: e.Code, Version: e.Version, Description: e.Description}
	if string(e.Schema) != "null" {
		t.Schema = e.Schema
	}
	t.Active, t.Archived = e.ActiveInfo.Active, e.ArchiveInfo.Archived
	t.Category.Name, t.Category.Code, t.Category.Active, t.Category.Archived = c.Name, c.Code, c.ActiveInfo.Active, c.ArchiveInfo.Archived
	s.EventTypes = append(s.EventTypes, t)
	sample, err := r.Sample(ctx, c.ID, e.ID, e.Version)
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	s.Samples[e.ID] = []webhooks.Sample{{Version: sample.Version, Payload: sample.Payload}}
	return err
}

// catalogFormat is a form of the catalog's documents.
type catalogFormat string

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *catalogFormat) UnmarshalText(text []byte) error {
	switch *f = catalogFormat(text); *f {
	case "openapi", "asyncapi", "markdown", "go":
		return nil
	}
	return fmt.Errorf("is %q, must be openapi, asyncapi, markdown or go", text)
}
