package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// errStop is returned by callbacks to stop an operation.
var errStop = errors.New("stop")

// A fixture is an empty store, with functions to fill it.
type fixture struct {
	t   *testing.T
	s   store.Store
	ctx context.Context
	org uuid.UUID
	now time.Time // a minute ago, so that an attempt that is due then is due by any clock

	oneConnection func(t *testing.T) store.Store // see OneConnection; nil for none
}

func newFixture(t *testing.T, s store.Store) *fixture {
	t.Helper()
	return &fixture{
		t:   t,
		s:   s,
		ctx: t.Context(),
		org: uuid.New(),
		now: time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond),
	}
}

func (f *fixture) at(d time.Duration) time.Time { return f.now.Add(d) }

var counter atomic.Uint64

// idAt makes a UUID of version 7 for the time. UUIDs for the same time are in the order in
// which they were made.
func idAt(t time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16|0x7000)
	binary.BigEndian.PutUint64(id[8:], counter.Add(1)|1<<63)
	return id
}

func (f *fixture) id() uuid.UUID { return idAt(f.now) }

func (f *fixture) audit() store.Audit {
	return store.Audit{CreatedAt: f.now, CreatedBy: "ann", UpdatedAt: f.now, UpdatedBy: "ann"}
}

func (f *fixture) lifecycle() store.Lifecycle {
	return store.Lifecycle{Active: true, ActiveChangedAt: f.now}
}

func (f *fixture) newCategory(code string) store.Category {
	return store.Category{
		ID: f.id(), Name: "Category " + code, Code: code, Description: "All about “" + code + "”",
		Lifecycle: f.lifecycle(), Audit: f.audit(), Revision: 1,
	}
}

func (f *fixture) addCategory(code string) store.Category {
	f.t.Helper()
	c := f.newCategory(code)
	f.check(f.s.CreateCategory(f.ctx, c))
	return c
}

func (f *fixture) category(id uuid.UUID) store.Category {
	f.t.Helper()
	return must(f.s.Category(f.ctx, id))(f.t)
}

// newEventType makes an event type as it is read back.
func (f *fixture) newEventType(c store.Category, code, version string) store.EventType {
	return store.EventType{
		ID: f.id(), CategoryID: c.ID, Name: "Event " + code, Code: code, Version: version,
		Description: "It happened", Schema: []byte(`{"type": "object"}`),
		Lifecycle: f.lifecycle(), Audit: f.audit(), Revision: 1,
		Category: store.CategoryRef{Name: c.Name, Code: c.Code, Active: c.Active, Archived: c.Archived},
	}
}

func (f *fixture) addEventType(c store.Category, code, version string) store.EventType {
	f.t.Helper()
	e := f.newEventType(c, code, version)
	f.check(f.s.CreateEventType(f.ctx, e))
	return e
}

func (f *fixture) eventType(id uuid.UUID) store.EventType {
	f.t.Helper()
	return must(f.s.EventType(f.ctx, id))(f.t)
}

// addEvent adds an event type in a category of its own.
func (f *fixture) addEvent() store.EventType {
	f.t.Helper()
	return f.addEventType(f.addCategory("vitals"), "vitals.observations.created", "v1")
}

func (f *fixture) newSample(e store.EventType, version string) store.Sample {
	return store.Sample{
		ID: f.id(), EventTypeID: e.ID, Version: version, Payload: []byte(`{"z":1.0,"a":2}`), Audit: f.audit(), Revision: 1,
	}
}

func (f *fixture) addSample(e store.EventType, version string) store.Sample {
	f.t.Helper()
	s := f.newSample(e, version)
	f.check(f.s.CreateSample(f.ctx, s))
	return s
}

// only selects one event type, as the selector is read back.
func only(e store.EventType) store.Selector {
	return store.Selector{
		EventTypeID: e.ID, EventType: store.EventTypeRef{Name: e.Name, Code: e.Code, Version: e.Version},
	}
}

func like(pattern string) store.Selector { return store.Selector{Pattern: pattern} }

func (f *fixture) newSubscription(selectors ...store.Selector) store.Subscription {
	return store.Subscription{
		ID: f.id(), OrganizationID: f.org, PostURI: "https://example.com/hook", Version: "v1", Selectors: selectors,
		Description: "Ward 7", Headers: map[string]string{"X-Ward": "7", "X-Empty": ""},
		Timeout: 5 * time.Second, RetrySchedule: []time.Duration{5 * time.Second, 5 * time.Minute},
		Lifecycle: f.lifecycle(), Audit: f.audit(), Revision: 1,
	}
}

func (f *fixture) newSecret(s store.Subscription, from time.Time) store.Secret {
	id := f.id()
	return store.Secret{
		ID: id, OrganizationID: s.OrganizationID, SubscriptionID: s.ID, Key: fmt.Appendf(nil, "\x00\xff%s", id),
		ValidFrom: from, Audit: store.Audit{CreatedAt: from, CreatedBy: "ann", UpdatedAt: from, UpdatedBy: "ann"},
	}
}

func (f *fixture) create(s store.Subscription) store.Subscription {
	f.t.Helper()
	f.check(f.s.CreateSubscription(f.ctx, s, f.newSecret(s, s.CreatedAt)))
	return s
}

func (f *fixture) subscribe(selectors ...store.Selector) store.Subscription {
	f.t.Helper()
	return f.create(f.newSubscription(selectors...))
}

// scene adds an event type and a subscription to it.
func (f *fixture) scene() (store.EventType, store.Subscription) {
	f.t.Helper()
	e := f.addEvent()
	return e, f.subscribe(only(e))
}

func (f *fixture) subscription(id uuid.UUID) store.Subscription {
	f.t.Helper()
	return must(f.s.Subscription(f.ctx, f.org, id))(f.t)
}

// update changes a subscription of the fixture's organization.
func (f *fixture) update(id uuid.UUID, change func(*store.Subscription)) store.Subscription {
	f.t.Helper()
	return must(f.s.UpdateSubscription(f.ctx, f.org, id, f.now, func(s *store.Subscription) error {
		change(s)
		return nil
	}))(f.t)
}

func (f *fixture) setActive(id uuid.UUID, active bool) {
	f.t.Helper()
	f.update(id, func(s *store.Subscription) { s.Active, s.ActiveChangedAt = active, f.now })
}

func (f *fixture) setArchived(id uuid.UUID, archived bool) {
	f.t.Helper()
	f.update(id, func(s *store.Subscription) { s.Archived, s.ArchivedChangedAt = archived, f.now })
}
