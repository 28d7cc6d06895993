package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ecg-api/webhooks/client"
)

func TestIteratorsReadAllPages(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var codes []string
	for i := range 5 {
		code := fmt.Sprint("c", i)
		must(h.client.Registry.CreateCategory(t.Context(), client.CategoryInput{Name: code, Code: code}))
		codes = append(codes, code)
	}
	category := must(h.client.Registry.ListCategories(t.Context(), client.CatalogQuery{})).Items[0]
	must(h.client.Registry.CreateEventType(t.Context(), category.ID, client.EventTypeInput{Name: "e", Code: "e", Version: "v1"}))
	var messages []string
	for range 5 {
		messages = append(messages, must(h.client.Dispatcher.Publish(t.Context(), h.org, client.Event{Type: "e", Data: 1})).ID.String())
	}
	slices.Reverse(messages)

	for _, take := range []int{0, 1, 2, 5, 100} {
		byNumber := h.client.Registry.Categories(t.Context(), client.CatalogQuery{ListQuery: client.ListQuery{Take: take}})
		byCursor := h.client.Dispatcher.Messages(t.Context(), h.org, client.MessageQuery{CursorQuery: client.CursorQuery{Take: take}})
		for range 2 { // an iterator begins anew each time
			var gotCodes, gotMessages []string
			for c, err := range byNumber {
				check(err)
				gotCodes = append(gotCodes, c.Code)
			}
			for m, err := range byCursor {
				check(err)
				gotMessages = append(gotMessages, m.ID.String())
			}
			if !slices.Equal(gotCodes, codes) || !slices.Equal(gotMessages, messages) {
				t.Errorf("pages of %d: %v and %v", take, gotCodes, gotMessages)
			}
		}
	}
	rest, behindTheFirst := 0, client.MessageQuery{CursorQuery: client.CursorQuery{Take: 2, Skip: 1}}
	for _, err := range h.client.Dispatcher.Messages(t.Context(), h.org, behindTheFirst) {
		check(err)
		rest++
	}
	if rest != 3 {
		t.Errorf("%d messages behind the first page of two, want 3", rest)
	}
}

func TestAnIteratorReadsNoPageTooMuch(t *testing.T) {
	t.Parallel()
	page := func(next string) string {
		return `{"items": [{"code": "a"}, {"code": "b"}], "totalPages": 2, "nextCursor": ` + next + `}`
	}
	c, host := scripted(t, client.Config{}, answering(200, page(`"x"`)), answering(200, page("null")))
	for _, err := range c.Registry.Categories(t.Context(), client.CatalogQuery{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(host.bodies) != 1 {
		t.Errorf("%d requests for the first item", len(host.bodies))
	}
	c, host = scripted(t, client.Config{}, answering(200, page(`"x"`)), answering(200, page("null")))
	n := 0
	for _, err := range c.Registry.Categories(t.Context(), client.CatalogQuery{}) {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if len(host.bodies) != 2 || n != 4 {
		t.Errorf("%d requests for %d items of 2 pages", len(host.bodies), n)
	}
}

func TestAnIteratorEndsWithTheError(t *testing.T) {
	t.Parallel()
	c, host := scripted(t, client.Config{}, answering(200, `{"items": [{"code": "a"}], "totalPages": 3}`), answering(404, ""))
	var seen []error
	for _, err := range c.Registry.Categories(t.Context(), client.CatalogQuery{}) {
		seen = append(seen, err)
	}
	if len(seen) != 2 || seen[0] != nil || !errors.Is(seen[1], client.ErrNotFound) || len(host.bodies) != 2 {
		t.Errorf("it yielded %v with %d requests", seen, len(host.bodies))
	}
}
