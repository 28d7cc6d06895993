// Command hostexample is a sample host of the webhooks library: the REST API and
// the dispatcher in one process, set up by flags and environment variables. It is
// what to copy to start a service, and what to run to try the product:
//
//	go run ./hostexample          # development mode: no configuration needed
//	go run ./hostexample demo     # the main job in front of your eyes
//	go run ./hostexample --help
//
// There is no domain logic here: flags and environment in, library calls out.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The exit codes, beside 0.
const (
	exitFailed = 1 // something did not work
	exitWrong  = 2 // a setting is wrong: nothing was started
)

func main() {
	if os.Getenv("GOGC") == "" {
		// What lives is a few MiB, so that collecting it less often costs little
		// memory, and saves a sixth of the CPU under load.
		debug.SetGCPercent(200)
	}
	h := &host{environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(h.run(context.Background(), os.Args[1:]))
}

// host is what the program is given from outside.
type host struct {
	environ        []string
	stdout, stderr io.Writer
}

// run does what the arguments say and returns the exit code. SIGINT and SIGTERM
// end it in order; a second one ends the process at once. SIGHUP, as a terminal sends it
// when it closes, does nothing.
func (h *host) run(ctx context.Context, args []string) int {
	signal.Ignore(syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal has its default effect

	c, command, err := h.parse(args)
	if err == nil && command != nil {
		err = command.run(ctx, h, c)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(h.stderr, "hostexample: "+oneLine(err))
	if _, ok := errors.AsType[*wrongError](err); ok {
		return exitWrong
	}
	return exitFailed
}
