package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// gate is a store whose Publish waits for a value from pass.
type gate struct {
	store.Store
	pass chan error // the error of Publish; nil to store

	mu    sync.Mutex
	sizes []int // how many messages were stored at once, by call
}

func (g *gate) Publish(ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions) (
	[]store.Published, error,
) {
	g.mu.Lock()
	g.sizes = append(g.sizes, len(messages))
	g.mu.Unlock()
	select {
	case err := <-g.pass:
		if err != nil {
			if err.Error() == "panic" {
				panic(err)
			}
			return nil, err
		}
		return g.Store.Publish(ctx, tx, messages, opts)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// crowd publishes through a gate from many goroutines.
type crowd struct {
	*webhooks.Webhooks
	*gate
	t    *testing.T
	org  uuid.UUID
	errs map[string]error // by name
	all  sync.WaitGroup
}

func inCrowd(t *testing.T, test func(t *testing.T, c *crowd)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{Store: memstore.New(), pass: make(chan error)}
		hooks, err := webhooks.New(g, webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		category, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "x", Code: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hooks.Registry.CreateEventType(t.Context(), category.ID, webhooks.EventTypeInput{
			Name: "x", Code: "x", Version: "v1",
		}); err != nil {
			t.Fatal(err)
		}
		c := &crowd{Webhooks: hooks, gate: g, t: t, org: uuid.New(), errs: map[string]error{}}
		c.publish(t.Context(), "first", "")
		c.publish(t.Context(), "second", "") // two writers are at the gate
		test(t, c)
		c.all.Wait()
	})
}

// publish publishes in a goroutine of its own, and returns when that waits.
func (c *crowd) publish(ctx context.Context, name, key string) {
	c.all.Go(func() {
		_, err := c.Dispatcher.Publish(ctx, c.org, webhooks.Event{Type: "x", Data: name, IdempotencyKey: key})
		c.mu.Lock()
		c.errs[name] = err
		c.mu.Unlock()
	})
	synctest.Wait()
}

// let lets n calls of the store go on, or fail.
func (c *crowd) let(n int, err error) {
	for range n {
		c.pass <- err
		synctest.Wait()
	}
}

// stored checks how many messages the calls of the store had.
func (c *crowd) stored(want ...int) {
	c.t.Helper()
	if !slices.Equal(c.sizes, want) {
		c.t.Errorf("stored together: %v, want %v", c.sizes, want)
	}
}

func (c *crowd) messages(want int) {
	c.t.Helper()
	list, err := c.Dispatcher.Messages(context.Background(), c.org, webhooks.Page{Take: 1})
	if err != nil || list.Total != want {
		c.t.Errorf("%d messages, want %d, %v", list.Total, want, err)
	}
}

func TestCallsDuringACommitAreStoredTogether(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		for i := range 10 {
			c.publish(t.Context(), fmt.Sprint(i), "")
		}
		c.let(3, nil)
		c.stored(1, 1, 10)
		c.messages(12)
		for name, err := range c.errs {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAFailedCommitIsRetriedCallByCall(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		c.publish(t.Context(), "key", "k")
		c.let(3, nil)
		c.publish(t.Context(), "third", "")
		c.publish(t.Context(), "fourth", "")
		for _, name := range []string{"a", "other", "b"} {
			key := ""
			if name == "other" {
				key = "k"
			}
			c.publish(t.Context(), name, key)
		}
		c.let(3, nil) // the three together fail
		c.let(3, nil)
		c.stored(1, 1, 1, 1, 1, 3, 1, 1, 1)
		c.messages(7)
		for name, err := range c.errs {
			if wrong := errors.Is(err, webhooks.ErrIdempotencyMismatch); wrong != (name == "other") || !wrong && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAKeyTwiceIsTwoCommits(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		for i := range 3 {
			c.publish(t.Context(), fmt.Sprint(i), "k")
		}
		c.let(5, nil)
		c.stored(1, 1, 1, 1, 1)
		c.messages(3)
		if !errors.Is(c.errs["1"], webhooks.ErrIdempotencyMismatch) || !errors.Is(c.errs["2"], webhooks.ErrIdempotencyMismatch) {
			t.Errorf("got %v", c.errs)
		}
	})
}

func TestACancelledCallDoesNotCancelItsGroup(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		impatient, leave := context.WithCancel(t.Context())
		c.publish(impatient, "waiting", "")
		c.publish(t.Context(), "a", "")
		leave()
		synctest.Wait()
		c.let(3, nil) // "waiting" was not stored
		c.stored(1, 1, 1)
		c.messages(3)
		wantErr(t, c.errs["waiting"], context.Canceled)

		impatient, leave = context.WithCancel(t.Context())
		c.publish(impatient, "b", "")
		c.publish(impatient, "c", "")
		leave() // nobody waits for either commit
		synctest.Wait()
		c.publish(t.Context(), "d", "")
		c.let(1, nil)
		c.messages(4)
		if c.errs["a"] != nil || c.errs["d"] != nil {
			t.Errorf("got %v", c.errs)
		}
	})
}

func TestAnUnavailableStoreIsAskedOnce(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		c.publish(t.Context(), "a", "")
		c.publish(t.Context(), "b", "")
		c.let(2, nil)
		c.let(1, store.ErrUnavailable)
		c.stored(1, 1, 2)
		wantErr(t, c.errs["a"], webhooks.ErrUnavailable)
		wantErr(t, c.errs["b"], webhooks.ErrUnavailable)
	})
}

func TestAPanicInTheStoreIsAnError(t *testing.T) {
	t.Parallel()
	inCrowd(t, func(t *testing.T, c *crowd) {
		c.let(1, errors.New("panic"))
		c.let(1, nil)
		c.messages(1)
		failed := 0
		for _, err := range c.errs {
			if err != nil {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("got %v", c.errs)
		}
	})
}
