package webhooks

import (
	"errors"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// A transition is one of the four changes of a lifecycle. It reports false when
// there is nothing to change: all four can be repeated.
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

// errUnchanged ends a store's update without a new revision when there is nothing
// to change; settle makes it a success.
var errUnchanged = errors.New("nothing to change")

func settle(err error) error {
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}
