package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// twin returns the portal of another process on the store of a site, with the same caller.
func (s *site) twin(db store.Store) *site {
	s.t.Helper()
	hooks, err := webhooks.New(db, webhooks.Config{})
	s.check(err)
	twin, service := *s, *s.service
	service.Hooks = hooks
	twin.service = &service
	twin.handler, err = portal.New(hooks, portal.Config{Authenticate: func(*http.Request) (httpapi.Caller, error) { return twin.caller, nil }})
	s.check(err)
	return &twin
}

// actingForm is a form that must act once.
type actingForm struct {
	address string
	fields  url.Values                  // besides once and etag
	made    func(*testing.T, *site) int // the number of records that the form adds to
}

// actingForms returns a form of each kind.
func actingForms(s *site) map[string]actingForm {
	endpoint := s.acme("endpoints", s.service.Healthy.String())
	delivery := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	event := s.acme(s.event("order.paid"))
	gone := s.endpoint("https://gone.acme.example/", "order.cancelled")
	s.publish("order.cancelled", 1)
	s.delivery(gone, webhooks.OnlyFailed)
	s.check(s.service.Hooks.Subscriptions.Activate(s.t.Context(), s.service.Acme, gone)) // 410 has deactivated it
	replay := s.acme("endpoints", gone.String(), "replay")
	attempts := func(_ *testing.T, s *site) int { return s.attempts() }
	return map[string]actingForm{
		"create": {
			s.acme("endpoints", "new"), newForm("https://once.example/"), func(t *testing.T, s *site) int {
				list, err := s.service.Hooks.Subscriptions.List(t.Context(), s.service.Acme, webhooks.SubscriptionQuery{})
				s.check(err)
				return list.Total
			},
		},
		"test":   {endpoint + "/test", nil, attempts},
		"sample": {event, url.Values{"endpoint": {s.service.Healthy.String()}}, attempts},
		"send again": {s.deliveryPage(delivery, "retry"), nil, func(t *testing.T, s *site) int {
			d, err := s.service.Hooks.Subscriptions.Delivery(t.Context(), s.service.Acme, delivery.SubscriptionID, delivery.ID)
			s.check(err)
			return d.Attempts
		}},
		"rotate": {endpoint + "/secrets/rotate", nil, func(t *testing.T, s *site) int {
			list, err := s.service.Hooks.Subscriptions.Secrets(t.Context(), s.service.Acme, s.service.Healthy, webhooks.Page{Take: 100})
			s.check(err)
			return list.Total
		}},
		"replay": {replay, url.Values{"scope": {"failed"}, "since": {"2026-01-01"}}, func(t *testing.T, s *site) int {
			list, _, err := s.service.Hooks.Operations().Recoveries(t.Context(), webhooks.RecoveryQuery{Take: 100, MaxTotal: 100})
			s.check(err)
			return list.Total
		}},
		"catalog": {editing + "/new", url.Values{"name": {"Money"}, "code": {"money"}}, func(t *testing.T, s *site) int {
			all, err := s.service.Hooks.Registry.Snapshot(t.Context(), 1<<20)
			s.check(err)
			return len(all.Categories)
		}},
	}
}

func TestAFormThatIsSentTenTimesAtOnceActsOnce(t *testing.T) {
	t.Parallel()
	db := memstore.New()
	s := newSiteOn(t, db, sample.Data{})
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeManage, httpapi.ScopeSecrets, httpapi.ScopeCatalog}
	hosts := []*site{s, s.twin(db)}
	for name, form := range actingForms(s) {
		fields := with(form.fields, url.Values{"once": {uuid.NewString()}})
		if name == "rotate" {
			fields.Set("etag", s.get(form.address).hidden("etag"))
		}
		before := form.made(t, s.twin(db))
		var acted atomic.Int32
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				to := hosts[i%2].post(form.address, fields).leadsTo("/")
				if !strings.Contains(to, "done=sent_before") {
					acted.Add(1)
				}
			})
		}
		all.Wait()
		if got := form.made(t, s.twin(db)) - before; got != 1 {
			t.Errorf("%s: 10 forms added %d", name, got)
		}
		if name != "replay" && acted.Load() != 1 { // each form of a replay leads to the job
			t.Errorf("%s: %d of 10 forms acted", name, acted.Load())
		}
	}
}

func TestAFormWithoutItsValueDoesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = append(s.caller.Scopes, httpapi.ScopeCatalog)
	for name, form := range actingForms(s) {
		before := form.made(t, s)
		s.post(form.address, with(form.fields, url.Values{"once": {""}})).is(http.StatusBadRequest, "The form cannot be read")
		if form.made(t, s) != before {
			t.Errorf("%s: the form acted", name)
		}
	}
}

func TestAFormThatWasSentBeforeSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	form := with(newForm("https://twice.example/"), url.Values{"once": {uuid.NewString()}})
	s.post(s.acme("endpoints", "new"), form)
	again := s.post(s.acme("endpoints", "new"), form).leadsTo(s.acme("endpoints") + "?done=sent_before")
	s.get(again).is(http.StatusOK, "This form was sent before", "twice.example")
	s.caller.Subject = "another@acme.example"
	s.post(s.acme("endpoints", "new"), form).leadsTo(s.acme("endpoints") + "/")
}

func TestARefusedFormCanBeCorrected(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeCatalog}
	event := s.acme(s.event("order.paid"))
	for address, fields := range map[string][2]url.Values{
		s.acme("endpoints", "new"): {newForm("http://plain.example/"), newForm("https://right.example/")},
		editing + "/new":           {{"name": {"A"}, "code": {"order"}}, {"name": {"A"}, "code": {"free"}}},
		event: {
			{"endpoint": {s.service.Healthy.String()}, "payload": {"{}"}},
			{"endpoint": {s.service.Healthy.String()}, "payload": {`{"orderId":"a","amount":1,"currency":"EUR"}`}},
		},
	} {
		once := s.get(address).hidden("once")
		refused := s.post(address, with(fields[0], url.Values{"once": {once}}))
		next := refused.hidden("once")
		if refused.resp.StatusCode < 400 || next == once {
			t.Errorf("%s: status %d, the value is %s again", address, refused.resp.StatusCode, next)
		}
		to := s.post(address, with(fields[1], url.Values{"once": {next}})).leadsTo("/")
		if strings.Contains(to, "sent_before") {
			t.Errorf("%s: the corrected form was not carried out", address)
		}
	}
}

// leaving is a store at whose first use of an id the browser goes away.
type leaving struct {
	store.Store
	leave context.CancelFunc
}

func (l *leaving) UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (bool, error) {
	first, err := l.Store.UseOnce(ctx, id, until)
	l.leave()
	return first, err
}

func TestAFormActsThoughTheBrowserGoesAway(t *testing.T) {
	t.Parallel()
	db := &leaving{Store: memstore.New()}
	s := newSiteOn(t, db, sample.Data{})
	ctx, cancel := context.WithCancel(t.Context())
	s.ctx, db.leave = func() context.Context { return ctx }, cancel
	s.post(s.acme("endpoints", "new"), newForm("https://left.example/")).leadsTo(s.acme("endpoints") + "/")
}

func TestAFormDoesNothingWithoutTheStore(t *testing.T) {
	t.Parallel()
	db := &faulty{Store: memstore.New()}
	s := newSiteOn(t, db, sample.Data{})
	before := s.attempts()
	db.away.Store(true)
	s.post(s.acme("endpoints", s.service.Healthy.String(), "test"), nil).is(http.StatusServiceUnavailable, "not available")
	if s.attempts() != before {
		t.Error("a test was sent though the store did not say whether the form was sent before")
	}
}
