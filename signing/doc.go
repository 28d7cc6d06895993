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
// The signed bytes are id + "." + timestamp + "." + body. Each v1 is an
// HMAC-SHA256 over them. The v1a is an ed25519 signature, and is there only if
// the sending host has a [PrivateKey].
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
// [ParseSecret] checks it and turns it into a [Key], [Mask] shortens it for
// display. No verb of fmt and no encoder prints the bytes of a Key or a
// PrivateKey.
//
// # Rotation
//
// A [KeySet] signs with all its keys, newest first, one v1 for each. Receivers
// change to the new secret at any time while the sender still signs with the
// former one. A receiver can also trust both secrets ([Keys]).
//
// # Receiving
//
// Wrap the handler in [Middleware]: it reads the body up to a limit, checks the
// signature and its age, and hands the same body on. Two things are left to the
// handler: to answer soon with a 2xx, and to process no message twice. Webhooks
// are delivered at least once, so remember the webhook-id, which is
// authenticated, and skip messages whose id was seen.
//
// Verify the bytes as they came: a body that was parsed and encoded again is
// another body.
package signing
