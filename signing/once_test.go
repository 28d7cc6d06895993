package signing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/signing"
)

// received sends one webhook through Middleware, Once and a handler.
func received(t testing.TB, store signing.OnceStore, opts *signing.OnceOptions, handler http.HandlerFunc) *httptest.ResponseRecorder {
	t.Helper()
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(signing.Once(store, opts)(handler))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, signedRequest(t, strings.NewReader(refBody), refBody))
	return w
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func TestOnce_HandlesAWebhookUntilItSucceeds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		status  int
		handled bool
	}{
		"NoAnswer":   {func(http.ResponseWriter, *http.Request) {}, 200, true},
		"WriteAlone": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }, 200, true},
		"200":        {answer(200), 200, true},
		"204":        {answer(204), 204, true},
		"302":        {answer(302), 302, false},
		"400":        {answer(400), 400, false},
		"500":        {answer(500), 500, false},
		"SecondStatusIsIgnored": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			w.WriteHeader(http.StatusOK)
		}, 500, false},
		"WriteThenStatus": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("ok"))
			w.WriteHeader(http.StatusInternalServerError)
		}, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, calls := signing.NewMemoryOnce(10, time.Hour), 0
			handler := func(w http.ResponseWriter, r *http.Request) { calls++; tt.handler(w, r) }
			if w := received(t, store, nil, handler); w.Code != tt.status {
				t.Fatalf("answered %d", w.Code)
			}
			w := received(t, store, nil, handler)
			if tt.handled && (calls != 1 || w.Code != 200 || w.Body.Len() != 0) || !tt.handled && (calls != 2 || w.Code != tt.status) {
				t.Errorf("the second request was answered %d %q, the handler was called %d times", w.Code, w.Body, calls)
			}
		})
	}
}

func TestOnce_EarlyHintsAreNoAnswer(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusEarlyHints)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(
		signing.Once(signing.NewMemoryOnce(10, time.Hour), nil)(handler))
	server := httptest.NewServer(h)
	defer server.Close()
	for range 2 {
		r := signedRequest(t, nil, refBody)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(refBody))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = r.Header
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
			t.Errorf("answered %s", resp.Status)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("the handler was called %d times", calls.Load())
	}
}

func TestOnce_AfterAPanicTheRetryIsHandled(t *testing.T) {
	t.Parallel()
	store, calls := signing.NewMemoryOnce(10, time.Hour), 0
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler { //nolint:errorlint // a panic's value
				t.Error("the panic was swallowed")
			}
		}()
		received(t, store, nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	}()
	if received(t, store, nil, func(http.ResponseWriter, *http.Request) { calls++ }); calls != 1 {
		t.Error("the retry was not handled")
	}
}

func TestOnce_AConcurrentDuplicateIsAConflict(t *testing.T) {
	t.Parallel()
	store := signing.NewMemoryOnce(10, time.Hour)
	var inner *httptest.ResponseRecorder
	outer := received(t, store, nil, func(http.ResponseWriter, *http.Request) {
		inner = received(t, store, nil, func(http.ResponseWriter, *http.Request) { t.Error("handled twice at once") })
	})
	if outer.Code != 200 || inner.Code != http.StatusConflict || inner.Header().Get("Retry-After") != "" {
		t.Errorf("answered %d, and the duplicate %d", outer.Code, inner.Code)
	}
}

func TestOnce_OfManyRequestsAtOnceOneIsHandled(t *testing.T) {
	t.Parallel()
	store := signing.NewMemoryOnce(1000, time.Hour)
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(signing.Once(store, nil)(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { counterOf(r).Add(1) })))
	var all sync.WaitGroup
	counters := make([]atomic.Int32, 20)
	for i := range counters {
		for range 10 {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(refBody))
			message := signing.Message{ID: fmt.Sprint("msg_", i), At: refTime, Body: []byte(refBody)}
			if err := mustSigner(t, signing.PrivateKey{}, refSecret).Sign(r.Header, message); err != nil {
				t.Fatal(err)
			}
			r = r.WithContext(context.WithValue(r.Context(), counterKey{}, &counters[i]))
			all.Go(func() {
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != 200 && w.Code != http.StatusConflict {
					t.Errorf("answered %d", w.Code)
				}
			})
		}
	}
	all.Wait()
	for i := range counters {
		if n := counters[i].Load(); n != 1 {
			t.Errorf("webhook %d was handled %d times", i, n)
		}
	}
}

