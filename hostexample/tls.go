package main

import (
	"crypto/tls"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsSettings are the files of the listener's certificate.
type tlsSettings struct {
	TLSCert string `name:"tls-cert" help:"File with the certificate of the API and its chain (PEM); the API is then served over TLS. It is read again when it changes."`
	TLSKey  string `name:"tls-key" help:"File with the key of --tls-cert (PEM)."`
}

// serverTLS returns the configuration of the listener, nil without a certificate. HTTP/2 is left
// out: the limits of the listener are those of connections with one request at a time.
func (s tlsSettings) serverTLS(log *slog.Logger) (*tls.Config, error) {
	pair, err := newKeyPair("tls-cert", s.TLSCert, "tls-key", s.TLSKey, log)
	if pair == nil || err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
	}, nil
}

// keyPairPause is the least time between two looks at the files of a keyPair.
const keyPairPause = 2 * time.Second

// A keyPair is a certificate with its key, from two files that are read again when they change. If
// the changed files hold no pair, which is logged once, the former pair stays in use.
type keyPair struct {
	setting   string
	cert, key string // paths
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]fs.FileInfo // of the files that were read last; nil for an absent file
	looked  time.Time
}

// newKeyPair reads the files of two settings. It returns nil if neither is set.
func newKeyPair(certSetting, cert, keySetting, key string, log *slog.Logger) (*keyPair, error) {
	switch {
	case cert == "" && key == "":
		return nil, nil
	case key == "":
		return nil, wrong(keySetting, "is not set, but --%s is: set both", certSetting)
	case cert == "":
		return nil, wrong(certSetting, "is not set, but --%s is: set both", keySetting)
	}
	p := &keyPair{setting: certSetting, cert: cert, key: key, log: log, looked: time.Now()}
	p.read = p.stat()
	var err error
	if p.current, err = p.load(); err != nil {
		return nil, wrong(certSetting, "and --%s are not a certificate and its key: %v", keySetting, err)
	}
	return p, nil
}

// get returns the pair. It looks at the files at most every keyPairPause.
func (p *keyPair) get() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if now.Sub(p.looked) < keyPairPause {
		return p.current
	}
	p.looked = now
	found := p.stat()
	if unchanged(p.read[0], found[0]) && unchanged(p.read[1], found[1]) {
		return p.current
	}
	p.read = found
	pair, err := p.load()
	if err != nil {
		p.log.Error("the changed certificate cannot be used, the former one stays in use", "setting", "--"+p.setting, "error", err)
		return p.current
	}
	p.current = pair
	p.log.Info("the certificate was read again", "setting", "--"+p.setting, "validUntil", pair.Leaf.NotAfter)
	return p.current
}

// stat describes the files behind the paths, which can be symbolic links.
func (p *keyPair) stat() (found [2]fs.FileInfo) {
	for i, path := range []string{p.cert, p.key} {
		if info, err := os.Stat(path); err == nil {
			found[i] = info
		}
	}
	return found
}

func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// load reads the files. Its errors quote neither of them.
func (p *keyPair) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	return &pair, err
}
