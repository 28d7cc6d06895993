package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// slowReader is a client that reads nothing of an answer until its time.
type slowReader struct {
	*httptest.ResponseRecorder
	until chan struct{}
}

func (w slowReader) Write(b []byte) (int, error) {
	<-w.until
	return w.ResponseRecorder.Write(b)
}

func TestAnswersShareTheirMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		f.catalog()
		f.subscribe()
		for range 3 {
			if _, err := f.hooks.Dispatcher.Publish(
				t.Context(), uuid.MustParse(orgA), webhooks.Event{Type: "vitals.measured", Data: bigText(large)},
			); err != nil {
				t.Fatal(err)
			}
		}
		f.little()
		var requests sync.WaitGroup
		until := make(chan struct{})
		read := func() {
			r := httptest.NewRequest(http.MethodGet, f.fill(subs+"/{sub}/activity"), nil)
			r.Header.Set("Authorization", "Bearer read")
			requests.Go(func() { f.handler.ServeHTTP(slowReader{httptest.NewRecorder(), until}, r) })
		}
		read()
		synctest.Wait()
		began := time.Now()
		f.run([]step{{as: "read", do: "GET " + subs + "/{sub}/activity", status: 503, code: "overloaded", has: "Retry-After: 5"}})
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("a page without memory was answered after %v, want 5 s", d)
		}
		f.run([]step{
			{as: "other", do: "GET /api/organizations/{b}/webhook-subscriptions", status: 200},
			{do: "GET /healthcheck", status: 200},
		})
		close(until)
		requests.Wait()
		f.run([]step{{as: "read", do: "GET " + subs + "/{sub}/activity", status: 200}})

		// An answer that is encoded takes memory of its own length.
		until = make(chan struct{})
		for range 10 {
			r := httptest.NewRequest(http.MethodGet, f.fill(subs), nil)
			r.Header.Set("Authorization", "Bearer read")
			requests.Go(func() { f.handler.ServeHTTP(slowReader{httptest.NewRecorder(), until}, r) })
			synctest.Wait()
		}
		f.run([]step{{as: "read", do: "GET " + subs + "/{sub}/activity", status: 200}})
		close(until)
		requests.Wait()
	})
}

// sizedPages is a store that keeps the bounds of the pages that it is asked for.
type sizedPages struct {
	store.Store
	asked *[]int
}

func (s sizedPages) Attempts(ctx context.Context, q store.HistoryQuery) (store.List[store.Attempt], error) {
	*s.asked = append(*s.asked, q.MaxBytes)
	return s.Store.Attempts(ctx, q)
}

// A page is read in full only where there is memory for it.
func TestPagesAreReadWithinTheirMemory(t *testing.T) {
	t.Parallel()
	var asked []int
	f := newFixture(t, sizedPages{memstore.New(), &asked})
	f.catalog()
	f.subscribe()
	for _, data := range []string{"small", bigText(large), bigText(large)} {
		if _, err := f.hooks.Dispatcher.Publish(
			t.Context(), uuid.MustParse(orgA), webhooks.Event{Type: "vitals.measured", Data: data},
		); err != nil {
			t.Fatal(err)
		}
		f.run([]step{{as: "read", do: "GET " + subs + "/{sub}/activity", status: 200}})
	}
	if want := fmt.Sprint([]int{64 << 10, 64 << 10, 8 << 20, 64 << 10, 8 << 20}); fmt.Sprint(asked) != want {
		t.Errorf("asked for pages of %v bytes, want %s", asked, want)
	}
}
