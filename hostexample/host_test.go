package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the time that a test waits for an event that should come soon.
const patience = 20 * time.Second

var scratch string // for the binary

func TestMain(m *testing.M) {
	code := 1
	dir, err := os.MkdirTemp("", "hostexample")
	if err == nil {
		scratch = dir
		code = m.Run()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// binary builds the host, once.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "host")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// result is the outcome of a command line.
type result struct {
	code           int
	stdout, stderr string
}

// command runs a command line in this process.
func command(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	h := &host{environ: environ, stdout: &stdout, stderr: &stderr}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience) // also in a cleanup
	defer cancel()
	code := h.run(ctx, args)
	return result{code, stdout.String(), stderr.String()}
}

// serving is a host in a process of its own.
type serving struct {
	cmd    *exec.Cmd
	url    string
	stdout chan string   // its lines
	said   *lockedBuffer // all of them
	stderr *lockedBuffer
	ended  chan error
	gone   chan struct{} // closed when it has ended and all output is here
}

// serve starts the host in a folder and waits until it listens. The end of the test kills
// the process.
func serve(t *testing.T, folder string, environ []string, args ...string) *serving {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{
		stdout: make(chan string, 100), said: new(lockedBuffer), stderr: new(lockedBuffer), ended: make(chan error, 1),
		gone: make(chan struct{}),
	}
	s.cmd = exec.Command(path, append([]string{"serve", "--addr=127.0.0.1:0"}, args...)...)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = folder, append([]string{"HOME=" + folder, "WEBHOOKS_SHUTDOWN_DELAY=0s"}, environ...), s.stderr
	pipe, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(pipe)
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		if t.Failed() {
			<-s.gone
			t.Logf("the host ended: %v; stderr:\n%s", s.cmd.ProcessState, s.stderr)
		}
	})
	s.url = strings.TrimPrefix(s.line(t, "listening on "), "listening on ")
	return s
}

func (s *serving) follow(pipe io.Reader) {
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		fmt.Fprintln(s.said, lines.Text())
		s.stdout <- lines.Text()
	}
	close(s.stdout)
	s.ended <- s.cmd.Wait()
	close(s.gone)
}

// line returns the next line of standard output with a prefix.
func (s *serving) line(t *testing.T, prefix string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-s.stdout:
			if !ok {
				t.Fatalf("the host ended before it printed %q: %s", prefix, s.stderr)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-deadline:
			t.Fatalf("no line %q within %v", prefix, patience)
		}
	}
}

// signal sends a signal.
func (s *serving) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// exit returns the exit code once the host has ended, -1 if a signal ended it.
func (s *serving) exit(t *testing.T) int {
	t.Helper()
	for {
		select {
		case _, ok := <-s.stdout:
			if !ok {
				s.stdout = nil
			}
		case err := <-s.ended:
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				return exit.ExitCode()
			}
			return 0
		case <-time.After(patience):
			t.Fatalf("the host did not end within %v", patience)
		}
	}
}

// api calls the REST interface.
type api struct{ url, token string }

// call sends a request and decodes the answer, which must have the status.
func (a api) call(t *testing.T, method, path string, body, answer any, want int) {
	t.Helper()
	status, text, err := a.try(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	if status != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, text)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
}

func (a api) try(ctx context.Context, method, path string, body any) (int, []byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// token runs the token command for the development host in a folder.
func token(t *testing.T, folder string, args ...string) string {
	t.Helper()
	r := command(t, nil, append([]string{"token", "--store=sqlite:" + filepath.Join(folder, "webhooks.db")}, args...)...)
	if r.code != 0 {
		t.Fatalf("token: exit %d: %s", r.code, r.stderr)
	}
	return strings.TrimSpace(r.stdout)
}

// dropSchema removes the schema of the environment at the end of the test, once the hosts that
// use it have ended.
func dropSchema(t *testing.T, environ []string) {
	t.Cleanup(func() {
		within(t, func() bool {
			r := command(t, environ, "migrate", "down", "--steps=200", "--yes")
			return r.code == 0 || !strings.Contains(r.stderr, "connected")
		})
	})
}

// lockedBuffer can be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// within waits until a condition holds, by polling.
func within(t *testing.T, holds func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v", patience)
		}
	}
}
