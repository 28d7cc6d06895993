package main

import "slices"

// change replaces a text. Each place where the text stands, in each file that matches the
// pattern, is a mutant of its own.
type change struct {
	files    string // pattern of path/filepath
	old, new string
	tests    tests
}

// changes are the faults that the tests have to notice.
var changes = slices.Concat(limits, policies, guards, organizations, trails, locks, identities, takeovers, looks, portals, operational)

// The tests that have to notice them.
var (
	promised = tests{".", "Promised|NewNames|Refus|Faults"}
	sizes    = tests{"./httpapi", "Sizes"}
	tokens   = tests{"./httpapi", "JW|FormerSecrets"}
	tenants  = tests{"./httpapi", "Scopes|Another|OrganizationsDoNot|Secrets|TestPatch$|TestHostilePatches|TestSubscriptionInput"}
	breaker  = tests{"./delivery", "Breaker|Decide|RetryAfter|Schedule|TestNew"}
	address  = tests{"./delivery/guard", "CheckAddr|Control|ParseURL|IsNotConnectedTo"}
	post     = tests{"./delivery/guard", "Options|Bytes|BoundsThe|TLS|Repeat|HTTP2Refused|BodyFits|Redirect|Proxy|HeaderUp|Default"}
	signer   = tests{"./signing", ""}
	memory   = tests{"./store/memstore", "TestStore/(Organization|Subscription|Match)"}
	sqlite   = tests{"./store/bunstore", "TestSQLite/(Organization|Subscription|Match|AddAttempt|Lifecycle|Health|Secret|Durations|Audit)"}
	bothSQL  = tests{"./store/bunstore", "Test(SQLite|Postgres)/(Organization|Match|Idempotency)"}
	trail    = tests{"./store/bunstore", "TestSQLite/Audit"}

	memoryTrail = tests{"./store/memstore", "TestStore/Audit"}
	outcomes    = tests{"./store/bunstore", "Test(SQLite|Postgres)/(Record|Report)"}
	wakeUps     = tests{"./store/bunstore", "TestOperationsThatMakeAnAttemptDue"}
	rowLocks    = tests{"./store/bunstore", "TestLockedRows|TestADeletion"}
	retention   = tests{"./store/bunstore", "TestPrune|TestAMessageIsOld|TestPostgres/Prune"}

	foreignTx      = tests{"./store/bunstore", "TransactionsOf|ATransaction|AnotherDatabase|Identity|WithoutTables|NoTransaction"}
	hostsFoundDead = tests{"./store/bunstore", "TestHosts|TestAHost|TestADeadHost|TestAProcessThat|TestAStoreOnAFile"}
	hostLeases     = tests{"./store/bunstore", "Test(SQLite|Postgres)/Host"}
	presences      = tests{"./delivery", "TestAHost"}
	claimPlans     = tests{"./delivery", "TestPlanner|TestClaims|TestNobodyWaits|Ordered|TestHeavy|TestAttemptsWithoutRoom"}
)
