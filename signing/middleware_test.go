package signing_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

// inbox is a handler that keeps the bodies of its requests.
type inbox struct {
	ids    []string
	bodies []string
	length int64
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	i.ids = append(i.ids, r.Header.Get(signing.HeaderID))
	i.bodies = append(i.bodies, string(body))
	i.length = r.ContentLength
	w.WriteHeader(http.StatusNoContent)
}

func signedRequest(t testing.TB, body io.Reader, signed string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks", body)
	err := mustSigner(t, signing.PrivateKey{}, refSecret).Sign(r.Header, signing.Message{ID: refID, At: refTime, Body: []byte(signed)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func atRefTime(opts signing.ReceiverOptions) *signing.ReceiverOptions {
	opts.Now = func() time.Time { return refTime }
	return &opts
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	const unread = "webhook body could not be read\n"
	for name, tt := range map[string]struct {
		change func(r *http.Request)
		opts   signing.ReceiverOptions
		status int
		text   string
		err    error
	}{
		"Authentic":        {status: 204},
		"ContentLengthOff": {change: func(r *http.Request) { r.ContentLength = -1 }, status: 204},
		"OtherMethod":      {change: func(r *http.Request) { r.Method = http.MethodPut }, status: 204},
		"NoSignature": {
			change: func(r *http.Request) { r.Header.Del("webhook-signature") }, status: 400, text: "webhook header missing\n",
			err: signing.ErrMissingHeader,
		},
		"BadTimestamp": {
			change: func(r *http.Request) { r.Header.Set("webhook-timestamp", "x") }, status: 400,
			text: "webhook header malformed\n", err: signing.ErrMalformedHeader,
		},
		"WrongSignature": {
			change: func(r *http.Request) { r.Header.Set("webhook-signature", "v1,x") }, status: 401,
			text: "webhook signature does not match\n", err: signing.ErrSignature,
		},
		"OtherBody": {
			change: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }, status: 401,
			text: "webhook signature does not match\n", err: signing.ErrSignature,
		},
		"TooOld": {
			opts: signing.ReceiverOptions{Now: func() time.Time { return refTime.Add(301 * time.Second) }}, status: 401,
			text: "webhook timestamp too old\n", err: signing.ErrTimestampTooOld,
		},
		"TooNew": {
			opts: signing.ReceiverOptions{Now: func() time.Time { return refTime.Add(-301 * time.Second) }}, status: 401,
			text: "webhook timestamp too new\n", err: signing.ErrTimestampTooNew,
		},
		"WithinTolerance": {
			opts:   signing.ReceiverOptions{Tolerance: time.Hour, Now: func() time.Time { return refTime.Add(time.Hour) }},
			status: 204,
		},
		"BodyOfMaxBody": {opts: signing.ReceiverOptions{MaxBody: int64(len(refBody))}, status: 204},
		"BodyTooLarge": {
			opts: signing.ReceiverOptions{MaxBody: int64(len(refBody)) - 1}, status: 413, text: "webhook body too large\n",
			err: signing.ErrBodyTooLarge,
		},
		"NegativeMaxBody": {opts: signing.ReceiverOptions{MaxBody: -1}, status: 204},
		"BodyBreaksOff": {
			change: func(r *http.Request) { r.Body = io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(r.Body))) },
			status: 400, text: unread, err: iotest.ErrTimeout,
		},
		"HeadersBeforeBody": {
			change: func(r *http.Request) {
				r.Header.Del("webhook-id")
				r.Body = io.NopCloser(iotest.ErrReader(errors.New("read")))
			}, status: 400, text: "webhook header missing\n", err: signing.ErrMissingHeader,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rejected error
			if tt.opts.Now == nil {
				tt.opts = *atRefTime(tt.opts)
			}
			tt.opts.OnReject = func(_ *http.Request, err error) { rejected = err }
			r := signedRequest(t, strings.NewReader(refBody), refBody)
			if tt.change != nil {
				tt.change(r)
			}
			var got inbox
			w := httptest.NewRecorder()
			signing.Middleware(mustKeys(t, otherSecret, refSecret), &tt.opts)(&got).ServeHTTP(w, r)

			if w.Code != tt.status || w.Body.String() != tt.text {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
			if !errors.Is(rejected, tt.err) {
				t.Errorf("rejected with %v, want %v", rejected, tt.err)
			}
			if tt.err != nil {
				if len(got.ids) > 0 {
					t.Error("the handler was called")
				}
				return
			}
			if len(got.ids) != 1 || got.ids[0] != refID || got.bodies[0] != refBody || got.length != int64(len(refBody)) {
				t.Errorf("the handler got %+v", got)
			}
		})
	}
}

