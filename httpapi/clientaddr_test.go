package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
)

var trustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, connection string
		forwarded        []string
		want             string // "" for unknown
	}{
		{"IsOfTheConnection", "203.0.113.7:5000", nil, "203.0.113.7"},
		{"OfAStrangerIgnoresTheHeader", "203.0.113.7:5000", []string{"198.51.100.1"}, "203.0.113.7"},
		{"OfAProxyWithoutTheHeaderIsTheProxy", "10.0.0.1:5000", nil, "10.0.0.1"},
		{"IsTheLastOneBeforeTheProxy", "10.0.0.1:5000", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		{"SkipsTrustedHops", "10.0.0.1:5000", []string{"1.1.1.1, 203.0.113.7, 10.2.3.4,10.0.0.9"}, "203.0.113.7"},
		{"ReadsSeveralLinesAsOneList", "10.0.0.1:5000", []string{"1.1.1.1", "203.0.113.7", "10.2.3.4"}, "203.0.113.7"},
		{"IsTheFirstHopIfAllAreTrusted", "10.0.0.1:5000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"StopsAtTextThatIsNoAddress", "10.0.0.1:5000", []string{"203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"StopsAtAnEmptyElement", "10.0.0.1:5000", []string{"203.0.113.7,, 10.0.0.2"}, "10.0.0.2"},
		{"StopsAtAnEmptyLine", "10.0.0.1:5000", []string{"203.0.113.7", ""}, "10.0.0.1"},
		{"TakesPortsAndBrackets", "[fd00::1]:5000", []string{"[2001:db8::7]:80, 10.0.0.2:9, [fd00::2]"}, "2001:db8::7"},
		{"MapsIPv4InIPv6", "[::ffff:10.0.0.1]:5000", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"DropsZones", "[fd00::1%eth0]:5000", []string{"fe80::1%eth1"}, "fe80::1"},
		{"IsUnknownOnAUnixSocket", "@", []string{"203.0.113.7"}, ""},
		{"ReadsBoundedHops", "10.0.0.1:5000", []string{"203.0.113.7" + strings.Repeat(", 10.0.0.2", 1000)}, "10.0.0.2"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: c.connection, Header: http.Header{"X-Forwarded-For": c.forwarded}}
			got := httpapi.ClientAddr(r, trustedProxies)
			if c.want == "" && got.IsValid() || c.want != "" && got.String() != c.want {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}

func TestClientAddrWithoutTrustedProxiesIsOfTheConnection(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	if got := httpapi.ClientAddr(r, nil).String(); got != "192.0.2.1" {
		t.Errorf("got %s, want the address of the connection", got)
	}
}

// FuzzClientAddr holds that the header changes nothing for a stranger, and yields an address of the list, without
// a zone, for a proxy.
func FuzzClientAddr(f *testing.F) {
	f.Add("198.51.100.1, 203.0.113.7", "10.0.0.2")
	f.Add("[2001:db8::7]:80,", "fe80::1%eth0")
	f.Fuzz(func(t *testing.T, first, second string) {
		header := http.Header{"X-Forwarded-For": {first, second}}
		stranger := &http.Request{RemoteAddr: "203.0.113.9:1", Header: header}
		if got := httpapi.ClientAddr(stranger, trustedProxies); got.String() != "203.0.113.9" {
			t.Errorf("a stranger is %v", got)
		}
		got := httpapi.ClientAddr(&http.Request{RemoteAddr: "10.0.0.1:1", Header: header}, trustedProxies)
		if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("a client of the proxy is %v", got)
		}
	})
}
