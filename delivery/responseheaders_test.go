package delivery_test

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

func TestResponseHeaders(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1500)
	for name, c := range map[string]struct {
		sent http.Header
		want store.HeaderLines
	}{
		"None":                     {nil, ""},
		"AreInTheOrderOfTheirName": {http.Header{"Server": {"s"}, "Date": {"d"}, "Via": {"2", "1"}}, "Date: d\nServer: s\nVia: 2\nVia: 1\n"},
		"CredentialsAreMasked": {
			http.Header{
				"Set-Cookie": {"sid=1; Path=/", "b=2"}, "X-Api-Key": {"k"}, "x-amz-security-token": {"t"}, "Www-Authenticate": {"Bearer"},
				"Proxy-Authorization": {"p"},
			},
			"Proxy-Authorization: ••••\nSet-Cookie: ••••\nSet-Cookie: ••••\nWww-Authenticate: Bearer\nX-Api-Key: ••••\nx-amz-security-token: ••••\n",
		},
		"BytesThatAreNoTextAreReplaced": {
			http.Header{"A": {"caf\xe9\r\nX: y\x00", "a\tb"}, "B\n": {"1"}}, "A: caf\uFFFD\uFFFD\uFFFDX: y\uFFFD\nA: a b\nB\uFFFD: 1\n",
		},
		"AWholeHeaderIsLeftOut": {
			http.Header{"A": {long}, "B": {long}, "C": {"c"}}, store.HeaderLines(store.HeadersOmitted + "A: " + long + "\nC: c\n"),
		},
		"NothingFits": {http.Header{"A": {long + long}}, store.HeadersOmitted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := delivery.ResponseHeaders(c.sent); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func FuzzResponseHeaders(f *testing.F) {
	f.Add("Set-Cookie", "a=b", "X", strings.Repeat("\xff", 700))
	f.Add("A: b\n", "\r\n", "…", "…\n")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		got := string(delivery.ResponseHeaders(http.Header{a: {b, b}, c: {d}}))
		if len(got) > 2<<10 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r") || strings.Count(got, "\n") > 4 {
			t.Errorf("%q", got)
		}
	})
}
