package memstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type sampleKey struct {
	eventType uuid.UUID
	version   string
}

func (k sampleKey) error(err error) error {
	return fmt.Errorf("sample of event type %s, version %q: %w", k.eventType, k.version, err)
}

func sampleID(s *store.Sample) uuid.UUID { return s.ID }

// CreateSample adds a sample.
func (s *Store) CreateSample(ctx context.Context, sample store.Sample) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	key := sampleKey{sample.EventTypeID, sample.Version}
	if _, err := s.eventType(key.eventType); err != nil {
		return key.error(store.ErrBadReference)
	}
	if s.samples[key] != nil {
		return key.error(store.ErrSampleExists)
	}
	s.addSample(key, sample)
	return nil
}

func (s *Store) addSample(key sampleKey, sample store.Sample) {
	added := copySample(sample)
	added.EventTypeID, added.Revision = key.eventType, 1
	s.samples[key] = &added
}

// Sample returns a sample.
func (s *Store) Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (store.Sample, error) {
	if err := s.lock(ctx); err != nil {
		return store.Sample{}, err
	}
	defer s.unlock()
	key := sampleKey{eventTypeID, version}
	if found := s.samples[key]; found != nil {
		return copySample(*found), nil
	}
	return store.Sample{}, key.error(store.ErrNotFound)
}

// Samples lists the samples of an event type, or all.
func (s *Store) Samples(ctx context.Context, eventTypeID uuid.UUID, page store.Page) (store.List[store.Sample], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Sample]{}, err
	}
	defer s.unlock()
	var matching []*store.Sample
	for key, sample := range s.samples {
		if eventTypeID == uuid.Nil || eventTypeID == key.eventType {
			matching = append(matching, sample)
		}
	}
	sortByID(matching, sampleID)
	size := func(sample *store.Sample) int { return len(sample.Payload) }
	return boundedList(matching, sampleID, page, size, func(sample *store.Sample, whole bool) store.Sample {
		shown := *sample
		if !whole {
			shown.Payload = nil
		}
		return copySample(shown)
	}), nil
}

// UpdateSample changes a sample.
func (s *Store) UpdateSample(
	ctx context.Context, eventTypeID uuid.UUID, version string, change func(*store.Sample) error,
) (store.Sample, error) {
	if err := s.lock(ctx); err != nil {
		return store.Sample{}, err
	}
	defer s.unlock()
	key := sampleKey{eventTypeID, version}
	sample := s.samples[key]
	if sample == nil {
		return store.Sample{}, key.error(store.ErrNotFound)
	}
	changed := copySample(*sample)
	if err := change(&changed); err != nil {
		return store.Sample{}, err
	}
	newKey := sampleKey{eventTypeID, changed.Version}
	if newKey != key && s.samples[newKey] != nil {
		return store.Sample{}, newKey.error(store.ErrSampleExists)
	}
	changed.ID, changed.EventTypeID, changed.Revision = sample.ID, eventTypeID, sample.Revision+1
	delete(s.samples, key)
	*sample = copySample(changed)
	s.samples[newKey] = sample
	return copySample(changed), nil
}

// DeleteSample deletes a sample.
func (s *Store) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	key := sampleKey{eventTypeID, version}
	sample := s.samples[key]
	if sample == nil {
		return key.error(store.ErrNotFound)
	}
	if check != nil {
		if err := check(copySample(*sample)); err != nil {
			return err
		}
	}
	delete(s.samples, key)
	return nil
}
