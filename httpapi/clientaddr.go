package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddr returns the address of the client of a request. It is the address of the connection, unless that
// is in one of the trusted networks. Then it is the last address of X-Forwarded-For that is in none of these
// networks, because each proxy adds the address from which it got the request. Addresses before that one are
// the client's claim, and are not read. The zero Addr means that the address is unknown, as on a Unix socket.
//
// The header Forwarded is not read: a proxy that sets one of the two headers passes on the other one as the
// client sent it.
func ClientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	addr := addrOf(r.RemoteAddr)
	if len(trusted) == 0 {
		return addr
	}
	hops := forwarded(r.Header["X-Forwarded-For"])
	for range maxHops {
		hop := netip.Addr{}
		if trusts(trusted, addr) {
			hop = addrOf(hops())
		}
		if !hop.IsValid() {
			break
		}
		addr = hop
	}
	return addr
}

// maxHops bounds the proxies between a client and this process.
const maxHops = 32

func trusts(trusted []netip.Prefix, addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(trusted, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// forwarded returns an iterator over the elements of lists, from the last one to the first; then it returns "".
func forwarded(lists []string) func() string {
	list, more := "", true
	return func() string {
		if list == "" && more {
			if more = len(lists) > 0; !more {
				return ""
			}
			list, lists = lists[len(lists)-1], lists[:len(lists)-1]
		}
		cut := strings.LastIndexByte(list, ',')
		element := strings.Trim(list[cut+1:], " \t")
		list = list[:max(cut, 0)]
		return element
	}
}

// addrOf returns an address, with or without a port, without its zone; zero if the text is none.
func addrOf(text string) netip.Addr {
	if port, err := netip.ParseAddrPort(text); err == nil {
		return port.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
