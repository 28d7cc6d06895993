package mounts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// anyone gives every caller all rights. A real host checks a token: see httpapi.NewJWT.
type anyone struct{}

func (anyone) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{Subject: "anyone", AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
}

// mounts mount a handler below a prefix, which each router strips.
var mounts = map[string]func(prefix string, h http.Handler) http.Handler{
	"net/http": func(prefix string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(prefix+"/", http.StripPrefix(prefix, h))
		return mux
	},
	"chi": func(prefix string, h http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Mount(prefix, http.StripPrefix(prefix, h))
		return r
	},
	"gin": func(prefix string, h http.Handler) http.Handler {
		r := gin.New()
		r.Any(prefix+"/*path", gin.WrapH(http.StripPrefix(prefix, h)))
		return r
	},
	"echo": func(prefix string, h http.Handler) http.Handler {
		e := echo.New()
		e.Any(prefix+"/*", echo.WrapHandler(http.StripPrefix(prefix, h)))
		return e
	},
}

func TestMountedUnderAPrefix(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.ReleaseMode)
	for name, mount := range mounts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
			if err != nil {
				t.Fatal(err)
			}
			api, err := httpapi.New(hooks, httpapi.Config{Authenticator: anyone{}})
			if err != nil {
				t.Fatal(err)
			}
			h := mount("/hooks", api)
			for _, c := range []struct {
				method, path, body string
				want               int
			}{
				{"GET", "/hooks/healthcheck", "", 200},
				{"POST", "/hooks/api/webhook-categories", `{"name":"Orders","code":"orders"}`, 201},
				{"GET", "/hooks/api/webhook-categories?take=1", "", 200},
				{"POST", "/hooks/api/webhook-categories", `{"name":"Orders","code":"orders"}`, 409},
				{"GET", "/hooks/api/organizations/" + uuid.NewString() + "/webhook-subscriptions", "", 200},
				{"PUT", "/hooks/healthcheck", "", 405},
				{"GET", "/hooks/api/nothing", "", 404},
			} {
				r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != c.want {
					t.Errorf("%s %s: %d %s, want %d", c.method, c.path, w.Code, w.Body, c.want)
				}
			}
		})
	}
}
