package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// IfMatch is the ETag of a resource as the caller has read it. A change that carries one is made
// only if the resource still has it. Several mean: any of them.
type IfMatch string

// request is a call of one operation.
type request struct {
	method  string
	path    []string
	query   any // a struct with query tags; nil for none
	body    any // nil for none
	ifMatch []IfMatch
	repeat  bool // two requests do what one request does
	open    bool // the operation needs no token
	also    int  // a further status that comes with a result
}

// answer is a success.
type answer struct {
	header http.Header
	body   []byte
}

// call sends a request and decodes the answer. An ETag goes into the field of that name.
func call[T any](ctx context.Context, c *Client, r request) (result T, err error) {
	a, err := c.exchange(ctx, r)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(a.body, &result); err != nil {
		return result, fmt.Errorf("webhooks client: %s %s: the answer is not the JSON that is expected: %w", r.method, r.where(), err)
	}
	if v := reflect.ValueOf(&result).Elem(); v.Kind() == reflect.Struct {
		if tag := v.FieldByName("ETag"); tag.IsValid() {
			tag.SetString(a.header.Get("ETag"))
		}
	}
	return result, nil
}

// get reads a resource or a list.
func get[T any](ctx context.Context, c *Client, path []string, query any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: query, repeat: true})
}

// done is the answer of commands.
type done struct {
	Value bool `json:"value"`
}

// command sends a request that is answered with a success alone.
func command(ctx context.Context, c *Client, r request) error {
	_, err := call[done](ctx, c, r)
	return err
}

// exchange sends a request, and repeats it where that is allowed.
func (c *Client) exchange(ctx context.Context, r request) (*answer, error) {
	if err := r.checkPath(); err != nil {
		return nil, err
	}
	var body []byte
	if r.body != nil {
		var err error
		if body, err = encode(r.body); err != nil {
			return nil, fmt.Errorf("webhooks client: %s %s: %w", r.method, r.where(), err)
		}
	}
	for attempt := 1; ; attempt++ {
		a, err := c.attempt(ctx, r, body)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil || !r.repeat {
			return nil, err
		}
		wait, again := c.cfg.Retry.wait(attempt, err)
		if !again {
			return nil, err
		}
		if err := pause(ctx, wait, err); err != nil {
			return nil, err
		}
	}
}

// attempt sends one HTTP request.
func (c *Client) attempt(ctx context.Context, r request, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.AttemptTimeout)
	defer cancel()
	req, err := c.build(ctx, r, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("webhooks client: %w", &connectionError{err})
	}
	defer resp.Body.Close()
	text, err := c.read(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("webhooks client: %s %s: %w", r.method, r.where(), err)
	}
	if resp.StatusCode/100 != 2 && (resp.StatusCode != r.also || mediaType(resp.Header) != "application/json") {
		return nil, errorOf(r, resp, text, time.Now())
	}
	return &answer{resp.Header, text}, nil
}

// ErrResponseTooLarge says that an answer is larger than Config.MaxResponse.
var ErrResponseTooLarge = errors.New("answer too large")

func (c *Client) read(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, c.cfg.MaxResponse+1))
	if int64(len(text)) > c.cfg.MaxResponse {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrResponseTooLarge, c.cfg.MaxResponse)
	}
	if err != nil {
		return nil, &connectionError{err}
	}
	return text, nil
}

// build makes the HTTP request of one attempt.
func (c *Client) build(ctx context.Context, r request, body []byte) (*http.Request, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.target(r), reader)
	if err != nil {
		return nil, fmt.Errorf("webhooks client: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", r.contentType())
	}
	if len(r.ifMatch) > 0 {
		tags := make([]string, len(r.ifMatch))
		for i, tag := range r.ifMatch {
			tags[i] = string(tag)
		}
		req.Header.Set("If-Match", strings.Join(tags, ", "))
	}
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		req.Header.Set("X-Request-Id", id)
	}
	if c.cfg.Token == nil || r.open {
		return req, nil
	}
	token, err := c.cfg.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("webhooks client: get a token: %w", err)
	}
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return nil, errors.New("webhooks client: the token is empty, or has a character that no token has")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req, nil
}

// parameters are the arguments that a caller chooses freely, by the segment of the path before them.
var parameters = map[string]string{"organizations": "organization", "webhook-events": "code"}

// checkPath returns a *ParameterError for a segment that proxies and servers take for another path.
func (r request) checkPath() error {
	for i, segment := range r.path {
		if segment == "" || segment == "." || segment == ".." {
			return &ParameterError{Parameter: parameters[r.path[i-1]], Value: segment}
		}
	}
	return nil
}

// target returns the URL of a request.
func (c *Client) target(r request) string {
	u := *c.base
	u.RawPath = u.EscapedPath() + r.where()
	u.Path += "/" + strings.Join(r.path, "/")
	u.RawQuery = encodeQuery(r.query).Encode()
	return u.String()
}

// where is the path below the base, percent-encoded. It names the operation in errors.
func (r request) where() string {
	path := ""
	for _, segment := range r.path {
		path += "/" + url.PathEscape(segment)
	}
	return path
}

func (r request) contentType() string {
	if r.method == http.MethodPatch {
		return "application/json-patch+json"
	}
	return "application/json"
}

// encode returns JSON without HTML escapes: a json.RawMessage keeps its literals and escapes.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

type requestIDKey struct{}

// WithRequestID returns a context; calls with it carry an id, which the host logs and answers: at
// most 128 of letters, digits and - . _ : / + = @. Without one the host makes one for each
// request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}
