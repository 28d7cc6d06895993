package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// little gives the interface memory for few requests: an organization has 2 MiB for bodies,
// and 2 MiB for work, of which one large page, or a body of 48 KiB, takes 1.5 MiB.
func (f *fixture) little() {
	f.Helper()
	var err error
	f.handler, err = httpapi.New(f.hooks, httpapi.Config{Authenticator: tokens{}, MaxBody: 1 << 20, RequestMemory: 8 << 20})
	if err != nil {
		f.Fatal(err)
	}
}

// halfSent is a body of which nothing more comes until its time.
type halfSent struct {
	io.Reader
	until chan struct{}
}

func (b halfSent) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		<-b.until
	}
	return n, err
}

// begin sends a request, and returns the recorder of its answer. The body ends when the channel is
// closed.
func (f *fixture) begin(requests *sync.WaitGroup, as, path, body string, length int64, until chan struct{}) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, f.fill(path), halfSent{strings.NewReader(body), until})
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer "+as)
	w := httptest.NewRecorder()
	w.Code = 0
	requests.Go(func() { f.handler.ServeHTTP(w, r) })
	return w
}

func TestBodiesShareTheirMemory(t *testing.T) {
	t.Parallel()
	for rule, length := range map[string]int64{"OfAKnownLength": 1 << 20, "OfAnUnknownLength": -1} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, memstore.New())
				f.little()
				half := `{"eventType": "none", "data": "` + strings.Repeat("x", 1<<19)
				until := make(chan struct{})
				var requests sync.WaitGroup
				fit := 2 // of 1 MiB, and 1 of which the length is not known
				if length < 0 {
					fit = 1
				}
				var first []*httptest.ResponseRecorder
				for range fit {
					first = append(first, f.begin(&requests, "write", events, half, length, until))
				}
				synctest.Wait()
				began := time.Now()
				f.run([]step{{
					as: "write", do: "POST " + events, body: `{"eventType": "none", "data": 1}` + strings.Repeat(" ", 700<<10), status: 503,
					code: "overloaded", has: "Retry-After: 5",
				}})
				if d := time.Since(began); d != 5*time.Second {
					t.Errorf("a request without memory was answered after %v, want 5 s", d)
				}
				began = time.Now()
				f.run([]step{
					{as: "other", do: "POST /api/organizations/{b}/events", body: `{"eventType": "none", "data": 1}`, status: 422},
					{as: "admin", do: "POST /api/webhook-categories", body: `{"name": "n", "code": "c"}`, status: 201},
					{as: "read", do: "GET " + events, status: 200},
					{do: "GET /healthcheck", status: 200},
				})
				if d := time.Since(began); d != 0 {
					t.Errorf("others waited for %v", d)
				}
				waits := f.begin(&requests, "write", events, `{"eventType": "none", "data": 1}`, 700<<10, until)
				time.Sleep(4 * time.Second)
				if waits.Code != 0 {
					t.Fatal("a request did not wait for memory")
				}
				close(until)
				requests.Wait()
				for _, w := range append(first, waits) {
					if w.Code == http.StatusServiceUnavailable || w.Code == 0 {
						t.Errorf("a request that had its memory was answered with %d %s", w.Code, w.Body)
					}
				}
				for range 3 { // all of the memory was given back
					f.run([]step{{as: "write", do: "POST " + events, body: half + `"}`, status: 422}})
				}
			})
		})
	}
}

// Bodies take no memory while they wait for it. The test is alone, for it measures.
func TestBodiesThatWaitTakeNoMemory(t *testing.T) { //nolint:paralleltest // see above

	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		f.little()
		var requests sync.WaitGroup
		until := make(chan struct{})
		allocated := func() uint64 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.TotalAlloc
		}
		before := allocated()
		const n = 200
		for range n {
			f.begin(&requests, "write", events, `{`, 1<<20, until)
		}
		synctest.Wait()
		if mib := (allocated() - before) >> 20; mib > n/4 {
			t.Errorf("%d bodies of 1 MiB took %d MiB, where there is memory for 2", n, mib)
		}
		close(until)
		requests.Wait()
	})
}

