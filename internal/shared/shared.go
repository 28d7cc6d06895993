// Package shared lets callers share the result of a call that they would all make.
package shared

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// Config says for how long results are shared. All fields are required.
type Config struct {
	Clock clock.Clock
	Keep  time.Duration // for as long after its end a result serves further callers
	// Timeout bounds a call, and the wait of each caller. For as long, callers share an error.
	Timeout     time.Duration
	Unavailable error // wrapped by the error of a caller that waited in vain
}

// Value makes a call for all callers that want its result: one call at a time, so that a call which hangs, even beyond the end of
// its context, holds one goroutine.
type Value[T any] struct {
	Config
	Call func(context.Context) (T, error)

	mu      sync.Mutex
	running *Running[T] // nil if no call runs
	last    *Running[T] // that ended; nil for none
}

// Running is a call that runs or has ended.
type Running[T any] struct {
	of *Value[T]

	done  chan struct{} // closed at the end of the call
	value T
	err   error
	at    time.Time // end of the call
}

// Get returns a result that is at most Keep old, and its time. It fails with Unavailable if there is none in time.
func (s *Value[T]) Get(ctx context.Context) (value T, at time.Time, err error) {
	within, cancel := clock.WithTimeout(ctx, s.Clock, s.Timeout)
	defer cancel()
	value, at, err = s.Begin().Wait(within)
	if ctx.Err() != nil && err != nil {
		err = ctx.Err()
	}
	return value, at, err
}

// Wait returns the result of the call, or Unavailable when ctx ends.
func (c *Running[T]) Wait(ctx context.Context) (value T, at time.Time, err error) {
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	select { // again: the call may have ended together with the wait
	case <-c.done:
		return c.value, c.at, c.err
	default:
		return value, at, fmt.Errorf("webhooks: %w: no answer within %v", c.of.Unavailable, c.of.Timeout)
	}
}

// Begin returns the last call if its result still serves, the call that runs, or a new one.
func (s *Value[T]) Begin() *Running[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.last; c != nil && s.serves(c) {
		return c
	}
	if s.running == nil {
		s.running = &Running[T]{of: s, done: make(chan struct{})}
		go s.run(s.running)
	}
	return s.running
}

func (s *Value[T]) serves(c *Running[T]) bool {
	keep := s.Keep
	if c.err != nil {
		keep = s.Timeout
	}
	return s.Clock.Now().Sub(c.at) < keep
}

func (s *Value[T]) run(c *Running[T]) {
	ctx, cancel := clock.WithTimeout(context.Background(), s.Clock, s.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.err = fmt.Errorf("webhooks: a shared call panicked: %v", p)
		}
		s.mu.Lock()
		c.at, s.last, s.running = s.Clock.Now(), c, nil
		s.mu.Unlock()
		close(c.done)
	}()
	c.value, c.err = s.Call(ctx)
}

// idle reports whether no call runs, and no result serves.
func (s *Value[T]) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running == nil && (s.last == nil || !s.serves(s.last))
}

// ByKey is a Value for each of the keys that are asked for at present.
type ByKey[K comparable, T any] struct {
	Config
	Call    func(context.Context, K) (T, error)
	MaxKeys int // bounds the keys with results that are kept

	mu    sync.Mutex
	byKey map[K]*Value[T]
}

// Get is that of the Value of the key. It fails with Unavailable while there are too many keys.
func (s *ByKey[K, T]) Get(ctx context.Context, key K) (value T, at time.Time, err error) {
	one := s.of(key)
	if one == nil {
		return value, at, fmt.Errorf("webhooks: %w: more than %d different results are asked for", s.Unavailable, s.MaxKeys)
	}
	return one.Get(ctx)
}

func (s *ByKey[K, T]) of(key K) *Value[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.byKey[key]; one != nil {
		return one
	}
	if len(s.byKey) >= s.MaxKeys {
		s.forget()
	}
	if len(s.byKey) >= s.MaxKeys {
		return nil
	}
	if s.byKey == nil {
		s.byKey = map[K]*Value[T]{}
	}
	one := &Value[T]{Config: s.Config, Call: func(ctx context.Context) (T, error) { return s.Call(ctx, key) }}
	s.byKey[key] = one
	return one
}

// forget removes the keys that nobody asked for a while.
func (s *ByKey[K, T]) forget() {
	for key, one := range s.byKey {
		if one.idle() {
			delete(s.byKey, key)
		}
	}
}
