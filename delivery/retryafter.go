package delivery

import (
	"strings"
	"time"
)

// MaxRetryAfter bounds the wait that a receiver can ask for with Retry-After.
const MaxRetryAfter = 24 * time.Hour

// maxRetryAfterText bounds how much of the header is read.
const maxRetryAfterText = 1 << 10

// retryAfter reads the header (RFC 9110, section 10.2.3) as senders write it: seconds
// with or without decimals, a date, or a list of these, of which the longest wait
// counts. It is at most [MaxRetryAfter], and 0 for a date in the past. It reports
// false if there is nothing that can be read.
func retryAfter(header string, now time.Time) (wait time.Duration, ok bool) {
	header = header[:min(len(header), maxRetryAfterText)]
	// A comma separates the items of a list, and the day of the week from its date. A
	// day of the week alone is not readable, and the date is complete without it.
	for item := range strings.SplitSeq(header, ",") {
		item = strings.TrimSpace(item)
		w, readable := seconds(item)
		if !readable {
			var at time.Time
			if at, readable = date(item); readable {
				w = at.Sub(now)
			}
		}
		if readable {
			wait, ok = max(wait, min(w, MaxRetryAfter)), true
		}
	}
	return wait, ok
}

// seconds reads a decimal number of seconds. A number too large for the type is read as
// MaxRetryAfter.
func seconds(text string) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > len("86400") {
		return MaxRetryAfter, true
	}
	d := time.Duration(0)
	for _, digit := range whole {
		d = 10*d + time.Duration(digit-'0')*time.Second
	}
	unit := time.Second
	for _, digit := range fraction[:min(len(fraction), len("123456789"))] {
		unit /= 10
		d += time.Duration(digit-'0') * unit
	}
	return d, true
}

// dateLayouts are the dates of RFC 9110, section 5.6.7, without the day of the week,
// and the usual formats of ISO 8601. A zone is numeric here.
var dateLayouts = []string{
	"2 Jan 2006 15:04:05 -0700",     // IMF-fixdate, RFC 1123
	"2-Jan-06 15:04:05 -0700",       // RFC 850
	"2-Jan-2006 15:04:05 -0700",     // RFC 850 with four digits, as in cookies
	"Mon Jan 2 15:04:05 2006",       // asctime
	"Mon Jan 2 15:04:05 2006 -0700", // asctime with a zone
	"Mon Jan 2 15:04:05 -0700 2006", // date(1)
	"2006-01-02T15:04:05Z07:00",     // RFC 3339
	"2006-01-02T15:04:05Z0700",      // ISO 8601
	"2006-01-02T15:04:05",           // ISO 8601 without a zone: UTC
	"2006-01-02T15:04Z07:00",        // ISO 8601 without seconds
	"20060102T150405Z0700",          // ISO 8601, basic format
	"2006-01-02",                    // a day: its beginning in UTC
}

// date reads a date. Names of zones other than that of UTC are not read: net/http and
// RFC 9110 know none.
func date(text string) (time.Time, bool) {
	words := strings.Fields(text)
	for i, w := range words {
		switch strings.ToUpper(w) {
		case "GMT", "UTC", "UT", "Z":
			words[i] = "+0000"
		}
	}
	text = strings.Join(words, " ")
	if len(text) > 0 && '0' <= text[0] && text[0] <= '9' && len(words[0]) == len("2006-01-02") && len(words) > 1 {
		text = words[0] + "T" + strings.Join(words[1:], "") // RFC 3339, section 5.6, allows a blank for the T
	}
	upper := strings.ToUpper(text) // RFC 3339 allows lower case; names of months are read in any case
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, upper); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
