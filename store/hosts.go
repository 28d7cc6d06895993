package store

import (
	"context"
	"time"
)

// Hosts is the optional ability of a store to notice that a host has died: the attempts that
// the host was sending then need not wait for the end of their leases. A host is a running
// dispatcher. Without the ability, and for a claim that names no host, leases alone decide.
type Hosts interface {
	// Beat says that a host is alive, and finds hosts that have died. The dispatcher of
	// every process calls it before its first claim, and then every [BeatInterval]. The
	// number is that of the last Beat, 0 for the first. Lease is the longest lease of the
	// host's claims. A host that cannot call Beat for some time keeps its number, unless
	// another host found it dead.
	Beat(ctx context.Context, host int64, lease time.Duration) (Beat, error)

	// EndLeases makes all attempts that are leased to a host due at once, in short
	// transactions, and forgets the host. It is for a host that died, and for the own host
	// when it stops. It returns the number of attempts, also beside an error: then another
	// call goes on. The host may still record an attempt that nobody has claimed since.
	EndLeases(ctx context.Context, host int64) (attempts int, err error)

	// Leases returns the leases of a host, without their Number. After an error of Claim or
	// Publish a dispatcher compares the leases with the attempts that it knows: the store may have
	// committed the call although its reply was lost.
	Leases(ctx context.Context, host int64) ([]Lease, error)
}

// BeatInterval is the time from one Beat of a host to the next.
const BeatInterval = time.Second

// Beat is the result of [Hosts.Beat].
type Beat struct {
	Host   int64         // for ClaimOptions and PublishOptions. A new number means that the leases of the former one may be lost
	Silent time.Duration // no host is found dead earlier than this time after the beginning of its last Beat; 0 for never
	Dead   []int64       // hosts that died, for EndLeases
}
