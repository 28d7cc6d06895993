package portal_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// counting counts the calls for statistics. The calls wait for open, if it is set.
type counting struct {
	store.Store
	mu    sync.Mutex
	calls int
	open  chan struct{}
}

func (c *counting) Durations(ctx context.Context, q store.DurationQuery) ([]store.DurationCount, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	if c.open != nil {
		select {
		case <-c.open:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c.Store.Durations(ctx, q)
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

func TestVisitsShareStatistics(t *testing.T) {
	t.Parallel()
	db := &counting{Store: memstore.New()}
	s := newSiteOn(t, db, sample.Data{})
	endpoint := s.acme("endpoints", s.service.Failing.String())
	for range 3 {
		s.get(endpoint).is(http.StatusOK, "As of", `<svg class="chart"`)
	}
	if n := db.count(); n != 1 {
		t.Errorf("three visits read the statistics %d times, want 1", n)
	}
	s.get(endpoint+"?by=day").is(http.StatusOK, `<svg class="chart"`)
	if n := db.count(); n != 2 {
		t.Errorf("statistics of hours and of days were read %d times, want 2", n)
	}
	s.get(s.acme("endpoints", s.service.Healthy.String())).is(http.StatusOK, "As of")
	if n := db.count(); n != 3 {
		t.Errorf("statistics of two endpoints were read %d times, want 3", n)
	}
}

func TestAPageDoesNotWaitForSlowStatistics(t *testing.T) {
	t.Parallel()
	db := &counting{Store: memstore.New(), open: make(chan struct{})}
	s := newSiteOn(t, db, sample.Data{})
	endpoint := s.acme("endpoints", s.service.Failing.String())
	s.get(endpoint).is(http.StatusOK, "The endpoint fails", "This cannot be read at the moment.")
	close(db.open)                                         // reading goes on after the visit
	for !strings.Contains(s.get(endpoint).text, "As of") { // each visit waits for the reading, but not for long
		t.Log("the statistics are not there yet")
	}
	if n := db.count(); n != 1 {
		t.Errorf("the statistics were read %d times, want 1", n)
	}
}
