package guard

import "net/netip"

// A network is a block of the registries below, with its purpose.
type network struct {
	netip.Prefix
	use string
}

// Sources: the IANA registries "IPv4 Special-Purpose Address", "IPv6
// Special-Purpose Address" (RFC 6890), "IPv4 Multicast Address Space" and
// "Internet Protocol Version 6 Address Space". Blocks that the registries call
// globally reachable but that hold no receiver (anycast sinks of AS112, AMT
// relays) are refused, too.
var (
	special4 = []network{
		block("0.0.0.0/8", "this network (RFC 791)"), // Linux connects 0.0.0.0 to itself
		block("10.0.0.0/8", "private (RFC 1918)"),
		block("100.64.0.0/10", "shared (RFC 6598)"),
		block("127.0.0.0/8", "loopback (RFC 1122)"),
		block("169.254.0.0/16", "link-local (RFC 3927)"),
		block("172.16.0.0/12", "private (RFC 1918)"),
		block("192.0.0.0/24", "IETF protocol assignments (RFC 6890)"),
		block("192.0.2.0/24", "documentation (RFC 5737)"),
		block("192.31.196.0/24", "AS112 (RFC 7535)"),
		block("192.52.193.0/24", "AMT (RFC 7450)"),
		block("192.88.99.0/24", "6to4 relay (RFC 7526)"),
		block("192.168.0.0/16", "private (RFC 1918)"),
		block("192.175.48.0/24", "AS112 (RFC 7534)"),
		block("198.18.0.0/15", "benchmarking (RFC 2544)"),
		block("198.51.100.0/24", "documentation (RFC 5737)"),
		block("203.0.113.0/24", "documentation (RFC 5737)"),
		block("224.0.0.0/4", "multicast (RFC 5771)"),
		block("240.0.0.0/4", "reserved (RFC 1112)"), // and 255.255.255.255
	}
	// special6 lies inside global6; everything outside that is refused as a whole.
	special6 = []network{
		block("2001::/32", "Teredo, embeds IPv4 (RFC 4380)"),
		block("2001::/23", "IETF protocol assignments (RFC 2928)"), // ORCHID, benchmarking, AMT, DRIP
		block("2001:db8::/32", "documentation (RFC 3849)"),
		block("2002::/16", "6to4, embeds IPv4 (RFC 3056)"),
		block("2620:4f:8000::/48", "AS112 (RFC 7534)"),
		block("3ffe::/16", "6bone, phased out (RFC 3701)"),
		block("3fff::/20", "documentation (RFC 9637)"),
	}
	global6 = netip.MustParsePrefix("2000::/3") // RFC 4291 section 2.4, RFC 3587
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
)

// metadata lists the addresses from which clouds give out their machines' credentials, by the
// vendors' manuals. Most lie in blocks that are refused anyway; here they stay
// refused when an operator allows a network around them. 168.63.129.16 is a
// public address that Azure routes to the machine's own host.
var metadata = map[netip.Addr]string{
	netip.MustParseAddr("169.254.169.254"):    "AWS, Azure, Google, Oracle, DigitalOcean, OpenStack and others",
	netip.MustParseAddr("169.254.170.2"):      "AWS ECS",
	netip.MustParseAddr("169.254.170.23"):     "AWS EKS",
	netip.MustParseAddr("fd00:ec2::254"):      "AWS",
	netip.MustParseAddr("fd00:ec2::23"):       "AWS EKS",
	netip.MustParseAddr("168.63.129.16"):      "Azure",
	netip.MustParseAddr("fd20:ce::254"):       "Google",
	netip.MustParseAddr("192.0.0.192"):        "Oracle",
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"): "Oracle",
	netip.MustParseAddr("100.100.100.200"):    "Alibaba",
	netip.MustParseAddr("fd00:100::100:200"):  "Alibaba",
	netip.MustParseAddr("169.254.0.23"):       "Tencent",
	netip.MustParseAddr("169.254.10.10"):      "Tencent",
	netip.MustParseAddr("fd00:a9fe:a9fe::1"):  "Akamai",
	netip.MustParseAddr("169.254.42.42"):      "Scaleway",
	netip.MustParseAddr("fd00:42::42"):        "Scaleway",
}

// special says which special block an address lies in, or "" if it is globally
// routable unicast.
func special(addr netip.Addr) string {
	blocks := special4
	if addr.Is6() {
		if addr.Is4In6() {
			return "IPv4-mapped (RFC 4291)"
		}
		if nat64.Contains(addr) {
			return "NAT64, embeds IPv4 (RFC 6052)"
		}
		if !global6.Contains(addr) {
			return "outside 2000::/3 (RFC 4291)"
		}
		if isISATAP(addr) {
			return "ISATAP, embeds IPv4 (RFC 5214)"
		}
		blocks = special6
	}
	for _, b := range blocks {
		if b.Contains(addr) {
			return b.use
		}
	}
	return ""
}

// embedded returns the IPv4 address that a mapped or NAT64 address stands for,
// and any other address as it is.
func embedded(addr netip.Addr) netip.Addr {
	if !nat64.Contains(addr) {
		return addr.Unmap()
	}
	b := addr.As16()
	return netip.AddrFrom4([4]byte(b[12:]))
}

// isISATAP recognises the interface identifier ::[02]00:5efe:a.b.c.d, which may
// stand behind any prefix.
func isISATAP(addr netip.Addr) bool {
	b := addr.As16()
	return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

func block(cidr, use string) network {
	return network{netip.MustParsePrefix(cidr), use}
}
