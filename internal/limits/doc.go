// Package limits is the practical upper bound for the benchmarks: the shortest pipeline
// from an event over a durable row and a signed POST to a recorded outcome that the same
// libraries allow on the machine of the run. It is a measuring device. It has no routing
// and no retries, and panics on any error.
//
// A [Pipeline] takes only the steps that no sender of webhooks can leave out. An event
// and its deliveries are committed before they are acknowledged. An attempt and the new
// state of its delivery are committed after the POST. The tables have the indexes that
// lists of history need.
package limits
