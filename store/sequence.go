package store

import (
	"bytes"
	"slices"
)

// A Sequence is the queued attempts of an ordered subscription that share an ordering key,
// in the order of their deliveries. See [Queue].
type Sequence []*Attempt

// InSequence reports whether a delivery that begins with the attempt waits in a sequence, of
// a subscription that is Ordered, or is not.
func (a *Attempt) InSequence(ordered bool) bool { return ordered && a.Type == FirstPost && !a.External }

// With returns the sequence with an attempt that was queued.
func (s Sequence) With(a *Attempt) Sequence {
	i, _ := slices.BinarySearchFunc(s, a, func(b, a *Attempt) int { return bytes.Compare(b.DeliveryID[:], a.DeliveryID[:]) })
	return slices.Insert(s, i, a)
}

// Without returns the sequence without an attempt that ended.
func (s Sequence) Without(a *Attempt) Sequence {
	return slices.DeleteFunc(s, func(b *Attempt) bool { return a == b })
}

// HasTurn reports whether an attempt of the sequence can be claimed: no attempt of an earlier
// delivery is queued.
func (s Sequence) HasTurn(a *Attempt) bool { return s[0].DeliveryID == a.DeliveryID }
