package delivery_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// clock is a time after the planner's tests began.
func clock(after time.Duration) time.Time { return time.Unix(1_000_000, 0).Add(after) }

// jobsOf are n jobs of an organization that became due at a time.
func jobsOf(org uuid.UUID, n int, due time.Time) []store.Job {
	return slices.Repeat([]store.Job{{OrganizationID: org, DueAt: due, CreatedAt: due}}, n)
}

// A plannedClaim is a claim that a test expects, and the jobs that it finds.
type plannedClaim struct {
	at           time.Duration // of the claim
	takes        time.Duration // zero: 1 ms
	looked       time.Duration // how long a look beside took that ended before the claim
	more         bool          // the look may not have found all
	again        time.Duration // if not zero, an attempt that was due since then became claimable before the claim
	full, owners []uuid.UUID
	servedOthers bool
	want         string // "org", "most", "skip", "since" and flags
	finds        []store.Job
}

func TestPlanner(t *testing.T) {
	t.Parallel()
	large, small, other := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	names := map[uuid.UUID]string{{}: "others", large: "large", small: "small", other: "other"}
	for name, claims := range map[string][]plannedClaim{
		"ABeginningLooksAtAll": {
			{at: 0, want: "others 200 from 0"},
		},
		"NextClaimsBeginAtTheWatermark": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(small, 3, clock(-ms))},
			{at: 10 * ms, want: "others 200 from -4.999s"},
			{at: 20 * ms, want: "others 200 from -4.989s"},
		},
		"AllIsLookedAtFourTimesASecond": {
			{at: 0, want: "others 200 from 0"},
			{at: 249 * ms, want: "others 200 from -4.999s"},
			{at: 250 * ms, want: "others 200 from 0"},
			{at: 251 * ms, want: "others 200 from -4.749s"},
		},
		"AFullClaimGoesOnBehindItsLastJob": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(small, 10, clock(-time.Hour))},
			{at: 10 * ms, want: "others 200 from -4.999s", finds: append(append(jobsOf(small, 20, clock(-ms)), jobsOf(large, 20, clock(-ms))...),
				jobsOf(other, 160, clock(5*ms))...)},
		},
		"ASubscriptionWithoutRoomIsSkipped": {
			{at: 0, want: "others 200 from 0"},
			{at: 10 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from -4.999s"},
			{at: 20 * ms, want: "others 200 from -4.999s"}, // as far as its attempts were looked at
		},
		"AllIsLookedAtBesideAndForATenthOfTheTimeIfThatTakesLong": {
			{at: 0, want: "others 200 from 0"},
			{at: 10 * ms, want: "others 200 from -4.999s"},
			{at: 250 * ms, takes: 30 * ms, want: "others 200 from 0"},
			{at: 539 * ms, want: "others 200 from -4.72s"},
			{at: 540 * ms, want: "others 200 from -4.46s beside"},
			{at: 1040 * ms, want: "others 200 from -4.459s"}, // the look is under way
			{at: 1041 * ms, looked: 51 * ms, want: "others 200 from -3.959s beside"},
			{at: 1042 * ms, looked: 26 * ms, want: "others 200 from -3.958s"},
			{at: 1291 * ms, want: "others 200 from 0"}, // it is quick again
		},
		"AllIsLookedAtInSlicesIfThatTakesVeryLong": {
			{at: 0, want: "others 200 from 0"},
			{at: 10 * ms, want: "others 200 from -4.999s"},
			{at: 250 * ms, takes: 102 * ms, want: "others 200 from 0"},
			{at: 1259 * ms, want: "others 200 from -4.648s"},
			{at: 1260 * ms, want: "others 200 from -3.74s beside -8.74s to 1.26s"},
			{at: 1510 * ms, looked: 16 * ms, want: "others 200 from -3.739s beside -38.739s to -8.739s"},
			{at: 3009 * ms, looked: 151 * ms, want: "others 200 from -3.489s"},
			{at: 3010 * ms, want: "others 200 from -1.99s beside -6.99s to 3.01s"},                        // the latest slice comes every other time
			{at: 3260 * ms, looked: 16 * ms, want: "others 200 from -1.989s beside -53.739s to -38.739s"}, // slices grow and shrink with their cost
			{at: 3510 * ms, looked: 16 * ms, want: "others 200 from -1.739s beside -6.739s to 3.261s"},
			{
				at: 3760 * ms, looked: 16 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other},
				want: "others 200 skip small from -1.489s beside -1m53.739s to -53.739s",
			},
			{at: 4010 * ms, looked: 16 * ms, more: true, want: "others 200 from -1.489s beside -6.239s to 3.761s"},
			{at: 4260 * ms, looked: 16 * ms, want: "others 200 from -989ms beside -1m53.739s to -53.739s"}, // not all were found
		},
		"AClaimThatIsSlowByChanceDoesNotPutOffTheLooks": {
			{at: 0, takes: 1400 * ms, want: "others 200 from 0"},
			{at: 1999 * ms, want: "others 200 from -3.6s"},
			{at: 2000 * ms, want: "others 200 from -3s beside -8s to 2s"},
			{at: 3999 * ms, looked: 1400 * ms, want: "others 200 from -2.999s"},
			{at: 4000 * ms, want: "others 200 from -1s beside -36s to -6s"},
			{at: 4250 * ms, looked: 3 * ms, want: "others 200 from -999ms beside -5.999s to 4.001s"},
		},
		"WhatBecomesClaimableLaterHasAllLookedAt": {
			{at: 0, want: "others 200 from 0"},
			{at: 10 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from -4.999s"},
			{at: 20 * ms, again: -time.Hour, want: "others 200 from 0"},
		},
		"WhatBecomesClaimableLaterIsLookedForFromItsTimeIfALookAtAllTakesLong": {
			{at: 0, want: "others 200 from 0"},
			{at: 10 * ms, want: "others 200 from -4.999s"},
			{at: 250 * ms, takes: 30 * ms, want: "others 200 from 0"},
			{at: 290 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from -4.72s"},
			{at: 300 * ms, again: -time.Minute, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from -1m5s"},
			{at: 310 * ms, want: "others 200 from -1m5s"}, // it may be one of the subscription that was skipped
			{at: 320 * ms, want: "others 200 from -4.689s"},
		},
		"SomethingSkippedHasAllLookedAtBesideEveryFiveSeconds": {
			{at: 0, want: "others 200 from 0"},
			{at: 4999 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from -4.999s"},
			{at: 5000 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from 0s beside"},
			{at: 5001 * ms, full: []uuid.UUID{small}, owners: []uuid.UUID{other}, want: "others 200 skip small from 1ms"},
		},
		"ALargeBacklogHasClaimsOfItsOwn": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(large, 200, clock(-time.Hour))},
			{at: 10 * ms, want: "others 200 skip large from -1h0m5s pausing"}, // attempts of other organizations may stand behind it
			{at: 20 * ms, want: "large 200 from -1h0m5s", finds: jobsOf(large, 200, clock(-time.Minute))},
			{at: 30 * ms, want: "large 200 from -1m5s", finds: jobsOf(large, 10, clock(-time.Minute))},
			{at: 40 * ms, want: "others 200 from -4.969s"}, // the last claim skipped nothing, and took all
		},
		"BesideOthersALargeBacklogGetsFewAndPauses": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(large, 200, clock(-time.Hour))},
			{at: 10 * ms, want: "others 200 skip large from -1h0m5s pausing"},
			{at: 20 * ms, servedOthers: true, want: "large 32 from -1h0m5s", finds: jobsOf(large, 32, clock(-time.Hour))},
			{at: 32 * ms, servedOthers: true, want: "others 200 skip large from -4.989s pausing"},
			{at: 33 * ms, servedOthers: true, want: "large 32 from -1h0m5s"},
		},
		"AllOfALargeBacklogIsLookedAtBeside": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(large, 200, clock(-time.Hour))},
			{at: 10 * ms, want: "others 200 skip large from -1h0m5s pausing"},
			{at: 200 * ms, want: "large 200 from -1h0m5s", finds: jobsOf(large, 200, clock(-time.Minute))},
			{at: 5001 * ms, want: "others 200 skip large from -4.989s beside pausing"},
			{at: 5002 * ms, want: "large 200 from 0"},
		},
		"ALargeBacklogWithoutRoomHasNoTurn": {
			{at: 0, want: "others 200 from 0", finds: jobsOf(large, 200, clock(-time.Hour))},
			{at: 10 * ms, full: []uuid.UUID{large}, owners: []uuid.UUID{large}, want: "others 200 skip large from -1h0m5s"},
		},
		"WhereAllHaveLargeBacklogsNoneIsHeavy": {
			{at: 0, want: "others 200 from 0", finds: slices.Concat(jobsOf(large, 70, clock(-time.Hour)), jobsOf(small, 70, clock(-time.Hour)),
				jobsOf(other, 60, clock(-time.Minute)))},
			{at: 10 * ms, want: "others 200 skip large small other from -1m5s pausing", finds: slices.Concat(manyOrgs(200, clock(-time.Second)))},
			{at: 20 * ms, want: "others 200 from -1m5s"}, // as far as the attempts of the three were looked at
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p delivery.Planner
			var beside delivery.Plan
			for i, c := range claims {
				now := clock(c.at)
				if c.looked > 0 {
					p.NoteLook(beside, c.looked, c.more)
				}
				if c.again != 0 {
					p.Rescan(clock(c.again))
				}
				got := p.Next(200, c.full, c.owners, c.servedOthers, now)
				if text := describePlan(got, names); text != c.want {
					t.Errorf("claim %d is %q, want %q", i, text, c.want)
				}
				if got.Beside() {
					beside = got
				}
				p.Note(got, c.finds, now.Add(cmp.Or(c.takes, ms)))
			}
		})
	}
}

