package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/store/memstore"
)

// accounts stands for the sign-in of a service.
type accounts struct{}

func (accounts) OfSession(*http.Request) (user string, account uuid.UUID, ok bool) {
	return "dev@acme.example", uuid.MustParse("0190a1b2-0000-7000-8000-00000000acce"), true
}

// A service mounts the portal beside its own pages. Its own session says which organization a browser may see.
func Example() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	mux, err := mux(hooks, accounts{})
	check(err)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/webhooks/", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /webhooks/organizations/0190a1b2-0000-7000-8000-00000000acce/endpoints
}

func mux(hooks *webhooks.Webhooks, sessions accounts) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	authenticate := func(r *http.Request) (httpapi.Caller, error) {
		user, account, ok := sessions.OfSession(r) // the service's own sign-in
		if !ok {
			return httpapi.Caller{}, httpapi.ErrUnauthorized
		}
		return httpapi.Caller{
			Subject: user, Organizations: []uuid.UUID{account}, Scopes: []httpapi.Scope{httpapi.ScopeManage, httpapi.ScopeSecrets},
		}, nil
	}
	pages, err := portal.New(hooks, portal.Config{Path: "/webhooks", Authenticate: authenticate})
	if err != nil {
		return nil, err
	}
	mux.Handle("/webhooks/", pages)
	return mux, nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
