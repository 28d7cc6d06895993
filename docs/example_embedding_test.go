package docs_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/store/memstore"
)

//go:embed testdata/embedding/catalog/*.json
var files embed.FS

type order struct {
	ID     int    `json:"id"`
	Amount string `json:"amount"`
}

// The quick start of the page and of the README.
func Example_quickStart() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	catalog, err := fs.Sub(files, "testdata/embedding/catalog")
	check(err)
	customer, url := uuid.New(), "https://customer.example.com/hooks"

	hooks, err := webhooks.New(memstore.New(), webhooks.Config{}) // or bunstore, on PostgreSQL or SQLite
	check(err)
	_, err = hooks.Registry.Seed(ctx, catalog) // event types, from JSON documents that the program embeds
	check(err)
	_, secret, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{PostURI: url, Events: []string{"order.*"}})
	check(err)
	check(hooks.Dispatcher.Start(ctx)) // it signs, sends and retries until ctx ends
	event, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: order{7, "12.50"}})
	check(err)

	fmt.Println("deliveries:", event.Deliveries)
	fmt.Println("the customer verifies with", secret[:6]+"…")
	check(hooks.Dispatcher.Stop(ctx))
	// Output:
	// deliveries: 1
	// the customer verifies with whsec_…
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// session is what the service knows about who is signed in.
type session struct {
	User    string
	Account uuid.UUID
	Owner   bool
}

type sessions map[string]session

// signIn lets the session cookie of the service sign in to the REST interface.
type signIn struct{ sessions sessions }

// Authenticate implements [httpapi.Authenticator].
func (s signIn) Authenticate(r *http.Request) (httpapi.Caller, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	who, ok := s.sessions[cookie.Value]
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	caller := httpapi.Caller{
		Subject: who.User, Organizations: []uuid.UUID{who.Account}, Scopes: []httpapi.Scope{httpapi.ScopeRead},
	}
	if who.Owner {
		caller.Scopes = append(caller.Scopes, httpapi.ScopeManage, httpapi.ScopeSecrets)
	}
	return caller, nil
}

// The service's own sign-in in front of the REST interface.
func Example_signIn() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	account := uuid.New()
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: signIn{sessions{
		"abc": {User: "ada", Account: account, Owner: true},
		"def": {User: "bob", Account: uuid.New()},
	}}})
	check(err)
	for _, cookie := range []string{"abc", "def", "old"} {
		r := httptest.NewRequest(http.MethodGet, "/api/organizations/"+account.String()+"/webhook-subscriptions", nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(cookie, w.Code)
	}
	// Output:
	// abc 200
	// def 404
	// old 401
}

// serve runs the service until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, hooks *webhooks.Webhooks) error {
	if err := hooks.Dispatcher.Start(context.WithoutCancel(ctx)); err != nil { // Stop below ends it, not ctx
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done(): // by signal.NotifyContext
	}

	fresh, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(fresh), hooks.Dispatcher.Stop(fresh))
}

// A service that ends in order: first its requests, then its deliveries.
func Example_gracefulShutdown() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	check(err)
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error)
	go func() { stopped <- serve(ctx, listener, http.NotFoundHandler(), hooks) }()
	stop()
	fmt.Println(<-stopped)
	// Output: <nil>
}

// Two processes on one database: the first one publishes, the second one delivers.
func Example_twoProcesses() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "service")
	check(err)
	defer func() { _ = os.RemoveAll(folder) }()
	st, err := sqlite.Open(ctx, filepath.Join(folder, "service.db"), sqlite.Options{})
	check(err)
	defer func() { _ = st.Close() }()
	check(st.Migrate(ctx))

	// The process that serves requests publishes, and never calls Start.
	publisher, err := webhooks.New(st, webhooks.Config{})
	check(err)
	// The worker delivers, and serves no request.
	worker, err := webhooks.New(st, webhooks.Config{})
	check(err)
	for _, w := range []*webhooks.Webhooks{publisher, worker} {
		dispatching, err := w.Health(ctx)
		fmt.Println("dispatching:", dispatching, err)
	}
	check(worker.Dispatcher.Start(ctx))
	dispatching, err := worker.Health(ctx)
	fmt.Println("dispatching:", dispatching, err)
	check(worker.Dispatcher.Stop(ctx))
	// Output:
	// dispatching: false <nil>
	// dispatching: false <nil>
	// dispatching: true <nil>
}
