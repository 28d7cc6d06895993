//go:build unix

package main

import (
	"fmt"
	"strings"
	"sync"
)

// result is the outcome of a run of a scenario.
type result struct {
	Scenario     string  `json:"scenario"`
	About        string  `json:"about"`
	Seed         uint64  `json:"seed"`
	Passed       bool    `json:"passed"`
	Seconds      float64 `json:"seconds"`
	Acknowledged int     `json:"acknowledged"`
	Delivered    int     `json:"delivered"`
	Lost         int     `json:"lost"`
	Duplicated   int     `json:"duplicated"`
	Faults       int     `json:"faults"`
	InFlight     int     `json:"inFlightAtFaults"`
	TakeOver     float64 `json:"longestTakeOverSeconds"`
	LeftOut      string  `json:"leftOut,omitempty"` // the reason why the scenario did not run

	Checks []check  `json:"checks"`
	Notes  []string `json:"notes,omitempty"`
	Errors []string `json:"errors,omitempty"`

	mu sync.Mutex
}

// check is an asserted number.
type check struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Bound  string  `json:"bound"`
	Passed bool    `json:"passed"`
}

// bound is the condition of a check, and its text in the report.
type bound struct {
	text  string
	holds func(float64) bool
}

func atMost(limit float64) bound {
	return bound{fmt.Sprintf("≤ %.4g", limit), func(v float64) bool { return v <= limit }}
}

func atLeast(limit float64) bound {
	return bound{fmt.Sprintf("≥ %.4g", limit), func(v float64) bool { return v >= limit }}
}

func exactly(want float64) bound {
	return bound{fmt.Sprintf("= %.4g", want), func(v float64) bool { return v == want }}
}

// check asserts a number.
func (r *result) check(name string, value float64, b bound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Checks = append(r.Checks, check{name, value, b.text, b.holds(value)})
}

// note adds a sentence to the report.
func (r *result) note(format string, arguments ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Notes = append(r.Notes, fmt.Sprintf(format, arguments...))
}

// fail adds an error, which fails the scenario; nil does nothing.
func (r *result) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Errors = append(r.Errors, err.Error())
}

// passed reports whether there is no error and every check holds.
func (r *result) passed() bool { return len(r.failures()) == 0 }

func (r *result) failures() (failures []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failures = append(failures, r.Errors...)
	for _, c := range r.Checks {
		if !c.Passed {
			failures = append(failures, fmt.Sprintf("%s: %.4g, want %s", c.Name, c.Value, c.Bound))
		}
	}
	return failures
}

func (r *result) word() string {
	switch {
	case r.LeftOut != "":
		return "LEFT OUT"
	case r.passed():
		return "pass"
	}
	return "FAIL"
}

// line is the result in one line, with a line for each failure below.
func (r *result) line() string {
	if r.LeftOut != "" {
		return fmt.Sprintf("%-8s %-22s %s", r.word(), r.Scenario, r.LeftOut)
	}
	line := fmt.Sprintf("%-8s %-22s %6d acknowledged %6d delivered %d lost %4d duplicated (%d in flight at %d faults)"+
		" take-over %5.1f s in %5.1f s",
		r.word(), r.Scenario, r.Acknowledged, r.Delivered, r.Lost, r.Duplicated, r.InFlight, r.Faults, r.TakeOver, r.Seconds)
	for _, failure := range r.failures() {
		line += "\n         " + strings.ReplaceAll(failure, "\n", "\n         ")
	}
	return line
}
