//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report is the outcome of a run of several scenarios.
type report struct {
	Date    time.Time `json:"date"`
	Seed    uint64    `json:"seed"`
	Form    string    `json:"form"` // short or long
	Machine string    `json:"machine"`
	Passed  bool      `json:"passed"`
	Results []*result `json:"results"`
}

func newReport(seed uint64, form string) *report {
	return &report{Date: time.Now().UTC().Truncate(time.Second), Seed: seed, Form: form, Machine: machine(), Passed: true}
}

func (r *report) add(result *result) {
	result.Passed = result.passed()
	r.Passed = r.Passed && result.Passed
	r.Results = append(r.Results, result)
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
		os.WriteFile(filepath.Join(dir, "chaos.json"), append(text, '\n'), 0o600),
		os.WriteFile(filepath.Join(dir, "chaos.md"), markdown.Bytes(), 0o600),
	)
}

func (r *report) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s form, seed %d, %s, on %s.\n\n", r.Form, r.Seed, r.Date.Format("2006-01-02 15:04 MST"), r.Machine)
	fmt.Fprint(w, "| scenario | result | acknowledged | delivered | lost | duplicated | in flight at faults | faults |"+
		" longest take-over | duration |\n"+
		"| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, s := range r.Results {
		if s.LeftOut != "" {
			fmt.Fprintf(w, "| %s | left out: %s |\n", s.Scenario, s.LeftOut)
			continue
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %d | %d | %.1f s | %.0f s |\n", s.Scenario, s.word(),
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
