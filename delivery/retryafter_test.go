package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
)

func TestRetryAfterIsReadAsSendersWriteIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const unreadable = -1
	for header, want := range map[string]time.Duration{
		"0":                             0,
		"120":                           2 * time.Minute,
		" 120 ":                         2 * time.Minute,
		"007":                           7 * time.Second,
		"1.5":                           1500 * time.Millisecond,
		"0.25":                          250 * time.Millisecond,
		".5":                            500 * time.Millisecond,
		"3.":                            3 * time.Second,
		"1.0000000019":                  1000000001 * time.Nanosecond,
		"86400":                         24 * time.Hour,
		"86401":                         24 * time.Hour,
		"86399.9":                       24*time.Hour - 100*time.Millisecond,
		strings.Repeat("9", 64<<10):     24 * time.Hour,
		strings.Repeat("0", 100) + "30": 30 * time.Second,

		"1, 5":                              5 * time.Second,
		"5,1":                               5 * time.Second,
		"1, 2.5, 0":                         2500 * time.Millisecond,
		"soon, 3":                           3 * time.Second,
		"3, ":                               3 * time.Second,
		"60, Sun, 01 Mar 2026 12:00:30 GMT": time.Minute,
		"20, Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 12:00:30 GMT, 45": 45 * time.Second,
		"Sun, 01 Mar 2026 12:00:30 GMT, Sun, 01 Mar 2026 12:00:50 GMT": 50 * time.Second,

		"Sun, 01 Mar 2026 14:00:00 GMT":    2 * time.Hour,
		"Sun, 1 Mar 2026 14:00:00 GMT":     2 * time.Hour,
		"sun, 01 mar 2026 14:00:00 gmt":    2 * time.Hour,
		"Sun, 01 Mar 2026 14:00:00 UTC":    2 * time.Hour,
		"Sun, 01 Mar 2026 14:00:00 +0000":  2 * time.Hour,
		"Sun, 01 Mar 2026 07:00:00 -0700":  2 * time.Hour,
		"01 Mar 2026 14:00:00 GMT":         2 * time.Hour,
		"Sunday, 01-Mar-26 14:00:00 GMT":   2 * time.Hour,
		"Sunday, 01-Mar-26 16:00:00 +0200": 2 * time.Hour,
		"Sun, 01-Mar-2026 14:00:00 GMT":    2 * time.Hour,
		"Sun Mar  1 14:00:00 2026":         2 * time.Hour,
		"Sun Mar  1 14:00:00 2026 GMT":     2 * time.Hour,
		"Sun Mar  1 14:00:00 GMT 2026":     2 * time.Hour,
		"Sun Mar 01 09:00:00 -0500 2026":   2 * time.Hour,
		"2026-03-01T14:00:00Z":             2 * time.Hour,
		"2026-03-01t14:00:00z":             2 * time.Hour,
		"2026-03-01T14:00:00.250Z":         2*time.Hour + 250*time.Millisecond,
		"2026-03-01T19:45:00+05:45":        2 * time.Hour,
		"2026-03-01T19:45:00+0545":         2 * time.Hour,
		"2026-03-01 14:00:00Z":             2 * time.Hour,
		"2026-03-01 14:00:00 +0000":        2 * time.Hour,
		"2026-03-01T14:00:00":              2 * time.Hour,
		"2026-03-01T14:00Z":                2 * time.Hour,
		"20260301T140000Z":                 2 * time.Hour,
		"2026-03-02":                       12 * time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT":    24 * time.Hour,
		"Sun, 01 Mar 2026 10:00:00 GMT":    0,
		"Mon, 01 Jan 0001 00:00:00 GMT":    0,

		"":                              unreadable,
		" ":                             unreadable,
		",":                             unreadable,
		".":                             unreadable,
		"-5":                            unreadable,
		"+5":                            unreadable,
		"1e3":                           unreadable,
		"0x10":                          unreadable,
		"1.2.3":                         unreadable,
		"6_0":                           unreadable,
		"６０":                            unreadable,
		"NaN":                           unreadable,
		"Infinity":                      unreadable,
		"5s":                            unreadable,
		"-1\x00\xff":                    unreadable,
		"Sun":                           unreadable,
		"Sun, 99 Mar 2026 14:00:00 GMT": unreadable,
		"Sun, 01 Mar 2026 14:00:00 PST": unreadable,
	} {
		got, ok := delivery.RetryAfter(header, now)
		if !ok {
			got = unreadable
		}
		if got != want {
			t.Errorf("%.60q is read as %v, want %v", header, got, want)
		}
	}
}
