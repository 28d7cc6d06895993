package httpapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store/memstore"
)

// tenants are two organizations with everything that they can have: A with two
// subscriptions, each with things of its own. Things are ids by their kinds.
type tenants struct {
	*fixture
	a, other, b map[string]string
}

func newTenants(f *fixture) tenants {
	f.Helper()
	f.catalog()
	f.subscribe() // with secrets that must not appear in other answers
	second := f.make("POST /api/webhook-categories", `{"name": "Other", "code": "other"}`)
	foreign := f.make("POST /api/webhook-categories/"+second+"/webhook-events", `{"name": "Other", "code": "other.happened", "version": "v1"}`)
	for _, sample := range []string{f.vars["category"] + "/webhook-events/" + f.vars["event"], second + "/webhook-events/" + foreign} {
		f.make("POST /api/webhook-categories/"+sample+"/sample-payloads", `{"payload": {"n": 1}}`)
	}
	w := tenants{f, f.belongings(f.vars["a"]), f.belongings(f.vars["a"]), f.belongings(f.vars["b"])}
	w.other["category"], w.other["event"] = second, foreign
	for _, own := range []map[string]string{w.a, w.other, w.b} { // of an organization without anything else
		job, err := f.hooks.Erase(f.Context(), uuid.New())
		if err != nil {
			f.Fatal(err)
		}
		own["erasure"] = job.ID.String()
	}
	return w
}

// make makes a thing and returns its id.
func (f *fixture) make(do, body string) string {
	f.Helper()
	w := f.sendBody(step{as: "admin", do: do}, f.fill(body))
	if w.Code/100 != 2 {
		f.Fatalf("%s: %d %s", do, w.Code, w.Body)
	}
	id, _ := parse(f.T, w.Body.String()).(map[string]any)["id"].(string)
	return id
}

// belongings makes one of everything.
func (f *fixture) belongings(org string) map[string]string {
	f.Helper()
	at := "/api/organizations/" + org
	sub := f.make(
		"POST "+at+"/webhook-subscriptions", `{"postUri": "https://example.com/hook", "events": ["vitals.measured"], "isDevelopment": false}`,
	)
	own := map[string]string{"organization": org, "subscription": sub, "category": f.vars["category"], "event": f.vars["event"]}
	own["message"] = f.make("POST "+at+"/events", `{"eventType": "vitals.measured", "data": {"n": 1}, "idempotencyKey": "`+sub+`"}`)
	f.finish(500, 0)
	path := at + "/webhook-subscriptions/" + sub
	list := parse(f.T, f.send(step{as: "admin", do: "GET " + path + "/activations"}).Body.String()).(map[string]any)["items"].([]any)
	own["activation"] = list[0].(map[string]any)["id"].(string)
	own["activity"] = f.make("POST "+path+"/activity/"+own["activation"]+"/retry", "")
	f.finish(500, 0)
	own["external"] = f.make(
		"POST "+path+"/activity", `{"type": 0, "payload": {"n": 1}, "rawMessage": {}, "eventId": "{event}", "postedAt": "2026-01-01T00:00:00Z"}`,
	)
	own["recovery"] = f.make("POST "+path+"/recover", `{"since": "2026-01-01T00:00:00Z", "status": "all"}`)
	f.make("PUT "+path+"/secrets", "")
	return own
}

// rightful reports whether a thing of A, by its kind, may be named in a place of a
// request about the first subscription of A.
func (w tenants) rightful(o operation, p idPlace, kind string, of map[string]string) bool {
	var below []string // the other resources that the request names
	for _, other := range o.places {
		if other.in == "path" && other.name != p.name {
			below = append(below, other.kind)
		}
	}
	same := kind == p.kind || p.kind == "activity" && slices.Contains([]string{"activation", "external"}, kind) ||
		p.kind == "activation" && (kind == "external" || p.in != "path" && kind == "activity")
	if of[kind] == w.a[kind] {
		return same
	}
	switch p.kind {
	case "message", "organization":
		return same
	case "event": // the catalog is everybody's
		return same && p.in != "path"
	case "subscription":
		return same && (p.in == "query" || !slices.ContainsFunc(below, func(k string) bool { return k != "organization" && k != "event" }))
	case "category":
		return same && !slices.Contains(below, "event")
	}
	return false
}

// Whatever id of another organization, of another parent, or of a thing of another
// kind stands wherever a request names something: the answer is that to an id that
// does not exist, byte for byte, and nothing changes. The requests are made from the
// OpenAPI document, every operation and every place of it.
func TestNoRequestReachesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	eachStore(t, reachesNothingOfAnother)
}

