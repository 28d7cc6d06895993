// Command preview serves the portal with sample data on 127.0.0.1:8090, for work on its pages. PREVIEW_ADDR is another address:
//
//	go run ./portal/internal/preview
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/memstore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	service, err := sample.New(ctx, memstore.New(), sample.Data{History: true})
	if err != nil {
		return err
	}
	handler, err := portal.New(service.Hooks, portal.Config{Logger: slog.Default(), Authenticate: func(
		r *http.Request,
	) (httpapi.Caller, error) {
		scopes := []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeSecrets}
		if r.URL.Query().Has("admin") {
			scopes = append(scopes, httpapi.ScopeAdmin)
		}
		return httpapi.Caller{Subject: "dev@acme.example", Organizations: []uuid.UUID{service.Acme}, Scopes: scopes}, nil
	}})
	if err != nil {
		return err
	}
	addr := cmp.Or(os.Getenv("PREVIEW_ADDR"), "127.0.0.1:8090")
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Printf("http://%s/organizations/%s/endpoints\n", server.Addr, service.Acme)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}
