// Package client calls the REST interface of a running webhooks host. It needs the
// standard library and github.com/google/uuid.
//
// [New] returns a [Client]. Its services have the names that the services of the embedded
// library have: [Registry] keeps the catalog, [Subscriptions] the subscriptions, their secrets
// and their history, [Dispatcher] publishes and retries, [Signer] deals with hashes and keys.
// The REST interface calls an [Attempt] an activity, a [Delivery] an activation, and a
// [Message] a published event.
//
// # Organizations
//
// A method takes an organization as the host names it: the text of its UUID, or its name, such as
// acme, at a host that names its organizations itself. The client percent-encodes the text. The
// texts "", "." and ".." are a [*ParameterError]. Answers hold the organization as the same text.
//
// # Errors
//
// An answer that is not a success is an [*Error]. Compare it with the sentinel errors:
//
//	errors.Is(err, client.ErrNotFound)
//
// # Retries
//
// A call is repeated after 429, 502, 503 and 504 and after a broken connection, if a second
// request does what one request does: reads, deletions, commands such as Activate, and Publish,
// which sends an idempotency key. All other calls are sent once. See [Retry].
//
// # Changes
//
// A change is a [Patch]. With an [IfMatch] it is made only if the resource still is as the
// caller has read it; otherwise the error is [ErrPreconditionFailed].
//
// # Secrets
//
// No error names a token. A [Secret], the values of [Headers] and a [Config] can be printed:
// fmt shows neither secrets nor tokens.
package client
