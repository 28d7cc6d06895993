package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// organizationID is the organization of the tests.
var organizationID = strings.TrimPrefix(testOrg, "/api/organizations/")

// eraseIt runs the command in JSON, and returns its result.
func eraseIt(t *testing.T, folder string, args ...string) (out erased) {
	t.Helper()
	r := execute(t, folder, []string{"USER=ann"}, append([]string{"erase", "--json", "--log-level=error"}, args...)...)
	if r.code != 0 {
		t.Fatalf("erase %v: exit %d, %s%s", args, r.code, r.stdout, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("erase %v: %v: %s", args, err, r.stdout)
	}
	return out
}

func TestEraseRemovesAnOrganizationBesideAHost(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	host := serve(t, folder, nil)
	a := api{host.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, receiver)
	a.publish(t)
	next(t, posts)
	org := "--organization=" + organizationID

	got := eraseIt(t, folder, org)
	if got.State != "unconfirmed" || got.Subscriptions == 0 || got.Events == 0 || got.ID != nil {
		t.Errorf("without --confirm: %+v", got)
	}
	a.call(t, http.MethodGet, sub, nil, nil, http.StatusOK)
	got = eraseIt(t, folder, org, "--confirm")
	if got.State != "done" || got.Subscriptions == 0 || got.Events == 0 || got.Attempts == 0 || got.AuditEntries == 0 || got.ID == nil {
		t.Errorf("with --confirm: %+v", got)
	}
	a.call(t, http.MethodGet, sub, nil, nil, http.StatusNotFound)
	var trail struct {
		Items []struct{ Action, Actor string }
	}
	a.call(t, http.MethodGet, testOrg+"/audit", nil, &trail, http.StatusOK)
	if len(trail.Items) != 1 || trail.Items[0].Action != "organization.erased" || trail.Items[0].Actor != "cli/ann" {
		t.Errorf("the trail is %+v", trail)
	}
	host.signal(t, syscall.SIGTERM)
	host.exit(t)
	if r := execute(t, folder, nil, "erase", org, "--confirm"); r.code != 0 || !strings.HasPrefix(r.stdout, "removed 0 subscriptions") {
		t.Errorf("again: exit %d, %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestEraseOverREST(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	host := serve(t, folder, nil)
	admin := token(t, folder, "--scope=webhooks:admin")
	a := api{host.url, admin}
	receiver, _ := receive(t, nil)
	sub, _ := a.subscribe(t, receiver)
	var published struct{ ID string }
	a.call(t, http.MethodPost, testOrg+"/events", event(7), &published, http.StatusAccepted)
	elsewhere, org := t.TempDir(), "--organization="+organizationID
	erase := func(bearer string, args ...string) result {
		args = append([]string{"erase"}, args...)
		return execute(t, elsewhere, []string{"WEBHOOKS_TOKEN=" + bearer}, append(args, "--url="+host.url, org)...)
	}
	for _, c := range []struct {
		bearer     string
		args       []string
		code       int
		said, told string
	}{
		{admin, nil, 0, "there are 1 subscriptions and 1 events; nothing was removed", ""},
		{token(t, folder, "--scope=webhooks:write"), []string{"--confirm"}, 1, "", "HTTP 403"},
		{admin, []string{"payload", "--event=" + published.ID}, 0, "the payload is gone", ""},
		{admin, []string{"--confirm", "--json"}, 0, `"state":"done","subscriptions":1,"events":1`, ""},
	} {
		r := erase(c.bearer, c.args...)
		if r.code != c.code || !strings.Contains(r.stdout, c.said) || !strings.Contains(r.stderr, c.told) {
			t.Errorf("erase %v: exit %d, %s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
	a.call(t, http.MethodGet, sub, nil, nil, http.StatusNotFound)
}

func TestAnErasureGoesOnAfterKillNine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	host := serve(t, folder, nil)
	a := api{host.url, token(t, folder, "--scope=webhooks:admin")}
	_, receiver := newCounter(t)
	a.subscribe(t, receiver)
	a.call(t, http.MethodPost, testOrg+"/webhook-subscriptions", map[string]any{
		"postUri": receiver, "events": []string{"*"}, "isDevelopment": true,
	}, nil, http.StatusCreated)
	const batches = 4
	for i := range batches {
		if _, err := publishBatch(t.Context(), [2]api{a, a}, 0, i*batch); err != nil {
			t.Fatal(err)
		}
	}
	var job struct {
		ID, State          string
		Messages, Attempts int
	}
	a.call(t, http.MethodDelete, testOrg+"/data?confirm="+organizationID, nil, &job, http.StatusAccepted)
	within(t, func() bool {
		a.call(t, http.MethodGet, "/api/erasures/"+job.ID, nil, &job, http.StatusOK)
		return job.Attempts > 0 || job.State == "done"
	})
	if err := host.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	host.exit(t)
	if job.State != "running" || job.Messages >= batches*batch {
		t.Fatalf("the host was killed too late: %+v", job)
	}
	a.url = serve(t, folder, nil).url
	within(t, func() bool {
		a.call(t, http.MethodGet, "/api/erasures/"+job.ID, nil, &job, http.StatusOK)
		return job.State == "done"
	})
	if job.Messages != batches*batch || job.Attempts < job.Messages {
		t.Errorf("removed: %+v", job)
	}
}

func TestErasePayloadRemovesTheContentOfAnEvent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	host := serve(t, folder, nil)
	a := api{host.url, token(t, folder, "--scope=webhooks:admin")}
	var published struct{ ID string }
	events := testOrg + "/events"
	a.call(t, http.MethodPost, events, event(7), &published, http.StatusAccepted)
	r := execute(t, folder, []string{"USER=ann"}, "erase", "payload", "--organization="+organizationID, "--event="+published.ID)
	if r.code != 0 {
		t.Fatalf("exit %d, %s%s", r.code, r.stdout, r.stderr)
	}
	var event struct {
		Data     any
		Expunged struct {
			At time.Time
			By string
		}
	}
	a.call(t, http.MethodGet, events+"/"+published.ID, nil, &event, http.StatusOK)
	if event.Data != nil || event.Expunged.By != "cli/ann" || event.Expunged.At.IsZero() {
		t.Errorf("the event is %+v", event)
	}
}

func TestEraseSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, names string }{
		{"erase", "--organization"},
		{"erase --organization=acme", "--organization"},
		{"erase payload --organization=" + uuid.NewString(), "--event"},
		{"erase --store=memory: --organization=" + uuid.NewString(), "--store"},
	} {
		r := command(t, nil, strings.Fields(c.args)...)
		if r.code != exitWrong || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, c.names) {
			t.Errorf("%s: exit %d, %q", c.args, r.code, r.stderr)
		}
	}
}
