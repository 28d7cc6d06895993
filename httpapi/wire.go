package httpapi

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// timestamp is a time as the interface shows it: UTC, in milliseconds, null when
// zero.
type timestamp time.Time

const timeForm = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements [json.Marshaler].
func (t timestamp) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	b := []byte{'"'}
	b = time.Time(t).UTC().AppendFormat(b, timeForm)
	return append(b, '"'), nil
}

type auditInfo struct {
	CreatedAt timestamp `json:"createdAt"`
	CreatedBy *string   `json:"createdBy"`
	UpdatedAt timestamp `json:"updatedAt"`
	UpdatedBy *string   `json:"updatedBy"`
}

type activeInfo struct {
	Active    bool      `json:"active"`
	ChangedAt timestamp `json:"activeStatusChangedAt"`
}

type archiveInfo struct {
	Archived  bool      `json:"archived"`
	ChangedAt timestamp `json:"archivedStatusChangedAt"`
}

func auditOf(a webhooks.Audit) auditInfo {
	return auditInfo{timestamp(a.CreatedAt), optional(a.CreatedBy), timestamp(a.UpdatedAt), optional(a.UpdatedBy)}
}

func activeOf(l webhooks.Lifecycle) activeInfo {
	return activeInfo{l.Active, timestamp(l.ActiveChangedAt)}
}

func archiveOf(l webhooks.Lifecycle) archiveInfo {
	return archiveInfo{l.Archived, timestamp(l.ArchivedChangedAt)}
}

// optional returns nil, which is null in JSON, for the zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// readable returns stored JSON. If the store holds a text that is no JSON, it returns nil and adds
// the member's name to the damaged members: one such value would spoil the whole answer.
func readable(stored []byte, member string, damaged *[]string) json.RawMessage {
	if stored == nil || json.Valid(stored) {
		return stored
	}
	*damaged = append(*damaged, member)
	return nil
}

// identity is a resource of which only the id is shown.
type identity struct {
	ID uuid.UUID `json:"id"`
}

// list is the envelope of a list.
type list[T any] struct {
	Items             []T `json:"items"`
	CurrentPageNumber int `json:"currentPageNumber"`
	RecordsPerPage    int `json:"recordsPerPage"`
	TotalRecords      int `json:"totalRecords"`
	TotalPages        int `json:"totalPages"`
}

// history is the envelope of a list that can be read on with a cursor.
type history[T any] struct {
	list[T]
	NextCursor *string `json:"nextCursor"`
}

func listOf[R, T any](from webhooks.List[R], p paging, show func(R) T) list[T] {
	l := list[T]{
		Items: make([]T, 0, len(from.Items)), CurrentPageNumber: p.skip, RecordsPerPage: p.take,
		TotalRecords: from.Total, TotalPages: (from.Total + p.take - 1) / p.take,
	}
	for _, r := range from.Items {
		l.Items = append(l.Items, show(r))
	}
	return l
}

// historyOf makes a page of a list that was read with [paging.history]: one item
// more than the page says whether there is a next one.
func historyOf[R, T any](from webhooks.List[R], p paging, id func(R) uuid.UUID, show func(R) T) history[T] {
	var next *string
	if len(from.Items) > p.take {
		from.Items = from.Items[:p.take]
		next = optional(cursorOf(id(from.Items[p.take-1])))
	}
	return history[T]{listOf(from, p, show), next}
}
