package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// maxPage bounds a page in bytes: the records that the store reads, and the items in the answer.
const maxPage = 8 << 20

// smallPage bounds the first read of a page in bytes. smallPageWork is the memory for it. Most pages
// are small.
const (
	smallPage     = 64 << 10
	smallPageWork = 8 * smallPage
)

// truncatable is a pointer to an item. truncate leaves out its large members.
type truncatable[T any] interface {
	*T
	truncate()
}

// readPage reads a list of items that can be large: with the bound smallPage, and if that truncates
// items, with the bound maxPage. If large is true, it reads with maxPage at once.
func readPage[R any](c *call, large bool, read func(maxBytes int) (webhooks.List[R], error)) (found webhooks.List[R], err error) {
	if !large {
		if err := c.reserve(smallPageWork); err != nil {
			return found, err
		}
		if found, err = read(smallPage); err != nil || found.Truncated == 0 {
			return found, err
		}
	}
	if err := c.reserve(workPerPage * maxPage); err != nil {
		return found, err
	}
	return read(maxPage)
}

// replyPage answers with a page of at most maxPage bytes. A list with a cursor has fewer items for
// that, and its cursor leads to the next one; in a list without, the items beyond the bound lack
// their large members. Each item is encoded by itself.
func replyPage[R, T any, P truncatable[T]](c *call, found webhooks.List[R], p paging, id func(R) uuid.UUID, show func(R) T) error {
	whole := len(found.Items) - found.Truncated
	more := len(found.Items) > p.take
	found.Items = found.Items[:min(len(found.Items), p.take)]
	var items [][]byte
	var last uuid.UUID
	size := 0
	for i, r := range found.Items {
		shown := show(r)
		text, err := encode(shown)
		if i > 0 && (i >= whole || size+len(text) > maxPage) {
			if p.shortens {
				more = true
				break
			}
			whole = i
			P(&shown).truncate()
			text, err = encode(shown)
		}
		if err != nil {
			return err
		}
		items, size, last = append(items, text), size+len(text), id(r)
		found.Items[i] = *new(R) // it is encoded
	}
	page := listOf(webhooks.List[R]{Total: found.Total}, p, show)
	if !p.cursors {
		return c.sendItems(items, page)
	}
	next := history[T]{list: page}
	if more {
		next.NextCursor = optional(cursorOf(last))
	}
	return c.sendItems(items, next)
}

// sendItems answers with an envelope that has no items yet.
func (c *call) sendItems(items [][]byte, envelope any) error {
	text, err := encode(envelope)
	if err != nil {
		return err
	}
	at := len(`{"items":[`)
	return c.send(http.StatusOK, splice(text[:at], items, text[at:])...)
}

// splice returns the parts of a text that has items, with commas between them.
func splice(before []byte, items [][]byte, after []byte) [][]byte {
	parts := [][]byte{before}
	for i, item := range items {
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, item)
	}
	return append(parts, after)
}

// room is the number of bytes that an answer has left for large members.
type room int

// take takes bytes, and reports whether there was room for them. After the first refusal every call
// is refused.
func (r *room) take(bytes int) bool {
	if *r -= room(bytes); *r < 0 {
		*r = -1 << 62
	}
	return *r >= 0
}
