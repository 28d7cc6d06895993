package delivery_test

import (
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

var digits = regexp.MustCompile(`^[0-9]+$`)

// A Retry-After is what a receiver writes that decides something here.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{
		"", "0", "1", "12", "13", "86400", "86401", "+5", "-5", "1.5", "1e3", "0x10", " 60", "60 ", "6_0", "６０", "60, 120", "NaN", "Infinity", "\x00", "\xff",
		"18446744073709551615", "18446744073709551616", "9223372036854775808", strings.Repeat("9", 64<<10), strings.Repeat("0", 100) + "30",
		"Sun, 01 Mar 2026 14:00:00 GMT", "Sun, 01 Mar 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Sun Mar  1 14:00:00 2026",
		"Sunday, 01-Mar-26 14:00:00 GMT", "Sun, 99 Mar 2026 14:00:00 GMT", "2026-03-01T14:00:00Z",
	} {
		f.Add(header)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	job, schedule := store.Job{ExpiresAt: now.Add(96 * time.Hour)}, delivery.Schedule{10 * time.Second}
	f.Fuzz(func(t *testing.T, header string) {
		d := delivery.Decide(job, guard.Result{Status: http.StatusServiceUnavailable, RetryAfter: header}, schedule, now)
		wait := d.RetryAt.Sub(now)
		if d.Status != store.Failed || d.Error != "HTTP 503" || wait < 8*time.Second || wait > delivery.MaxRetryAfter {
			t.Fatalf("%q: %+v", header, d)
		}
		if !digits.MatchString(header) {
			return
		}
		seconds, _ := new(big.Int).SetString(header, 10)
		if most := big.NewInt(86400); seconds.Cmp(most) > 0 {
			seconds = most
		}
		if asked := time.Duration(seconds.Int64()) * time.Second; wait < asked || asked > 12*time.Second && wait != asked {
			t.Fatalf("%q: %v", header, wait)
		}
	})
}
