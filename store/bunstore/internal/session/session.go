// Package session names the settings of a PostgreSQL session on which the statements of
// bunstore depend.
package session

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Setting is a setting and the value that it should have.
type Setting struct {
	Name, Value string
	accepts     func(value string) bool // nil: Value alone
}

// Accepts reports whether the statements work with a value of the setting.
func (s Setting) Accepts(value string) bool {
	if s.accepts != nil {
		return s.accepts(value)
	}
	return strings.EqualFold(value, s.Value)
}

// Required are the settings that change the meaning of a statement or of its result.
var Required = []Setting{
	{Name: "client_encoding", Value: "UTF8"},
	// A backslash in a literal stands for itself.
	{Name: "standard_conforming_strings", Value: "on"},
	// How times, bytes and floating-point numbers are written where results are text.
	{Name: "DateStyle", Value: "ISO, MDY", accepts: func(v string) bool { return strings.HasPrefix(v, "ISO,") }},
	{Name: "bytea_output", Value: "hex"},
	{Name: "extra_float_digits", Value: "1", accepts: func(v string) bool { n, _ := strconv.Atoi(v); return n >= 1 }},
	// NULL in the text of an array is no value.
	{Name: "array_nulls", Value: "on"},
	// Claims wait for rows that others change, and then read them as they are.
	{Name: "default_transaction_isolation", Value: "read committed"},
}

// tracked are the settings that PgBouncer takes from a client when it connects, and sets on
// the server's connection whenever the client uses one. It refuses every other setting, unless
// its ignore_startup_parameters lists it.
var tracked = map[string]bool{"client_encoding": true, "standard_conforming_strings": true, "DateStyle": true}

// Planner are the settings with which the planner prefers indexes, of which there is one
// for each statement. A prepared statement keeps the plan that was made while a table was
// small, which reads all of it, until the table is analyzed; by then it may have grown a
// hundredfold. A bitmap has no order, so a claim would read all that is due; and a merge
// join reads a table from one end to the other. Each statement finds few rows, for which the start
// of parallel workers takes longer than all other work.
var Planner = []Setting{
	{Name: "enable_seqscan", Value: "off"},
	{Name: "enable_bitmapscan", Value: "off"},
	{Name: "enable_mergejoin", Value: "off"},
	{Name: "jit", Value: "off"},
	{Name: "max_parallel_workers_per_gather", Value: "0"},
}

// PlanLocally returns a statement that sets the Planner settings until the end of its transaction.
func PlanLocally() string {
	calls := make([]string, len(Planner))
	for i, s := range Planner {
		calls[i] = fmt.Sprintf("set_config('%s', '%s', true)", s.Name, s.Value)
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// Direct adds all settings to the parameters that a session starts with.
func Direct(params map[string]string) map[string]string {
	out := Pooled(params)
	for _, settings := range [][]Setting{Required, Planner} {
		for _, s := range settings {
			set(out, s)
		}
	}
	return out
}

// Pooled adds the settings that a pooler tracks.
func Pooled(params map[string]string) map[string]string {
	out := maps.Clone(params)
	if out == nil {
		out = map[string]string{}
	}
	for _, s := range Required {
		if tracked[s.Name] {
			set(out, s)
		}
	}
	return out
}

// set replaces a parameter. PostgreSQL does not distinguish the case of its name.
func set(params map[string]string, s Setting) {
	maps.DeleteFunc(params, func(name, _ string) bool { return strings.EqualFold(name, s.Name) })
	params[s.Name] = s.Value
}
