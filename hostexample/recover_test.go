package main

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// The state of a recovery is in the database: if a host is killed during the recovery, the
// next host continues from there.
func TestRecoveryGoesOnAfterKillNine(t *testing.T) { //nolint:paralleltest // the backlog leaves other tests too little time
	if testing.Short() {
		t.Skip("left out: -short")
	}
	const n = 3 * batch
	environ := []string{
		"WEBHOOKS_DEV=true", "WEBHOOKS_STORE=" + testpg.DSN(t), "WEBHOOKS_SCHEMA=" + testpg.Schema(t),
		"WEBHOOKS_LOG_LEVEL=warn", "WEBHOOKS_WORKERS=64",
	}
	folder := t.TempDir()
	c, url := newCounter(t)
	dropSchema(t, environ)
	first := serve(t, folder, environ)
	a := api{first.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, url)
	a.call(t, http.MethodPost, sub+"/deactivate", nil, nil, http.StatusOK)
	ids := flood(t, [2]api{a, a}, n)
	a.call(t, http.MethodPost, sub+"/activate", nil, nil, http.StatusOK)

	some, all := c.mark(n/6), c.mark(n)
	var job struct {
		ID              string
		Matched, Queued int
		State           string
	}
	a.call(t, http.MethodPost, sub+"/recover", map[string]any{
		"since": time.Now().Add(-time.Hour), "status": "missed", "ratePerSecond": batch,
	}, &job, http.StatusAccepted)
	if job.Matched != n {
		t.Fatalf("%d are to be recovered, want %d", job.Matched, n)
	}
	await(t, some, patience, c)
	first.signal(t, syscall.SIGKILL)
	if code := first.exit(t); code != -1 {
		t.Fatalf("the host ended by itself: %d", code)
	}

	a.url = serve(t, folder, environ).url
	a.call(t, http.MethodGet, sub+"/recover/"+job.ID, nil, &job, http.StatusOK)
	if job.State != "running" || job.Queued >= n {
		t.Errorf("after the kill the job is %+v: too late to show anything", job)
	}
	await(t, all, 90*time.Second, c)
	within(t, func() bool {
		a.call(t, http.MethodGet, sub+"/recover/"+job.ID, nil, &job, http.StatusOK)
		return job.State == "done"
	})
	if job.Queued != n || c.missing(ids) != 0 || c.twin != "" {
		t.Errorf("%d queued of %d, %d missing, two bodies: %q", job.Queued, n, c.missing(ids), c.twin)
	}
	if c.repeated() > inFlight {
		t.Errorf("%d repeated, at most %d were under way", c.repeated(), inFlight)
	}
}