// manyOrgs are jobs of as many organizations.
func manyOrgs(n int, due time.Time) (jobs []store.Job) {
	for i := range n {
		jobs = append(jobs, jobsOf(uuid.UUID{9, byte(i)}, 1, due)...)
	}
	return jobs
}

func describePlan(p delivery.Plan, names map[uuid.UUID]string) string {
	text := fmt.Sprintf("%s %d", names[p.Org], p.Most)
	for i, id := range p.Skip {
		if i == 0 {
			text += " skip"
		}
		text += " " + names[id]
	}
	if text += " from "; p.Since.IsZero() {
		text += "0"
	} else {
		text += p.Since.Sub(clock(0)).String()
	}
	if p.Beside() {
		text += " beside"
		if since, until := p.Look(); !until.IsZero() {
			text += fmt.Sprintf(" %v to %v", since.Sub(clock(0)), until.Sub(clock(0)))
		}
	}
	if p.Pausing {
		text += " pausing"
	}
	return text
}

// pending is an attempt in a simulated store. It is due at one time and can be claimed at
// another, when its transaction is committed.
type pending struct {
	store.Job
	visible time.Time
}

// claimFrom takes the jobs that a claim would get.
func claimFrom(attempts *[]pending, most int, skip []uuid.UUID, since, until, now time.Time) (jobs []store.Job) {
	slices.SortStableFunc(*attempts, func(a, b pending) int { return a.DueAt.Compare(b.DueAt) })
	*attempts = slices.DeleteFunc(*attempts, func(a pending) bool {
		if len(jobs) == most || a.visible.After(now) || !a.DueAt.Before(until) || a.DueAt.Before(since) ||
			slices.Contains(skip, a.OrganizationID) {
			return false
		}
		jobs = append(jobs, a.Job)
		return true
	})
	return jobs
}

