package webhooks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// sharedTimeout bounds a call of the store that callers share, and the wait of each caller. For as long, callers share an error.
const sharedTimeout = time.Second

// shared calls the store for all callers that want the same result: one call at a time, so that a store which hangs, even
// beyond the end of its context, holds one goroutine.
type shared[T any] struct {
	call  func(context.Context) (T, error)
	clock clock.Clock
	keep  time.Duration // for as long after its end a result serves further callers

	mu      sync.Mutex
	running *sharedCall[T] // nil if no call runs
	last    *sharedCall[T] // that ended; nil for none
}

type sharedCall[T any] struct {
	done  chan struct{} // closed at the end of the call
	value T
	err   error
	at    time.Time // end of the call
}

// get returns a result that is at most keep old, and its time. It fails with ErrUnavailable if there is none in time.
func (s *shared[T]) get(ctx context.Context) (value T, at time.Time, err error) {
	within, cancel := clock.WithTimeout(ctx, s.clock, sharedTimeout)
	defer cancel()
	value, at, err = s.begin().wait(within)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return value, at, err
}

// wait returns the result of the call, or ErrUnavailable when ctx ends.
func (c *sharedCall[T]) wait(ctx context.Context) (value T, at time.Time, err error) {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	select { // again: the call may have ended together with the wait
	case <-c.done:
		return c.value, c.at, c.err
	default:
		return value, at, fmt.Errorf("webhooks: %w: no answer within %v", ErrUnavailable, sharedTimeout)
	}
}

// begin returns the last call if its result still serves, the call that runs, or a new one.
func (s *shared[T]) begin() *sharedCall[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.last; c != nil && s.serves(c) {
		return c
	}
	if s.running == nil {
		s.running = &sharedCall[T]{done: make(chan struct{})}
		go s.run(s.running)
	}
	return s.running
}

func (s *shared[T]) serves(c *sharedCall[T]) bool {
	keep := s.keep
	if c.err != nil {
		keep = sharedTimeout
	}
	return s.clock.Now().Sub(c.at) < keep
}

func (s *shared[T]) run(c *sharedCall[T]) {
	ctx, cancel := clock.WithTimeout(context.Background(), s.clock, sharedTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.err = fmt.Errorf("webhooks: a call of the store panicked: %v", p)
		}
		s.mu.Lock()
		c.at, s.last, s.running = s.clock.Now(), c, nil
		s.mu.Unlock()
		close(c.done)
	}()
	c.value, c.err = s.call(ctx)
}

// idle reports whether no call runs, and no result serves.
func (s *shared[T]) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running == nil && (s.last == nil || !s.serves(s.last))
}

// maxSharedKeys bounds the questions to a sharedByKey whose results are kept.
const maxSharedKeys = 100

// sharedByKey is a shared for each of the questions that are asked at present.
type sharedByKey[K comparable, T any] struct {
	call  func(context.Context, K) (T, error)
	clock clock.Clock
	keep  time.Duration

	mu    sync.Mutex
	byKey map[K]*shared[T]
}

// get is that of the shared for the question. It fails with ErrUnavailable while there are too many questions.
func (s *sharedByKey[K, T]) get(ctx context.Context, key K) (value T, at time.Time, err error) {
	one := s.of(key)
	if one == nil {
		return value, at, fmt.Errorf("webhooks: %w: more than %d different lists are being read", ErrUnavailable, maxSharedKeys)
	}
	return one.get(ctx)
}

func (s *sharedByKey[K, T]) of(key K) *shared[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.byKey[key]; one != nil {
		return one
	}
	if len(s.byKey) >= maxSharedKeys {
		s.forget()
	}
	if len(s.byKey) >= maxSharedKeys {
		return nil
	}
	if s.byKey == nil {
		s.byKey = map[K]*shared[T]{}
	}
	one := &shared[T]{call: func(ctx context.Context) (T, error) { return s.call(ctx, key) }, clock: s.clock, keep: s.keep}
	s.byKey[key] = one
	return one
}

// forget removes the questions that nobody asked for a while.
func (s *sharedByKey[K, T]) forget() {
	for key, one := range s.byKey {
		if one.idle() {
			delete(s.byKey, key)
		}
	}
}
