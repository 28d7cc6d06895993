// Package delivery is the engine behind the dispatcher: it claims attempts that
// are due, signs and sends them, decides what follows, and records it.
//
//	claim ─┐                    ┌─ outcome ─┐
//	       ├─ lanes → workers ──┤           ├─ record, in batches
//	hand-off ┘                  └─ deferral ┘
//
// What is claimed (or handed over by a publisher in the same process) waits in
// memory in lanes, one a subscription, from which the workers choose fairly:
// organizations take turns, and within one its subscriptions. A lane has a bound
// on what it may have in flight, found from how quickly its endpoint answers, and on
// what it may keep waiting; what is over it goes back to the store for a while. No
// subscription has more than a quarter of the room, no organization more than half,
// and claims pass over those who have theirs. So neither an endpoint that hangs nor
// an organization with much queued holds up the others.
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
