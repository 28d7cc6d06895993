// Package meteredstore measures the calls of a store: how long they take, and with which errors they end.
package meteredstore

import (
	"context"
	"errors"
	"time"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// metered is a store that measures its calls. Each method has the operation of its name in snake case.
type metered struct {
	store.Store
	sink measure.Sink
	now  func() time.Time
}

// New returns a store that measures the calls of s, and has its abilities.
func New(s store.Store, sink measure.Sink, now func() time.Time) store.Store {
	return &metered{s, sink, now}
}

// called measures a call that began at a time and ends now.
func (m *metered) called(operation string, began time.Time, err *error) {
	measure.StoreDuration.Record(m.sink, m.now().Sub(began).Seconds(), operation)
	if *err != nil {
		measure.StoreErrors.Add(m.sink, 1, operation, class(*err))
	}
}

// refusals say that the caller asked for something that the records do not allow. ErrConflict is the parent of several.
var refusals = []error{store.ErrNotFound, store.ErrBadReference, store.ErrConflict, store.ErrForeignTx, store.ErrTxEnded}

// class returns the class of an error. A refusal of the caller's own function, as in UpdateCategory, may have any error;
// it is "other" unless it is a conflict.
func class(err error) string {
	for _, refusal := range refusals {
		if errors.Is(err, refusal) {
			return measure.Refused
		}
	}
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return measure.Unavailable
	case errors.Is(err, store.ErrReadOnly):
		return "read_only"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return measure.Canceled
	}
	return "other"
}

// Ping implements store.Store.
func (m *metered) Ping(ctx context.Context) (err error) {
	defer m.called("ping", m.now(), &err)
	return m.Store.Ping(ctx)
}

// Abilities implements store.Store. It measures all abilities but the Notifier: Listen does not end.
func (m *metered) Abilities() store.Abilities {
	a := m.Store.Abilities()
	if a.Hosts != nil {
		a.Hosts = hosts{m, a.Hosts}
	}
	if a.Maintainer != nil {
		a.Maintainer = maintainer{m, a.Maintainer}
	}
	if a.Measurer != nil {
		a.Measurer = measurer{m, a.Measurer}
	}
	if a.Operations != nil {
		a.Operations = operations{m, a.Operations}
	}
	if a.Transactor != nil {
		a.Transactor = transactor{m, a.Transactor}
	}
	return a
}

type hosts struct {
	m *metered
	store.Hosts
}

func (h hosts) Beat(ctx context.Context, host int64, lease time.Duration) (_ store.Beat, err error) {
	defer h.m.called("beat", h.m.now(), &err)
	return h.Hosts.Beat(ctx, host, lease)
}

func (h hosts) EndLeases(ctx context.Context, host int64) (_ int, err error) {
	defer h.m.called("end_leases", h.m.now(), &err)
	return h.Hosts.EndLeases(ctx, host)
}

func (h hosts) Leases(ctx context.Context, host int64) (_ []store.Lease, err error) {
	defer h.m.called("leases", h.m.now(), &err)
	return h.Hosts.Leases(ctx, host)
}

type maintainer struct {
	m *metered
	store.Maintainer
}

func (t maintainer) Maintain(ctx context.Context, now time.Time) (err error) {
	defer t.m.called("maintain", t.m.now(), &err)
	return t.Maintainer.Maintain(ctx, now)
}

type measurer struct {
	m *metered
	store.Measurer
}

func (t measurer) Measure(ctx context.Context, most int) (_ store.Measures, err error) {
	defer t.m.called("measure", t.m.now(), &err)
	return t.Measurer.Measure(ctx, most)
}

type transactor struct {
	m *metered
	store.Transactor
}

func (t transactor) Begin(ctx context.Context) (_ store.Tx, err error) {
	defer t.m.called("begin", t.m.now(), &err)
	return t.Transactor.Begin(ctx)
}
