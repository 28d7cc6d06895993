package meteredstore_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/meteredstore"
	"github.com/ecg-api/webhooks/internal/testmeter"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/storetest"
)

// It is a store like the one inside.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return meteredstore.New(memstore.New(), new(testmeter.Sink), time.Now) })
}

// able has every ability, and none of them works: calls panic.
type able struct{ store.Store }

type abilities struct {
	store.Notifier
	store.Maintainer
	store.Transactor
	store.Hosts
	store.Measurer
	store.Operations
}

func (able) Abilities() store.Abilities {
	var a abilities
	return store.Abilities{Notifier: a, Maintainer: a, Transactor: a, Hosts: a, Measurer: a, Operations: a}
}

// A method that is not measured was added to an interface of package store alone.
func TestEachCallIsMeasured(t *testing.T) {
	t.Parallel()
	s := new(testmeter.Sink)
	metered := meteredstore.New(able{}, s, time.Now)
	check := func(of reflect.Type, in any, without ...string) {
		for i := range of.NumMethod() {
			name := of.Method(i).Name
			if strings.Contains(strings.Join(without, " "), name) {
				continue
			}
			callZero(reflect.ValueOf(in).MethodByName(name))
			operation := strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "${1}_$2"))
			if n, _ := s.Count(measure.StoreDuration.Instrument, operation); n != 1 {
				t.Errorf("%s.%s is not measured as %s", of, name, operation)
			}
		}
	}
	check(reflect.TypeFor[store.Store](), metered, "Abilities", "Durable")
	a := metered.Abilities()
	check(reflect.TypeFor[store.Hosts](), a.Hosts)
	check(reflect.TypeFor[store.Maintainer](), a.Maintainer)
	check(reflect.TypeFor[store.Transactor](), a.Transactor)
	check(reflect.TypeFor[store.Measurer](), a.Measurer, "Pool")
	check(reflect.TypeFor[store.Operations](), a.Operations)
	if a.Notifier == nil {
		t.Error("an ability is lost")
	}
}

// callZero calls a method with zero values. There is no store inside, so it panics after it was measured.
func callZero(method reflect.Value) {
	defer func() { _ = recover() }()
	in := make([]reflect.Value, method.Type().NumIn())
	for i := range in {
		in[i] = reflect.Zero(method.Type().In(i))
	}
	method.Call(in)
}

// failing returns an error from every Ping.
type failing struct {
	store.Store
	err error
}

func (f failing) Ping(context.Context) error { return f.err }

func TestErrorsAreCountedByClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		class string
	}{
		{store.ErrNotFound, "refused"},
		{store.ErrCodeTaken, "refused"},
		{store.ErrIdempotencyMismatch, "refused"},
		{store.ErrTxEnded, "refused"},
		{store.ErrUnavailable, "unavailable"},
		{store.ErrLocked, "unavailable"},
		{store.ErrReadOnly, "read_only"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{errors.New("disk full"), "other"},
	} {
		s := new(testmeter.Sink)
		err := meteredstore.New(failing{memstore.New(), fmt.Errorf("store: %w", c.err)}, s, time.Now).Ping(t.Context())
		if !errors.Is(err, c.err) || s.Value(measure.StoreErrors.Instrument, "ping", c.class) != 1 {
			t.Errorf("%v: %v, counted %v", c.err, err, s)
		}
	}
}

func TestMeasuringACallAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	s := meteredstore.New(failing{memstore.New(), nil}, discard{}, time.Now)
	if n := testing.AllocsPerRun(100, func() { _ = s.Ping(t.Context()) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

type discard struct{}

func (discard) Measure(*measure.Instrument, float64, measure.Labels) {}
func (discard) Observe(func(measure.Reading))                        {}
