package guard_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// An issuer is a certificate with its key.
type issuer struct {
	*x509.Certificate
	key crypto.Signer
}

// issue makes a certificate; a nil issuer makes it self-signed.
func (a *issuer) issue(t *testing.T, cert x509.Certificate, key crypto.Signer) *issuer {
	t.Helper()
	cert.SerialNumber = big.NewInt(time.Now().UnixNano())
	if cert.NotAfter.IsZero() {
		cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	if a == nil {
		a = &issuer{&cert, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, &cert, a.Certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{signed, key}
}

func newKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ca is a template of an authority.
func ca(name string, sans ...string) x509.Certificate {
	return x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: sans,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}

func leaf(host string) x509.Certificate { return *hostile.Certificate(host) }

// sends returns the configuration of a receiver that sends a chain.
func sends(first *issuer, above ...*issuer) *tls.Config {
	chain := tls.Certificate{Certificate: [][]byte{first.Raw}, PrivateKey: first.key}
	for _, c := range above {
		chain.Certificate = append(chain.Certificate, c.Raw)
	}
	return &tls.Config{Certificates: []tls.Certificate{chain}}
}

// The client verifies certificates in place of crypto/tls. It must refuse every chain that crypto/tls
// refuses, and say so in the same words.
func TestPost_TLSVerifiesAsCryptoTLSDoes(t *testing.T) {
	t.Parallel()
	key := newKey(t, elliptic.P256())
	var none *issuer
	root := none.issue(t, ca("root"), key)
	middle := root.issue(t, ca("middle"), newKey(t, elliptic.P256()))
	expired := ca("middle")
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	notCA := x509.Certificate{Subject: pkix.Name{CommonName: "middle"}}
	constrained := ca("middle")
	constrained.PermittedDNSDomains = []string{"example.org"}
	forMail := ca("middle")
	forMail.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	stranger := none.issue(t, ca("root"), newKey(t, elliptic.P256()))
	rogue := leaf(name)
	rogue.Subject.CommonName = name
	under := func(template x509.Certificate) *tls.Config {
		c := root.issue(t, template, middle.key)
		return sends(c.issue(t, leaf(name), key), c)
	}
	for _, c := range []struct {
		name   string
		host   string
		config *tls.Config
		valid  bool
	}{
		{"Direct", name, sends(root.issue(t, leaf(name), key)), true},
		{"WithItsIntermediate", name, sends(middle.issue(t, leaf(name), key), middle), true},
		{"WithARootBehindIt", name, sends(middle.issue(t, leaf(name), key), middle, root), true},
		{"IntermediatesInAnyOrder", name, sends(middle.issue(t, leaf(name), key), root, stranger, middle), true},
		{"AnAddress", "127.0.0.1", sends(root.issue(t, leaf("127.0.0.1"), key)), true},
		{"MissingIntermediate", name, sends(middle.issue(t, leaf(name), key)), false},
		{"AnotherHost", name, sends(root.issue(t, leaf("other.example.com"), key)), false},
		{"AnotherAddress", "127.0.0.1", sends(root.issue(t, leaf("127.0.0.2"), key)), false},
		{"ANameForAnAddress", "127.0.0.1", sends(root.issue(t, leaf(name), key)), false},
		{"SelfSigned", name, sends(none.issue(t, leaf(name), key)), false},
		{"SelfSignedRoot", name, sends(stranger.issue(t, leaf(name), key), stranger), false},
		{"UnderACertificateOfAHost", name, sends(root.issue(t, rogue, key).issue(t, leaf(name), key), root.issue(t, rogue, key)), false},
		{"ExpiredIntermediate", name, under(expired), false},
		{"IntermediateIsNoAuthority", name, under(notCA), false},
		{"IntermediateMayNotSignTheName", name, under(constrained), false},
		{"IntermediateIsForMail", name, under(forMail), false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%s", c.name, tls.VersionName(version)), func(t *testing.T) {
				t.Parallel()
				config := c.config.Clone()
				config.MaxVersion = version
				r := newReceiver(t, overTLS(config, answer("HTTP/1.1 204 No Content\r\n\r\n")))
				_, port, _ := net.SplitHostPort(r.Addr().String())
				roots := x509.NewCertPool()
				roots.AddCert(root.Certificate)

				plain, want := tls.Dial("tcp", r.Addr().String(), &tls.Config{RootCAs: roots, ServerName: c.host, MinVersion: tls.VersionTLS12})
				if plain != nil {
					hostile.HangUp(plain)
				}
				res := post(t, newTLSClient(t, guard.Options{RootCAs: roots}), "https://"+net.JoinHostPort(c.host, port)+"/")
				if guard.Describe(res.Err) != guard.Describe(want) || (res.Err == nil) != c.valid {
					t.Errorf("%s (%v), crypto/tls says %s (%v)", guard.Describe(res.Err), res.Err, guard.Describe(want), want)
				}
			})
		}
	}
}

func TestPost_TLSBoundsTheChain(t *testing.T) {
	t.Parallel()
	key := newKey(t, elliptic.P256())
	var none *issuer
	root := none.issue(t, ca("root"), key)
	first, strange := root.issue(t, leaf(name), key), none.issue(t, leaf(name), key)
	copies := func(n int, sans ...string) (above []*issuer) {
		for range n {
			above = append(above, root.issue(t, ca("root", sans...), key))
		}
		return above
	}
	long := make([]string, 1000)
	for i := range long {
		long[i] = fmt.Sprintf("%053d.example.com", i)
	}
	for name, c := range map[string]struct {
		first *issuer
		above []*issuer
		want  string
	}{
		"TenCertificates":           {first, copies(9), ""},
		"ElevenCertificates":        {first, copies(10), "tls: the receiver's certificate chain is too long"},
		"ElevenBeforeAnyIsVerified": {strange, copies(10), "tls: the receiver's certificate chain is too long"},
		"Under64KiB":                {first, copies(1, long[:900]...), ""},
		"Over64KiB":                 {first, copies(1, long...), "tls: the receiver's certificate chain is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, overTLS(sends(c.first, c.above...), answer("HTTP/1.1 204 No Content\r\n\r\n")))
			roots := x509.NewCertPool()
			roots.AddCert(root.Certificate)
			res := post(t, newTLSClient(t, guard.Options{RootCAs: roots}), httpsURL(r))
			if got := guard.Describe(res.Err); got != c.want {
				t.Errorf("%q (%v), want %q", got, res.Err, c.want)
			}
		})
	}
}

