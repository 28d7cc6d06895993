package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks"
)

func TestTheVersionIsPrinted(t *testing.T) {
	t.Parallel()
	r := command(t, nil, "--version")
	if r.code != 0 || !strings.HasPrefix(r.stdout, "hostexample "+webhooks.Version+", commit ") || !strings.Contains(r.stdout, ", go1.") ||
		strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("exit %d, %q, %q", r.code, r.stdout, r.stderr)
	}
	for want, settings := range map[string][]debug.BuildSetting{
		", commit unknown, go1": nil,
		", commit 0123, go1":    {{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "false"}},
		", commit 0123 with changes, go1": {
			{Key: "vcs.revision", Value: "0123"}, {Key: "vcs.modified", Value: "true"},
		},
	} {
		if got := describeBuild(&debug.BuildInfo{GoVersion: "go1", Settings: settings}); got != webhooks.Version+want {
			t.Errorf("%q, want it to end in %q", got, want)
		}
	}
}
