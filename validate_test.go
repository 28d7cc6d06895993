package webhooks_test

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// The pointers of a ValidationError begin with a name that stands in a field tag of the input.
func TestFieldErrorsUseTheNamesInTheFieldTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, ctx := w.subscribe("*"), t.Context()
	attempt, err := w.Dispatcher.Post(ctx, w.org, s.ID, webhooks.PostInput{Type: w.typ.Code, Data: 1, External: true})
	w.must(err)
	for _, c := range []struct {
		pointer string
		input   any
	}{
		{"/eventType", webhooks.Event{Type: "a b", Data: 1}},
		{"/version", webhooks.Event{Type: w.typ.Code, Version: "v/1", Data: 1}},
		{"/data", webhooks.Event{Type: w.typ.Code, Data: func() {}}},
		{"/idempotencyKey", webhooks.Event{Type: w.typ.Code, Data: 1, IdempotencyKey: "a\nb"}},
		{"/orderingKey", webhooks.Event{Type: w.typ.Code, Data: 1, OrderingKey: "a\nb"}},
		{"/eventType", webhooks.PostInput{Type: "a b", Data: 1}},
		{"/eventTypeId", webhooks.PostInput{EventTypeID: uuid.New(), Data: 1}},
		{"/data", webhooks.PostInput{Type: w.typ.Code, Data: func() {}}},
		{"/source", webhooks.PostInput{Type: w.typ.Code, Data: 1, Source: []byte("[]")}},
		{"/retryOf", webhooks.PostInput{Type: w.typ.Code, Data: 1, RetryOf: uuid.New()}},
		{"/kind", webhooks.PostInput{Type: w.typ.Code, Data: 1, Kind: webhooks.ManualRetry}},
		{"/deliveryId", webhooks.ReportInput{DeliveryID: uuid.New(), Success: true}},
		{"/httpStatus", webhooks.ReportInput{Success: true, HTTPStatus: 99}},
		{"/error", webhooks.ReportInput{}},
		{"/timeoutMs", webhooks.SubscriptionInput{Timeout: time.Minute}},
	} {
		var err error
		switch in := c.input.(type) {
		case webhooks.Event:
			_, err = w.Dispatcher.Publish(ctx, w.org, in)
		case webhooks.PostInput:
			_, err = w.Dispatcher.Post(ctx, w.org, s.ID, in)
		case webhooks.ReportInput:
			_, err = w.Dispatcher.Report(ctx, w.org, s.ID, attempt.ID, in)
		case webhooks.SubscriptionInput:
			_, _, err = w.Subscriptions.Create(ctx, w.org, in)
		}
		v, ok := errors.AsType[*webhooks.ValidationError](err)
		if !ok || v.Fields[0].Pointer != c.pointer {
			t.Errorf("%T: got %v, want a fault at %s", c.input, err, c.pointer)
			continue
		}
		name, tagged := strings.TrimPrefix(c.pointer, "/"), false
		for i := range reflect.TypeOf(c.input).NumField() {
			tagged = tagged || reflect.TypeOf(c.input).Field(i).Tag.Get("field") == name
		}
		if !tagged {
			t.Errorf("%T has no field with the tag %s", c.input, name)
		}
	}
}

// An event type's code and version are ASCII letters, digits, dots, underscores and hyphens.
func TestCodesAndVersionsHaveTheirForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	version := regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)
	values := []string{"a\n", "é", "a\xff"}
	for _, n := range []int{32, 33, 100, 101} {
		values = append(values, strings.Repeat("a", n))
	}
	for c := range 256 {
		values = append(values, string([]byte{byte(c)}), string([]byte{'a', byte(c)}))
	}
	check := func(pointer, value string, e webhooks.Event, matches bool) {
		_, err := w.Dispatcher.Publish(t.Context(), w.org, e)
		bad, ok := errors.AsType[*webhooks.ValidationError](err)
		if refused := ok && bad.Problem == webhooks.Invalid && bad.Fields[0].Pointer == pointer; refused == matches {
			t.Errorf("%s %q: %v", pointer, value, err)
		}
	}
	for _, v := range values {
		check("/eventType", v, webhooks.Event{Type: v, Data: 1}, code.MatchString(v))
		check("/version", v, webhooks.Event{Type: w.typ.Code, Version: v, Data: 1}, v == "" || version.MatchString(v))
	}
}
