package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// The interface below a prefix of the service's own mux.
func ExampleNew() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		panic(err)
	}
	tokens, err := httpapi.NewJWT(httpapi.JWTConfig{Secret: []byte("a secret that has 32 bytes or more")})
	if err != nil {
		panic(err)
	}
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: tokens})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/", http.StripPrefix("/hooks", api))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/healthcheck", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 {"status":"ok","info":{"database":{"status":"up"}},"error":{},"details":{"database":{"status":"up"}}}
}
