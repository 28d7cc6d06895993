package schema

import (
	"context"
	"errors"
)

// The budget of one call: StepsPerCall, and StepsPerByte more for each byte of the values
// that the call brings. A step is about 50 ns: one schema applied to one value, one
// member or item visited, four states of a pattern.
const (
	StepsPerCall = 1_000_000
	StepsPerByte = 4
)

// ErrBudget is returned by [Schema.Validate] when the budget is spent, or [MaxScopes] exceeded.
var ErrBudget = errors.New("schema: the budget of steps is spent")

// Budget bounds the steps of all validations of one call. It is not safe for concurrent use.
type Budget struct{ left int }

// NewBudget returns a budget of StepsPerCall.
func NewBudget() *Budget { return &Budget{StepsPerCall} }

// stop ends a validation from within; Validate recovers it.
type stop struct{ err error }

// meter counts steps, and checks the context every stepsPerCheck steps.
type meter struct {
	ctx       context.Context //nolint:containedctx // of one validation, which made the meter
	budget    *Budget
	unchecked int // steps since the last check of the context

	// The state of pattern.match, kept from one match to the next.
	marks         []uint32
	mark          uint32
	states, seeds []uint32
	stack         []uint32
}

// stepsPerCheck is the number of steps between two checks of the context.
const stepsPerCheck = 1 << 14

func (m *meter) spend(steps int) {
	m.budget.left -= steps
	if m.budget.left < 0 {
		panic(stop{ErrBudget})
	}
	if m.unchecked += steps; m.unchecked >= stepsPerCheck {
		m.unchecked = 0
		if err := m.ctx.Err(); err != nil {
			panic(stop{err})
		}
	}
}

// unmetered returns a meter that never stops, for values of a schema, which are small.
func unmetered() *meter {
	return &meter{ctx: context.Background(), budget: &Budget{1 << 62}}
}
