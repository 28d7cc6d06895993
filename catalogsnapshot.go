package webhooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"

	"github.com/google/uuid"
)

// MaxSnapshotTypes is the largest number of event types in a [CatalogSnapshot].
const MaxSnapshotTypes = 10_000

// CatalogSnapshot is the catalog as it is at one time. Package catalog makes documents of it.
type CatalogSnapshot struct {
	// Version is equal for two snapshots of one store if nothing in the catalog changed between
	// them. See [Registry.CatalogVersion].
	Version string
	// Categories are in the order of their codes.
	Categories []Category
	// EventTypes are in the order of code and version. Inactive and archived ones are among them.
	EventTypes []EventType
	// Samples are the samples of EventTypes, by the id of the event type, in the order of creation.
	Samples map[uuid.UUID][]Sample
	// Truncated has the ids of the event types that lack a description, their schema or a sample,
	// because the snapshot would be too large with it.
	Truncated map[uuid.UUID]bool
	// Omitted counts the event types beyond MaxSnapshotTypes.
	Omitted int
}

// Sort brings Categories and EventTypes of a snapshot that was read elsewhere into their order.
func (s *CatalogSnapshot) Sort() {
	slices.SortFunc(s.Categories, func(a, b Category) int { return cmp.Compare(a.Code, b.Code) })
	slices.SortFunc(s.EventTypes, func(a, b EventType) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Version, b.Version))
	})
}

// CatalogVersion returns a text that changes with every change of the catalog. It reads no
// schemas and no samples, so that it is cheaper than a [Registry.Snapshot].
func (r *Registry) CatalogVersion(ctx context.Context) (string, error) {
	s, err := r.Snapshot(ctx, 1)
	return s.Version, err
}

// Snapshot reads the whole catalog. Its descriptions, schemas and samples together have at most
// maxBytes bytes, and at most 1 MiB more. The reads are no transaction: a change of the catalog
// meanwhile can be in a part of the snapshot, and Version then is of no other snapshot.
func (r *Registry) Snapshot(ctx context.Context, maxBytes int) (CatalogSnapshot, error) {
	b := &snapshotReader{sum: sha256.New(), left: maxBytes}
	b.Samples, b.Truncated = map[uuid.UUID][]Sample{}, map[uuid.UUID]bool{}
	err := readWhole(b, func(p Page) (List[Category], error) { return r.store.Categories(ctx, IncludeArchived, p) }, b.category)
	if err != nil {
		return CatalogSnapshot{}, err
	}
	err = readWhole(b, func(p Page) (List[EventType], error) { return r.store.EventTypes(ctx, uuid.Nil, IncludeArchived, p) }, b.eventType)
	if err != nil {
		return CatalogSnapshot{}, err
	}
	err = readWhole(b, func(p Page) (List[Sample], error) { return r.store.Samples(ctx, uuid.Nil, p) }, b.sample)
	if err != nil {
		return CatalogSnapshot{}, err
	}
	b.Sort()
	b.Version = hex.EncodeToString(b.sum.Sum(nil))
	return b.CatalogSnapshot, nil
}

// snapshotReader collects a snapshot.
type snapshotReader struct {
	CatalogSnapshot
	sum  hash.Hash // of ids and revisions
	left int       // bytes
}

// readWhole calls add with every item of a list, and whether the store left out its large members.
// Add returns the item's id.
func readWhole[T any](b *snapshotReader, list func(Page) (List[T], error), add func(item T, truncated bool) uuid.UUID) error {
	page := Page{Take: 1000}
	for {
		page.MaxBytes = max(b.left, 1)
		found, err := list(page)
		if err != nil {
			return err
		}
		for i, item := range found.Items {
			page.After = add(item, i >= len(found.Items)-found.Truncated)
		}
		if len(found.Items) < page.Take {
			return nil
		}
	}
}

func (b *snapshotReader) category(c Category, _ bool) uuid.UUID {
	b.note('c', c.ID, c.Revision)
	if !b.take(len(c.Description)) {
		c.Description = ""
	}
	if len(b.Categories) < MaxSnapshotTypes {
		b.Categories = append(b.Categories, c)
	}
	return c.ID
}

func (b *snapshotReader) eventType(e EventType, truncated bool) uuid.UUID {
	b.note('e', e.ID, e.Revision)
	if len(b.EventTypes) == MaxSnapshotTypes {
		b.Omitted++
		return e.ID
	}
	if !b.take(len(e.Description)+len(e.Schema)) || truncated {
		e.Description, e.Schema, b.Truncated[e.ID] = "", nil, true
	}
	b.EventTypes, b.Samples[e.ID] = append(b.EventTypes, e), nil
	return e.ID
}

func (b *snapshotReader) sample(s Sample, truncated bool) uuid.UUID {
	b.note('s', s.ID, s.Revision)
	if _, known := b.Samples[s.EventTypeID]; !known {
		return s.ID
	}
	if !b.take(len(s.Payload)) || truncated {
		b.Truncated[s.EventTypeID] = true
		return s.ID
	}
	b.Samples[s.EventTypeID] = append(b.Samples[s.EventTypeID], s)
	return s.ID
}

// take takes bytes, and reports whether there was room for them. After the first refusal every
// call is refused.
func (b *snapshotReader) take(bytes int) bool {
	b.left -= bytes
	if b.left < 0 {
		b.left = -1
	}
	return b.left >= 0
}

func (b *snapshotReader) note(kind rune, id uuid.UUID, revision int64) {
	fmt.Fprintf(b.sum, "%c%s %d\n", kind, id, revision)
}
