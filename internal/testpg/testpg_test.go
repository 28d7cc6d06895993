package testpg_test

import (
	"fmt"
	"regexp"
	"runtime"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// verdict is a test that records whether it is skipped or failed.
type verdict struct {
	testing.TB
	text string
}

func (*verdict) Helper() {}

func (v *verdict) Skip(arguments ...any) {
	v.text = "skip: " + fmt.Sprint(arguments...)
	runtime.Goexit()
}

func (v *verdict) Fatal(arguments ...any) {
	v.text = "fatal: " + fmt.Sprint(arguments...)
	runtime.Goexit()
}

func TestDSN(t *testing.T) {
	const leftOut = "PostgreSQL left out: WEBHOOKS_TEST_POSTGRES is not set; run make test"
	for _, test := range []struct{ rule, dsn, ci, want, verdict string }{
		{rule: "IsTheVariables", dsn: "postgres://here", want: "postgres://here"},
		{rule: "IsTheVariablesInCI", dsn: "postgres://here", ci: "true", want: "postgres://here"},
		{rule: "MissingSkipsTheTest", verdict: "skip: " + leftOut},
		{rule: "MissingInCIFailsTheTest", ci: "true", verdict: "fatal: " + leftOut},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Setenv("WEBHOOKS_TEST_POSTGRES", test.dsn)
			t.Setenv("CI", test.ci)

			var got string
			v, done := &verdict{}, make(chan struct{})
			go func() {
				defer close(done)
				got = testpg.DSN(v)
			}()
			<-done
			if got != test.want || v.text != test.verdict {
				t.Errorf("DSN = %q, verdict %q, want %q, %q", got, v.text, test.want, test.verdict)
			}
		})
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	t.Run("IsAFreshPlainIdentifier", func(t *testing.T) {
		t.Parallel()
		a, b := testpg.Schema(t), testpg.Schema(t)
		if a == b {
			t.Errorf("twice the same name: %s", a)
		}
		if !regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`).MatchString(a) {
			t.Errorf("%q needs quoting or is too long", a)
		}
	})
}
