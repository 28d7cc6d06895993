package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// switched is a store that can be away, and that honours contexts.
type switched struct {
	store.Store
	away atomic.Bool
}

func (s *switched) Ping(context.Context) error {
	if s.away.Load() {
		return store.ErrUnavailable
	}
	return nil
}

func (s *switched) Categories(context.Context, store.ArchivedFilter, store.Page) (store.List[store.Category], error) {
	return store.List[store.Category]{}, s.Ping(context.Background())
}

func (s *switched) CreateCategory(ctx context.Context, c store.Category) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Store.CreateCategory(ctx, c)
}

func TestAnOutageIsLoggedOnceAndThenHourly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := &switched{Store: memstore.New()}
		f := newFixture(t, st)
		minute := func(status int) {
			f.run([]step{{do: "GET /healthcheck", status: status}, {as: "read", do: "GET /api/webhook-categories", status: status}})
			time.Sleep(time.Minute)
		}
		st.away.Store(true)
		for range 150 {
			minute(http.StatusServiceUnavailable)
		}
		if n := strings.Count(f.log.String(), "level=ERROR"); n != 3 {
			t.Errorf("%d lines in 2:30 h without the store, want 3:\n%s", n, f.log)
		}
		st.away.Store(false)
		f.log.Reset()
		minute(http.StatusOK)
		minute(http.StatusOK)
		if got := f.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "up again") ||
			!strings.Contains(got, "lasted=2h30m0s") {
			t.Errorf("the end is logged as:\n%s", got)
		}
	})
}

func TestABrokenAuthenticatorIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		for range 100 {
			f.run([]step{{as: "broken", do: "GET /api/webhook-categories", status: http.StatusServiceUnavailable}})
		}
		f.run([]step{{as: "read", do: "GET /api/webhook-categories", status: http.StatusOK}})
		if got := f.log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "tokens can be verified again") {
			t.Errorf("logged:\n%s", got)
		}
	})
}

// slowly gives out a text after a time.
type slowly struct {
	io.Reader
	after time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(s.after)
	s.after = 0
	return s.Reader.Read(p)
}

func TestTheTimeoutBeginsAfterTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, &switched{Store: memstore.New()})
		body := &slowly{strings.NewReader(`{"name": "n", "code": "c"}`), 25 * time.Second}
		r := httptest.NewRequest(http.MethodPost, "/api/webhook-categories", body)
		r.Header.Set("Authorization", "Bearer admin")
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Errorf("a body of 25 s: %d %s", w.Code, w.Body)
		}
	})
}

// The answer goes to everybody, so it has no address.
func TestHealthTellsAStoreThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, err := range []error{store.ErrLocked, store.ErrReadOnly} {
		f := newFixture(t, failing{memstore.New(), fmt.Errorf("10.0.0.1: %w", err), false})
		f.run([]step{{do: "GET /healthcheck", status: http.StatusServiceUnavailable, want: `{"status": "error", "info": {},
			"error": {"database": {"status": "down", "message": "the store cannot be written"}},
			"details": {"database": {"status": "down", "message": "the store cannot be written"}}}`}})
	}
}
