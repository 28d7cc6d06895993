package clients_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// host is the sample host that all clients call: in development mode, with its store
// in memory.
var host struct {
	url   string
	token string // of an administrator
}

// patience is the time that a delivery may take.
const patience = time.Minute

func TestMain(m *testing.M) {
	code, err := withHost(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withHost calls run while the host runs.
func withHost(run func() int) (int, error) {
	folder, err := os.MkdirTemp("", "clients")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	program := filepath.Join(folder, "host")
	build := exec.Command("go", "build", "-o", program, "./hostexample")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("go build: %w\n%s", err, out)
	}
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Dir, c.Stderr = folder, os.Stderr
		c.Env = []string{"HOME=" + folder, "WEBHOOKS_LOG_LEVEL=error", "WEBHOOKS_JWT_SECRET=" + strings.Repeat("s", 32)}
		return c
	}
	token, err := command("token", "--scope=webhooks:admin").Output()
	if err != nil {
		return 0, fmt.Errorf("hostexample token: %w", err)
	}
	host.token = string(bytes.TrimSpace(token))
	serve := command("serve", "--dev", "--store=memory:", "--addr=127.0.0.1:0")
	stdout, err := serve.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := serve.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = serve.Process.Signal(os.Interrupt)
		_ = serve.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	for host.url == "" {
		if !lines.Scan() {
			return 0, fmt.Errorf("hostexample serve ended before it listened")
		}
		host.url, _ = strings.CutPrefix(lines.Text(), "listening on ")
		if host.url == lines.Text() {
			host.url = ""
		}
	}
	go func() {
		for lines.Scan() { // a full pipe would stop the host
		}
	}()
	return run(), nil
}

// sink is a receiver that answers 200.
func sink() string { return host.url + "/api/webhook-processors/success-response" }

// eventually calls done until it is true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); {
		if time.Since(start) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// must returns the answer of a call. It panics if there is none.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
