package portal

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

// inProcess returns a client of the REST interface in this process. Each call is made with the rights of the caller in its context.
func inProcess(hooks *webhooks.Webhooks, cfg Config) (*client.Client, error) {
	handler, err := httpapi.New(hooks, httpapi.Config{
		Authenticator: callerOfContext{}, Organizations: cfg.Organizations, Logger: cfg.Logger,
		NoDocs: true, NoSinks: true, NoHealthcheck: true,
	})
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{
		BaseURL:    "http://in-process.invalid",
		HTTPClient: &http.Client{Transport: handlerTransport{handler}},
		Retry:      client.Retry{MaxAttempts: 1},
	})
}

type callerKey struct{}

func withCaller(ctx context.Context, c httpapi.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOfContext authenticates a request by the caller in its context.
type callerOfContext struct{}

func (callerOfContext) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if c, ok := r.Context().Value(callerKey{}).(httpapi.Caller); ok {
		return c, nil
	}
	return httpapi.Caller{}, httpapi.ErrUnauthorized
}

// handlerTransport calls a handler instead of sending a request.
type handlerTransport struct{ handler http.Handler }

// RoundTrip returns the answer of the handler.
func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(a, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: a.header, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(a.body.Len()), Body: io.NopCloser(&a.body),
	}, nil
}

// answer collects the answer of a handler.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
