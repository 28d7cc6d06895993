//go:build unix

// Package pgserver starts private PostgreSQL servers on the loopback interface, with the server programs of
// this machine. Programs for development use it: internal/pgcluster and chaos.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute
	stopTimeout  = 15 * time.Second
	// portTries is the number of starts: another process may take the free port first.
	portTries = 3
)

var (
	settings = []string{"max_connections=200", "shared_buffers=128MB", "listen_addresses=127.0.0.1", "lc_messages=C"}
	// fast gives up durability after a power cut: the cluster does not outlive the command.
	fast = []string{"fsync=off", "synchronous_commit=off", "full_page_writes=off"}
)

// Cluster is a running PostgreSQL server with its directory.
type Cluster struct {
	bin     string // the directory of the server's programs
	durable bool
	dir     string // holds the data, the unix socket and the log
	port    int
	owner   *owner
	server  *exec.Cmd
	log     *serverLog
	ended   chan struct{} // closed once the server is gone
}

// Start creates a cluster with the programs in bin and returns once it takes connections.
// A failed start leaves nothing behind and tells the end of the server's log. ctx bounds the start alone.
func Start(ctx context.Context, bin string, durable bool) (_ *Cluster, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	c := &Cluster{bin: bin, durable: durable}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Stop())
		}
	}()
	if c.owner, err = serverOwner(); err != nil {
		return nil, err
	}
	if c.dir, err = c.owner.makeDir(); err != nil {
		return nil, err
	}
	if err := c.initdb(ctx); err != nil {
		return nil, err
	}
	for range portTries {
		if c.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = c.serve(ctx); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// DSN addresses the server over TCP, which every driver and a test's proxy can use.
func (c *Cluster) DSN() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}

func (c *Cluster) dataDir() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) initdb(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), //nolint:gosec // found by Programs
		"--pgdata="+c.dataDir(), "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	c.prepare(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), ctx.Err())
	}
	return nil
}

var errPortTaken = errors.New("the port was taken")

// serve starts the server and waits until it takes connections.
func (c *Cluster) serve(ctx context.Context) (err error) {
	if c.log, err = openServerLog(filepath.Join(c.dir, "server.log")); err != nil {
		return err
	}
	all := append(slices.Clone(settings), fmt.Sprintf("port=%d", c.port), "unix_socket_directories="+c.dir)
	if !c.durable {
		all = append(all, fast...)
	}
	arguments := []string{"-D", c.dataDir()}
	for _, setting := range all {
		arguments = append(arguments, "-c", setting)
	}

	server := exec.Command(filepath.Join(c.bin, "postgres"), arguments...) //nolint:gosec // found by Programs
	server.Stderr, server.WaitDelay = c.log, stopTimeout
	c.prepare(server)
	DieWithParent(server.SysProcAttr)
	if err := server.Start(); err != nil {
		return err
	}
	c.server, c.ended = server, make(chan struct{})
	go func() {
		_ = server.Wait() // how it ended is in its log
		close(c.ended)
	}()

	select {
	case <-c.log.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("PostgreSQL did not start: %w\n%s", ctx.Err(), c.log.tail())
	case <-c.ended:
		tail := c.log.tail()
		if strings.Contains(tail, "Address already in use") {
			return fmt.Errorf("%w\n%s", errPortTaken, tail)
		}
		return fmt.Errorf("PostgreSQL did not start\n%s", tail)
	}
}

// Restart ends the server in the immediate mode, as after a crash, and starts it again on the same data
// and port. It returns once the server takes connections. It must not run at the same time as Stop.
func (c *Cluster) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c.shutDown()
	if err := c.log.Close(); err != nil {
		return err
	}
	return c.serve(ctx)
}

// Stop ends the server and removes its directory. It reports a server that had ended before it was told to.
func (c *Cluster) Stop() (err error) {
	if c.server != nil {
		select {
		case <-c.ended:
			err = fmt.Errorf("PostgreSQL had ended by itself\n%s", c.log.tail())
		default:
			c.shutDown()
		}
		err = errors.Join(err, c.log.Close())
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// shutDown uses the immediate mode: nothing of the cluster is kept, so nothing needs a checkpoint.
func (c *Cluster) shutDown() {
	_ = c.server.Process.Signal(syscall.SIGQUIT) // it may have ended just now
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		_ = c.server.Process.Kill()
		<-c.ended
	}
}

// prepare lets a program of the server's run as the cluster's owner, in the cluster's directory, out
// of reach of a Ctrl-C at the terminal and of the PG… variables of whoever called us.
func (c *Cluster) prepare(cmd *exec.Cmd) {
	cmd.Dir = c.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "PG") })
	cmd.Env = append(cmd.Env, "LC_ALL=C") // its messages are read
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.owner.credential}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }() // nothing was written
	return listener.Addr().(*net.TCPAddr).Port, nil
}
