//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// roleVariable makes the test binary run as pgcluster itself, or as the command of pgcluster.
const roleVariable = "PGCLUSTER_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "pgcluster":
		if err := os.Setenv(roleVariable, "command"); err != nil {
			panic(err)
		}
		main()
	case "command":
		os.Exit(playCommand(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// playCommand is the command in the tests below.
func playCommand(arguments []string) int {
	switch arguments[0] {
	case "exit3":
		return 3
	case "dsn":
		fmt.Println(os.Getenv(dsnVariable))
		return 0
	case "die":
		signal.Reset()
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "interrupt7": // exits with 7 once it is interrupted
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGINT)
		fmt.Println("ready")
		<-got
		return 7
	case "stubborn":
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGTERM)
		fmt.Println("ready")
		for range got {
			fmt.Println("no")
		}
	}
	return 1
}

// pgcluster is a run of this program on a database that is there already.
func pgcluster(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], arguments...)
	cmd.Env = append(os.Environ(), roleVariable+"=pgcluster", dsnVariable+"=postgres://given")
	cmd.Stderr = t.Output()
	return cmd
}

func exitCodeAfter(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule      string
		arguments []string
		want      int
	}{
		{"IsTheCommands", []string{"--", os.Args[0], "exit3"}, 3},
		{"OfSuccessIsZero", []string{"--", os.Args[0], "dsn"}, 0},
		{"OfAKilledCommandIsTheShells", []string{"--", os.Args[0], "die"}, 128 + 9},
		{"OfAnUnknownCommandIsTwo", []string{"--", "/no/such/command"}, exitUsage},
		{"WithoutACommandIsTwo", nil, exitUsage},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			if got := exitCodeAfter(t, pgcluster(t, test.arguments...).Run()); got != test.want {
				t.Errorf("exit code %d, want %d", got, test.want)
			}
		})
	}
}

func TestDSN(t *testing.T) {
	t.Parallel()
	t.Run("ThatIsSetIsUsedAsItIs", func(t *testing.T) {
		t.Parallel()
		out, err := pgcluster(t, "--", os.Args[0], "dsn").Output()
		if got := string(out); err != nil || got != "postgres://given\n" {
			t.Errorf("the command saw %q, %v", got, err)
		}
	})
}

func TestSignal(t *testing.T) {
	t.Parallel()

	t.Run("IsForwardedAndTheCommandDecides", func(t *testing.T) {
		t.Parallel()
		cmd, lines := started(t, "interrupt7")
		expect(t, lines, "ready")
		send(t, cmd, syscall.SIGINT)
		if got := exitCodeAfter(t, cmd.Wait()); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})

	t.Run("IsAKillAfterTwoThatDidNotHelp", func(t *testing.T) {
		t.Parallel()
		cmd, lines := started(t, "stubborn")
		expect(t, lines, "ready")
		for range patience {
			send(t, cmd, syscall.SIGTERM)
			expect(t, lines, "no")
		}
		send(t, cmd, syscall.SIGTERM)
		if got := exitCodeAfter(t, cmd.Wait()); got != 128+9 {
			t.Errorf("exit code %d, want %d", got, 128+9)
		}
	})
}

func started(t *testing.T, command string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := pgcluster(t, "--", os.Args[0], command)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func expect(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	if !lines.Scan() || lines.Text() != want {
		t.Fatalf("the command printed %q (%v), want %q", lines.Text(), lines.Err(), want)
	}
}

func send(t *testing.T, cmd *exec.Cmd, sig os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
