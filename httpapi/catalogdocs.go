package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
)

// catalogDocumentsPath begins the paths of the documents of the catalog.
const catalogDocumentsPath = "/api/catalog."

var catalogDocumentRoutes = group{
	tag: "CatalogDocuments", description: "The catalog as documents, for programs of receivers.",
	routes: []route{
		{
			method: http.MethodGet, path: catalogDocumentsPath + "openapi.json", access: catalogRead,
			handler: catalogDocument("openapi", catalog.OpenAPI),
			id:      "getCatalogOpenAPI", beyond: true, summary: "Gets the catalog as an OpenAPI 3.1 document with webhooks",
			details: catalogDocumentBounds, answer: anyObject{},
		},
		{
			method: http.MethodGet, path: catalogDocumentsPath + "asyncapi.json", access: catalogRead,
			handler: catalogDocument("asyncapi", catalog.AsyncAPI),
			id:      "getCatalogAsyncAPI", beyond: true, summary: "Gets the catalog as an AsyncAPI 3.0 document",
			details: catalogDocumentBounds, answer: anyObject{},
		},
	},
}

const catalogDocumentBounds = "Archived event types are marked. The document has at most 10,000 event types, and their descriptions, " +
	"schemas and sample payloads to 8 MiB in all; it says what is left out."

// catalogDocuments keeps the documents of the latest version of the catalog that was asked for.
type catalogDocuments struct {
	turn    chan struct{} // held by the one request that reads the catalog
	version string
	texts   map[string]taggedText
}

type taggedText struct {
	text []byte
	tag  string
}

func newCatalogDocuments() *catalogDocuments { return &catalogDocuments{turn: make(chan struct{}, 1)} }

// catalogDocument serves a document. It is made once for each version of the catalog; a request reads
// ids and revisions to learn the version.
func catalogDocument(name string, render func(webhooks.CatalogSnapshot, catalog.Info) []byte) func(*api, *call) error {
	return func(a *api, c *call) error {
		if err := c.reserve(workPerPage * maxPage); err != nil {
			return err
		}
		document, err := a.catalog.get(c.ctx(), a.hooks.Registry, name, func(s webhooks.CatalogSnapshot) []byte {
			return render(s, a.cfg.CatalogInfo)
		})
		if err != nil {
			return err
		}
		c.w.Header().Set("ETag", document.tag)
		return c.send(http.StatusOK, document.text)
	}
}

func (d *catalogDocuments) get(
	ctx context.Context, registry *webhooks.Registry, name string, render func(webhooks.CatalogSnapshot) []byte,
) (taggedText, error) {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return taggedText{}, ctx.Err()
	}
	defer func() { <-d.turn }()
	version, err := registry.CatalogVersion(ctx)
	if err != nil {
		return taggedText{}, err
	}
	if version != d.version {
		d.version, d.texts = "", nil
	}
	if known, ok := d.texts[name]; ok {
		return known, nil
	}
	snapshot, err := registry.Snapshot(ctx, maxPage)
	if err != nil {
		return taggedText{}, err
	}
	if snapshot.Version != d.version {
		d.version, d.texts = snapshot.Version, map[string]taggedText{}
	}
	text := render(snapshot)
	sum := sha256.Sum256(text)
	d.texts[name] = taggedText{text, `"` + hex.EncodeToString(sum[:12]) + `"`}
	return d.texts[name], nil
}
