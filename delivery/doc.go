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
// on what it may have in flight and on what it may keep waiting; what is over it
// goes back to the store for a while. So an endpoint that hangs holds a few
// workers and nothing else.
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
