//go:build unix

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the outcome of a run of several scenarios, perhaps in parts.
type report struct {
	Form      string    `json:"form"` // short or long
	Machine   string    `json:"machine"`
	Commit    string    `json:"commit,omitempty"` // of the source
	Passed    bool      `json:"passed"`
	Parts     []part    `json:"parts"`
	Scenarios int       `json:"scenarios"` // that there are
	Missing   []string  `json:"missing,omitempty"`
	Results   []*result `json:"results"`
}

// part is one run of the program.
type part struct {
	Date   time.Time `json:"date"`
	Seed   uint64    `json:"seed"`
	AtOnce int       `json:"atOnce"` // scenarios at the same time
}

func newReport(ctx context.Context, form string, p part) *report {
	p.Date = time.Now().UTC().Truncate(time.Second)
	return &report{Form: form, Machine: machine(), Commit: sourceCommit(ctx), Scenarios: len(scenarios), Parts: []part{p}}
}

const reportName = "chaos"

// readFrom adds the results of the report in a directory, if there is one.
func (r *report) readFrom(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, reportName+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var former report
	if err := json.Unmarshal(text, &former); err != nil {
		return fmt.Errorf("%s.json: %w", reportName, err)
	}
	if former.Form != r.Form || former.Machine != r.Machine || former.Commit != r.Commit {
		return fmt.Errorf("the report in %s is of the %s form of commit %q on %s: start a new one, without -add",
			dir, former.Form, former.Commit, former.Machine)
	}
	r.Parts = append(former.Parts, r.Parts...)
	for _, result := range former.Results {
		r.add(result)
	}
	return nil
}

// position is the place of a scenario in the list of all.
func position(r *result) int {
	return slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == r.Scenario })
}

// add adds a result, in place of a former result of the scenario.
func (r *report) add(added *result) {
	added.Passed = added.passed()
	r.Results = slices.DeleteFunc(r.Results, func(former *result) bool { return former.Scenario == added.Scenario })
	r.Results = append(r.Results, added)
	slices.SortStableFunc(r.Results, func(a, b *result) int { return cmp.Compare(position(a), position(b)) })
	r.Passed, r.Missing = true, nil
	for _, s := range scenarios {
		i := slices.IndexFunc(r.Results, func(one *result) bool { return one.Scenario == s.name })
		switch {
		case i < 0:
			r.Missing = append(r.Missing, s.name)
		case !r.Results[i].Passed:
			r.Passed = false
		}
	}
}

// machine describes the processors and the memory.
func machine() string {
	text := fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return text // not Linux
	}
	var kib int
	if _, err := fmt.Sscanf(string(info), "MemTotal: %d kB", &kib); err != nil {
		return text
	}
	return fmt.Sprintf("%s, %d GiB of memory", text, kib>>20)
}

// write writes the report as chaos.md and chaos.json into a directory.
func (r *report) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	var markdown bytes.Buffer
	r.markdown(&markdown)
	return errors.Join(
		os.MkdirAll(dir, 0o750),
		os.WriteFile(filepath.Join(dir, reportName+".json"), append(text, '\n'), 0o600),
		os.WriteFile(filepath.Join(dir, reportName+".md"), markdown.Bytes(), 0o600),
	)
}

// heading says how the report came about, and which scenarios it lacks.
func (r *report) heading() string {
	form := strings.ToUpper(r.Form[:1]) + r.Form[1:]
	text := fmt.Sprintf("%s form, commit %s, on %s.", form, cmp.Or(r.Commit, "unknown"), r.Machine)
	runs := make([]string, len(r.Parts))
	for i, p := range r.Parts {
		runs[i] = fmt.Sprintf("seed %d, %d scenarios at once, %s", p.Seed, p.AtOnce, p.Date.Format("2006-01-02 15:04 MST"))
	}
	if len(runs) == 1 {
		text += " One run: " + runs[0] + "."
	} else {
		text += fmt.Sprintf(" Made in %d parts: %s.", len(runs), strings.Join(runs, "; "))
	}
	if len(r.Missing) > 0 {
		text += fmt.Sprintf(" %d of %d scenarios; not run: %s.", len(r.Results), r.Scenarios, strings.Join(r.Missing, ", "))
	}
	return text
}

func (r *report) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n", r.heading())
	fmt.Fprint(w, "| scenario | result | seed | acknowledged | delivered | lost | duplicated | in flight at faults | faults |"+
		" longest take-over | duration |\n"+
		"| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, s := range r.Results {
		if s.LeftOut != "" {
			fmt.Fprintf(w, "| %s | left out: %s |\n", s.Scenario, s.LeftOut)
			continue
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d | %d | %.1f s | %.0f s |\n", s.Scenario, s.word(), s.Seed,
			s.Acknowledged, s.Delivered, s.Lost, s.Duplicated, s.InFlight, s.Faults, s.TakeOver, s.Seconds)
	}
	for _, s := range r.Results {
		s.markdown(w)
	}
}

// markdown lists the asserted numbers.
func (r *result) markdown(w io.Writer) {
	if r.LeftOut != "" {
		return
	}
	fmt.Fprintf(w, "\n**%s** %s\n\n", r.Scenario, r.About)
	for _, c := range r.Checks {
		mark := ""
		if !c.Passed {
			mark = " — **FAILED**"
		}
		fmt.Fprintf(w, "- %s: %.4g (%s)%s\n", c.Name, c.Value, c.Bound, mark)
	}
	for _, text := range r.Notes {
		fmt.Fprintf(w, "- %s\n", strings.ReplaceAll(text, "\n", " "))
	}
	for _, text := range r.Errors {
		fmt.Fprintf(w, "- **FAILED**: %s\n", strings.ReplaceAll(text, "\n", " "))
	}
}
