// Package httpapi serves the webhooks module over REST: the catalog, the
// subscriptions, publishing, and the history of what was sent. It decodes,
// authorizes, calls package webhooks and encodes; the rules are there.
//
// [New] returns an [http.Handler] for any mux. Its paths begin at the root
// (/healthcheck, /api/…); to mount it elsewhere, wrap it in [http.StripPrefix].
// Who may call what is decided by an [Authenticator]; [NewJWT] makes the one that
// ships.
//
// # Names
//
// REST says webhook category, webhook event, activation and activity where Go says
// Category, EventType, Delivery and Attempt. The Go file of a resource has Go's name.
//
// # Errors
//
// Every error is an RFC 9457 problem (application/problem+json) with a stable word in
// "code". Another organization's things are answered as those that do not exist.
package httpapi
