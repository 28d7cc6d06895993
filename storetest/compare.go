package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// must unwraps a result, or ends the test: must(s.Category(ctx, id))(t).
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return v
	}
}

// check ends the test at an error.
func (f *fixture) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("unexpected error: %v", err)
	}
}

// fails demands an error of a kind.
func (f *fixture) fails(what string, err, want error) {
	f.t.Helper()
	if !errors.Is(err, want) {
		f.t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

// notFound is fails for store.ErrNotFound.
func (f *fixture) notFound(what string, err error) {
	f.t.Helper()
	f.fails(what, err, store.ErrNotFound)
}

// equal demands that two values are the same, times and nil slices included;
// only an empty list of selectors, headers or conditions may be nil.
func (f *fixture) equal(what string, got, want any) {
	f.t.Helper()
	got, want = normal(got), normal(want)
	if reflect.DeepEqual(got, want) {
		return
	}
	for _, line := range diff(what, reflect.ValueOf(got), reflect.ValueOf(want)) {
		f.t.Error(line)
	}
	f.t.FailNow()
}

// sameIDs demands a list of ids, in order.
func (f *fixture) sameIDs(what string, got, want []uuid.UUID) {
	f.t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	f.equal(what, got, want)
}

func normal(v any) any {
	switch v := v.(type) {
	case store.Subscription:
		return normalSubscription(v)
	case []store.Subscription:
		out := make([]store.Subscription, len(v))
		for i, s := range v {
			out[i] = normalSubscription(s)
		}
		return out
	default:
		return v
	}
}

func normalSubscription(s store.Subscription) store.Subscription {
	if len(s.Selectors) == 0 {
		s.Selectors = nil
	}
	if len(s.Headers) == 0 {
		s.Headers = nil
	}
	if len(s.Filter) == 0 {
		s.Filter = nil
	}
	return s
}

// sortByID puts things in the order of their ids.
func sortByID[T any](things []T, id func(T) uuid.UUID) {
	slices.SortFunc(things, func(a, b T) int {
		x, y := id(a), id(b)
		return bytes.Compare(x[:], y[:])
	})
}

// diff says where two values of the same type differ.
func diff(path string, got, want reflect.Value) []string {
	if got.IsValid() && want.IsValid() && got.Type() == want.Type() {
		if reflect.DeepEqual(got.Interface(), want.Interface()) {
			return nil
		}
		switch {
		case got.Type() == reflect.TypeFor[time.Time]():
		case got.Kind() == reflect.Struct:
			var lines []string
			for i := range got.NumField() {
				lines = append(lines, diff(path+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i))...)
			}
			return lines
		case got.Kind() == reflect.Slice && got.Len() == want.Len() && got.Len() > 0 && got.Type().Elem().Kind() != reflect.Uint8:
			var lines []string
			for i := range got.Len() {
				lines = append(lines, diff(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i))...)
			}
			return lines
		}
	}
	return []string{fmt.Sprintf("%s:\n\tgot  %s\n\twant %s", path, show(got), show(want))}
}

func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	text := fmt.Sprintf("%+v", v.Interface())
	switch x := v.Interface().(type) {
	case string:
		text = fmt.Sprintf("%q", x)
	case []byte:
		text = fmt.Sprintf("%q", x)
	}
	if v.Kind() == reflect.Slice && v.IsNil() {
		text = "nil"
	}
	if len(text) > 1000 {
		text = fmt.Sprintf("%s… (%d bytes)", text[:1000], len(text))
	}
	return text
}

// eventually asks until done is true, and ends the test if that takes too long.
func (f *fixture) eventually(what string, done func() bool) {
	f.t.Helper()
	deadline := time.After(20 * time.Second)
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for !done() {
		select {
		case <-deadline:
			f.t.Fatalf("%s: did not happen in time", what)
		case <-pause.C:
		}
	}
}
