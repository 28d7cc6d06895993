// Package limits is the practical upper bound for the benchmarks: the shortest way
// from an event over a durable row, a signed POST and a recorded outcome that these
// libraries allow on the machine of the run. It is a measuring device. It routes,
// retries and forgives nothing, and panics on what it does not expect.
//
// What a [Pipeline] does is what no sender of webhooks can leave out: an event and
// its deliveries are committed before they are acknowledged, an attempt and the new
// state of its delivery are committed after the POST, and there are the indexes that
// lists of history need.
package limits
