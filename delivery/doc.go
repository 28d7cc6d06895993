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
// three quarters, and claims pass over subscriptions and organizations that have theirs.
//
// Workers are shared in the same way (see workers.go). Organizations take turns, and within
// an organization its subscriptions. An organization never has more than two thirds of the
// workers, and less while workers are scarce, so that the next one finds some. Subscriptions
// whose attempts take a second and more share one half of the workers and leave the other
// half to quick ones. So neither endpoints that hang nor an organization with a large
// backlog hold up another organization.
//
// An endpoint that fails [CircuitAfter] times in a row has its circuit opened, in the
// store, for all hosts: then one attempt at a time is made, at growing intervals, and
// the others wait in the store until one succeeds.
//
// The attempts of an ordered subscription stand in lines, one for each ordering key,
// of which the store gives out the first alone. They are never handed over.
//
// A subscription's RateLimit holds for what one process begins, retries and tests
// included; the rates of several processes add up. What has to wait for it for
// more than a moment waits in the store, each attempt until there is room for it,
// which may be hours if much was published. An attempt that waits there keeps its
// time when the limit is raised.
//
// Every write about an attempt carries the token of its claim. A host that was
// stopped for longer than its lease therefore changes nothing when it comes back:
// see store.Queue. An attempt whose lease could run out while it is being sent is
// not begun.
package delivery
