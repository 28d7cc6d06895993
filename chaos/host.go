//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ecg-api/webhooks/internal/pgserver"
)

// startPatience bounds the start of a host on a busy machine.
const startPatience = time.Minute

// hostOptions are the settings of a host, which stay the same when it is started again.
type hostOptions struct {
	binary    string
	folder    string // the working directory, which holds the secrets of the development mode
	environ   []string
	arguments []string
}

func (o hostOptions) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.binary, arguments...)
	cmd.Dir, cmd.Env = o.folder, append([]string{"HOME=" + o.folder, "WEBHOOKS_DEV=true", "WEBHOOKS_LOG_LEVEL=warn"}, o.environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C reaches chaos alone
	pgserver.DieWithParent(cmd.SysProcAttr)
	return cmd
}

// host is the sample host in a process of its own. It can be ended and started again.
type host struct {
	hostOptions
	proxy *proxy // on the way to PostgreSQL; nil on SQLite

	mu      sync.Mutex
	process *process
	address string // of its API; of the former process while there is none
}

// process is one run of a host.
type process struct {
	cmd    *exec.Cmd
	stderr *tail
	gone   chan struct{} // closed when the process has ended
}

// start starts the process and waits until it listens.
func (h *host) start(ctx context.Context) error {
	p, listening, err := h.launch(ctx)
	if err != nil {
		return err
	}
	timeout := time.NewTimer(startPatience)
	defer timeout.Stop()
	select {
	case address, ok := <-listening:
		if !ok {
			<-p.gone
			return fmt.Errorf("the host ended at its start: %v: %s", p.cmd.ProcessState, p.stderr)
		}
		h.mu.Lock()
		h.address = address
		h.mu.Unlock()
		return nil
	case <-timeout.C:
		return fmt.Errorf("the host did not listen within %v: %s", startPatience, p.stderr)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// launch starts the process. The address of its API is sent to listening, which is closed when the process ends.
func (h *host) launch(ctx context.Context) (_ *process, listening <-chan string, err error) {
	// The scenario ends its hosts itself: a context that ends must not kill a host that drains.
	cmd := h.command(context.WithoutCancel(ctx), append([]string{"serve", "--addr=127.0.0.1:0"}, h.arguments...)...)
	p := &process{cmd: cmd, stderr: new(tail), gone: make(chan struct{})}
	cmd.Stderr = p.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	addresses := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(stdout)
		for {
			line, err := lines.ReadString('\n')
			if address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on "); ok {
				addresses <- address
			}
			if err != nil {
				break
			}
		}
		close(addresses)
		_ = cmd.Wait() // its state is read from cmd
		close(p.gone)
	}()
	h.mu.Lock()
	h.process = p
	h.mu.Unlock()
	return p, addresses, nil
}

func (h *host) current() *process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.process
}

func (h *host) url() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.address
}

// running reports whether the process has not ended.
func (h *host) running() bool {
	p := h.current()
	if p == nil {
		return false
	}
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// signal sends a signal to the process, which may have ended.
func (h *host) signal(sig os.Signal) {
	if p := h.current(); p != nil {
		_ = p.cmd.Process.Signal(sig)
	}
}

// kill ends the process as kill -9 does, and waits until it is gone.
func (h *host) kill() {
	h.signal(syscall.SIGKILL)
	if p := h.current(); p != nil {
		<-p.gone
	}
}

// await waits until the process has ended by itself, and returns its exit code.
func (h *host) await(limit time.Duration) (code int, err error) {
	p := h.current()
	select {
	case <-p.gone:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("the host did not end within %v", limit)
	}
}

// token returns an admin token of the host's development mode.
func (h *host) token(ctx context.Context) (string, error) {
	out, err := h.command(ctx, "token", "--scope=webhooks:admin", "--ttl=24h").Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// tail keeps the last part of the output of a process.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

func (t *tail) Write(part []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, part...)
	if extra := len(t.text) - tailSize; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(part), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
