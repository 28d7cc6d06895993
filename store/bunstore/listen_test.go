package bunstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// Concurrent publishes share one notification, and yet each of them wakes the listener after its
// commit.
func TestNoPublishAtTheSameTimeGoesUnnoticed(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	sc := newScene(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	woken := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() {
		err := s.Listen(ctx, func() {
			select {
			case woken <- struct{}{}:
			default:
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	defer listening.Wait()
	defer cancel()
	const rounds, publishers = 100, 4
	patience := time.After(time.Minute)
	for range rounds {
		var all sync.WaitGroup
		for range publishers {
			all.Go(func() {
				if _, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message(nil)}, sc.options(0)); err != nil {
					t.Error(err)
				}
			})
		}
		for found := 0; found < publishers; {
			select {
			case <-woken:
			case <-patience:
				t.Fatalf("nobody was woken for %d of %d", publishers-found, publishers)
			}
			jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 100, Lease: time.Minute})
			check(t, err)
			found += len(jobs)
		}
		all.Wait()
	}
}
