package conditionlog_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/internal/conditionlog"
)

// recorder is a log that keeps its lines for the test.
type recorder struct {
	*conditionlog.Log
	text bytes.Buffer
}

func newRecorder() *recorder {
	r := &recorder{}
	handler := slog.NewTextHandler(&r.text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	r.Log = conditionlog.New(slog.New(handler), time.Now)
	return r
}

// lines returns the lines since the last call.
func (r *recorder) lines() []string {
	defer r.text.Reset()
	return slices.Collect(strings.Lines(r.text.String()))
}

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	got := r.lines()
	for i := range got {
		got[i] = strings.TrimSuffix(got[i], "\n")
	}
	if !slices.Equal(got, want) {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (r *recorder) fails(t *testing.T, subject any) {
	r.Occurred(t.Context(), slog.LevelWarn, "away", subject, "error", "refused")
}

func (r *recorder) works(t *testing.T, subject any) { r.Ended(t.Context(), "away", subject, "back") }

func TestAConditionThatLastsIsLoggedOnceAndThenHourly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		for range 24 * 60 * 60 {
			r.fails(t, nil)
			time.Sleep(time.Second)
		}
		got := r.lines()
		if len(got) != 24 || got[0] != "level=WARN msg=away error=refused\n" || got[1] != "level=WARN msg=away error=refused repeated=3599\n" {
			t.Errorf("%d lines in a day, want 24:\n%s", len(got), strings.Join(got[:min(3, len(got))], ""))
		}
	})
}

func TestTheEndOfAConditionIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.works(t, nil)
		r.expect(t)
		r.fails(t, nil)
		r.fails(t, nil)
		time.Sleep(1500 * time.Millisecond)
		r.works(t, nil)
		r.works(t, nil)
		r.expect(t, "level=WARN msg=away error=refused", "level=INFO msg=back lasted=1.5s repeated=1")
	})
}

func TestANewBeginningIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		for range 2 {
			r.fails(t, nil)
			r.works(t, nil)
			r.expect(t, "level=WARN msg=away error=refused", "level=INFO msg=back lasted=0s repeated=0")
			time.Sleep(time.Minute)
		}
	})
}

func TestAConditionThatComesAndGoesIsLoggedMoreAndMoreRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		for range 24 * 60 * 60 {
			r.fails(t, nil)
			r.works(t, nil)
			time.Sleep(time.Second)
		}
		if n := len(r.lines()); n < 48 || n > 64 {
			t.Errorf("%d lines in a day, want two an hour and a few more in the first", n)
		}
	})
}

func TestSubjectsAreLoggedApartUpToABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		r.fails(t, "a")
		r.fails(t, "b")
		r.works(t, "b")
		r.expect(t, "level=WARN msg=away error=refused", "level=WARN msg=away error=refused", "level=INFO msg=back lasted=0s repeated=0")
		for range 2 {
			for i := range 10_000 {
				r.fails(t, i)
			}
		}
		got := r.lines()
		if want := conditionlog.MaxSubjects - 2 + 1; len(got) != want {
			t.Errorf("%d lines for 10,000 subjects, want %d", len(got), want)
		}
		if last := got[len(got)-1]; !strings.Contains(last, "further ones") {
			t.Errorf("the last line does not say that it stands for more: %s", last)
		}
		time.Sleep(conditionlog.Interval)
		r.fails(t, "c") // the former ones are forgotten
		r.expect(t, "level=WARN msg=away error=refused")
	})
}

func TestMessagesAreLoggedApart(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	for i := range 3 {
		r.Occurred(t.Context(), slog.LevelError, fmt.Sprint("m", i), nil)
	}
	r.expect(t, "level=ERROR msg=m0", "level=ERROR msg=m1", "level=ERROR msg=m2")
}
