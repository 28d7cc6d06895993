package guard

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// names maps a host to the ASCII form that is looked up (UTS #46): letters of
// every width and the digits ①, ⑴ and 𝟏 become plain ones. It is
// [idna.Lookup] without two rules that real names break: that against "--" in the
// third place (v2--site.example.com), and that which allows only letters, digits and
// hyphens in ASCII (web_hooks.example.com). isDNSName replaces the second.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.StrictDomainName(false))

// normalizeHost returns the host as it is stored, if the policy allows it.
func (p *Policy) normalizeHost(u *url.URL) (string, error) {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Is4() {
			return "", &URLError{"has a host in brackets that is not an IPv6 address"}
		}
		return "[" + addr.String() + "]", p.checkLiteral(addr)
	}
	if !utf8.ValidString(host) { // idna lets it pass
		return "", &URLError{"has a host that is not UTF-8"}
	}
	host, err := names.ToASCII(host)
	host = strings.TrimSuffix(host, ".") // example.com. is example.com
	if err != nil || !isDNSName(host) {
		return "", &URLError{"has a host that is not a valid name"}
	}
	if isNumeric(host) {
		addr, err := netip.ParseAddr(host)
		if err != nil {
			return "", &BlockedError{Subject: "address " + host, Reason: "not in the form 192.0.2.1"}
		}
		return host, p.checkLiteral(addr)
	}
	return host, p.checkName(host)
}

func (p *Policy) checkLiteral(addr netip.Addr) error {
	return p.CheckAddr(netip.AddrPortFrom(addr, 443)) // the port has its own check
}

// checkName refuses names that are local by definition: the names of the machine
// itself (RFC 6761 section 6.3), names that a search list completes, and names
// that no public server knows (.local: RFC 6762; .internal: ICANN, 2024).
func (p *Policy) checkName(name string) error {
	top := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case top == "localhost" && !p.allowsLoopback():
		return &BlockedError{Subject: "host " + name, Reason: "loopback (RFC 6761)"}
	case top == "localhost", len(p.AllowNetworks) > 0:
		return nil
	case top == name, top == "local", top == "internal":
		return &BlockedError{Subject: "host " + name, Reason: "not a public name"}
	}
	return nil
}

func (p *Policy) allowsLoopback() bool {
	for _, n := range p.AllowNetworks {
		if n.Overlaps(netip.MustParsePrefix("127.0.0.0/8")) || n.Contains(netip.IPv6Loopback()) {
			return true
		}
	}
	return false
}

// isNumeric reports whether some parser takes an ASCII name for an IPv4 address:
// 127.1, 0x7f000001 and 017700000001 are all 127.0.0.1 to inet_aton. The last
// label alone decides, as in the URL Standard ("ends in a number").
func isNumeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// isDNSName checks the form of a lower-case host name (RFC 1123 section 2.1, and the
// underscore, which the DNS and certificates know) and its lengths (RFC 1035 section 2.3.4).
func isDNSName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
