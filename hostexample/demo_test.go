package main

import (
	"strings"
	"testing"
	"time"
)

func TestDemoShowsTheMainJob(t *testing.T) {
	t.Parallel()
	start := time.Now()
	r := command(t, []string{"WEBHOOKS_STORE=postgres://nobody@127.0.0.1:1/none"}, "demo", "--log-level=error")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if r.code != 0 {
		t.Fatalf("exit %d: %s\n%s", r.code, r.stderr, r.stdout)
	}
	if n := strings.Count(r.stdout, "  verifies\n"); n != 4 {
		t.Errorf("%d signatures verify, want 4:\n%s", n, r.stdout)
	}
	if !strings.Contains(r.stdout, "All right: 4 requests") {
		t.Errorf("the last line is missing:\n%s", r.stdout)
	}
}