// Whatever the backlogs, and however late transactions are committed, every attempt is claimed,
// a claim takes no more than there is room for, and skips organizations without room.
func TestPlannerClaimsEverything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		orgs := make([]uuid.UUID, rapid.IntRange(1, 12).Draw(t, "organizations"))
		for i := range orgs {
			orgs[i] = uuid.UUID{1, byte(i)}
		}
		var attempts []pending
		for range rapid.IntRange(0, 600).Draw(t, "attempts") {
			due := clock(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "due")) * time.Millisecond)
			late := time.Duration(rapid.IntRange(0, 20_000).Draw(t, "late")) * time.Millisecond
			org := orgs[min(rapid.IntRange(0, len(orgs)-1).Draw(t, "org"), rapid.IntRange(0, len(orgs)-1).Draw(t, "org"))]
			attempts = append(attempts, pending{store.Job{OrganizationID: org, DueAt: due, CreatedAt: due}, due.Add(late)})
		}
		var p delivery.Planner
		var step time.Duration
		for now := clock(0); now.Before(clock(90 * time.Second)); now = now.Add(step) {
			var full []uuid.UUID
			if step = 100 * time.Millisecond; now.Before(clock(25 * time.Second)) { // then all have room
				full = slices.DeleteFunc(slices.Clone(orgs), func(uuid.UUID) bool { return rapid.IntRange(0, 4).Draw(t, "full") > 0 })
				step = 20 * time.Millisecond
			}
			free := rapid.IntRange(5, 50).Draw(t, "free")
			next := p.Next(free, full, full, rapid.Bool().Draw(t, "others served"), now)
			if next.Most > free || next.Most < 1 {
				t.Fatalf("a claim of %d, with room for %d", next.Most, free)
			}
			for _, org := range full {
				if !slices.Contains(next.Skip, org) {
					t.Fatalf("an organization without room is not skipped: %+v", next)
				}
			}
			takes := time.Duration(rapid.SampledFrom([]int{1, 1, 1, 1, 40, 300}).Draw(t, "takes")) * time.Millisecond
			if next.Beside() {
				since, until := next.Look()
				found := claimFrom(&attempts, 50, next.Skip, since, cmp.Or(until, now.Add(1)), now)
				p.NoteLook(next, takes, len(found) == 50)
			}
			jobs := claimFrom(&attempts, next.Most, next.Skip, next.Since, now.Add(1), now)
			p.NoteAt(next, jobs, now, now.Add(takes))
		}
		if len(attempts) > 0 {
			t.Fatalf("%d attempts are never claimed", len(attempts))
		}
	})
}
