package guard_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// numeric is written apart from the code under test: every label is a number in
// some notation that inet_aton reads.
var numeric = regexp.MustCompile(`^(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?$`)

func FuzzParseURL(f *testing.F) {
	for _, group := range hostile.URLs {
		for _, raw := range group.URLs {
			f.Add(raw)
		}
	}
	for raw := range hostile.StoredURLs {
		f.Add(raw)
	}
	policy := new(guard.Policy)
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := policy.ParseURL(raw, true)
		if got, _ := parseVerdict(nil, err); got != ok && got != malformed && got != blocked {
			t.Fatalf("%T", err)
		}
		if err != nil {
			return
		}
		stored := u.String()
		again, err := policy.ParseURL(stored, true)
		if err != nil || again.String() != stored || again.Host != u.Host || again.Path != u.Path {
			t.Fatalf("%q is stored as %q, read again: %v, %v", raw, stored, again, err)
		}
		host := u.Hostname()
		if len(stored) > 2048 || u.User != nil || strings.ContainsAny(stored, " \\#\r\n\x00") || strings.ToLower(host) != host {
			t.Fatalf("%q is stored as %q", raw, stored)
		}
		addr, err := netip.ParseAddr(host)
		if err != nil {
			if numeric.MatchString(host) || !strings.Contains(host, ".") || strings.HasSuffix(host, ".") {
				t.Fatalf("%q: host %q accepted", raw, host)
			}
			return
		}
		if err := policy.CheckAddr(netip.AddrPortFrom(addr, 443)); err != nil || addr.String() != host {
			t.Fatalf("%q: address %q accepted (%v)", raw, host, err)
		}
	})
}
