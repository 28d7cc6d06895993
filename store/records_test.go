package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ecg-api/webhooks/store"
)

func TestMessageData(t *testing.T) {
	t.Parallel()
	const head = `{"id":"0","type":"a.b","version":"v1","timestamp":"2026-01-02T03:04:05.006Z"`
	for name, tt := range map[string]struct{ body, want string }{
		"Object":       {head + `,"data":{"n":1.0,"big":9007199254740993}}`, `{"n":1.0,"big":9007199254740993}`},
		"NestedData":   {head + `,"data":{"x":1,"data":{"data":2}}}`, `{"x":1,"data":{"data":2}}`},
		"Array":        {head + `,"data":[{}]}`, `[{}]`},
		"String":       {head + `,"data":"}"}`, `"}"`},
		"EndsInBraces": {head + `,"data":{"a":{"b":{}}}}`, `{"a":{"b":{}}}`},
		"Null":         {head + `,"data":null}`, `null`},
		"Number":       {head + `,"data":1e400}`, `1e400`},
		"Missing":      {head + `}`, ``},
		"Empty":        {``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (store.Message{Body: []byte(tt.body)}).Data(); string(got) != tt.want {
				t.Errorf("Data() = %q, want %q", got, tt.want)
			}
		})
	}
	if (store.Message{}).Data() != nil {
		t.Error("Data() of a message without a body is not nil")
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[store.Status]struct {
		name     string
		finished bool
	}{
		store.Pending:   {"pending", false},
		store.Sending:   {"sending", false},
		store.Succeeded: {"succeeded", true},
		store.Failed:    {"failed", true},
		store.Cancelled: {"cancelled", true},
		-1:              {"unknown", false},
		5:               {"unknown", true},
	} {
		if status.String() != want.name || status.Finished() != want.finished {
			t.Errorf("status %d: got %q, finished %t", int(status), status.String(), status.Finished())
		}
	}
}

func TestStatusFilter(t *testing.T) {
	t.Parallel()
	all := []store.Status{store.Pending, store.Sending, store.Succeeded, store.Failed, store.Cancelled}
	for filter, want := range map[store.StatusFilter][]bool{
		store.AnyStatus:     {true, true, true, true, true},
		store.OnlySucceeded: {false, false, true, false, false},
		store.OnlyFailed:    {false, false, false, true, false},
		store.OnlyPending:   {true, true, false, false, false},
	} {
		for i, status := range all {
			if got := filter.Keeps(status); got != want[i] {
				t.Errorf("filter %d keeps %s: %t, want %t", filter, status, got, want[i])
			}
		}
	}
}

func TestStatusClass(t *testing.T) {
	t.Parallel()
	for class, want := range map[store.StatusClass][]int{
		store.AnyClass:   {0, 100, 199, 200, 299, 300, 404, 500, 599},
		store.NoResponse: {0},
		store.Class2xx:   {200, 299},
		store.Class3xx:   {300},
		store.Class4xx:   {404},
		store.Class5xx:   {500, 599},
	} {
		for _, status := range []int{0, 100, 199, 200, 299, 300, 404, 500, 599} {
			if got := class.Keeps(status); got != slices.Contains(want, status) {
				t.Errorf("class %d keeps %d: %t", class, status, got)
			}
		}
	}
}

func TestArchivedFilter(t *testing.T) {
	t.Parallel()
	for filter, want := range map[store.ArchivedFilter][2]bool{
		store.ExcludeArchived: {true, false},
		store.IncludeArchived: {true, true},
		store.OnlyArchived:    {false, true},
	} {
		if got := [2]bool{filter.Keeps(false), filter.Keeps(true)}; got != want {
			t.Errorf("filter %d keeps (what is not, what is archived): %v, want %v", filter, got, want)
		}
	}
}

func TestPublishable(t *testing.T) {
	t.Parallel()
	good := store.EventType{Lifecycle: store.Lifecycle{Active: true}, Category: store.CategoryRef{Active: true}}
	if !good.Publishable() {
		t.Error("an active event type of an active category is not publishable")
	}
	for name, spoil := range map[string]func(*store.EventType){
		"inactive":          func(e *store.EventType) { e.Active = false },
		"archived":          func(e *store.EventType) { e.Archived = true },
		"category inactive": func(e *store.EventType) { e.Category.Active = false },
		"category archived": func(e *store.EventType) { e.Category.Archived = true },
	} {
		e := good
		spoil(&e)
		if e.Publishable() {
			t.Errorf("%s: publishable", name)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		store.ErrCodeTaken, store.ErrSampleExists, store.ErrInUse, store.ErrNotFinished,
		store.ErrIdempotencyMismatch, store.ErrSeedChanged,
	} {
		if !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v is no conflict", err)
		}
	}
	wrapped := fmt.Errorf("publish: %w", &store.IdempotencyError{Index: 3})
	if !errors.Is(wrapped, store.ErrIdempotencyMismatch) {
		t.Errorf("%v is no mismatch", wrapped)
	}
	var mismatch *store.IdempotencyError
	if !errors.As(wrapped, &mismatch) || mismatch.Index != 3 {
		t.Errorf("%v has lost its index", wrapped)
	}
}
