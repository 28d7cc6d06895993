package portal

import (
	"hash/maphash"
	"sync"
	"time"
)

// once serializes the actions on one thing in this process, so that a form that is sent twice finds the result of the first time.
type once struct {
	seed  maphash.Seed
	locks [64]sync.Mutex // by the hash of the thing's name
}

func newOnce() *once { return &once{seed: maphash.MakeSeed()} }

// lock waits until no other action on the thing runs. The function that it returns ends the action.
func (o *once) lock(thing string) (unlock func()) {
	l := &o.locks[maphash.String(o.seed, thing)%uint64(len(o.locks))]
	l.Lock()
	return l.Unlock
}

// opened is the present time, as a form carries it: a thing that is as the form asks for and is younger than the form was made by it.
func opened() string { return time.Now().UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// openedAt reads the time, zero for none.
func openedAt(text string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}