type counterKey struct{}

func counterOf(r *http.Request) *atomic.Int32 { return r.Context().Value(counterKey{}).(*atomic.Int32) }

func TestOnce_RefusesARequestThatIsNotVerified(t *testing.T) {
	t.Parallel()
	var told error
	opts := &signing.OnceOptions{OnError: func(_ *http.Request, err error) { told = err }}
	h := signing.Once(signing.NewMemoryOnce(1, time.Hour), opts)(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request,
	) {
		t.Error("handled")
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, signedRequest(t, strings.NewReader(refBody), refBody))
	if w.Code != http.StatusInternalServerError || !errors.Is(told, signing.ErrOnceUnverified) {
		t.Errorf("answered %d, told %v", w.Code, told)
	}
}

// The id is that which was verified, also if a handler in between changes the header.
func TestOnce_TakesTheVerifiedID(t *testing.T) {
	t.Parallel()
	store, calls := signing.NewMemoryOnce(10, time.Hour), 0
	once := signing.Once(store, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set(signing.HeaderID, fmt.Sprint("other-", calls))
			once.ServeHTTP(w, r)
		}))
	for range 2 {
		h.ServeHTTP(httptest.NewRecorder(), signedRequest(t, strings.NewReader(refBody), refBody))
	}
	if calls != 1 {
		t.Errorf("the handler was called %d times", calls)
	}
}

// faulty is a store that fails.
type faulty struct {
	signing.OnceStore
	claim, end error
	cancelled  bool
}

func (f *faulty) Claim(ctx context.Context, id, nonce string, lease time.Duration) (signing.OnceState, error) {
	if f.claim != nil {
		return 0, f.claim
	}
	return f.OnceStore.Claim(ctx, id, nonce, lease)
}

func (f *faulty) Done(ctx context.Context, id, nonce string) error {
	f.cancelled = ctx.Err() != nil
	return errors.Join(f.end, f.OnceStore.Done(ctx, id, nonce))
}

func TestOnce_ErrorsOfTheStore(t *testing.T) {
	t.Parallel()
	errDown := errors.New("the store is down")
	var told error
	opts := &signing.OnceOptions{OnError: func(_ *http.Request, err error) { told = err }}
	store := &faulty{OnceStore: signing.NewMemoryOnce(10, time.Hour), claim: errDown}
	w := received(t, store, opts, func(http.ResponseWriter, *http.Request) { t.Error("handled") })
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "" || !errors.Is(told, errDown) {
		t.Errorf("answered %d, told %v", w.Code, told)
	}
	if strings.Contains(w.Body.String(), "down") {
		t.Errorf("the answer tells what failed: %s", w.Body)
	}
	store.claim, store.end, told = nil, errDown, nil
	if w := received(t, store, opts, answer(204)); w.Code != 204 || !errors.Is(told, errDown) {
		t.Errorf("answered %d, told %v", w.Code, told)
	}
}

// A sender that hangs up does not keep a webhook from being remembered that was handled.
func TestOnce_RemembersAlsoWhenTheSenderHasGone(t *testing.T) {
	t.Parallel()
	store := &faulty{OnceStore: signing.NewMemoryOnce(10, time.Hour)}
	ctx, cancel := context.WithCancel(t.Context())
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(
		signing.Once(store, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })))
	h.ServeHTTP(httptest.NewRecorder(), signedRequest(t, strings.NewReader(refBody), refBody).WithContext(ctx))
	if store.cancelled {
		t.Error("the store was called with a context that has ended")
	}
	received(t, store, nil, func(http.ResponseWriter, *http.Request) { t.Error("handled again") })
}

