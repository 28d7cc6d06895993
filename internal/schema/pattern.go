package schema

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// pattern is a regular expression of a schema. It is matched by simulating the automaton
// state by state, as package regexp does in the worst case, so that states can be counted:
// a match takes up to the length of the text times that of the program, 80 µs for each
// character of a text where the program has 1,000 instructions.
type pattern struct {
	text     string
	program  *syntax.Prog
	anchored bool // matches at the start of a text alone
}

// maxProgram is the greatest number of instructions of all patterns of a schema together.
const maxProgram = 10_000

var errLongPatterns = errors.New("the patterns of the schema have more than 10,000 instructions, counting repetitions")

// patterns compiles the patterns of a schema.
type patterns struct {
	byText map[string]*pattern
	failed error // of the first that cannot be compiled
}

// compile is a jsonschema.RegexpEngine. The library calls it again and again for the same
// pattern.
func (c *patterns) compile(text string) (jsonschema.Regexp, error) {
	left := maxProgram
	for _, p := range c.byText {
		left -= len(p.program.Inst)
	}
	if p := c.byText[text]; p != nil {
		return p, nil
	}
	p, err := newPattern(text, left)
	if err != nil {
		if c.failed == nil {
			c.failed = fmt.Errorf("the pattern '%.100s' cannot be used: %w", text, err)
		}
		return nil, err
	}
	c.byText[text] = p
	return p, nil
}

// newPattern compiles a regular expression in the syntax of package regexp. It fails if
// its program would have more than most instructions.
func newPattern(text string, most int) (*pattern, error) {
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if instructions(re) > most { // before Simplify writes each repetition out
		return nil, errLongPatterns
	}
	program, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	return &pattern{text, program, program.StartCond()&syntax.EmptyBeginText != 0}, nil
}

// instructions estimates the length of the program of an expression.
func instructions(re *syntax.Regexp) int {
	n := 2
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1) // Max is -1 for none
	}
	return min(n, 1<<30)
}

// String returns the expression.
func (p *pattern) String() string { return p.text }

// MatchString reports whether the text contains a match.
func (p *pattern) MatchString(text string) bool { return unmetered().match(p, text) }

// match is MatchString, with a budget.
func (m *meter) match(p *pattern, text string) bool {
	if len(m.marks) < len(p.program.Inst) {
		m.marks = make([]uint32, len(p.program.Inst))
		m.mark = 0
	}
	m.seeds = m.seeds[:0]
	before := rune(-1)
	for pos := 0; ; {
		next, size := rune(-1), 0
		if pos < len(text) {
			next, size = utf8.DecodeRuneInString(text[pos:])
		}
		if pos == 0 || !p.anchored {
			m.seeds = append(m.seeds, uint32(p.program.Start))
		}
		if m.close(p, syntax.EmptyOpContext(before, next)) {
			return true
		}
		if size == 0 || len(m.states) == 0 && p.anchored {
			return false
		}
		for _, at := range m.states {
			if in := &p.program.Inst[at]; in.MatchRune(next) {
				m.seeds = append(m.seeds, in.Out)
			}
		}
		before, pos = next, pos+size
	}
}

// close follows the instructions that take no character from the seeds on, and keeps the
// states that take one. It reports whether one of them is a match.
func (m *meter) close(p *pattern, context syntax.EmptyOp) bool {
	m.states = m.states[:0]
	m.stack = append(m.stack[:0], m.seeds...)
	m.seeds = m.seeds[:0]
	m.mark++
	visited := 0
	for len(m.stack) > 0 {
		at := m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
		if visited++; m.marks[at] == m.mark {
			continue
		}
		m.marks[at] = m.mark
		switch in := &p.program.Inst[at]; in.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			m.stack = append(m.stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			m.stack = append(m.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^context == 0 {
				m.stack = append(m.stack, in.Out)
			}
		default:
			m.states = append(m.states, at)
		}
	}
	m.spend(1 + visited/4)
	return false
}
