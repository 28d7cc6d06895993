// Package httpapi serves the webhooks module over REST: the catalog, subscriptions,
// publishing, and the history of deliveries. It authorizes, decodes, calls package
// webhooks and encodes; the rules are in package webhooks.
//
// [New] returns an [http.Handler] for any mux. Its paths begin at the root
// (/healthcheck, /api/…); to mount it elsewhere, wrap it in [http.StripPrefix].
// An [Authenticator] identifies the caller, with its scopes and organizations; [NewJWT]
// makes one for JSON Web Tokens. [Organizations] gives organizations names of the host,
// such as slugs, in place of UUIDs.
//
// # Names
//
// REST says webhook category, webhook event, activation and activity where Go says
// Category, EventType, Delivery and Attempt. The Go file of a resource has Go's name.
//
// # Errors
//
// Every error is an RFC 9457 problem (application/problem+json) with a stable word in
// "code". A request for a resource of another organization gets the same answer as one
// for a resource that does not exist.
package httpapi
