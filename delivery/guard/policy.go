package guard

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// A Policy says which addresses, ports and names outbound requests may reach.
// It is the operator's: nothing that a tenant sends changes it. The zero value
// is the strictest policy. It is safe for concurrent use and must not be changed
// once it is in use.
type Policy struct {
	// AllowNetworks may be reached although they are not globally routable.
	// IPv4 networks are written as IPv4. Three things stay refused: an address
	// with a zone; addresses in BlockNetworks; and a cloud's metadata service,
	// unless its address is listed by itself (as a /32 or /128), because a wide
	// network such as 100.64.0.0/10 or fc00::/7 is seldom meant to hand out the
	// machine's credentials.
	//
	// It also opens names when a URL is saved: with any network, single
	// labels, *.local and *.internal are accepted, because the operator has
	// private hosts; localhost only if a network touches loopback. The address that such a
	// name resolves to is checked at every connection all the same.
	// Default: none.
	AllowNetworks []netip.Prefix
	// BlockNetworks are never reached, even if they are public or in
	// AllowNetworks: the operator's own globally routable ranges, or a NAT64
	// prefix of the network (RFC 6052). Default: none.
	BlockNetworks []netip.Prefix
	// NAT64 accepts the well-known prefix 64:ff9b::/96 and judges the IPv4 address
	// inside it. For hosts on an IPv6-only network with DNS64. Default: refused.
	NAT64 bool
	// AllowPorts may be reached besides 80, 443 and 1024–65535. Default: none.
	AllowPorts []uint16
}

// CheckAddr returns nil if addr may be connected to, and else a *[BlockedError].
func (p *Policy) CheckAddr(addr netip.AddrPort) error {
	if reason := p.refuses(addr.Addr()); reason != "" {
		return &BlockedError{Subject: "address " + addr.Addr().String(), Reason: reason}
	}
	return p.checkPort(addr.Port())
}

// Control applies [Policy.CheckAddr] to a socket that is about to connect. It is
// a [net.Dialer.ControlContext], for hosts with a dialer of their own; the
// [Client] has it already.
func (p *Policy) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return &BlockedError{Subject: "address " + address, Reason: "not an address and a port"}
	}
	return p.CheckAddr(addr)
}

// refuses says why an address is refused, or "" if it may be reached.
func (p *Policy) refuses(addr netip.Addr) string {
	if !addr.IsValid() {
		return "not an address"
	}
	if addr.Zone() != "" {
		return "an address with a zone"
	}
	inner := embedded(addr) // also the address that a route through NAT64 would reach
	if contains(p.BlockNetworks, addr) || contains(p.BlockNetworks, inner) {
		return "blocked by the operator"
	}
	if owner, ok := metadata[inner]; ok && !slices.Contains(p.AllowNetworks, single(inner)) {
		return "metadata service of " + owner
	}
	if nat64.Contains(addr) && p.NAT64 {
		addr = inner
	}
	if contains(p.AllowNetworks, addr) || contains(p.AllowNetworks, addr.Unmap()) {
		return ""
	}
	return special(addr)
}

func (p *Policy) checkPort(port uint16) error {
	if port == 80 || port == 443 || port >= 1024 || port != 0 && slices.Contains(p.AllowPorts, port) {
		return nil
	}
	return &BlockedError{Subject: "port " + strconv.Itoa(int(port)), Reason: "not 80, 443 or 1024–65535"}
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

func single(addr netip.Addr) netip.Prefix {
	return netip.PrefixFrom(addr, addr.BitLen())
}
