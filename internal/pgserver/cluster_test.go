//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	bin := Installed()
	if bin == "" {
		t.Skip("no PostgreSQL server on this machine: a DSN was given")
	}

	t.Run("LeavesNothingBehind", func(t *testing.T) {
		t.Parallel()
		c, err := Start(t.Context(), bin, false)
		if err != nil {
			t.Fatal(err)
		}
		address := fmt.Sprintf("127.0.0.1:%d", c.port)
		connection, err := net.Dial("tcp4", address)
		if err != nil {
			t.Errorf("a started cluster refuses connections: %v", err)
		} else {
			_ = connection.Close()
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if _, err := os.Stat(c.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", c.dir, err)
		}
		if connection, err := net.Dial("tcp4", address); err == nil {
			_ = connection.Close()
			t.Error("a stopped cluster takes connections")
		}
	})

	t.Run("ThatEndedByItselfIsReported", func(t *testing.T) {
		t.Parallel()
		c, err := Start(t.Context(), bin, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.server.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		<-c.ended
		if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
			t.Errorf("stop: %v", err)
		}
	})

	t.Run("RestartsOnTheSameAddress", func(t *testing.T) {
		t.Parallel()
		c, err := Start(t.Context(), bin, false)
		if err != nil {
			t.Fatal(err)
		}
		address, first := c.DSN(), c.server.Process.Pid
		if err := c.Restart(t.Context()); err != nil || c.DSN() != address || c.server.Process.Pid == first {
			t.Errorf("restart: %v; %s, was %s", err, c.DSN(), address)
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})

	t.Run("ThatCannotStartTellsWhyAndLeavesNothingBehind", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Start(ctx, bin, false); !errors.Is(err, context.Canceled) {
			t.Errorf("start: %v", err)
		}
	})
}

func TestServerLog(t *testing.T) {
	t.Parallel()

	t.Run("IsReadyAtItsLineHoweverItIsCut", func(t *testing.T) {
		t.Parallel()
		log := newLog(t)
		for _, part := range []string{"LOG:  database sys", "tem is ready to acc"} {
			write(t, log, part)
			select {
			case <-log.ready:
				t.Fatalf("ready after %q", part)
			default:
			}
		}
		write(t, log, "ept connections\n")
		<-log.ready
		write(t, log, "more\n")
	})

	t.Run("TailStartsAtALine", func(t *testing.T) {
		t.Parallel()
		log := newLog(t)
		write(t, log, strings.Repeat("a line\n", tailSize))
		write(t, log, "the last\n")
		if tail := log.tail(); len(tail) > tailSize || !strings.HasPrefix(tail, "a line\n") || !strings.HasSuffix(tail, "the last\n") {
			t.Errorf("tail of %d bytes: %.20q…", len(tail), tail)
		}
	})
}

func newLog(t *testing.T) *serverLog {
	t.Helper()
	log, err := openServerLog(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}
