// Package guard decides which addresses may be reached, and sends every
// outbound request of the library: webhook deliveries and JWKS fetches.
//
// A webhook URL is chosen by a tenant and requested from inside the operator's
// network, which makes every sender a tool for server-side request forgery
// (CWE-918). Three checks stand against it, the last of which is the one that
// counts:
//
//   - [Policy.ParseURL], when a URL is saved: syntax, ports, address literals in
//     every spelling that some resolver understands, and names that are local by
//     definition. It gives an early answer to a person.
//   - no redirects, no proxy from the environment, no cookies, and no POST that
//     net/http repeats by itself.
//   - [Policy.Control], on every socket between its creation and its connect: the
//     address that is really dialled, whichever name, resolver, spelling or
//     rebinding led to it.
//
// The zero [Policy] is the strictest one: globally routable unicast addresses,
// ports 80, 443 and from 1024 up. Only the operator widens it.
package guard
