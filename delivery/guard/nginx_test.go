package guard_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
	"github.com/ecg-api/webhooks/internal/neighbour"
)

// nginx ends a connection of HTTP/2 after keepalive_requests: it sends GOAWAY, and processes no
// stream above the last one that the GOAWAY names (RFC 9113 section 6.8).
func TestPost_NginxServesEachRequestOnce(t *testing.T) {
	t.Parallel()
	const posts, concurrent = 3000, 64
	n := startNginx(t, "keepalive_requests 100;")
	client := newTLSClient(t, guard.Options{RootCAs: n.roots})
	request := guard.Request{URL: mustParse(t, n.url), Body: []byte(`{"id":1}`)}
	var begun, failed atomic.Int32
	var running sync.WaitGroup
	for range concurrent {
		running.Go(func() {
			for begun.Add(1) <= posts {
				if res := client.Post(t.Context(), request); res.Status != 200 && failed.Add(1) == 1 {
					t.Errorf("status %d, %q (%v)", res.Status, guard.Describe(res.Err), res.Err)
				}
			}
		})
	}
	running.Wait()
	if served := n.stop(t); served != posts || failed.Load() != 0 {
		t.Errorf("nginx served %d requests of %d, %d failed", served, posts, failed.Load())
	}
}

type nginx struct {
	url     string
	roots   *x509.CertPool
	dir     string
	process *exec.Cmd
}

const nginxConfig = `daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {}
http {
	access_log access.log; client_body_temp_path body; %s
	server {
		listen %s ssl http2;
		ssl_certificate cert.pem; ssl_certificate_key key.pem;
		location / { return 200 ok; }
	}
}`

// startNginx runs nginx in the foreground, in a directory of its own. nginx inherits the
// listener, as from an nginx that upgrades its binary (the variable NGINX). So nobody else can
// take the port, and connections wait until nginx is ready.
func startNginx(t *testing.T, settings string) *nginx {
	t.Helper()
	program := neighbour.Program(t, "nginx")
	listener := listen(t, "127.0.0.1:0").(*net.TCPListener)
	inherited, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inherited.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	authority, config := hostile.NewAuthority(t), new(tls.Config)
	authority.Certify(hostile.Certificate(name), config)
	n := &nginx{url: "https://" + name + ":" + port + "/hook", roots: authority.Roots(), dir: t.TempDir()}
	n.writeCertificate(t, config.Certificates[0])
	n.write(t, "nginx.conf", fmt.Appendf(nil, nginxConfig, settings, listener.Addr()))
	n.process = exec.Command(program, "-p", n.dir, "-c", "nginx.conf", "-e", "error.log")
	n.process.Env = []string{"NGINX=3;"}
	n.process.ExtraFiles = []*os.File{inherited}
	if err := n.process.Start(); err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	t.Cleanup(func() { n.stop(t) })
	return n
}

// stop ends nginx when it has served its requests, and returns how many requests it has logged.
func (n *nginx) stop(t *testing.T) int {
	t.Helper()
	if n.process.ProcessState == nil {
		_ = n.process.Process.Signal(syscall.SIGQUIT)
		if err := n.process.Wait(); err != nil {
			text, _ := os.ReadFile(filepath.Join(n.dir, "error.log"))
			t.Fatalf("nginx: %v\n%s", err, text)
		}
	}
	text, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte(`"POST /hook HTTP/2.0"`))
}

func (n *nginx) writeCertificate(t *testing.T, cert tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	n.write(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	n.write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

func (n *nginx) write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, file), content, 0o600); err != nil {
		t.Fatal(err)
	}
}
