// Package storetest is the conformance suite of the stores. The author of a store
// calls it in one line:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return mystore.New() })
//	}
//
// Every case states one rule of the contracts in package store. Where a store has
// an optional ability (see store.Abilities), its rules are tested too; where it lacks
// the ability, its cases are skipped. A decorator of a store is tested as a store. A
// store with a pool of connections is tested with a pool of one, too: see
// [OneConnection].
package storetest

import (
	"testing"

	"github.com/ecg-api/webhooks/store"
)

// Run tests a store. It calls newStore once for each case. Each returned store is empty and
// used by one case alone; newStore releases its resources with t.Cleanup. Cases run in
// parallel. The store's clock may differ from the clock of the test by up to half a minute.
func Run(t *testing.T, newStore func(t *testing.T) store.Store, options ...Option) {
	t.Helper()
	var s suite
	for _, option := range options {
		option(&s)
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.cases {
				t.Run(c.rule, func(t *testing.T) {
					t.Parallel()
					f := newFixture(t, newStore(t))
					f.oneConnection = s.oneConnection
					c.test(f)
				})
			}
		})
	}
}

// Option adds cases to [Run].
type Option func(*suite)

type suite struct {
	oneConnection func(t *testing.T) store.Store
}

// OneConnection adds the cases about methods that may use no second connection. Its
// newStore is as that of [Run], and its stores have a pool of a single connection. A
// store without connections gives the function that it gives to Run. Without this
// option the cases are skipped.
func OneConnection(newStore func(t *testing.T) store.Store) Option {
	return func(s *suite) { s.oneConnection = newStore }
}

// A testCase is a rule, and a test that a store keeps it.
type testCase struct {
	rule string
	test func(f *fixture)
}

var groups = []struct {
	name  string
	cases []testCase
}{
	{"Category", categoryCases},
	{"EventType", eventTypeCases},
	{"Sample", sampleCases},
	{"Seed", seedCases},
	{"List", pagingCases},
	{"MaxBytes", boundsCases},
	{"Subscription", subscriptionCases},
	{"Lifecycle", lifecycleCases},
	{"Secret", secretCases},
	{"Match", matchingCases},
	{"Filter", filterCases},
	{"Publish", publishCases},
	{"Idempotency", idempotencyCases},
	{"Tx", transactionCases},
	{"HandOff", handOffCases},
	{"TraceContext", traceCases},
	{"Chains", chainCases},
	{"Sequences", sequenceCases},
	{"Health", healthCases},
	{"Claim", claimCases},
	{"Lease", leaseCases},
	{"Host", hostCases},
	{"Record", recordCases},
	{"Next", nextCases},
	{"Targets", targetCases},
	{"Attempts", attemptCases},
	{"Deliveries", deliveryCases},
	{"AddAttempt", addAttemptCases},
	{"Retry", retryCases},
	{"External", externalCases},
	{"Report", reportCases},
	{"Messages", messageCases},
	{"Durations", durationCases},
	{"Recovery", recoveryCases},
	{"Recoverable", recoverableCases},
	{"News", newsCases},
	{"Audit", auditCases},
	{"Erasure", erasureCases},
	{"Expunge", expungeCases},
	{"OneTime", oneTimeCases},
	{"Prune", pruneCases},
	{"Deleted", deletedCases},
	{"Maintain", maintainCases},
	{"Measure", measureCases},
	{"Operations", operationsCases},
	{"Bytes", bytesCases},
	{"Organization", organizationCases},
	{"Copies", copyCases},
	{"Concurrency", concurrencyCases},
	{"Store", generalCases},
}