func reachesNothingOfAnother(f *fixture) {
	f.Helper()
	t := f.T
	all := operations(t)
	w := newTenants(f)
	before, tables := w.everything(all), f.tables()
	tried := 0
	for _, o := range all {
		if o.as == "admin" { // to whom nothing is another's
			continue
		}
		for _, p := range o.places {
			none := uuid.NewString()
			for what, id := range w.foreign(o, p) {
				tried++
				w.sameAnswer(o, p, what, o.request(t, w.a, p, id), o.request(t, w.a, p, none), id, none)
			}
		}
		if strings.Contains(o.path, "{organizationId}") { // with B's organization in the path, and all that is B's
			tried++
			absent := maps.Clone(w.b)
			absent["organization"] = uuid.NewString()
			w.sameAnswer(
				o, idPlace{in: "path"}, "all of B", o.request(t, w.b, idPlace{}, ""), o.request(t, absent, idPlace{}, ""), w.b["organization"],
				absent["organization"],
			)
		}
	}
	if tried < 500 {
		t.Errorf("only %d requests: the document is not read as it should be", tried)
	}
	after := w.everything(all)
	for what := range before {
		if before[what] != after[what] {
			t.Errorf("%s has changed:\n%s\n%s", what, before[what], after[what])
		}
	}
	if now := f.tables(); now != tables {
		t.Errorf("the tables have changed:\n%s\n%s", tables, now)
	}
}

// foreign are the ids that must be as good as none in a place.
func (w tenants) foreign(o operation, p idPlace) map[string]string {
	ids := map[string]string{}
	for kind, id := range w.b {
		if !slices.Contains([]string{"category", "event"}, kind) { // the catalog is everybody's
			ids["B's "+kind] = id
		}
	}
	for name, of := range map[string]map[string]string{"its ": w.a, "another's ": w.other} {
		for kind, id := range of {
			if !w.rightful(o, p, kind, of) {
				ids[name+kind] = id
			}
		}
	}
	if p.in != "path" { // a name is no id
		maps.DeleteFunc(ids, func(_, id string) bool { return uuid.Validate(id) != nil })
	}
	return ids
}

func (w tenants) sameAnswer(o operation, p idPlace, what string, theirs, absent step, id, none string) {
	w.Helper()
	got, want := w.sendBody(theirs, theirs.body), w.sendBody(absent, absent.body)
	status, code := http.StatusNotFound, `"code":"not_found"`
	switch {
	case p.in == "query" && p.name == "eventId": // a filter
		status, code = http.StatusOK, `"totalRecords":0`
	case p.in != "path" && o.id != "explainPublishedEvent":
		status, code = http.StatusUnprocessableEntity, `"code":"unknown_reference"`
	}
	plain := strings.ReplaceAll(got.Body.String(), id, none)
	if got.Code != status || !strings.Contains(plain, code) || plain != want.Body.String() ||
		fmt.Sprint(got.Header()) != fmt.Sprint(want.Header()) {
		w.Errorf(
			"%s with %s in %s: %s\nis %d %v %s\nof none %d %v %s", o.id, what, p, theirs.do, got.Code, got.Header(), got.Body, want.Code,
			want.Header(), want.Body,
		)
	}
}

// everything returns all answers that can be read of each organization and each subscription.
func (w tenants) everything(all []operation) map[string]string {
	w.Helper()
	out := map[string]string{}
	for name, of := range map[string]map[string]string{"A": w.a, "the other of A": w.other, "B": w.b} {
		for _, o := range all {
			if o.method != http.MethodGet || !strings.Contains(o.path, "{organizationId}") {
				continue
			}
			s := o.request(w.T, of, idPlace{}, "")
			s.as = "admin"
			if o.id == "getStats" { // its default range ends now
				s.do += "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&bucket=day"
				now := time.Now().UTC()
				s.do = strings.NewReplacer(
					"2026-01-01", now.AddDate(0, 0, -2).Format(time.DateOnly), "2026-01-02", now.AddDate(0, 0, 2).Format(time.DateOnly),
				).Replace(s.do)
			}
			got := w.send(s)
			if got.Code != http.StatusOK {
				w.Errorf("%s of %s: %d %s", o.id, name, got.Code, got.Body)
			}
			out[o.id+" of "+name] = got.Body.String()
		}
	}
	return out
}

// Each operation succeeds with the caller's own resources: otherwise the refusals above could have
// another reason. Every request has a fixture of its own.
func TestEveryRequestReachesItsOwn(t *testing.T) {
	t.Parallel()
	for _, o := range operations(t) {
		places := append([]idPlace{{}}, o.places...)
		for _, p := range places {
			if o.as == "" || p.in == "path" {
				continue // open to all, or the same as without
			}
			w := newTenants(newFixture(t, memstore.New()))
			own := maps.Clone(w.a)
			if o.id == "saveOutcome" {
				own["activity"], own["activation"] = own["external"], own["external"]
			}
			s := o.request(t, own, p, own[p.kind])
			if got := w.sendBody(s, s.body); got.Code/100 != 2 && got.Code != http.StatusConflict {
				t.Errorf("%s with its own in %s: %s\n%d %s", o.id, p, s.body, got.Code, got.Body)
			}
		}
	}
}
