package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// ApplySeed adds the records of a seed to the catalog.
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
	if err := seed.Check(); err != nil {
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
	version.AppliedAt = store.WholeMilliseconds(version.AppliedAt)
	s.seeds = append(s.seeds, version)
	slices.SortStableFunc(s.seeds, func(a, b store.SeedVersion) int { return a.AppliedAt.Compare(b.AppliedAt) })
	s.audit(ctx)
	return true, nil
}

func (s *Store) seedCategory(c store.Category) *category {
	there := s.categoryCodes[c.Code]
	if there == nil {
		return s.addCategory(c)
	}
	there.Category = copyCategory(store.SeededCategory(there.Category, c))
	return there
}

func (s *Store) seedEventType(e store.EventType, c *category) *eventType {
	there := s.eventTypeCodes[eventTypeKey{e.Code, e.Version}]
	if there == nil {
		return s.addEventType(e, c)
	}
	s.categories[there.CategoryID].eventTypes--
	c.eventTypes++
	s.setEventType(there, store.SeededEventType(there.EventType, e, c.ID))
	return there
}

func (s *Store) seedSample(sample store.Sample, e *eventType) {
	key := sampleKey{e.ID, sample.Version}
	there := s.samples[key]
	if there == nil {
		s.addSample(key, sample)
		return
	}
	*there = copySample(store.SeededSample(*there, sample))
}

// SeedVersions lists the seeds that were applied.
func (s *Store) SeedVersions(ctx context.Context) ([]store.SeedVersion, error) {
	return locked(ctx, s, func() ([]store.SeedVersion, error) { return slices.Clone(s.seeds), nil })
}
