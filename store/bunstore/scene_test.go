package bunstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// scene is a store with an event type and a subscription to it.
type scene struct {
	tb    testing.TB
	s     *bunstore.Store
	now   time.Time
	org   uuid.UUID
	event store.EventType
	sub   store.Subscription
}

func newScene(tb testing.TB, s *bunstore.Store) *scene {
	tb.Helper()
	sc := &scene{tb: tb, s: s, now: time.Now().UTC().Truncate(time.Millisecond), org: uuid.New()}
	c := store.Category{ID: newID(), Name: "Vitals", Code: "vitals"}
	check(tb, s.CreateCategory(tb.Context(), c))
	sc.event = store.EventType{ID: newID(), CategoryID: c.ID, Name: "Created", Code: "vitals.observations.created", Version: "v1"}
	check(tb, s.CreateEventType(tb.Context(), sc.event))
	sc.sub = sc.subscribe()
	return sc
}

func (sc *scene) subscribe() store.Subscription {
	sc.tb.Helper()
	sub := store.Subscription{
		ID: newID(), OrganizationID: sc.org, PostURI: "https://example.com", Version: "v1",
		Selectors: []store.Selector{{EventTypeID: sc.event.ID}}, Lifecycle: store.Lifecycle{Active: true},
	}
	secret := store.Secret{ID: newID(), OrganizationID: sc.org, SubscriptionID: sub.ID, Key: []byte("key"), ValidFrom: sc.now}
	check(sc.tb, sc.s.CreateSubscription(sc.tb.Context(), sub, secret))
	return sub
}

func (sc *scene) message(data []byte) store.NewMessage {
	messageID := newID()
	return store.NewMessage{
		Message: store.Message{
			ID: messageID, OrganizationID: sc.org, EventTypeID: sc.event.ID, Type: sc.event.Code, Version: "v1",
			Body: fmt.Appendf(nil, `{"id":%q,"data":%q}`, messageID, data), CreatedAt: sc.now, CreatedBy: "ann",
		},
		Topics:    store.Topics(sc.event.ID, sc.event.Code, sc.event.Version),
		ExpiresAt: sc.now.Add(time.Hour),
	}
}

func (sc *scene) keyed(key, content string) store.NewMessage {
	m := sc.message([]byte(content))
	m.IdempotencyKey, m.Fingerprint = key, []byte(content)
	return m
}

func (sc *scene) options(handOff int) store.PublishOptions {
	return store.PublishOptions{
		NewID: newID, KeysSince: sc.now.Add(-time.Hour),
		HandOff: func(uuid.UUID, uuid.UUID) bool { handOff--; return handOff >= 0 }, Lease: time.Minute,
	}
}

// attempts counts the attempts of the scene's subscription.
func (sc *scene) attempts() int {
	sc.tb.Helper()
	list, err := sc.s.Attempts(sc.tb.Context(), store.HistoryQuery{OrganizationID: sc.org, SubscriptionID: sc.sub.ID})
	check(sc.tb, err)
	return list.Total
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
