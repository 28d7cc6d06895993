package memstore

import (
	"bytes"
	"container/heap"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// compare orders ids.
func compare(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// sortByID puts things in the order of their ids.
func sortByID[T any](things []T, id func(T) uuid.UUID) {
	slices.SortFunc(things, func(a, b T) int { return compare(id(a), id(b)) })
}

// insert adds to a list that is in the order of the ids.
func insert[T any](list []T, v T, id func(T) uuid.UUID) []T {
	i, _ := slices.BinarySearchFunc(list, id(v), func(e T, target uuid.UUID) int { return compare(id(e), target) })
	return slices.Insert(list, i, v)
}

// list makes the page of what matches, which is in the order of the ids. Read
// makes the copy that is given out.
func list[T, R any](matching []T, id func(T) uuid.UUID, p store.Page, read func(T) R) store.List[R] {
	return boundedList(matching, id, p, func(T) int { return 0 }, func(e T, _ bool) R { return read(e) })
}

// boundedList is list for items with large members. Size is how many bytes these have.
// Read leaves them out unless the item is to be whole.
func boundedList[T, R any](
	matching []T, id func(T) uuid.UUID, p store.Page, size func(T) int, read func(e T, whole bool) R,
) store.List[R] {
	out := store.List[R]{Total: len(matching)}
	if p.After != uuid.Nil {
		i, found := slices.BinarySearchFunc(matching, p.After, func(e T, target uuid.UUID) int { return compare(id(e), target) })
		switch {
		case p.Descending:
			matching = matching[:i]
		case found:
			matching = matching[i+1:]
		default:
			matching = matching[i:]
		}
	}
	n, bytes := len(matching), 0
	for i := max(p.Skip, 0); i < n && len(out.Items) < p.Take; i++ {
		e := matching[i]
		if p.Descending {
			e = matching[n-1-i]
		}
		bytes += size(e)
		if p.MaxBytes > 0 && bytes > p.MaxBytes && len(out.Items) > 0 {
			out.Truncated++
		}
		out.Items = append(out.Items, read(e, out.Truncated == 0))
	}
	return out
}

// A dueHeap holds the attempts that are pending, by when they are due, and those
// that are being sent, by when their lease ends.
type dueHeap []*attempt

var _ heap.Interface = (*dueHeap)(nil)

func (h dueHeap) Len() int { return len(h) }

func (h dueHeap) Less(i, j int) bool {
	if c := h[i].due.Compare(h[j].due); c != 0 {
		return c < 0
	}
	return compare(h[i].ID, h[j].ID) < 0
}

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *dueHeap) Push(x any) {
	a := x.(*attempt)
	a.place = len(*h)
	*h = append(*h, a)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	a.place = -1
	return a
}