// A large body that waits is served: small bodies do not overtake it, neither of its owner nor of
// other owners.
func TestSmallBodiesDoNotOvertakeALargeOne(t *testing.T) {
	t.Parallel()
	for rule, tt := range map[string]struct {
		holds         map[string]int64 // by token
		waits, behind string
	}{
		"OfTheirOwner": {map[string]int64{"write": 3 << 19}, "write", "write"},
		"OfOthers":     {map[string]int64{"write": 3 << 19, "other": 3 << 19, "secrets": 1 << 19}, "catalog", "admin"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, memstore.New())
				f.little()
				paths := map[string]string{
					"write": events, "other": "/api/organizations/{b}/events", "catalog": "/api/webhook-categories", "admin": "/api/webhook-categories",
					"secrets": subs + "/{none}/webhook-secret-histories",
				}
				var requests sync.WaitGroup
				until, now := make(chan struct{}), make(chan struct{})
				close(now)
				for as, bytes := range tt.holds {
					for ; bytes > 0; bytes -= 1 << 19 {
						f.begin(&requests, as, paths[as], `{`, 1<<19, until)
					}
				}
				synctest.Wait()
				f.begin(&requests, tt.waits, paths[tt.waits], `{`, 1<<20, until)
				synctest.Wait()
				small := f.begin(&requests, tt.behind, paths[tt.behind], `{}`, 2, now)
				time.Sleep(time.Second)
				if small.Code != 0 {
					t.Errorf("a small body overtook one that waits for memory: %d", small.Code)
				}
				close(until)
				requests.Wait()
				if small.Code != http.StatusBadRequest {
					t.Errorf("behind the large one it was answered with %d", small.Code)
				}
			})
		})
	}
}

// A length that is announced takes nothing.
func TestABodyThatIsAnnouncedAsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	var requests sync.WaitGroup
	w := f.begin(&requests, "write", events, `{`, 1<<50, nil)
	requests.Wait()
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered with %d %s", w.Code, w.Body)
	}
}

// blocking is a store with calls that take until a channel is closed.
type blocking struct {
	store.Store
	until chan struct{}
}

func (s blocking) CreateCategory(ctx context.Context, c store.Category) error {
	<-s.until
	return s.Store.CreateCategory(ctx, c)
}

func (s blocking) Attempt(ctx context.Context, org, sub, id uuid.UUID) (store.Attempt, error) {
	<-s.until
	return s.Store.Attempt(ctx, org, sub, id)
}

// The work on a body, and on an answer that may be large, takes memory before it begins.
func TestWorkSharesItsMemory(t *testing.T) {
	t.Parallel()
	for rule, tt := range map[string]struct{ request, small step }{
		"OnABody": {
			step{as: "admin", do: "POST /api/webhook-categories", body: `{"name": "n", "code": "c"}` + strings.Repeat(" ", 100<<10)},
			step{as: "admin", do: "PATCH /api/webhook-categories/{none}", body: "[]", status: 404},
		},
		"OnALargeAnswer": {
			step{as: "read", do: "GET " + subs + "/{none}/activity/{none}?mode=flat"},
			step{as: "read", do: "GET " + subs, status: 200},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				until := make(chan struct{})
				f := newFixture(t, blocking{memstore.New(), until})
				f.little()
				var requests sync.WaitGroup
				requests.Go(func() { f.send(tt.request) })
				synctest.Wait()
				second := tt.request
				second.status, second.code = http.StatusServiceUnavailable, "overloaded"
				f.run([]step{second, tt.small}) // small work finds room beside it
				close(until)
				requests.Wait()
			})
		})
	}
}

// A client that goes away while it waits leaves its place to the next one.
func TestAClientThatGoesAwayWaitsNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		f.little()
		var requests sync.WaitGroup
		until := make(chan struct{})
		for range 2 {
			f.begin(&requests, "write", events, `{`, 1<<20, until)
		}
		synctest.Wait()
		ctx, goAway := context.WithCancel(t.Context())
		r := httptest.NewRequest(http.MethodPost, f.fill(events), strings.NewReader("{}")).WithContext(ctx)
		r.Header.Set("Authorization", "Bearer write")
		began := time.Now()
		requests.Go(func() { f.serve(r) })
		synctest.Wait()
		goAway()
		synctest.Wait()
		close(until)
		requests.Wait()
		if d := time.Since(began); d != 0 {
			t.Errorf("it waited for %v", d)
		}
	})
}

func TestTheMemoryOfRequestsHasRoomForABody(t *testing.T) {
	t.Parallel()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = httpapi.New(hooks, httpapi.Config{Authenticator: tokens{}, MaxBody: 100, RequestMemory: 399})
	if want := "httpapi: Config.RequestMemory is 399, must be at least 4 times Config.MaxBody, which is 100"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
