// Package signing signs webhooks and verifies them. The sender's side is
// [KeySet], the receiver's side [Middleware] and [Verify]; a service that only
// receives webhooks can import this package alone, it needs nothing but the
// standard library.
//
// # Two schemes
//
// A delivery carries both schemes, over the exact bytes of the body, so that a
// receiver can use whichever it knows.
//
// Standard Webhooks 1.0 (https://www.standardwebhooks.com), which libraries in
// many languages verify:
//
//	webhook-id:        the message, the same on every retry
//	webhook-timestamp: this attempt, in Unix seconds
//	webhook-signature: v1,<base64> v1,<base64> v1a,<base64>
//
// What is signed is id + "." + timestamp + "." + body: with HMAC-SHA256 for
// each v1, with ed25519 for the v1a, which is there only if the sending host has
// a [PrivateKey].
//
// Hash, which needs no library at all:
//
//	X-Webhook-Created-At: this attempt, in Unix milliseconds
//	X-Webhook-Hash:       lowercase hex of HMAC-SHA256 over createdAt + "." + body
//
// It proves less: the webhook-id is not signed, and only the newest secret is
// used, so a rotation is not seamless. Prefer the first scheme. See [VerifyHash].
//
// # Secrets
//
// A secret is text, shared by sender and receiver. [NewSecret] makes one,
// [ParseSecret] says what may be one and turns it into a [Key], [Mask] makes it
// fit to be shown. A Key or a PrivateKey is never printed, whatever the verb or
// the encoder.
//
// # Rotation
//
// A [KeySet] signs with all its keys, newest first, one v1 for each. While the
// sender still signs with the former secret, receivers can change to the new one
// in their own time; one that trusts both ([Keys]) need not hit the moment either.
//
// # Receiving
//
// Wrap the handler in [Middleware]: it caps and reads the body, checks the
// signature and how old it is, and hands the same body on. Two things are left
// to the handler: to answer soon with a 2xx, and to do nothing twice. Webhooks
// are delivered at least once, so remember the webhook-id, which is
// authenticated, and skip what was seen.
//
// Verify the bytes as they came: a body that was parsed and encoded again is
// another body.
package signing