func TestMemoryOnce_ForgetsAfterItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, ctx := signing.NewMemoryOnce(10, time.Hour), t.Context()
		claim := func(token string) signing.OnceState {
			state, err := m.Claim(ctx, "a", token, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return state
		}
		expect := func(what string, got, want signing.OnceState) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
		}
		expect("new", claim("1"), signing.OnceClaimed)
		time.Sleep(time.Minute - 1)
		expect("within the lease", claim("2"), signing.OnceBusy)
		time.Sleep(time.Nanosecond)
		expect("after the lease", claim("3"), signing.OnceClaimed)
		_ = m.Release(ctx, "a", "1")
		_ = m.Done(ctx, "a", "1")
		expect("a claim that has run out ends nothing", claim("4"), signing.OnceBusy)
		_ = m.Release(ctx, "a", "3")
		expect("released", claim("5"), signing.OnceClaimed)
		_ = m.Done(ctx, "a", "5")
		_ = m.Release(ctx, "a", "5")
		time.Sleep(time.Hour - 1)
		expect("done", claim("6"), signing.OnceDone)
		time.Sleep(time.Nanosecond)
		expect("after ttl", claim("7"), signing.OnceClaimed)
	})
}

func TestMemoryOnce_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, ctx := signing.NewMemoryOnce(2, time.Hour), t.Context()
		claim := func(id string) (signing.OnceState, error) { return m.Claim(ctx, id, id, time.Minute) }
		for _, id := range []string{"a", "b"} {
			if state, err := claim(id); state != signing.OnceClaimed || err != nil {
				t.Fatal(state, err)
			}
		}
		if _, err := claim("c"); !errors.Is(err, signing.ErrOnceFull) {
			t.Errorf("a third claim: %v", err)
		}
		_ = m.Done(ctx, "b", "b")
		if state, err := claim("c"); state != signing.OnceClaimed || err != nil {
			t.Errorf("a third claim, of which one is done: %v, %v", state, err)
		}
		if state, _ := claim("a"); state != signing.OnceBusy {
			t.Error("a webhook that is being handled was forgotten")
		}
		time.Sleep(time.Minute)
		if state, err := claim("d"); state != signing.OnceClaimed || err != nil {
			t.Errorf("a claim after those before have run out: %v, %v", state, err)
		}
	})
}

func TestNewMemoryOnce_WantsPositiveNumbers(t *testing.T) {
	t.Parallel()
	for _, wrong := range []func(){
		func() { signing.NewMemoryOnce(0, time.Hour) }, func() { signing.NewMemoryOnce(1, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wrong()
		}()
	}
}

// Until it is full, a MemoryOnce behaves as a map without bounds, after any history.
func TestMemoryOnce_IsAMapOfIDs(t *testing.T) {
	t.Parallel()
	type entry struct {
		token string // "": done
		until time.Time
	}
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 1<<16), 1, 60).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			m, model, ctx := signing.NewMemoryOnce(4, 10*time.Second), map[string]entry{}, t.Context()
			for i, n := range steps {
				id, token, now := fmt.Sprint(n%4), fmt.Sprint(n/4%3), time.Now()
				old, known := model[id]
				known = known && now.Before(old.until)
				switch n / 12 % 4 {
				case 0, 1:
					want := signing.OnceClaimed
					switch {
					case known && old.token == "":
						want = signing.OnceDone
					case known:
						want = signing.OnceBusy
					default:
						model[id] = entry{token, now.Add(3 * time.Second)}
					}
					if got, err := m.Claim(ctx, id, token, 3*time.Second); got != want || err != nil {
						t.Fatalf("step %d: claim of %s: %d, want %d (%v)", i, id, got, want, err)
					}
				case 2:
					if old.token == token { // also after the lease, as long as nobody else has claimed it
						model[id] = entry{"", now.Add(10 * time.Second)}
					}
					_ = m.Done(ctx, id, token)
				case 3:
					if old.token == token {
						delete(model, id)
					}
					_ = m.Release(ctx, id, token)
				}
				time.Sleep(time.Duration(n/48%3) * time.Second)
			}
		})
	})
}