// crypto/tls kept it under the host name alone, and could make no ClientHello for that name anymore.
func TestPost_TLSASessionTicketHarmsNoOtherReceiver(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{MaxVersion: version}
		roots := certify(t, hostile.Certificate(name), config)
		serve := answer("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		neighbour := newReceiver(t, overTLS(config.Clone(), serve))
		config.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return make([]byte, 65_000), nil }
		receiver := newReceiver(t, overTLS(config, serve))
		client := newTLSClient(t, guard.Options{RootCAs: roots})
		for _, r := range []*hostile.Server{receiver, neighbour, receiver} {
			if res := post(t, client, httpsURL(r)); res.Err != nil {
				t.Errorf("%s: %s (%v)", tls.VersionName(version), guard.Describe(res.Err), res.Err)
			}
		}
	}
}

// Fifty chains of ten certificates with keys on P-521 took seconds of all processors.
func TestPost_TLSVerifiesOneChainOfAGroupAtATime(t *testing.T) {
	t.Parallel()
	pass := guard.NewTurnstile()
	defer pass("neighbour")() // holds up nobody else
	var inside, total atomic.Int32
	var members sync.WaitGroup
	for range 50 {
		members.Go(func() {
			defer pass("organization")()
			if inside.Add(1) > 1 {
				t.Error("two pass at once")
			}
			runtime.Gosched()
			inside.Add(-1)
			total.Add(1)
		})
	}
	members.Wait()
	if total.Load() != 50 {
		t.Errorf("%d passed", total.Load())
	}
}
