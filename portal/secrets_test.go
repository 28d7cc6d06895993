package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/httpapi"
)

func (s *site) secret() string {
	s.t.Helper()
	secret, err := s.service.Hooks.Subscriptions.SecretAt(s.t.Context(), s.service.Acme, s.service.Healthy, time.Time{})
	if err != nil {
		s.t.Fatal(err)
	}
	return secret.Key
}

func TestASecretIsShownOnRequestAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Healthy.String(), "secrets")
	p := s.get(path).is(http.StatusOK, "current", "Reveal").lacks(s.secret())
	id := p.hidden("id")
	p = s.post(path+"/reveal", url.Values{"id": {id}}).is(http.StatusOK, strings.ReplaceAll(s.secret(), "+", "&#43;"), "Hide")
	if got := p.resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
	s.post(path+"/reveal", url.Values{"id": {"x"}}).is(http.StatusNotFound)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeManage}
	s.get(path).is(http.StatusForbidden).lacks("••••")
	s.post(path+"/reveal", url.Values{"id": {id}}).is(http.StatusForbidden)
	s.get(s.acme("endpoints", s.service.Healthy.String())).is(http.StatusOK).lacks("/secrets")
}

func TestARotatedSecretSignsForATime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Healthy.String(), "secrets")
	former := s.secret()
	etag := s.get(path+"/rotate").is(http.StatusOK, "Replace the signing secret?", "24 h").hidden("etag")
	s.post(path+"/rotate", url.Values{"etag": {etag}}).leadsTo(path + "?done=secret_rotated")
	now := s.secret()
	if now == former {
		t.Fatal("the secret is the former one")
	}
	s.post(path+"/rotate", url.Values{"etag": {etag}}).is(http.StatusPreconditionFailed)
	if s.secret() != now {
		t.Error("a question that was shown before the first rotation rotated again")
	}
	p := s.get(path).is(http.StatusOK, "in 24 h", "dev@acme.example")
	if got := strings.Count(p.text, `action="`+path+`/reveal"`); got != 2 {
		t.Errorf("%d secrets sign, want 2", got)
	}
}

func TestAnOwnSecretIsChecked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Healthy.String(), "secrets")
	before := s.secret()
	for _, bad := range []string{"", "short", "whsec_!", `"><b>`, "wh\u00e9\u00e9\u00e9\u00e9\u00e9"} {
		s.post(path, url.Values{"secret": {bad}}).is(http.StatusBadRequest, `role="alert"`, `aria-invalid="true"`, `id="secret-fault"`).
			lacks("<b>")
	}
	s.post(path, url.Values{"secret": {"short"}}).is(http.StatusBadRequest, `value="short"`)
	if s.secret() != before {
		t.Error("a wrong secret replaced the secret")
	}
	s.post(path, url.Values{"secret": {"a-secret-of-our-own"}}).leadsTo(path + "?done=secret_set")
	s.post(path, url.Values{"secret": {"a-secret-of-our-own"}}).leadsTo(path + "?done=secret_set")
	if s.secret() != "a-secret-of-our-own" {
		t.Error("the secret was not replaced")
	}
}
