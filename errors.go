package webhooks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ecg-api/webhooks/store"
)

// The errors of the store, under this package's name. They are wrapped: compare with [errors.Is].
var (
	// ErrNotFound says that the record does not exist, was deleted, or belongs to another organization.
	// REST: 404.
	ErrNotFound = store.ErrNotFound
	// ErrConflict is the parent of all errors which say that the record's present state forbids the
	// change. REST: 409, with a code for each special case.
	ErrConflict = store.ErrConflict
	// ErrCodeTaken says that another category has the code, or another event type the code and version.
	// It is an [ErrConflict]. REST: 409 code_taken.
	ErrCodeTaken = store.ErrCodeTaken
	// ErrSampleExists says that the event type already has a sample for the version. It is an
	// [ErrConflict]. REST: 409 sample_exists.
	ErrSampleExists = store.ErrSampleExists
	// ErrInUse says that a record cannot be deleted, because an event type or a subscription refers to
	// it. It is an [ErrConflict]. REST: 409 in_use.
	ErrInUse = store.ErrInUse
	// ErrNotFinished says that an attempt cannot be retried, because it has no outcome yet. It is an
	// [ErrConflict]. REST: 409 not_finished.
	ErrNotFinished = store.ErrNotFinished
	// ErrExpunged says that the content of the message was removed (see [Dispatcher.Expunge]), so that it
	// can neither be sent, hashed nor explained. It is an [ErrConflict]. REST: 409 payload_removed.
	ErrExpunged = store.ErrExpunged
	// ErrErasing says that [Webhooks.Erase] removes the records of the organization, so that it gets no new
	// subscription until the end. It is an [ErrConflict]. REST: 409 erasing.
	ErrErasing = store.ErrErasing
	// ErrIdempotencyMismatch says that the idempotency key was used for another event in the last 24 h.
	// Nothing was published. It is an [ErrConflict]. REST: 409 idempotency_mismatch.
	ErrIdempotencyMismatch = store.ErrIdempotencyMismatch
	// ErrSeedChanged says that a seed document differs from the document that was applied under its
	// version: give the new content a new version. It is an [ErrConflict].
	ErrSeedChanged = store.ErrSeedChanged
	// ErrForeignTx says that a transaction does not belong to this store's database, or is no transaction.
	// Nothing was published.
	ErrForeignTx = store.ErrForeignTx
	// ErrTxEnded says that the transaction was committed, rolled back, or has failed. Nothing was published.
	ErrTxEnded = store.ErrTxEnded
	// ErrReadOnly says that the transaction, or the whole database, can only be read. Nothing was
	// changed. REST: 503 store_unavailable.
	ErrReadOnly = store.ErrReadOnly
	// ErrUnavailable says that the store could not be reached, or did not answer in time. It is unknown
	// whether the change was made. REST: 503 store_unavailable.
	ErrUnavailable = store.ErrUnavailable
	// ErrLocked says that another transaction keeps the store locked for writing, as SQLite does. Nothing
	// was changed. It is an [ErrUnavailable]. REST: 503 store_unavailable.
	ErrLocked = store.ErrLocked
)

// The conflicts that this package detects. All are [ErrConflict].
var (
	// ErrArchived says that the record, or the category or subscription that it belongs to,
	// is archived: it can be read and restored, not changed. REST: 409 archived.
	ErrArchived = fmt.Errorf("%w: archived", ErrConflict)
	// ErrBuiltIn says that the category, or the event type in it, is built in and never changes: see
	// [OperationalEvents]. REST: 409 built_in.
	ErrBuiltIn = fmt.Errorf("%w: built in", ErrConflict)
	// ErrEventInactive says that the event type, or its category, is inactive or
	// archived and takes no events and no new subscriptions. REST: 409 event_inactive.
	ErrEventInactive = fmt.Errorf("%w: the event type is not active", ErrConflict)
	// ErrPostURIMissing says that a subscription without a URL cannot be activated. REST: 409 post_uri_missing.
	ErrPostURIMissing = fmt.Errorf("%w: the subscription has no postUri", ErrConflict)
	// ErrSecretUnchanged says that the new secret is the current one. REST: 409 secret_unchanged.
	ErrSecretUnchanged = fmt.Errorf("%w: the secret is the current one", ErrConflict)
	// ErrNoEvents says that a subscription lists no event type that takes events, so that a test
	// must name one. REST: 409 no_events.
	ErrNoEvents = fmt.Errorf("%w: the subscription lists no active event type", ErrConflict)
	// ErrNotInChain says that an attempt is not in the given chain. REST: 409 not_in_chain.
	ErrNotInChain = fmt.Errorf("%w: the attempt is in another chain", ErrConflict)
	// ErrOutcomeExists says that an attempt already has a different outcome. REST: 409 outcome_exists.
	ErrOutcomeExists = fmt.Errorf("%w: the attempt has an outcome", ErrConflict)
	// ErrSending says that the dispatcher is sending the attempt, so that no outcome can be
	// reported for it now. REST: 409 sending.
	ErrSending = fmt.Errorf("%w: the attempt is being sent", ErrConflict)
)

// Problem classifies a [ValidationError].
type Problem string

// The problems. REST uses the same codes.
const (
	Invalid          Problem = "validation_failed" // a value is not allowed. REST: 400, or 422 for the result of a PATCH
	UnknownReference Problem = "unknown_reference" // a value names a record that does not exist. REST: 422
	AddressBlocked   Problem = "address_blocked"   // a URL leads to an address that the policy forbids. REST: 422
	SchemaMismatch   Problem = "schema_mismatch"   // data does not match the event type's schema. REST: 422
)

// ValidationError names the wrong fields of an input and the allowed values. It
// never quotes the given values.
type ValidationError struct {
	Problem Problem      // the kind of all Fields
	Fields  []FieldError // at least one
}

// FieldError is one wrong field of an input.
type FieldError struct {
	Pointer string // RFC 6901 JSON Pointer to the field by the name in its field tag, such as /postUri
	Detail  string // the allowed values
}

// Error lists the wrong fields in one line.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Pointer + " " + f.Detail
	}
	return string(e.Problem) + ": " + strings.Join(parts, "; ")
}

// wrongField returns a ValidationError with one field.
func wrongField(p Problem, pointer, detail string) *ValidationError {
	return &ValidationError{Problem: p, Fields: []FieldError{{pointer, detail}}}
}

// prefixPointers puts a prefix before the pointers of a ValidationError.
func prefixPointers(prefix string, err error) error {
	e, ok := errors.AsType[*ValidationError](err)
	if !ok {
		return err
	}
	moved := &ValidationError{Problem: e.Problem, Fields: make([]FieldError, len(e.Fields))}
	for i, f := range e.Fields {
		moved.Fields[i] = FieldError{prefix + f.Pointer, f.Detail}
	}
	return moved
}

// EventError names the event that made [Dispatcher.PublishBatch] or
// [Dispatcher.PublishBatchTx] fail, and wraps the reason.
type EventError struct {
	Index int   // position of the event in the batch, from 0
	Err   error // the reason, such as a *[ValidationError], [ErrEventInactive] or [ErrIdempotencyMismatch]
}

// Error names the index and the reason.
func (e *EventError) Error() string { return fmt.Sprintf("event %d: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *EventError) Unwrap() error { return e.Err }
