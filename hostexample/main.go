// Command hostexample is a sample host of the webhooks library: it runs the REST API and
// the dispatcher in one process, configured by flags and environment variables. Copy it to
// start a service of your own, or run it to try the product:
//
//	go run ./hostexample          # development mode: no configuration needed
//	go run ./hostexample demo     # a demonstration of the main job
//	go run ./hostexample --help
//
// It has no domain logic: it turns flags and variables into calls of the library.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// The exit codes, beside 0.
const (
	exitFailed = 1 // something did not work
	exitWrong  = 2 // a setting is wrong: nothing was started
)

func main() {
	if os.Getenv("GOGC") == "" {
		// The live heap is a few MiB, so collecting garbage less often costs little memory,
		// and saves a sixth of the CPU under load.
		debug.SetGCPercent(200)
	}
	h := &host{environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	os.Exit(h.run(context.Background(), os.Args[1:]))
}

// host holds the inputs and outputs of the program.
type host struct {
	environ        []string
	stdin          io.Reader // nil: empty
	stdout, stderr io.Writer
}

// input returns the standard input.
func (h *host) input() io.Reader {
	if h.stdin == nil {
		return strings.NewReader("")
	}
	return h.stdin
}

// run runs the command of the arguments and returns the exit code. SIGINT and SIGTERM end it
// in order; a second signal ends the process at once. SIGHUP, which a terminal sends when it
// closes, is ignored.
func (h *host) run(ctx context.Context, args []string) int {
	signal.Ignore(syscall.SIGHUP)
	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(signalled, func() {
		stop() // the next signal has its default effect
		end()
	})

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
