// Package delivery is the engine behind the dispatcher: it claims attempts that
// are due, signs and sends them, decides what follows, and records it.
//
//	claim ─┐                    ┌─ outcome ─┐
//	       ├─ lanes → workers ──┤           ├─ record, in batches
//	hand-off ┘                  └─ deferral ┘
//
// Attempts that were claimed or handed over by a publisher in the same process wait in
// memory in lanes, one for each subscription. A lane has a bound on its attempts in flight,
// which a limiter finds from the throughput of its endpoint (see concurrency.go), and a
// bound on the attempts that it keeps waiting; the attempts beyond that go back to the store
// for a while. No subscription has more than half of the room, no organization more than
// three quarters, and claims skip subscriptions and organizations that have theirs. A planner
// decides about the next claim (see planner.go): an organization with a large backlog
// gets claims of its own (see heavy.go), so that the attempts of others are not behind it.
//
// Workers are shared in the same way (see workers.go). Organizations take turns, and within
// an organization its subscriptions. An organization never has more than three quarters of
// the workers, and less while workers are scarce, so that the next one finds some.
// Subscriptions whose attempts take a second and more, or that never answered, share one
// half of the workers and leave the other half to quick ones. So neither endpoints that
// hang nor an organization with a large backlog hold up another organization.
//
// A watchdog gives up a call of the Sender that has not returned 2 s after its deadline
// (see watchdog.go): the attempt has failed, and another goroutine has its worker's place.
//
// A circuit breaker opens after [CircuitAfter] failures of an endpoint without a success
// between them, where attempts that were under way together count once (see breaker.go).
// It is kept in the store, for all hosts. While it is open one attempt at a time is made, a
// probe: the first one a second later, the next ones so that an endpoint which is back is
// served within a tenth of the time that it was away. Tests and manual retries are probes
// at any time, whichever process added them, up to ten in 10 s of one process. All other
// attempts are held in the store until a probe succeeds, and use no step of their schedule.
//
// Back-pressure is an answer of 429, or of 503 with Retry-After. It is no failure: it holds
// all attempts to the subscription for as long as the receiver asks, on this process at once
// and on other hosts when they read the subscription again, within a second. A throttle
// then finds the rate that the receiver takes (see throttle.go), in each process by itself,
// and lets it grow again.
//
// The attempts of an ordered subscription stand in lines, one for each ordering key,
// of which the store gives out the first alone. They are never handed over.
//
// A subscription's RateLimit holds for what one process begins, retries and tests
// included; the rates of several processes add up. What has to wait for it for
// more than a moment waits in the store, each attempt until there is room for it,
// which may be hours if much was published. An attempt that waits there keeps its
// time when the limit is raised. The rate of a throttle works in the same way, below the
// RateLimit; because it changes, attempts wait for it at most some seconds at a time, or
// until they are looked at again.
//
// Every write about an attempt carries the token of its claim. A host that was
// stopped for longer than its lease therefore changes nothing when it comes back:
// see store.Queue. An attempt whose lease could run out while it is being sent is
// not begun.
package delivery
