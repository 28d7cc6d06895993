package deploy_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/hostile"
	"github.com/ecg-api/webhooks/internal/neighbour"
)

// TestNginxLeadsToTheHost runs the example with the addresses and files of the test.
func TestNginxLeadsToTheHost(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 10)
	host := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	t.Cleanup(host.Close)
	authority, config := hostile.NewAuthority(t), new(tls.Config)
	authority.Certify(hostile.Certificate("webhooks.example.com"), config)
	address := startNginx(t, host.Listener.Addr().String(), config.Certificates[0])

	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: authority.Roots(), ServerName: "webhooks.example.com"},
		ForceAttemptHTTP2: true,
	}}
	t.Cleanup(client.CloseIdleConnections)
	for path, status := range map[string]int{
		"/api/webhook-categories": 200, "/healthcheck": 200, "/docs": 200, "/livez": 404, "/readyz": 404, "/metrics": 404,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "webhooks.example.com"
		r.Header.Set("X-Forwarded-For", "198.51.100.7") // a claim of the client
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, status)
		}
		if status != http.StatusOK {
			continue
		}
		got := <-seen
		client, scheme := got.Header.Get("X-Forwarded-For"), got.Header.Get("X-Forwarded-Proto")
		if got.Host != "webhooks.example.com" || client != "127.0.0.1" || scheme != "https" {
			t.Errorf("%s: the host sees %s and %v", path, got.Host, got.Header)
		}
	}
	if len(seen) > 0 {
		t.Error("a hidden path leads to the host")
	}
}

// startNginx runs nginx in the foreground on a listener that it inherits, and returns its address.
func startNginx(t *testing.T, host string, certificate tls.Certificate) (address string) {
	t.Helper()
	program := neighbour.Program(t, "nginx")
	listener := hostile.Listen(t, "127.0.0.1:0").(*net.TCPListener)
	inherited, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inherited.Close() }()
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})))
	write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	example, err := os.ReadFile("nginx/webhooks.conf")
	if err != nil {
		t.Fatal(err)
	}
	write("webhooks.conf", strings.NewReplacer(
		"127.0.0.1:8080", host, "listen 443 ", "listen "+listener.Addr().String()+" ", "/etc/ssl/webhooks/", folder+"/",
	).Replace(string(example)))
	write("nginx.conf", fmt.Sprintf(`daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {}
http { access_log off; client_body_temp_path body; proxy_temp_path proxy; include %s/webhooks.conf; }`, folder))
	nginx := exec.CommandContext(t.Context(), program, "-p", folder, "-c", "nginx.conf", "-e", "error.log")
	nginx.Env, nginx.ExtraFiles = []string{"NGINX=3;"}, []*os.File{inherited}
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	t.Cleanup(func() {
		_ = nginx.Wait() // the end of t's context ends it
		if text, err := os.ReadFile(filepath.Join(folder, "error.log")); err == nil && t.Failed() {
			t.Logf("nginx: %s", text)
		}
	})
	return listener.Addr().String()
}
