package webhooks

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/internal/strictjson"
)

// SampleInput is the part of a sample that a caller sets.
type SampleInput struct {
	Payload []byte `field:"payload"`                    // a JSON object; white space between its tokens is removed
	Version string `field:"version" validate:"version"` // 1–32 of A-Z a-z 0-9 . _ -. Default: that of the event type
}

// CreateSample adds a sample of an event type's data. The version defaults to the
// event type's. [ErrSampleExists] if that version has one; a *[ValidationError] if
// the payload does not match the event type's schema.
func (r *Registry) CreateSample(ctx context.Context, category, eventType uuid.UUID, in SampleInput) (Sample, error) {
	e, err := r.typeToEdit(ctx, category, eventType)
	if err != nil {
		return Sample{}, err
	}
	if in, err = r.checkSample(ctx, e, in); err != nil {
		return Sample{}, err
	}
	id, audit := r.created(ctx)
	s := Sample{ID: id, EventTypeID: eventType, Version: in.Version, Payload: in.Payload, Audit: audit, Revision: 1}
	return s, parentDeleted(r.store.CreateSample(ctx, s))
}

// Sample returns the sample of an event type for a version. [ErrNotFound] if it has none.
func (r *Registry) Sample(ctx context.Context, category, eventType uuid.UUID, version string) (Sample, error) {
	if _, err := r.EventType(ctx, category, eventType); err != nil {
		return Sample{}, err
	}
	return r.store.Sample(ctx, eventType, version)
}

// UpdateSample changes a sample. It fails as [Registry.CreateSample] does.
func (r *Registry) UpdateSample(
	ctx context.Context, category, eventType uuid.UUID, version string, change func(now Sample, in *SampleInput) error,
) (Sample, error) {
	e, err := r.typeToEdit(ctx, category, eventType)
	if err != nil {
		return Sample{}, err
	}
	return r.store.UpdateSample(ctx, eventType, version, func(s *Sample) error {
		in := SampleInput{Payload: s.Payload, Version: s.Version}
		if err := change(*s, &in); err != nil {
			return err
		}
		in, err := r.checkSample(ctx, e, in)
		if err != nil {
			return err
		}
		s.Payload, s.Version = in.Payload, in.Version
		r.touch(ctx, &s.Audit)
		return nil
	})
}

// DeleteSample removes the sample of an event type for a version.
func (r *Registry) DeleteSample(ctx context.Context, category, eventType uuid.UUID, version string, check func(Sample) error) error {
	if _, err := r.typeToEdit(ctx, category, eventType); err != nil {
		return err
	}
	return r.store.DeleteSample(ctx, eventType, version, check)
}

// typeToEdit returns an event type, or ErrArchived or ErrBuiltIn if its samples must not be changed.
func (r *Registry) typeToEdit(ctx context.Context, category, id uuid.UUID) (EventType, error) {
	if err := refuseBuiltIn(category); err != nil {
		return EventType{}, err
	}
	e, err := r.EventType(ctx, category, id)
	if err != nil {
		return e, err
	}
	return e, editableType(e)
}

func (c *core) checkSample(ctx context.Context, e EventType, in SampleInput) (SampleInput, error) {
	trim(&in.Version)
	if in.Version == "" {
		in.Version = e.Version
	}
	if err := checkStruct(&in); err != nil {
		return in, err
	}
	payload, err := strictjson.Compact(nil, in.Payload, maxDepth)
	if err != nil || !bytes.HasPrefix(payload, []byte("{")) {
		return in, wrongField(Invalid, "/payload", "must be a JSON object")
	}
	in.Payload = payload
	if e.Schema == nil {
		return in, nil
	}
	compiled, err := c.compileSchema(ctx, e.Schema)
	if err != nil {
		return in, err
	}
	return in, c.matchSchema(ctx, schema.NewBudget(), compiled, "/payload", payload)
}
