package webhooks

import (
	"context"
	"errors"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// A transition is one of the four changes of a lifecycle: activate, deactivate, archive, restore.
// Each can be repeated: it reports false if the record is in the wanted state already.
type transition func(l *store.Lifecycle, now time.Time) (changed bool, err error)

func activate(l *store.Lifecycle, now time.Time) (bool, error) {
	if l.Archived {
		return false, ErrArchived
	}
	return setActive(l, true, now), nil
}

func deactivate(l *store.Lifecycle, now time.Time) (bool, error) {
	return setActive(l, false, now), nil
}

func archive(l *store.Lifecycle, now time.Time) (bool, error) { return setArchived(l, true, now), nil }

func restore(l *store.Lifecycle, now time.Time) (bool, error) { return setArchived(l, false, now), nil }

func setActive(l *store.Lifecycle, to bool, now time.Time) bool {
	if l.Active == to {
		return false
	}
	l.Active, l.ActiveChangedAt = to, now
	return true
}

func setArchived(l *store.Lifecycle, to bool, now time.Time) bool {
	if l.Archived == to {
		return false
	}
	l.Archived, l.ArchivedChangedAt = to, now
	return true
}

// errUnchanged ends a store's update without a new revision if the record is in the wanted state;
// ignoreUnchanged makes it a success.
var errUnchanged = errors.New("nothing to change")

func ignoreUnchanged(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// move applies a transition to a record. Call it inside a store's update.
func (c *core) move(ctx context.Context, l *Lifecycle, a *Audit, move transition) error {
	changed, err := move(l, c.now())
	if err != nil {
		return err
	}
	if !changed {
		return errUnchanged
	}
	c.touch(ctx, a)
	return nil
}

// editable returns [ErrArchived] for an archived record.
func editable(l Lifecycle) error {
	if l.Archived {
		return ErrArchived
	}
	return nil
}