func TestMiddleware_Defaults(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	signer := mustSigner(t, signing.PrivateKey{}, refSecret)
	for name, tt := range map[string]struct {
		size   int
		at     time.Duration
		status int
	}{
		"1MiB":        {limit, 0, 204},
		"OverByOne":   {limit + 1, 0, 413},
		"Old":         {1, -4 * time.Minute, 204},
		"TooOld":      {1, -6 * time.Minute, 401},
		"TooNew":      {1, 6 * time.Minute, 401},
		"EmptyBodyOK": {0, 0, 204},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := bytes.Repeat([]byte("x"), tt.size)
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
			if err := signer.Sign(r.Header, signing.Message{ID: refID, At: time.Now().Add(tt.at), Body: body}); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			signing.Middleware(mustKeys(t, refSecret), nil)(&inbox{}).ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
		})
	}
}

// endless is a body far larger than the limit; it counts the bytes that are read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 1<<20 {
		return 0, io.EOF
	}
	e.read += len(p)
	return len(p), nil
}

func TestMiddleware_ReadsNoMoreThanMaxBody(t *testing.T) {
	t.Parallel()
	var body endless
	r := signedRequest(t, &body, "")
	w := httptest.NewRecorder()
	opts := atRefTime(signing.ReceiverOptions{MaxBody: 1000})
	signing.Middleware(mustKeys(t, refSecret), opts)(&inbox{}).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge || body.read > 1001 {
		t.Errorf("answered %d after %d bytes", w.Code, body.read)
	}
}

func TestMiddleware_LeavesTheRequestAlone(t *testing.T) {
	t.Parallel()
	r := signedRequest(t, strings.NewReader(refBody), refBody)
	r.ContentLength = -1
	before := r.Body
	h := signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(&inbox{})
	h.ServeHTTP(httptest.NewRecorder(), r)
	if r.Body != before || r.ContentLength != -1 {
		t.Error("the request that came in was changed")
	}
}

func TestMiddleware_KeepsWhatTheRouterFound(t *testing.T) {
	t.Parallel()
	var org string
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{org}", signing.Middleware(mustKeys(t, refSecret), atRefTime(signing.ReceiverOptions{}))(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { org = r.PathValue("org") })))
	r := signedRequest(t, strings.NewReader(refBody), refBody)
	r.URL.Path = "/hooks/acme"
	mux.ServeHTTP(httptest.NewRecorder(), r)
	if org != "acme" {
		t.Errorf("the path value is %q", org)
	}
}

func TestMiddleware_OverHTTP(t *testing.T) {
	t.Parallel()
	var got inbox
	server := httptest.NewServer(signing.Middleware(mustKeys(t, refPublic), nil)(&got))
	defer server.Close()
	body := `{"type":"example.created","data":{}}`
	// A body of unknown length goes out chunked.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	signer := mustSigner(t, mustPrivate(t, refPrivate), otherSecret)
	if err := signer.Sign(req.Header, signing.Message{ID: refID, At: time.Now(), Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || len(got.bodies) != 1 || got.bodies[0] != body {
		t.Errorf("answered %s, the handler got %+v", resp.Status, got)
	}
}
