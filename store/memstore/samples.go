package memstore

import (
	"context"
	"fmt"
	"maps"

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
	s.audit(ctx)
	return nil
}

func (s *Store) addSample(key sampleKey, sample store.Sample) {
	added := copySample(sample)
	added.EventTypeID, added.Revision = key.eventType, 1
	s.samples[key] = &added
}

// Sample returns a sample.
func (s *Store) Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (store.Sample, error) {
	return read(ctx, s, func() (*store.Sample, error) { return s.sample(sampleKey{eventTypeID, version}) },
		func(sample *store.Sample) store.Sample { return copySample(*sample) })
}

func (s *Store) sample(key sampleKey) (*store.Sample, error) {
	if sample := s.samples[key]; sample != nil {
		return sample, nil
	}
	return nil, key.error(store.ErrNotFound)
}

// Samples lists the samples of an event type, or all.
func (s *Store) Samples(ctx context.Context, eventTypeID uuid.UUID, page store.Page) (store.List[store.Sample], error) {
	return locked(ctx, s, func() (store.List[store.Sample], error) {
		matching := chosen(maps.Values(s.samples), func(sample *store.Sample) bool {
			return eventTypeID == uuid.Nil || eventTypeID == sample.EventTypeID
		}, sampleID)
		size := func(sample *store.Sample) int { return len(sample.Payload) }
		return store.ListOf(matching, page, sampleID, size, func(sample *store.Sample, whole bool) store.Sample {
			out := copySample(*sample)
			if !whole {
				out.Payload = nil
			}
			return out
		}), nil
	})
}

// UpdateSample changes a sample.
func (s *Store) UpdateSample(
	ctx context.Context, eventTypeID uuid.UUID, version string, change func(*store.Sample) error,
) (store.Sample, error) {
	return locked(ctx, s, func() (store.Sample, error) {
		key := sampleKey{eventTypeID, version}
		sample, err := s.sample(key)
		if err != nil {
			return store.Sample{}, err
		}
		changed, err := store.UpdatedSample(copySample(*sample), change)
		if err != nil {
			return store.Sample{}, err
		}
		newKey := sampleKey{eventTypeID, changed.Version}
		if newKey != key && s.samples[newKey] != nil {
			return store.Sample{}, newKey.error(store.ErrSampleExists)
		}
		delete(s.samples, key)
		*sample = copySample(changed)
		s.samples[newKey] = sample
		s.audit(ctx)
		return copySample(changed), nil
	})
}

// DeleteSample deletes a sample.
func (s *Store) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	key := sampleKey{eventTypeID, version}
	sample, err := s.sample(key)
	if err != nil {
		return err
	}
	if err := allow(check, copySample(*sample)); err != nil {
		return err
	}
	delete(s.samples, key)
	s.audit(ctx)
	return nil
}
