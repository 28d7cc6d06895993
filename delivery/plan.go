package delivery

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A plan is one claim.
type plan struct {
	org      uuid.UUID   // the heavy organization that the claim is for; zero: all other organizations
	maxJobs  int         // attempts to claim
	skipSubs []uuid.UUID // subscriptions to skip
	skipOrgs []uuid.UUID // organizations to skip
	since    time.Time   // attempts that were due earlier are skipped; zero: none is
	until    time.Time   // attempts that are due then or later are skipped; zero: none is
	beside   *look       // what an extra claim should look at
	pausing  bool        // a heavy organization has no turn before pauseEnd
	pauseEnd time.Time

	began time.Time // by the engine's clock
}

// options returns the plan as the store wants it.
func (p plan) options(lease time.Duration) store.ClaimOptions {
	return store.ClaimOptions{
		Max: p.maxJobs, Lease: lease, SkipSubscriptions: p.skipSubs, SkipOrganizations: p.skipOrgs, Since: p.since, Until: p.until,
	}
}

// A look is the due times of the attempts that a claim looks at: those of all attempts, if it is zero.
type look struct {
	since, until time.Time
	latest       bool // the latest slice of the attempts
}

// skipped returns the subscriptions and organizations that the claim skips.
func (p plan) skipped() []uuid.UUID { return slices.Concat(p.skipSubs, p.skipOrgs) }

// skipFull makes the claim skip subscriptions and organizations whose room is full, unless it
// skips their organization already.
func (p *plan) skipFull(room claimRoom) {
	for i, id := range room.full {
		switch {
		case slices.Contains(p.skipOrgs, room.owners[i]):
			continue
		case id == room.owners[i]:
			p.skipOrgs = append(p.skipOrgs, id)
		default:
			p.skipSubs = append(p.skipSubs, id)
		}
	}
}

// A claimRoom describes the waiting room before a claim.
type claimRoom struct {
	free         int         // attempts for which room is set aside
	full         []uuid.UUID // subscriptions and organizations that can take no more
	owners       []uuid.UUID // the organization of each entry of full
	servedOthers bool        // an organization that is not heavy was served within crowdedFor
}
