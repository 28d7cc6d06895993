package guard_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// The verdicts on a URL.
const (
	ok        = hostile.OK
	malformed = hostile.Malformed // *guard.URLError
	blocked   = hostile.Blocked   // *guard.BlockedError
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for _, group := range hostile.URLs {
		t.Run(group.Name, func(t *testing.T) {
			t.Parallel()
			for _, raw := range group.URLs {
				if got, err := verdict(new(guard.Policy), raw, true); got != group.Want {
					t.Errorf("%q: %s (%v), want %s", raw, got, err, group.Want)
				}
			}
		})
	}
}

func TestParseURL_StoredForm(t *testing.T) {
	t.Parallel()
	for raw, want := range hostile.StoredURLs {
		u, err := new(guard.Policy).ParseURL(raw, true)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
			continue
		}
		if u.String() != want {
			t.Errorf("%q is stored as %q, want %q", raw, u, want)
		}
		if again, err := new(guard.Policy).ParseURL(u.String(), true); err != nil || again.String() != want {
			t.Errorf("%q read again: %v, %v", want, again, err)
		}
	}
}

func TestParseURL_PlainHTTPOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	if _, err := new(guard.Policy).ParseURL("http://example.com/", true); err != nil {
		t.Error(err)
	}
	if got, _ := parseVerdict(new(guard.Policy).ParseURL("http://example.com/", false)); got != malformed {
		t.Errorf("%s, want %s", got, malformed)
	}
}

func TestParseURL_LengthLimitHoldsBeforeAndAfterEncoding(t *testing.T) {
	t.Parallel()
	long := "https://example.com/" + strings.Repeat("a", 2048-len("https://example.com/"))
	for raw, want := range map[string]string{
		long:       ok,
		long + "a": malformed,
		"https://example.com/" + strings.Repeat("é", 1000):           malformed, // 6 bytes each once encoded
		"https://example.com./" + long[len("https://example.com/"):]: malformed, // even if it would be stored shorter
		"https://" + strings.Repeat("a.", 127) + "b/":                malformed, // a name of 255 bytes
		"https://" + strings.Repeat("a.", 125) + "bcde/":             malformed,
		"https://" + strings.Repeat("a.", 125) + "bcd/":              ok, // 253
	} {
		if got, err := verdict(new(guard.Policy), raw, false); got != want {
			t.Errorf("%d bytes: %s (%v), want %s", len(raw), got, err, want)
		}
	}
}

func TestParseURL_OperatorOpensNetworks(t *testing.T) {
	t.Parallel()
	private := &guard.Policy{AllowNetworks: prefixes("10.0.0.0/8", "fd00::/8")}
	loopback := &guard.Policy{AllowNetworks: prefixes("127.0.0.0/8", "::1/128")}
	loopback6 := &guard.Policy{AllowNetworks: prefixes("::1/128")}
	for _, c := range []struct {
		policy *guard.Policy
		raw    string
		want   string
	}{
		{private, "https://10.1.2.3/", ok},
		{private, "https://[fd12::1]/", ok},
		{private, "https://172.16.0.1/", blocked},
		{private, "https://receiver/", ok},
		{private, "https://receiver.internal/", ok},
		{private, "https://receiver.local/", ok},
		{private, "https://localhost/", blocked},
		{private, "https://a.localhost/", blocked},
		{private, "https://10.1/", blocked}, // no opening for odd spellings
		{private, "https://0x0a010203/", blocked},
		{private, "https://[fd00:ec2::254]/", blocked}, // metadata in an allowed network
		{private, "https://10.1.2.3:25/", blocked},
		{loopback, "http://localhost:8080/", ok},
		{loopback, "http://LOCALHOST.:8080/", ok},
		{loopback, "http://a.localhost/", ok},
		{loopback, "http://127.0.0.1/", ok},
		{loopback, "http://[::1]:8080/", ok},
		{loopback, "http://127.1/", blocked},
		{loopback, "http://[::1%25lo]/", blocked},
		{loopback, "http://10.0.0.1/", blocked},
		{loopback6, "http://localhost/", ok},
		{loopback6, "http://127.0.0.1/", blocked},
		{&guard.Policy{AllowPorts: []uint16{25, 0}}, "https://example.com:25/", ok},
		{&guard.Policy{AllowPorts: []uint16{25, 0}}, "https://example.com:22/", blocked},
		{&guard.Policy{AllowPorts: []uint16{25, 0}}, "https://example.com:0/", malformed},
		{&guard.Policy{NAT64: true}, "https://[64:ff9b::8.8.8.8]/", ok},
		{&guard.Policy{NAT64: true}, "https://[64:ff9b::10.0.0.1]/", blocked},
	} {
		if got, err := verdict(c.policy, c.raw, true); got != c.want {
			t.Errorf("%+v %s: %s (%v), want %s", *c.policy, c.raw, got, err, c.want)
		}
	}
}

func TestParseURL_ErrorsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"example.com":                    "invalid URL: must start with https:// or http://",
		"https:///hooks":                 "invalid URL: has no host",
		"https://exa mple.com/":          "invalid URL: contains a space, a backslash or a control character",
		"https://example.com/#a":         "invalid URL: must not have a fragment",
		"https://u:p@example.com/":       "invalid URL: must not have a user name or password",
		"https://under~score.example/":   "invalid URL: has a host that is not a valid name",
		"https://example.com:65536/":     "invalid URL: has a port that is not between 1 and 65535",
		"https://example.com:22/":        "blocked port 22",
		"https://LOCALHOST/":             "blocked host localhost",
		"https://①0.0.0.1/":              "blocked address 10.0.0.1",
		"https://0x7F.1/":                "blocked address 0x7f.1",
		"https://[::FFFF:10.0.0.1]:443/": "blocked address ::ffff:10.0.0.1",
		"https://[fe80::1%25eth0]/":      "blocked address fe80::1%eth0",
	} {
		if _, err := new(guard.Policy).ParseURL(raw, true); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", raw, err, want)
		}
	}
}

func TestParseURL_ErrorsDoNotQuoteCredentials(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"https://user:hunter2@example.com/", "https://user:hunter2@exa mple.com/", "https://user:hunter2@[::1/",
		"https://example.com/%zz?token=hunter2", "ftp://user:hunter2@example.com/", "https://example.com:hunter2/",
	} {
		_, err := new(guard.Policy).ParseURL(raw, true)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// verdict is a policy's decision about a URL, in one word.
func verdict(p *guard.Policy, raw string, allowHTTP bool) (string, error) {
	_, err := p.ParseURL(raw, allowHTTP)
	return parseVerdict(nil, err)
}

func parseVerdict(_ any, err error) (string, error) {
	_, isBlocked := errors.AsType[*guard.BlockedError](err)
	_, isMalformed := errors.AsType[*guard.URLError](err)
	switch {
	case err == nil:
		return ok, nil
	case isBlocked:
		return blocked, err
	case isMalformed:
		return malformed, err
	}
	return "an error of another type", err
}

func prefixes(cidrs ...string) (all []netip.Prefix) {
	for _, cidr := range cidrs {
		all = append(all, netip.MustParsePrefix(cidr))
	}
	return all
}
