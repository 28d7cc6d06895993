package testlog_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testlog"
)

// failures counts the errors of a test.
type failures struct {
	testing.TB
	n int
}

func (f *failures) Errorf(string, ...any) { f.n++ }

func TestDurationsWithoutAUnitAreFound(t *testing.T) {
	t.Parallel()
	f := &failures{TB: t}
	log := slog.New(testlog.Checked(f, slog.NewTextHandler(t.Output(), nil)))
	log.Info("fine", "after", time.Second.String(), "n", 1)
	if f.n != 0 {
		t.Error("texts and numbers are refused")
	}
	log.Info("bare", "after", time.Second)
	log.With("after", time.Second).Info("bare")
	log.WithGroup("g").Info("bare", slog.Group("inner", "after", time.Second))
	if f.n != 3 {
		t.Errorf("%d of 3 are found", f.n)
	}
}
