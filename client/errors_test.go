package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

func TestAProblemIsAnError(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	_, err := h.client.Registry.CreateCategory(client.WithRequestID(t.Context(), "req-1"), client.CategoryInput{Code: "-"})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != 400 || e.Code != "validation_failed" || e.RequestID != "req-1" || len(e.Fields) == 0 {
		t.Fatalf("the error is %#v", err)
	}
	if !errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrNotFound) || e.Fields[0].Pointer != "/name" {
		t.Errorf("the error is %v, its fields %+v", err, e.Fields)
	}
	for _, part := range []string{"POST /api/webhook-categories", "HTTP 400", "validation_failed", "/name", "req-1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	_, err = h.client.Registry.Category(t.Context(), uuid.New())
	if !errors.Is(err, client.ErrNotFound) {
		t.Errorf("a category that is not there: %v", err)
	}
	_, err = h.client.Registry.ListCategories(t.Context(), client.CatalogQuery{ListQuery: client.ListQuery{Take: 101}})
	if e, _ := errors.AsType[*client.Error](err); e == nil || e.Fields[0].Parameter != "take" {
		t.Errorf("a page that is too long: %v", err)
	}
}

func TestAnErrorIsThatOfItsCodeAndOfItsStatus(t *testing.T) {
	t.Parallel()
	err := error(&client.Error{Status: 409, Code: "code_taken"})
	for target, want := range map[error]bool{
		client.ErrCodeTaken: true, client.ErrConflict: true, client.ErrInUse: false, client.ErrNotFound: false, nil: false,
	} {
		if got := errors.Is(err, target); got != want {
			t.Errorf("%v is %v: %v", err, target, got)
		}
	}
	if errors.Is(&client.Error{Status: 418, Code: "teapot"}, nil) {
		t.Error("an unknown error is nil")
	}
}

// The text of a proxy is not shown, and a malformed problem is no reason to lose the status.
func TestAnAnswerOfAProxyIsAnErrorWithItsStatus(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"HTML":             answering(403, "<html>"+testToken+"</html>", "Content-Type: text/html"),
		"NoType":           answering(403, "denied"),
		"MalformedProblem": answering(403, `{"status": 200, "code": 7`, problemType),
		"OtherStatus":      answering(403, `{"status": 200}`, problemType),
		"OtherJSON":        answering(403, `{"code": "not_found", "detail": "`+testToken+`"}`, "Content-Type: application/json"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, client.Config{}, answer)
			_, err := c.Registry.SeedVersions(t.Context())
			if e, _ := errors.AsType[*client.Error](err); e == nil || e.Status != 403 || !errors.Is(err, client.ErrForbidden) {
				t.Errorf("the error is %v", err)
			}
			if strings.Contains(err.Error(), testToken) {
				t.Errorf("the error shows the answer: %v", err)
			}
		})
	}
}

func TestAnErrorListsFewFaults(t *testing.T) {
	t.Parallel()
	e := &client.Error{Operation: "POST /x", Status: 400, Fields: make([]client.FieldError, 100)}
	if !strings.HasSuffix(e.Error(), "; 95 more") {
		t.Errorf("the text is %s", e)
	}
}

