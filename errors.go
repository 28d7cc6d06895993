package webhooks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ecg-api/webhooks/store"
)

// The errors of the store, under this package's name. Compare with [errors.Is];
// package store defines each.
var (
	ErrNotFound            = store.ErrNotFound
	ErrConflict            = store.ErrConflict
	ErrCodeTaken           = store.ErrCodeTaken
	ErrSampleExists        = store.ErrSampleExists
	ErrInUse               = store.ErrInUse
	ErrNotFinished         = store.ErrNotFinished
	ErrIdempotencyMismatch = store.ErrIdempotencyMismatch
	ErrSeedChanged         = store.ErrSeedChanged
	ErrForeignTx           = store.ErrForeignTx
	ErrTxEnded             = store.ErrTxEnded
	ErrReadOnly            = store.ErrReadOnly
	ErrUnavailable         = store.ErrUnavailable
	ErrLocked              = store.ErrLocked
)

// The conflicts that this package detects. All are [ErrConflict].
var (
	// ErrArchived says that the record, or the category or subscription that it belongs to,
	// is archived: it can be read and restored, not changed.
	ErrArchived = fmt.Errorf("%w: archived", ErrConflict)
	// ErrEventInactive says that the event type, or its category, is inactive or
	// archived and takes no events and no new subscriptions.
	ErrEventInactive = fmt.Errorf("%w: the event type is not active", ErrConflict)
	// ErrPostURIMissing says that a subscription without a URL cannot be activated.
	ErrPostURIMissing = fmt.Errorf("%w: the subscription has no postUri", ErrConflict)
	// ErrSecretUnchanged says that the new secret is the current one.
	ErrSecretUnchanged = fmt.Errorf("%w: the secret is the current one", ErrConflict)
	// ErrNoEvents says that a subscription lists no event type that takes events.
	ErrNoEvents = fmt.Errorf("%w: the subscription lists no active event type", ErrConflict)
	// ErrNotInChain says that an attempt is not in the given chain.
	ErrNotInChain = fmt.Errorf("%w: the attempt is in another chain", ErrConflict)
	// ErrOutcomeExists says that an attempt already has a different outcome.
	ErrOutcomeExists = fmt.Errorf("%w: the attempt has an outcome", ErrConflict)
	// ErrSending says that the dispatcher is sending the attempt.
	ErrSending = fmt.Errorf("%w: the attempt is being sent", ErrConflict)
)

// Problem classifies a [ValidationError].
type Problem string

// The problems. REST uses the same codes.
const (
	Invalid          Problem = "validation_failed" // a value is not allowed
	UnknownReference Problem = "unknown_reference" // a value names a record that does not exist
	AddressBlocked   Problem = "address_blocked"   // a URL leads to an address that the policy forbids
	SchemaMismatch   Problem = "schema_mismatch"   // data does not match the event type's schema
)

// ValidationError names the wrong fields of an input and the allowed values. It
// never quotes the given values.
type ValidationError struct {
	Problem Problem
	Fields  []FieldError
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
	Index int
	Err   error
}

func (e *EventError) Error() string { return fmt.Sprintf("event %d: %v", e.Index, e.Err) }

// Unwrap returns the reason.
func (e *EventError) Unwrap() error { return e.Err }
