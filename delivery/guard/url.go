package guard

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const maxURL = 2048 // bytes, as given and as stored

// defaultPorts are the ports that a URL need not name. [Policy] allows them always.
var defaultPorts = map[string]uint16{"https": 443, "http": 80}

// ParseURL reads an absolute URL that a tenant wants requests sent to. The
// String of the result is the form to store: the host in lower-case ASCII
// (IDNA) without a trailing dot, without the port that is the scheme's own, path and
// query percent-encoded, everything else as given. Reading that form again changes
// nothing.
//
// A URL that is malformed, whatever the policy, is a *[URLError]; one whose host
// or port the policy does not allow, in any spelling, is a *[BlockedError]. With
// allowHTTP plain http is accepted besides https.
//
// Names are not resolved: their addresses are checked at every connection.
func (p *Policy) ParseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := parse(raw, allowHTTP)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(u.Port())
	if err != nil {
		return nil, err
	}
	if u.Host, err = p.normalizeHost(u); err != nil {
		return nil, err
	}
	if port != 0 && port != defaultPorts[u.Scheme] {
		u.Host += ":" + strconv.Itoa(int(port))
		if err := p.checkPort(port); err != nil {
			return nil, err
		}
	}
	if len(u.String()) > maxURL {
		return nil, &URLError{"longer than 2,048 bytes once it is encoded"}
	}
	return u, nil
}

// parse checks everything but the host and the port. Characters that browsers
// or other parsers drop, or take for a delimiter, are refused: two parsers that
// disagree on where the host ends are how a check is passed by.
func parse(raw string, allowHTTP bool) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, &URLError{"longer than 2,048 bytes"}
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' }) {
		return nil, &URLError{"contains a space, a backslash or a control character"}
	}
	if strings.Contains(raw, "#") {
		return nil, &URLError{"must not have a fragment"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &URLError{"not a URL"} // err quotes it
	}
	switch {
	case u.Scheme != "https" && !allowHTTP:
		return nil, &URLError{"must start with https://"}
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, &URLError{"must start with https:// or http://"}
	case u.User != nil:
		return nil, &URLError{"must not have a user name or password"}
	case u.Hostname() == "":
		return nil, &URLError{"has no host"}
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, nil
}

// escapeQuery percent-encodes the bytes of a query that RFC 3986 section 3.4 does not allow.
// As in a path, brackets and bytes that are encoded already stay.
func escapeQuery(query string) string {
	var escaped strings.Builder
	for _, b := range []byte(query) {
		if b >= utf8.RuneSelf || strings.IndexByte("\"<>^`{|}", b) >= 0 {
			fmt.Fprintf(&escaped, "%%%02X", b)
		} else {
			escaped.WriteByte(b)
		}
	}
	return escaped.String()
}

// parsePort returns 0 if there is none: the scheme's own.
func parsePort(text string) (uint16, error) {
	if text == "" {
		return 0, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, &URLError{"has a port that is not between 1 and 65535"}
	}
	return uint16(port), nil
}
