//go:build unix

// Command pgcluster runs a command beside a private PostgreSQL server.
//
//	go run ./internal/pgcluster -- go test ./...
//
// It starts a cluster in a temporary directory, on a unix socket and on a free port of the loopback
// interface, puts its address into WEBHOOKS_TEST_POSTGRES, runs the command, and removes the cluster
// in any case, also after Ctrl-C. It exits with the command's exit code. (`go run`
// itself turns every code but 0 into 1; a built binary passes it on.)
//
// With -with nginx,pgbouncer it first installs these programs for the tests that run beside them, on
// a Debian, as root. Elsewhere it says that these tests are skipped.
//
// With WEBHOOKS_TEST_POSTGRES set already, it only runs the command. Without PostgreSQL on the
// machine it installs it on a Debian, as root; elsewhere it prints how to install it and exits
// with 2: tests are never skipped silently.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// dsnVariable carries the server's address to the tests; internal/testpg reads it.
const dsnVariable = "WEBHOOKS_TEST_POSTGRES"

// exitUsage is the exit code when the command could not be run at all.
const exitUsage = 2

// The kernel ties a child's "your parent died" signal to the thread that started it. The main
// thread lives as long as the process.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run()) }

func run() int {
	durable := flag.Bool("durable", false, "keep fsync and synchronous_commit on, as in production (for benchmarks)")
	neighbours := flag.String("with", "",
		"servers that the tests run beside, as Debian packages, separated by commas; installed on Debian, as root")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: pgcluster [-durable] -- command [argument ...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		return exitUsage
	}

	signals := catchSignals()
	if *neighbours != "" {
		ctx, release := untilSignal(signals)
		pgserver.InstallNeighbours(ctx, strings.Split(*neighbours, ","))
		if got := release(); got != nil {
			return finish(exitCodeOf(got), interrupted(got))
		}
	}
	if os.Getenv(dsnVariable) != "" {
		return finish(runCommand(flag.Args(), os.Environ(), signals))
	}
	return finish(runBesideCluster(flag.Args(), *durable, signals))
}

// runBesideCluster starts a cluster, runs the command with its address, and removes the cluster.
func runBesideCluster(command []string, durable bool, signals <-chan os.Signal) (code int, err error) {
	ctx, release := untilSignal(signals)
	server, err := provide(ctx, durable)
	if got := release(); got != nil {
		return exitCodeOf(got), errors.Join(interrupted(got), stopIfStarted(server))
	}
	if err != nil {
		return exitUsage, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	return runCommand(command, append(os.Environ(), dsnVariable+"="+server.DSN()), signals)
}

// provide finds or installs PostgreSQL and starts a cluster of it.
func provide(ctx context.Context, durable bool) (*pgserver.Cluster, error) {
	bin, err := pgserver.Programs(ctx)
	if err != nil {
		return nil, err
	}
	return pgserver.Start(ctx, bin, durable)
}

func stopIfStarted(server *pgserver.Cluster) error {
	if server == nil {
		return nil
	}
	return server.Stop()
}

// finish prints an error that occurred outside the command, and returns an exit code for it.
func finish(code int, err error) int {
	if err == nil {
		return code
	}
	fmt.Fprintln(os.Stderr, "pgcluster:", err)
	if code == 0 {
		return 1
	}
	return code
}

// catchSignals keeps this process alive through the signals that would end it, so that it can clean up.
func catchSignals() <-chan os.Signal {
	// A reader of our output that goes away must not take the clean-up with it.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	return signals
}
