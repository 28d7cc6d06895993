package webhooks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	t.Run("VersionChangesWithEveryChange", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r, ctx := w.Registry, t.Context()
		version := func() string {
			s, err := r.Snapshot(ctx, 1<<20)
			w.must(err)
			v, err := r.CatalogVersion(ctx)
			w.must(err)
			if v != s.Version {
				t.Errorf("CatalogVersion is %s, of the snapshot %s", v, s.Version)
			}
			return v
		}
		before := version()
		if version() != before {
			t.Error("the version changes by itself")
		}
		c, e := w.category.ID, w.typ.ID
		for i, change := range []func() error{
			func() error { return r.DeactivateEventType(ctx, c, e) },
			func() error { return r.ArchiveEventType(ctx, c, e) },
			func() error { return r.RestoreEventType(ctx, c, e) },
			func() error { return r.ArchiveCategory(ctx, c) },
			func() error { return r.RestoreCategory(ctx, c) },
			func() error {
				_, err := r.UpdateEventType(ctx, c, e, func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
					in.Schema = []byte(`{"type":"object"}`)
					return nil
				})
				return err
			},
			func() error {
				_, err := r.CreateSample(ctx, c, e, webhooks.SampleInput{Payload: []byte(`{}`)})
				return err
			},
			func() error { return r.DeleteSample(ctx, c, e, "v1", nil) },
			func() error { return r.DeleteEventType(ctx, c, e, nil) },
		} {
			w.must(change())
			after := version()
			if after == before {
				t.Errorf("change %d leaves the version as it is", i)
			}
			before = after
		}
	})
	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for i := range 30 {
			e := w.newType(fmt.Sprintf("type.%02d", i), "v1")
			payload := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", 1000))
			_, err := w.Registry.CreateSample(t.Context(), w.category.ID, e.ID, webhooks.SampleInput{Payload: payload})
			w.must(err)
		}
		s, err := w.Registry.Snapshot(t.Context(), 10_000)
		w.must(err)
		bytes := 0
		for _, e := range s.EventTypes {
			samples := s.Samples[e.ID]
			for _, one := range samples {
				bytes += len(one.Payload)
			}
			if e.ID != w.typ.ID && len(samples) == 0 != s.Truncated[e.ID] {
				t.Errorf("%s has %d samples, truncated: %t", e.Code, len(samples), s.Truncated[e.ID])
			}
		}
		if bytes < 8_000 || bytes > 10_000 || len(s.EventTypes) != 31 {
			t.Errorf("%d event types, samples of %d bytes", len(s.EventTypes), bytes)
		}
	})
	t.Run("HasAtMostMaxSnapshotTypes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		seed := store.Seed{Categories: []webhooks.Category{w.category}, SeedVersion: webhooks.SeedVersion{Version: "1"}}
		for i := range webhooks.MaxSnapshotTypes + 5 {
			seed.EventTypes = append(seed.EventTypes, webhooks.EventType{
				ID: uuid.Must(uuid.NewV7()), CategoryID: w.category.ID, Name: "n", Code: fmt.Sprintf("t%05d", i), Version: "v1", Revision: 1,
			})
		}
		_, err := w.store.ApplySeed(t.Context(), seed)
		w.must(err)
		s, err := w.Registry.Snapshot(t.Context(), 1<<20)
		w.must(err)
		if len(s.EventTypes) != webhooks.MaxSnapshotTypes || s.Omitted != 6 {
			t.Errorf("%d event types, %d omitted", len(s.EventTypes), s.Omitted)
		}
	})
}
