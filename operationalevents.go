package webhooks

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// OperationalEvents of a [Config] tell the owners of subscriptions what happens to their deliveries: by events of the
// built-in category webhooks, to the organization's own subscriptions that ask for them.
type OperationalEvents struct {
	// Enabled publishes the events. [Dispatcher.Start] adds the built-in category and event types to the catalog. All
	// hosts on a store should have the same value. Default: false.
	Enabled bool
	// Operator is an organization that gets a copy of the events about all organizations. Default: none does.
	Operator uuid.UUID
}

//go:embed operationalevents.json
var operationalSeed []byte

// The built-in category and event types have fixed ids, of version 7.
var (
	operationalCategory = operationalID(0)
	operationalTypes    = map[delivery.AnnouncementKind]EventType{
		delivery.EndpointFailing:     operationalType(1, "webhooks.endpoint.failing"),
		delivery.EndpointOpened:      operationalType(2, "webhooks.endpoint.circuit_opened"),
		delivery.EndpointRecovered:   operationalType(3, "webhooks.endpoint.recovered"),
		delivery.EndpointDeactivated: operationalType(4, "webhooks.endpoint.deactivated"),
		delivery.DeliveryExhausted:   operationalType(5, "webhooks.message.exhausted"),
		delivery.RecoveryEnded:       operationalType(6, "webhooks.recover.finished"),
	}
	operationalIDs = func() map[string]uuid.UUID {
		ids := map[string]uuid.UUID{}
		for _, t := range operationalTypes {
			ids[t.Code] = t.ID
		}
		return ids
	}()
)

func operationalID(n byte) uuid.UUID {
	return uuid.UUID{0x01, 0xa2, 0x29, 0xc0, 0x54, 0, 0x70, 0, 0x80, 15: n}
}

func operationalType(n byte, code string) EventType {
	return EventType{ID: operationalID(n), CategoryID: operationalCategory, Code: code, Version: "v1"}
}

// refuseBuiltIn returns [ErrBuiltIn] for the category that only the library changes.
func refuseBuiltIn(category uuid.UUID) error {
	if category == operationalCategory {
		return ErrBuiltIn
	}
	return nil
}

// addOperationalTypes adds the built-in category and event types to the catalog, once over all hosts.
func (c *core) addOperationalTypes(ctx context.Context) error {
	if !c.cfg.OperationalEvents.Enabled {
		return nil
	}
	_, err := c.store.Category(ctx, operationalCategory)
	if errors.Is(err, ErrNotFound) {
		err = c.refuseForeignTypes(ctx)
	}
	if err != nil {
		return err
	}
	r := &Registry{c}
	seed, err := r.parseSeed(WithActor(ctx, engineActor), operationalSeed)
	if err != nil {
		return fmt.Errorf("webhooks: built-in event types: %w", err)
	}
	typeIDs := map[uuid.UUID]uuid.UUID{}
	seed.Categories[0].ID = operationalCategory
	for i := range seed.EventTypes {
		t := &seed.EventTypes[i]
		typeIDs[t.ID] = operationalIDs[t.Code]
		t.ID, t.CategoryID = operationalIDs[t.Code], operationalCategory
	}
	for i := range seed.Samples {
		seed.Samples[i].EventTypeID = typeIDs[seed.Samples[i].EventTypeID]
	}
	if applied, err := c.store.ApplySeed(WithActor(ctx, engineActor), seed); err != nil || !applied {
		return err
	}
	c.types.clear()
	return nil
}

// refuseForeignTypes fails if the catalog has a category or an event type with a code of the built-in ones. A seed would
// give it the built-in content.
func (c *core) refuseForeignTypes(ctx context.Context) error {
	taken := func(kind, code string) error {
		return fmt.Errorf("webhooks: Config.OperationalEvents: %w: the catalog has %s %s of its own: give it another code",
			ErrCodeTaken, kind, code)
	}
	categories, err := c.store.Categories(ctx, IncludeArchived, wholeCatalog)
	if err != nil {
		return err
	}
	for _, category := range categories.Items {
		if category.Code == "webhooks" && category.ID != operationalCategory {
			return taken("a category", category.Code)
		}
	}
	for _, t := range operationalTypes {
		found, err := c.store.EventTypeByCode(ctx, nil, t.Code, t.Version)
		if err == nil && found.ID != t.ID {
			return taken("an event type", t.Code)
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// checkSeed refuses a seed document that would change the built-in category or event types.
func (c *core) checkSeed(seed store.Seed) error {
	for i, category := range seed.Categories {
		if c.cfg.OperationalEvents.Enabled && category.Code == "webhooks" {
			return wrongField(Invalid, fmt.Sprintf("/categories/%d/code", i), "is that of the built-in category")
		}
	}
	for _, t := range seed.EventTypes {
		if c.cfg.OperationalEvents.Enabled && operationalIDs[t.Code] != uuid.Nil {
			return wrongField(Invalid, "/categories", "must not have the built-in event type "+t.Code)
		}
	}
	return nil
}
