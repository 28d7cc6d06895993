// Package webhooks lets a Go service offer webhooks to its customers: a catalog
// of event types, subscriptions per organization, signed delivery with retries,
// and the history of every attempt. It is a library: it lives in the service's own
// process and keeps its data in the service's own database, so that an event can
// be published in the same transaction as the change that it tells of.
//
// # Parts
//
// [New] puts four parts together over a store:
//
//   - [Registry]: what can happen. Categories, event types with an optional JSON
//     Schema, samples, seed documents.
//   - [Subscriptions]: who wants what, where. URLs, secrets and their rotation, and
//     the history of attempts.
//   - [Dispatcher]: publishes ([Dispatcher.Publish], [Dispatcher.PublishTx],
//     [Dispatcher.PublishBatch]) and delivers (between Start and Stop).
//   - [Signer]: hashes of what was sent, and their validation. Receivers use
//     package signing.
//
// Stores are store/memstore (tests, demos) and store/bunstore (PostgreSQL,
// SQLite). Package httpapi serves all of it over REST on any mux.
//
// # What is guaranteed
//
// An event whose publication was acknowledged, or whose transaction committed, is
// sent at least once to every subscription that matched: through a crash of any
// host and a restart of the database. It can arrive twice only where a host died,
// or lost its store, between sending and recording; then with the same webhook-id
// and body. Only an ordered subscription gets its events in order. An event is not sent
// after Config.Deadline, nor more often than the retry schedule says.
//
// # Errors
//
// Errors are compared with errors.Is and errors.As: [ErrNotFound], [ErrConflict]
// and its special cases, [ErrUnavailable], [ErrReadOnly], and *[ValidationError] for an
// input that is wrong, which names the fields. A POST that fails is not an error but an
// outcome: it is in the history.
//
// # Names
//
// REST says activation and activity where Go says [Delivery] and [Attempt]; the
// table is in package store.
package webhooks
