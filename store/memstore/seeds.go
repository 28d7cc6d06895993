package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// ApplySeed adds what a seed declares to the catalog.
func (s *Store) ApplySeed(ctx context.Context, seed store.Seed) (bool, error) {
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.unlock()
	for _, v := range s.seeds {
		if v.Version != seed.Version {
			continue
		}
		if v.Checksum != seed.Checksum {
			return false, fmt.Errorf("seed %q: %w", v.Version, store.ErrSeedChanged)
		}
		return false, nil
	}
	if err := checkSeed(seed); err != nil {
		return false, err
	}
	categories := map[uuid.UUID]*category{} // by their ids in the seed
	for _, c := range seed.Categories {
		categories[c.ID] = s.seedCategory(c)
	}
	eventTypes := map[uuid.UUID]*eventType{}
	for _, e := range seed.EventTypes {
		eventTypes[e.ID] = s.seedEventType(e, categories[e.CategoryID])
	}
	for _, sample := range seed.Samples {
		s.seedSample(sample, eventTypes[sample.EventTypeID])
	}
	version := seed.SeedVersion
	version.AppliedAt = stored(version.AppliedAt)
	s.seeds = append(s.seeds, version)
	slices.SortStableFunc(s.seeds, func(a, b store.SeedVersion) int { return a.AppliedAt.Compare(b.AppliedAt) })
	return true, nil
}

// checkSeed finds references to what is not in the seed.
func checkSeed(seed store.Seed) error {
	ids := map[uuid.UUID]bool{}
	for _, c := range seed.Categories {
		ids[c.ID] = true
	}
	for _, e := range seed.EventTypes {
		if !ids[e.CategoryID] {
			return fmt.Errorf("seed %q: category of event type %q: %w", seed.Version, e.Code, store.ErrBadReference)
		}
	}
	clear(ids)
	for _, e := range seed.EventTypes {
		ids[e.ID] = true
	}
	for _, sample := range seed.Samples {
		if !ids[sample.EventTypeID] {
			return fmt.Errorf("seed %q: event type of sample %s: %w", seed.Version, sample.ID, store.ErrBadReference)
		}
	}
	return nil
}

func (s *Store) seedCategory(c store.Category) *category {
	there := s.categoryCodes[c.Code]
	if there == nil {
		return s.addCategory(c)
	}
	c.ID, c.Lifecycle, c.CreatedAt, c.CreatedBy = there.ID, there.Lifecycle, there.CreatedAt, there.CreatedBy
	c.Revision = there.Revision + 1
	there.Category = copyCategory(c)
	return there
}

func (s *Store) seedEventType(e store.EventType, c *category) *eventType {
	there := s.eventTypeCodes[eventTypeKey{e.Code, e.Version}]
	if there == nil {
		return s.addEventType(e, c)
	}
	s.categories[there.CategoryID].eventTypes--
	c.eventTypes++
	e.ID, e.Lifecycle, e.CreatedAt, e.CreatedBy = there.ID, there.Lifecycle, there.CreatedAt, there.CreatedBy
	e.CategoryID, e.Revision = c.ID, there.Revision+1
	s.setEventType(there, e)
	return there
}

func (s *Store) seedSample(sample store.Sample, e *eventType) {
	key := sampleKey{e.ID, sample.Version}
	there := s.samples[key]
	if there == nil {
		s.addSample(key, sample)
		return
	}
	sample.ID, sample.CreatedAt, sample.CreatedBy = there.ID, there.CreatedAt, there.CreatedBy
	sample.EventTypeID, sample.Revision = e.ID, there.Revision+1
	*there = copySample(sample)
}

// SeedVersions lists the seeds that were applied.
func (s *Store) SeedVersions(ctx context.Context) ([]store.SeedVersion, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	return slices.Clone(s.seeds), nil
}
