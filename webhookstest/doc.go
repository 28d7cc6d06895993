// Package webhookstest tests services that embed the library, in milliseconds: a [Kit] has a started dispatcher over
// a store in memory, endpoints that verify each signature, and a clock that the test moves.
//
//	kit := webhookstest.New(t)
//	kit.EventType("order.paid")
//	receiver := kit.Subscribe(customer, "order.*")
//	receiver.Reply(500, 500, 200)
//	shop := NewShop(kit.Hooks)           // the service under test
//	shop.Pay(order)
//	kit.Clock.Advance(time.Hour)         // two retries
//	got := receiver.Next(t.Context())    // the first request
//
// # Time
//
// Everything that waits in the library waits for [Kit.Clock], which stands still: retry schedules, time-outs of
// attempts, leases, rates, the circuit breaker, retention. [Clock.Advance] runs through the waits in order, so that a
// story of five days takes milliseconds. Waits between attempts are spread by 20 %, so advance by more than the wait.
//
// With [PackageTime] the kit follows package time, for tests in a testing/synctest bubble, where time.Sleep moves
// everything. A store on a database has a clock of its own, which no test moves: with [WithStore] the kit follows
// package time too.
//
// # Endpoints
//
// Endpoints are in memory: no sockets, no ports, nothing to wait for. With [OverHTTP] they are HTTP servers on
// loopback, and the dispatcher uses the client of production.
//
// The package needs the standard library and this module, and does not link package testing: [TB] is its part of
// a *testing.T.
package webhookstest
