package memstore

import (
	"bytes"
	"container/heap"
	"iter"
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

// chosen returns the things to keep, in the order of their ids.
func chosen[T any](things iter.Seq[T], keep func(T) bool, id func(T) uuid.UUID) []T {
	var out []T
	for thing := range things {
		if keep(thing) {
			out = append(out, thing)
		}
	}
	sortByID(out, id)
	return out
}

// list returns the page of things without large members, which are in the order of their ids.
func list[T, R any](things []T, p store.Page, id func(T) uuid.UUID, copied func(T) R) store.List[R] {
	return store.ListOf(things, p, id, func(T) int { return 0 }, func(thing T, _ bool) R { return copied(thing) })
}

// A dueHeap holds the queued attempts: pending ones in the order in which they become due,
// sending ones in the order in which their leases end.
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
