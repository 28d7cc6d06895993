package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/internal/hostile"
)

// handshakeRecord begins a TLS record of a handshake.
const handshakeRecord = "\x16\x03\x01"

// certified returns the configuration of a server with a certificate for 127.0.0.1.
func certified(t *testing.T) *tls.Config {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	hostile.NewAuthority(t).Certify(hostile.Certificate("127.0.0.1"), config)
	return config
}

// writePair writes a certificate for a host, and its key, into the files cert and key of a folder.
func writePair(t *testing.T, folder string, authority *hostile.Authority, host string) (cert, key string) {
	t.Helper()
	config := new(tls.Config)
	authority.Certify(hostile.Certificate(host), config)
	der, err := x509.MarshalPKCS8PrivateKey(config.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain bytes.Buffer
	for _, c := range config.Certificates[0].Certificate {
		chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c}))
	}
	cert, key = filepath.Join(folder, "cert"), filepath.Join(folder, "key")
	write(t, cert, chain.String())
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	return cert, key
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAKeyPairFollowsItsFiles changes the files in several ways. A handshake after a pause has the pair of the
// files, or the former one where they hold none.
func TestAKeyPairFollowsItsFiles(t *testing.T) {
	t.Parallel()
	authority := hostile.NewAuthority(t)
	swap := func(t *testing.T, folder string) { // as Kubernetes does
		next := filepath.Join(folder, "next")
		if err := os.Mkdir(next, 0o700); err != nil {
			t.Fatal(err)
		}
		writePair(t, next, authority, "new.example.com")
		link := filepath.Join(folder, "link")
		if err := os.Symlink("next", link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, filepath.Join(folder, "data")); err != nil {
			t.Fatal(err)
		}
	}
	in := func(folder string) string { return filepath.Join(folder, "data") }
	for rule, tt := range map[string]struct {
		change func(t *testing.T, folder string)
		want   string
		logged string
	}{
		"Nothing": {func(*testing.T, string) {}, "old.example.com", ""},
		"Overwritten": {func(t *testing.T, folder string) {
			writePair(t, in(folder), authority, "new.example.com")
		}, "new.example.com", "level=INFO"},
		"SymlinkSwap": {swap, "new.example.com", "level=INFO"},
		"Rubbish":     {func(t *testing.T, folder string) { write(t, in(folder)+"/cert", "rubbish") }, "old.example.com", "level=ERROR"},
		"RubbishOfTheSameSize": {func(t *testing.T, folder string) {
			info, err := os.Stat(in(folder) + "/key")
			if err != nil {
				t.Fatal(err)
			}
			write(t, in(folder)+"/new", strings.Repeat("x", int(info.Size())))
			if err := os.Rename(in(folder)+"/new", in(folder)+"/key"); err != nil {
				t.Fatal(err)
			}
		}, "old.example.com", "level=ERROR"},
		"Removed": {func(t *testing.T, folder string) {
			if err := os.RemoveAll(in(folder)); err != nil {
				t.Fatal(err)
			}
		}, "old.example.com", "level=ERROR"},
		"AnotherKey": {func(t *testing.T, folder string) {
			_, key := writePair(t, folder, hostile.NewAuthority(t), "new.example.com")
			if err := os.Rename(key, in(folder)+"/key"); err != nil {
				t.Fatal(err)
			}
		}, "old.example.com", "level=ERROR"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.Mkdir(filepath.Join(folder, "first"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("first", in(folder)); err != nil {
				t.Fatal(err)
			}
			cert, key := writePair(t, in(folder), authority, "old.example.com")
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				pair, err := newKeyPair("tls-cert", cert, "tls-key", key, slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				tt.change(t, folder)
				if host := pair.get().Leaf.DNSNames[0]; host != "old.example.com" {
					t.Errorf("the files were looked at again before the pause was over: %s", host)
				}
				for range 3 {
					time.Sleep(keyPairPause)
					if host := pair.get().Leaf.DNSNames[0]; host != tt.want {
						t.Errorf("the certificate is for %s, want %s", host, tt.want)
					}
				}
				lines := strings.Count(log.String(), "\n")
				if lines > 1 || (lines == 1) != (tt.logged != "") || !strings.Contains(log.String(), tt.logged) {
					t.Errorf("logged: %q", log.String())
				}
				if _, err := os.Stat(in(folder)); err != nil {
					return
				}
				time.Sleep(keyPairPause)
				writePair(t, in(folder), authority, "third.example.com")
				if host := pair.get().Leaf.DNSNames[0]; host != "third.example.com" {
					t.Errorf("after repair the certificate is for %s", host)
				}
			})
		})
	}
}

func TestTheAPIIsServedOverTLS(t *testing.T) {
	t.Parallel()
	folder, authority := t.TempDir(), hostile.NewAuthority(t)
	cert, key := writePair(t, folder, authority, "127.0.0.1")
	s := serve(t, t.TempDir(), nil, "--tls-cert="+cert, "--tls-key="+key)
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") {
		t.Fatalf("the printed address is %s", s.url)
	}
	for rule, tt := range map[string]struct {
		config *tls.Config
		fails  bool
	}{
		"TLS13":        {&tls.Config{RootCAs: authority.Roots()}, false},
		"TLS12":        {&tls.Config{RootCAs: authority.Roots(), MaxVersion: tls.VersionTLS12}, false},
		"HTTP2Offered": {&tls.Config{RootCAs: authority.Roots(), NextProtos: []string{"h2", "http/1.1"}}, false},
		"TLS11":        {&tls.Config{RootCAs: authority.Roots(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, true},
	} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: tt.config, ForceAttemptHTTP2: true}, Timeout: patience}
		resp, err := client.Get(s.url + "/healthcheck")
		if (err != nil) != tt.fails {
			t.Errorf("%s: %v", rule, err)
		}
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 1 {
				t.Errorf("%s: %s %s", rule, resp.Proto, resp.Status)
			}
		}
		client.CloseIdleConnections()
	}
	writePair(t, folder, authority, "localhost") // a certificate for another host
	within(t, func() bool {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: authority.Roots(), ServerName: "localhost"})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Handshakes take memory before there is a header.
func TestHandshakesOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	crowdedOver(t, certified(t), 200, func(t *testing.T, dial func(string) net.Conn) {
		// The begin of a ClientHello of 65,000 bytes, in four records.
		hello := "\x01\x00\xfd\xe8" + strings.Repeat("x", 60000)
		var records strings.Builder
		for part := range 4 {
			records.WriteString(handshakeRecord + "\x3a\x99" + hello[part*15001:][:15001])
		}
		const most = maxHeaders / 60000
		var strangers []net.Conn
		for range most + 3 {
			strangers = append(strangers, dial(records.String()))
		}
		open := 0
		for _, c := range strangers {
			_ = c.SetReadDeadline(time.Now().Add(time.Millisecond)) // fails if it is closed; all within the time for a header
			if _, err := io.Copy(io.Discard, c); err != nil {
				open++
			}
		}
		if open == 0 || open > most {
			t.Errorf("%d of %d such handshakes are kept, want at most %d", open, len(strangers), most)
		}
	})
}
