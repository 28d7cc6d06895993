package store

import (
	"errors"
	"fmt"
)

// The errors of a store. They are wrapped, so compare with [errors.Is].
var (
	// ErrNotFound says that the thing does not exist, was deleted, or belongs to
	// another organization.
	ErrNotFound = errors.New("not found")

	// ErrBadReference says that a record refers to something that does not exist.
	ErrBadReference = errors.New("a referenced thing does not exist")

	// ErrConflict is the parent of all errors which say that the thing's present
	// state forbids the change.
	ErrConflict = errors.New("conflict")

	// ErrCodeTaken says that another category has the code, or another event
	// type the (code, version).
	ErrCodeTaken = fmt.Errorf("%w: the code is taken", ErrConflict)

	// ErrSampleExists says that the (event type, version) has a sample payload.
	ErrSampleExists = fmt.Errorf("%w: there is a sample payload for this version", ErrConflict)

	// ErrInUse says that another record still refers to the record to be deleted.
	ErrInUse = fmt.Errorf("%w: in use", ErrConflict)

	// ErrNotFinished says that the attempt has no outcome yet.
	ErrNotFinished = fmt.Errorf("%w: the attempt has no outcome yet", ErrConflict)

	// ErrExpunged says that the content of the message was removed, so that it cannot be sent.
	ErrExpunged = fmt.Errorf("%w: the payload was removed", ErrConflict)

	// ErrErasing says that a running job removes all records of the organization.
	ErrErasing = fmt.Errorf("%w: the organization is being erased", ErrConflict)

	// ErrIdempotencyMismatch says that an idempotency key was used before, with
	// another content. [IdempotencyError] tells which one.
	ErrIdempotencyMismatch = fmt.Errorf("%w: the idempotency key was used with another content", ErrConflict)

	// ErrSeedChanged says that a seed version was applied before, with another
	// checksum.
	ErrSeedChanged = fmt.Errorf("%w: an applied seed version has changed", ErrConflict)

	// ErrForeignTx says that a transaction is nil, or belongs to another database or another kind of
	// store. Nothing was changed. On PostgreSQL a transaction of a database without the tables of
	// the store has failed, and can only be rolled back.
	ErrForeignTx = errors.New("the transaction does not belong to this store")

	// ErrTxEnded says that a transaction was committed or rolled back before, or that a statement
	// failed in it, after which PostgreSQL accepts nothing but a rollback. Begin another transaction.
	ErrTxEnded = errors.New("the transaction has ended or failed")

	// ErrReadOnly says that the caller's transaction, or the database, can only be
	// read. Nothing was changed. Without a change there it fails again.
	ErrReadOnly = errors.New("the transaction or the database is read-only")

	// ErrUnavailable says that the store could not be reached. Nothing is known
	// about whether a change was made.
	ErrUnavailable = errors.New("the store is unavailable")

	// ErrLocked says that the store answers, but another transaction, usually of another
	// process, keeps it locked for writing. Nothing was changed.
	ErrLocked = fmt.Errorf("%w: it is locked", ErrUnavailable)
)

// IdempotencyError is [ErrIdempotencyMismatch] with the index of the offending message
// in the call of [Messages.Publish].
type IdempotencyError struct {
	// Index of the message in the call, from 0.
	Index int
}

// Error returns the text of [ErrIdempotencyMismatch].
func (e *IdempotencyError) Error() string { return ErrIdempotencyMismatch.Error() }

// Unwrap returns [ErrIdempotencyMismatch].
func (e *IdempotencyError) Unwrap() error { return ErrIdempotencyMismatch }
