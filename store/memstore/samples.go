package memstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// CreateSample implements [store.Catalog].
func (s *Store) CreateSample(ctx context.Context, sample store.Sample) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if s.live(sample.EventTypeID) == nil {
		return store.ErrBadReference
	}
	key := sampleKey{sample.EventTypeID, sample.Version}
	if _, taken := s.samples[key]; taken {
		return store.ErrSampleExists
	}
	sample.Revision = 1
	s.samples[key] = copySample(sample)
	return nil
}

// Sample implements [store.Catalog].
func (s *Store) Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (store.Sample, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Sample{}, err
	}
	defer unlock()
	sample, ok := s.samples[sampleKey{eventTypeID, version}]
	if !ok {
		return sample, store.ErrNotFound
	}
	return copySample(sample), nil
}

// Samples implements [store.Catalog].
func (s *Store) Samples(ctx context.Context, eventTypeID uuid.UUID) ([]store.Sample, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var found []store.Sample
	for _, sample := range s.samples {
		if eventTypeID == uuid.Nil || sample.EventTypeID == eventTypeID {
			found = append(found, copySample(sample))
		}
	}
	slices.SortFunc(found, func(a, b store.Sample) int { return compare(a.ID, b.ID) })
	return found, nil
}

// UpdateSample implements [store.Catalog].
func (s *Store) UpdateSample(ctx context.Context, eventTypeID uuid.UUID, version string, change func(*store.Sample) error) (store.Sample, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Sample{}, err
	}
	defer unlock()
	key := sampleKey{eventTypeID, version}
	old, ok := s.samples[key]
	if !ok {
		return store.Sample{}, store.ErrNotFound
	}
	sample := copySample(old)
	if err := change(&sample); err != nil {
		return store.Sample{}, err
	}
	sample.ID, sample.EventTypeID, sample.Revision = old.ID, eventTypeID, old.Revision+1
	to := sampleKey{eventTypeID, sample.Version}
	if _, taken := s.samples[to]; taken && to != key {
		return store.Sample{}, store.ErrSampleExists
	}
	delete(s.samples, key)
	s.samples[to] = copySample(sample)
	return copySample(sample), nil
}

// DeleteSample implements [store.Catalog].
func (s *Store) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	key := sampleKey{eventTypeID, version}
	sample, ok := s.samples[key]
	if !ok {
		return store.ErrNotFound
	}
	if check != nil {
		if err := check(copySample(sample)); err != nil {
			return err
		}
	}
	delete(s.samples, key)
	return nil
}

func copySample(s store.Sample) store.Sample {
	s.Payload = bytes.Clone(s.Payload)
	return s
}

// ApplySeed implements [store.Catalog].
func (s *Store) ApplySeed(ctx context.Context, seed store.Seed) (bool, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	for _, done := range s.seeds {
		if done.Version == seed.Version {
			if done.Checksum != seed.Checksum {
				return false, store.ErrSeedChanged
			}
			return false, nil
		}
	}
	ids := map[uuid.UUID]uuid.UUID{} // of the seed's records to those that they became
	for _, c := range seed.Categories {
		ids[c.ID] = s.seedCategory(c)
	}
	for _, e := range seed.EventTypes {
		e.CategoryID = ids[e.CategoryID]
		ids[e.ID] = s.seedType(e)
	}
	for _, sample := range seed.Samples {
		sample.EventTypeID = ids[sample.EventTypeID]
		s.seedSample(sample)
	}
	s.seeds = append(s.seeds, seed.SeedVersion)
	return true, nil
}

func (s *Store) seedCategory(c store.Category) uuid.UUID {
	for id, old := range s.categories {
		if old.Code == c.Code {
			old.Name, old.Description, old.Revision = c.Name, c.Description, old.Revision+1
			old.UpdatedAt, old.UpdatedBy = c.UpdatedAt, c.UpdatedBy
			s.categories[id] = old
			return id
		}
	}
	c.Revision = 1
	s.categories[c.ID] = c
	return c.ID
}

func (s *Store) seedType(e store.EventType) uuid.UUID {
	for id, old := range s.types {
		if old.Code == e.Code && old.Version == e.Version && !old.deleted {
			old.CategoryID, old.Name, old.Description = e.CategoryID, e.Name, e.Description
			old.Schema, old.Revision = bytes.Clone(e.Schema), old.Revision+1
			old.UpdatedAt, old.UpdatedBy = e.UpdatedAt, e.UpdatedBy
			return id
		}
	}
	e.Revision, e.Schema, e.Category = 1, bytes.Clone(e.Schema), store.CategoryRef{}
	s.types[e.ID] = &eventType{EventType: e}
	return e.ID
}

func (s *Store) seedSample(sample store.Sample) {
	key := sampleKey{sample.EventTypeID, sample.Version}
	sample.Revision = 1
	if old, ok := s.samples[key]; ok {
		sample.ID, sample.Revision = old.ID, old.Revision+1
		sample.CreatedAt, sample.CreatedBy = old.CreatedAt, old.CreatedBy
	}
	s.samples[key] = copySample(sample)
}

// SeedVersions implements [store.Catalog].
func (s *Store) SeedVersions(ctx context.Context) ([]store.SeedVersion, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return slices.Clone(s.seeds), nil
}
