// Package bench_test measures the library and the sample host against the limits of
// the machine. docs/performance.md describes each benchmark.
package bench_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/limits"
)

// roleVariable makes the test binary run as another program, so that the CPU and memory of
// that program can be measured by process.
const roleVariable = "BENCH_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		code := m.Run()
		if hostFolder != "" {
			_ = os.RemoveAll(hostFolder)
		}
		os.Exit(code)
	case "receiver":
		play(newReceiver())
	case "tls-receiver":
		playReceivers()
	case "deliverer":
		playDeliverer()
	case "limits":
		play(limits.New(limits.OpenPostgres(os.Getenv("BENCH_DSN"), os.Getenv("BENCH_SCHEMA")),
			limits.Options{Target: os.Getenv("BENCH_TARGET"), FanOut: setting("BENCH_FAN_OUT", 1)}))
	}
}

// play serves until the process that started this one is gone.
func play(handler http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	playOn(listener, handler)
}

func playOn(listener net.Listener, handler http.Handler) {
	fmt.Printf("listening on http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	panic(server.Serve(listener))
}

// child is a program in a process of its own that serves HTTP.
type child struct {
	url string
	pid int
}

// role starts the test binary as another program.
func role(b testing.TB, name string, environ ...string) child {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(environ, roleVariable+"="+name)...)
	return start(b, cmd)
}

// start starts a program and waits until it prints its address. The program ends with the
// benchmark. A program that watches its standard input also ends when this process is
// killed.
func start(b testing.TB, cmd *exec.Cmd) child {
	b.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	check(b, err)
	stdout, err := cmd.StdoutPipe()
	check(b, err)
	check(b, cmd.Start())
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			b.Fatalf("%s ended before it listened", cmd.Path)
		}
		check(b, err)
		if url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return child{url, cmd.Process.Pid}
		}
	}
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("unexpected error: %v", err)
	}
}