func TestAnswersAreReadUpToALimit(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]error{10: nil, 11: client.ErrResponseTooLarge} {
		c, host := scripted(t, client.Config{MaxResponse: 10}, answering(200, "["+strings.Repeat(" ", length-2)+"]"))
		if _, err := c.Registry.SeedVersions(t.Context()); !errors.Is(err, want) || len(host.bodies) != 1 {
			t.Errorf("%d bytes: %v after %d requests", length, err, len(host.bodies))
		}
	}
	c, _ := scripted(t, client.Config{MaxResponse: 10}, answering(503, strings.Repeat("x", 11)))
	if _, err := c.Registry.SeedVersions(t.Context()); !errors.Is(err, client.ErrResponseTooLarge) {
		t.Errorf("an error that is too large: %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	c, host := scripted(t, client.Config{}, answering(307, "", "Location: https://elsewhere.example.com/"))
	_, err := c.Registry.SeedVersions(t.Context())
	if e, _ := errors.AsType[*client.Error](err); e == nil || e.Status != 307 || len(host.tokens) != 1 {
		t.Errorf("%v after %d requests", err, len(host.tokens))
	}
}

func TestAPartOfThePathCannotLeadElsewhere(t *testing.T) {
	t.Parallel()
	c, host := scripted(t, client.Config{}, answering(200, `[]`))
	for _, text := range []string{"", ".", ".."} {
		_, asCode := c.Subscriptions.Subscribers(t.Context(), text, "")
		_, asOwner := c.Subscriptions.Get(t.Context(), text, uuid.New())
		_, asPublisher := c.Dispatcher.Publish(t.Context(), text, client.Event{})
		_, asSigner := c.Signer.Hash(t.Context(), text, uuid.New(), uuid.New())
		for i, err := range []error{asCode, asOwner, asPublisher, asSigner} {
			want := client.ParameterError{Parameter: []string{"code", "organization"}[min(i, 1)], Value: text}
			if e, _ := errors.AsType[*client.ParameterError](err); e == nil || *e != want || !errors.Is(err, client.ErrInvalid) {
				t.Errorf("%d: the error is %v, want %v", i, err, &want)
			}
		}
	}
	if len(host.tokens) > 0 {
		t.Errorf("%d requests were sent", len(host.tokens))
	}
	var target string
	c, _ = scripted(t, client.Config{}, func(r *http.Request) (*http.Response, error) {
		target = r.URL.RequestURI()
		return answering(200, `[]`)(r)
	})
	if _, err := c.Subscriptions.Subscribers(t.Context(), "../a b/?x=%2f", ""); err != nil {
		t.Fatal(err)
	}
	if want := "/api/webhook-events/..%2Fa%20b%2F%3Fx=%252f/subscriptions"; target != want {
		t.Errorf("the target is %s, want %s", target, want)
	}
	if _, err := c.Dispatcher.Message(t.Context(), "../50% ä", uuid.Nil); err == nil {
		t.Error("a list is a message")
	}
	if want := "/api/organizations/..%2F50%25%20%C3%A4/events/" + uuid.Nil.String(); target != want {
		t.Errorf("the target is %s, want %s", target, want)
	}
}

func TestTokensAndSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	const secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
	cfg := client.Config{BaseURL: "https://user:" + secret + "@example.com/" + secret, Token: client.StaticToken(secret)}
	_, badURL := client.New(cfg)
	_, noURL := client.New(client.Config{BaseURL: "https://example.com/%zz" + secret, Token: cfg.Token})
	c, _ := scripted(t, client.Config{Token: client.StaticToken(secret)}, answering(401, "", problemType))
	_, refused := c.Registry.SeedVersions(t.Context())
	inHeader, _ := scripted(t, client.Config{Token: client.StaticToken(secret + "\n")}, answering(200, `[]`))
	_, malformed := inHeader.Registry.SeedVersions(t.Context())
	sub := client.Subscription{SecretKey: secret, Headers: client.Headers{"Authorization": secret}}
	for _, v := range []any{
		cfg, &cfg, c, badURL, noURL, refused, malformed, sub, &sub,
		client.CurrentSecret{SecretKey: secret},
		sub.SecretKey, sub.Headers,
		client.SubscriptionInput{Headers: sub.Headers},
	} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("shown", "value", v)
		for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v %#v %s %q %x", v, v, v, v, v), log.String()} {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%T shows the secret: %s", v, text)
			}
		}
	}
	for i, err := range []error{badURL, noURL, refused, malformed} {
		if err == nil {
			t.Errorf("%d: no error", i)
		}
	}
	if text := must(json.Marshal(sub.SecretKey)); string(text) != `"`+secret+`"` {
		t.Errorf("the JSON of a secret is %s", text)
	}
}

func TestATokenSourceThatFailsSendsNothing(t *testing.T) {
	t.Parallel()
	errNoToken := errors.New("no token")
	c, host := scripted(t, client.Config{Token: func(context.Context) (string, error) { return "", errNoToken }}, answering(200, `[]`))
	if _, err := c.Registry.SeedVersions(t.Context()); !errors.Is(err, errNoToken) || len(host.tokens) != 0 {
		t.Errorf("%v after %d requests", err, len(host.tokens))
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	token := client.StaticToken("t")
	for name, cfg := range map[string]client.Config{
		"NoURL":          {Token: token},
		"RelativeURL":    {BaseURL: "/hooks", Token: token},
		"OtherScheme":    {BaseURL: "ftp://example.com", Token: token},
		"User":           {BaseURL: "https://u:p@example.com", Token: token},
		"Query":          {BaseURL: "https://example.com?x=1", Token: token},
		"NoToken":        {BaseURL: "https://example.com"},
		"NoAttempts":     {BaseURL: "https://example.com", Token: token, Retry: client.Retry{MaxAttempts: -1}},
		"NegativeWait":   {BaseURL: "https://example.com", Token: token, Retry: client.Retry{MinWait: -1}},
		"WaitsReversed":  {BaseURL: "https://example.com", Token: token, Retry: client.Retry{MinWait: 2, MaxWait: 1}},
		"NegativeLimit":  {BaseURL: "https://example.com", Token: token, MaxResponse: -1},
		"NegativeTimout": {BaseURL: "https://example.com", Token: token, AttemptTimeout: -1},
	} {
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := client.New(client.Config{BaseURL: "https://example.com/hooks/", HTTPClient: &http.Client{}}); err != nil {
		t.Error(err)
	}
}

func TestHealthOfAHostThatIsDown(t *testing.T) {
	t.Parallel()
	down := `{"status": "error", "error": {"database": {"status": "down", "message": "no answer"}}, "info": {}, "details": {}}`
	c, _ := scripted(t, client.Config{}, answering(503, down, "Content-Type: application/json; charset=utf-8"))
	if health, err := c.Health(t.Context()); err != nil || health.Status != "error" || health.Error["database"].Message != "no answer" {
		t.Errorf("%+v, %v", health, err)
	}
	c, _ = scripted(t, client.Config{}, answering(503, "<html>", "Content-Type: text/html"))
	if _, err := c.Health(t.Context()); !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("the error of a proxy is %v", err)
	}
}
