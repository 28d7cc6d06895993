package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/memstore"
)

// TestPagesOfOtherSites shows the portal in an iframe of another site, and sends it a form of another site.
func TestPagesOfOtherSites(t *testing.T) {
	t.Parallel()
	ready(t)
	var mux http.ServeMux
	other := httptest.NewTLSServer(&mux)
	t.Cleanup(other.Close)
	embedder := strings.Replace(other.URL, "127.0.0.1", "localhost", 1) // another site than that of the portal
	s := start(t, memstore.New(), sample.Data{}, true, func(c *portal.Config) { c.FrameAncestors = []string{embedder} })
	link, _, err := s.links.Link(t.Context(), httpapi.Caller{
		Subject: "dora", Organizations: []uuid.UUID{s.Acme}, Scopes: []httpapi.Scope{httpapi.ScopeManage},
	}, s.acme("endpoints"), time.Hour)
	s.check(err)
	mux.HandleFunc("/frame", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<!doctype html><title>A service</title><script src="%s/embed.js"></script>`+
			`<iframe data-webhooks-portal title="Webhooks" width="100%%" src="%s"></iframe>`, s.server.URL, link)
	})
	mux.HandleFunc("/attack", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `<!doctype html><title>An attack</title><form method="post" action="%s%s"><button>Win</button></form>`,
			s.server.URL, s.endpoint(s.Healthy, "pause"))
	})
	shown := s.site()
	shown.Embedder, shown.Healthy, shown.Foreign = embedder, s.endpoint(s.Healthy), other.URL
	run(t, map[string]site{"memory": shown}, "embed.test.mjs")
}
