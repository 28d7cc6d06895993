package delivery_test

import (
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
)

var digits = regexp.MustCompile(`^[0-9]{1,1000}$`)

// A Retry-After is a text of the receiver that decides something here.
func FuzzRetryAfter(f *testing.F) {
	for _, header := range []string{
		"", "0", "1", "12", "13", "86400", "86401", "+5", "-5", "1.5", "1e3", "0x10", " 60", "60 ", "6_0", "６０", "60, 120", "NaN", "Infinity",
		"\x00", "\xff",
		"18446744073709551615", "18446744073709551616", "9223372036854775808", strings.Repeat("9", 64<<10), strings.Repeat("0", 100) + "30",
		"Sun, 01 Mar 2026 14:00:00 GMT", "Sun, 01 Mar 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
		"Sun Mar  1 14:00:00 2026",
		"Sunday, 01-Mar-26 14:00:00 GMT", "Sun, 99 Mar 2026 14:00:00 GMT", "2026-03-01T14:00:00Z", "2026-03-01 14:00:00 +0000",
		"20260301T140000Z",
		strings.Repeat(",", 64<<10), strings.Repeat("Mon ", 16<<10),
	} {
		f.Add(header)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		wait, ok := delivery.RetryAfter(header, now)
		if wait < 0 || wait > delivery.MaxRetryAfter || !ok && wait != 0 {
			t.Fatalf("%q: %v, %v", header, wait, ok)
		}
		if len(header) < 500 {
			if longer, ok := delivery.RetryAfter(header+", 90", now); !ok || longer != max(wait, 90*time.Second) {
				t.Fatalf("%q and 90 s in a list: %v, %v", header, longer, ok)
			}
		}
		if !digits.MatchString(header) {
			return
		}
		seconds, _ := new(big.Int).SetString(header, 10)
		if most := big.NewInt(86400); seconds.Cmp(most) > 0 {
			seconds = most
		}
		if !ok || wait != time.Duration(seconds.Int64())*time.Second {
			t.Fatalf("%q: %v, %v", header, wait, ok)
		}
	})
}
