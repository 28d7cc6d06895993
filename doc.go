// Package webhooks lets a Go service offer webhooks to its customers: a catalog
// of event types, subscriptions per organization, signed delivery with retries,
// and the history of every attempt. It is a library: it runs in the service's own
// process and keeps its data in the service's own database, so that an event can
// be published in the same transaction as the change that it reports.
//
// # Parts
//
// [New] puts four parts together over a store:
//
//   - [Registry]: the catalog. Categories, event types with an optional JSON
//     Schema, samples, seed documents.
//   - [Subscriptions]: the customers' URLs and event types, secrets and their
//     rotation, and the history of each subscription.
//   - [Dispatcher]: publishes ([Dispatcher.Publish], [Dispatcher.PublishTx],
//     [Dispatcher.PublishBatch]), delivers (between Start and Stop), and lists the
//     published messages.
//   - [Signer]: hashes of sent bodies, and their validation. Receivers use
//     package signing.
//
// [Webhooks.Keys] manages the keys that encrypt signing secrets in the store.
//
// Stores are store/memstore (tests, demos) and store/bunstore (PostgreSQL,
// SQLite). Package httpapi serves the whole library over REST on any mux.
//
// # Guarantees
//
// After its publication was acknowledged, or its transaction committed, an event is
// sent at least once to every subscription that matched: through a crash of any
// host and a restart of the database. It can arrive twice only if a host died,
// or lost its store, between sending and recording; then with the same webhook-id
// and body. An event is not sent after Config.Deadline, nor more often than the
// retry schedule says.
//
// Events arrive in no particular order, except at a subscription that is Ordered
// (see [SubscriptionInput]): it gets the events with the same ordering key one
// after the other, in the order of publishing.
//
// # Errors
//
// Errors are compared with errors.Is and errors.As: [ErrNotFound], [ErrConflict]
// and its special cases, [ErrUnavailable], [ErrReadOnly], and *[ValidationError] for a
// wrong input, which names the fields. A POST that fails is not an error but an
// outcome: the history shows it.
//
// # Names
//
// REST says activation and activity where Go says [Delivery] and [Attempt]; the
// table is in package store.
package webhooks
