//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// skewVariable sets the clock of a host that was built with a false clock: the seconds that it is ahead, and after
// a comma the seconds after its start for which it jumps to the right time and back, ten times a second. Then it is right.
const skewVariable = "CHAOS_CLOCK"

// realNow is the line of package time that reads the clock, and falseNow adds the skew. A library that is loaded
// before the program (faketime) does not work: Go asks the kernel without the C library.
const (
	realNow  = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	falseNow = realNow + "\tsec += chaosSkew(mono)\n"

	skewCode = `
// chaosSkew is set by the environment, for a program that tests wrong clocks.
func chaosSkew(mono int64) int64 {
	text, ok := syscall.Getenv("` + skewVariable + `")
	if !ok {
		return 0
	}
	ahead, negative, seconds, inSecond := int64(0), false, int64(0), false
	for _, c := range text {
		switch {
		case c == '-':
			negative = true
		case c == ',':
			inSecond = true
		case inSecond:
			seconds = seconds*10 + int64(c-'0')
		default:
			ahead = ahead*10 + int64(c-'0')
		}
	}
	if age := mono - startNano; inSecond && (age > seconds*1e9 || age/5e7%2 == 1) {
		return 0
	}
	if negative {
		return -ahead
	}
	return ahead
}
`
)

// buildFalseClock builds a host whose clock can be set by skewVariable, with further changes.
func buildFalseClock(ctx context.Context, dir string, changes []change) (string, error) {
	goroot, err := output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	// Go refuses to replace files of a toolchain that it downloaded itself: their path is hidden behind a link.
	root := filepath.Join(dir, "goroot")
	if err := os.Symlink(goroot, root); err != nil {
		return "", err
	}
	source := filepath.Join(root, "src", "time", "time.go")
	changes = append([]change{
		{source, "import (\n", "import (\n\t\"syscall\"\n"},
		{source, realNow, falseNow},
		{source, "", skewCode},
	}, changes...)
	build := hostBuild{dir: dir, name: "host-false-clock", changes: changes, root: root}
	return build.run(ctx, "-trimpath") // trimmed paths let the next run use the cache
}

// clockSkews are the clocks of the hosts: right, jumping by 10 minutes, and 10 minutes behind.
var clockSkews = []string{"0", "600,60", "-600"}

// An endpoint of the scenario clock is away for clockAway of each clockPeriod.
const clockAway, clockPeriod = 4 * time.Second, 20 * time.Second

// clock publishes and delivers by hosts whose clocks differ. A part of the first attempts fails, so that retries
// are scheduled by one host and sent by another. One endpoint is away at times, so that hosts share its circuit.
func clock(ctx context.Context, t *trial) error {
	binary, err := buildFalseClock(ctx, t.dir, t.changes)
	if err != nil {
		return err
	}
	t.binary = binary
	first := sync.OnceValue(time.Now)
	behave := func(d delivery, nth int) (int, time.Duration) {
		if d.path == "/c" && time.Since(first())%clockPeriod < clockAway {
			return 500, 0
		}
		if nth == 1 && d.path == "/b" && strings.HasSuffix(d.id, "0") { // one of 16: more would open the circuit
			return 500, 0
		}
		return 200, 0
	}
	if err := t.onPostgres(ctx); err != nil {
		return err
	}
	for _, skew := range clockSkews {
		h, err := t.newHost(ctx, t.store, "--retry-schedule=2s,2s,2s")
		if err != nil {
			return err
		}
		h.environ = append(h.environ, skewVariable+"="+skew)
		if err := h.start(ctx); err != nil {
			return err
		}
		t.fleet.hosts = append(t.fleet.hosts, h)
	}
	if t.fleet.token, err = t.fleet.hosts[0].token(ctx); err != nil {
		return err
	}
	if err := t.receive(ctx, behave, "/a", "/b", "/c"); err != nil {
		return err
	}
	t.publisher.load(ctx, int(float64(t.rate)*t.during.Seconds()), t.rate)
	v := t.conclude(ctx)
	early, late := t.receiver.retries("/b")
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.within("longest time from acknowledgement to delivery", v.slowest, maxResume)
	t.result.check("shortest wait before a retry in seconds", early.Seconds(), atLeast(1))
	t.within("longest wait before a retry", late, maxResume)
	return nil
}

// retries returns the shortest and the longest time between the first and the second request of a path's deliveries.
func (l *ledger) retries(path string) (shortest, longest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shortest = forever
	for d, all := range l.arrivals {
		if d.path == path && len(all) > 1 {
			gap := all[1].at.Sub(all[0].at)
			shortest, longest = min(shortest, gap), max(longest, gap)
		}
	}
	return shortest, longest
}
