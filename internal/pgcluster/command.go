//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// patience is the number of signals that a command may handle itself. The next signal kills it.
const patience = 2

// runCommand runs the command on our stdout and stderr and returns its exit code, as a shell counts
// it: 128 plus the number of a signal that ended it.
//
// The command leads a process group of its own and every signal goes to the whole group: a Ctrl-C
// reaches `go test` and its test binaries, and each of them once. Such a group may not read from the
// terminal, so a terminal is not handed on as stdin.
func runCommand(command, env []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec // running what it is told to run is its purpose
	cmd.Env, cmd.Stdout, cmd.Stderr = env, os.Stdout, os.Stderr
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		cmd.Stdin = os.Stdin
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return exitUsage, err
	}

	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for received := 0; ; {
		select {
		case err := <-done:
			// Processes that the command left in its group would keep connections to the cluster.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			return exitCode(err)
		case sig := <-signals:
			received++
			if received > patience {
				sig = syscall.SIGKILL
			}
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) // it may have ended just now
		}
	}
}

// exitCode reads a command's exit code from the error of Wait.
func exitCode(err error) (int, error) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0, nil
	case !ok:
		return exitUsage, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitCodeOf(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// exitCodeOf returns the exit code that a shell reports for a process that a signal ended.
func exitCodeOf(sig os.Signal) int {
	number, _ := sig.(syscall.Signal)
	return 128 + int(number)
}

func interrupted(sig os.Signal) error { return fmt.Errorf("stopped by signal: %v", sig) }

// untilSignal returns a context that the first signal cancels. Its release ends the watch and
// returns that signal, or nil.
func untilSignal(signals <-chan os.Signal) (context.Context, func() os.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 1)
	go func() {
		defer close(got)
		select {
		case sig := <-signals:
			got <- sig
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() os.Signal {
		cancel()
		return <-got
	}
}
