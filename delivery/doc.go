// Package delivery is the engine behind the dispatcher: it claims attempts that
// are due, signs and sends them, decides about retries, and records the outcomes.
//
//	claim ─────┐                         ┌─ outcome ──┐
//	           ├─ backlog ── workers ────┤            ├─ record, in batches
//	hand-over ─┘  (lanes)                └─ deferral ─┘
//
// # Backlog
//
// Attempts that were claimed, or handed over by a publisher in the same process, wait in
// memory in lanes, one for each subscription. A limiter bounds the attempts of a lane in flight: it
// compares the throughput of two limits and keeps the better one. The throughput bounds the
// attempts that wait in the lane, too; attempts beyond that go back to the store for a while. No
// subscription has more than half of the room, no organization more than three quarters, and
// claims skip subscriptions and organizations that have used up their share.
//
// # Turns
//
// Organizations take turns, and within an organization its subscriptions. An organization never has
// more than three quarters of the workers, and less while workers are scarce, so that the next
// organization finds some. Subscriptions with attempts that take a second or more, or with none that
// ended yet, share one half of the workers and leave the other half to quick subscriptions. So neither
// endpoints that hang nor a large backlog of one organization holds up another organization.
//
// # Watermark, full scan, heavy organizations
//
// The store gives out attempts in the order in which they are due, over all organizations. Three
// rules of the planner keep claims cheap and fair:
//
//   - Everything that was due before the watermark is claimed, except for skipped subscriptions and
//     organizations, which keep the watermark of the claim that skipped them first. The next claim begins there, less a
//     look-back for transactions that are committed late, which is learned.
//   - A full scan ignores the watermark. It finds attempts with an old due time that became claimable
//     since. One claim is a full scan every 250 ms; while something is skipped, an extra claim is,
//     every 5 s. Recording an attempt of an ordered subscription makes the next claim a full scan.
//   - While a transaction stays open, PostgreSQL keeps the index entries of all attempts that were delivered since, and a full
//     scan takes seconds after some minutes. One that costs more than 25 ms is an extra claim, and takes a tenth of the time.
//     Above 100 ms it becomes a sweep: extra claims of one slice of due times each, from the watermark back. The record of an
//     attempt of an ordered subscription then moves the watermark back to the time of its delivery.
//   - An organization that fills an eighth of a claim is heavy. It gets claims of its own, which all
//     other claims skip; while other organizations are served these are small, with pauses between them.
//
// # Watchdog
//
// A watchdog gives up a call of the Sender that has not returned 2 s after its deadline: the attempt
// has failed, and another goroutine has its worker's place.
//
// # Circuit breaker
//
// A circuit breaker opens after [CircuitAfter] failures of an endpoint without a success
// between them, where attempts that were under way together count once. It is kept in the store, for
// all hosts. While it is open one attempt at a time is made, a probe: the first one a second later,
// the next ones so that an endpoint which is back is served within a tenth of the time that it was
// away. Tests and manual retries are probes at any time, whichever process added them, up to ten in
// 10 s of one process. All other attempts are held in the store until a probe succeeds, and use no
// step of their schedule.
//
// # Back-pressure and rates
//
// Back-pressure is an answer of 429, or of 503 with Retry-After. It is no failure: it holds
// all attempts to the subscription for as long as the receiver asks, on this process at once
// and on other hosts when they read the subscription again, within a second. A throttle then
// finds the rate that the receiver takes, in each process by itself, and lets it grow again.
//
// A subscription's RateLimit bounds the attempts that one process begins, with retries and tests; the
// rates of several processes add up. An attempt that has to wait for the rate for longer than half a
// second waits in the store until there is room for it, which may be hours if much was published. It
// keeps that time when the limit is raised. The rate of a throttle works in the same way, below the
// RateLimit; because it changes, attempts wait for it at most some seconds at a time.
//
// # Ordered subscriptions, leases
//
// The attempts of an ordered subscription form a sequence for each ordering key. The store gives out
// only the first attempt of a sequence. Such attempts are never handed over.
//
// Every write about an attempt carries the token of its claim. A host that was stopped for longer than
// its lease therefore changes nothing when it comes back: see store.Queue. An attempt does not begin
// if its lease could run out before it ends.
//
// Where the store knows hosts (see store.Hosts), the engine is one from its Start to the end of its drain.
// It says every second that it is alive, and ends the leases of hosts that died. An attempt does not
// begin if other hosts may have found this host dead since its claim.
//
// A connection may break after a store has committed a claim or a publish, and before its reply. For 10 s after such
// an error the engine looks for attempts that are leased to it without its knowledge, and gives these attempts back.
//
// # Which file owns which rule
//
// A file uses only files below it in this list.
//
//	lifecycle.go, run.go      Start, Stop and the drain
//	inspect.go, gauges.go     a look into a running engine, for people and for metrics
//	claim.go, listen.go       when to claim
//	presence.go               being seen alive by other hosts; taking over from dead ones
//	watchdog.go               ending attempts with a call that was given up
//	attempt.go, span.go       one attempt, from task to result; its span
//	header.go                 the headers of an attempt
//	record.go, health.go      writing results; effects on the endpoint's health
//	circuit.go                probes, and closing the circuit
//	upkeep.go                 retention
//	recoveries.go, erasures.go, jobs.go  jobs in the store, and their steps
//	telling.go                which changes owners are told of
//	intake.go, result.go      how jobs come into the backlog, and leave it
//	persist.go, measure.go    writing while the store is away; counting attempts
//	clocks.go, hosttimes.go   how far the clocks of store and engine differ; the times of circuits by both
//	engine.go                 Engine, run, and their helpers
//	planner.go, heavy.go      the next claim; heavy organizations; pure
//	watermark.go, plan.go     watermark and look-back; a claim; pure
//	inflight.go               how a worker reports to the backlog
//	backlog.go                lanes, and the one mutex of put, take and done
//	room.go                   shares of memory
//	turns.go, workers.go      shares of workers, order of turns; goroutines
//	lane.go                   the queue of one subscription: capacity, readiness
//	pacers.go                 rates that outlive lanes; when attempts return
//	pacer.go, throttle.go     the rate of one subscription; learning it; pure
//	returns.go, rate.go       times of return; token bucket; pure
//	concurrency.go            limit of attempts in flight; pure
//	holds.go, flights.go      plan of held attempts; calls of the Sender
//	leases.go                 the attempts that are leased to this process
//	task.go, endpoint.go      a job in this process; cache of prepared subscriptions
//	noticelog.go, outage.go   log lines about notices; the store goes away and comes back
//	wakeup.go                 how loops wait
//	decide.go, retryafter.go  outcome and retry of an attempt; pure
//	breaker.go, config.go     when a circuit opens; defaults and bounds
//	announcement.go, tracer.go  the forms of announcements and spans
//	attempterror.go           failures on our side, and classes of failures; pure
//	responseheaders.go        the headers that are kept of a response; pure
//	schedule.go, ring.go      waits between attempts; queues in rings; pure
//	notice.go, conditions.go  the forms of notices, and of log lines about conditions
//	store.go                  the methods of a store that the engine calls
package delivery
