package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strconv"
	"testing"
	"time"
)

// Authority signs certificates of a test.
type Authority struct {
	tb   testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewAuthority makes an authority that no client trusts yet.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	a := &Authority{tb: tb, key: key, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	if a.cert, err = x509.ParseCertificate(a.sign(a.cert)); err != nil {
		tb.Fatal(err)
	}
	return a
}

// Certificate returns a valid certificate for an address or a name, without a signature.
func Certificate(host string) *x509.Certificate {
	cert := &x509.Certificate{
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(2 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else {
		cert.DNSNames = []string{host}
	}
	return cert
}

// Certify signs a certificate and puts it into the configuration.
func (a *Authority) Certify(cert *x509.Certificate, config *tls.Config) {
	a.tb.Helper()
	cert.SerialNumber = big.NewInt(2)
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{a.sign(cert)}, PrivateKey: a.key}}
}

// lengthen adds certificates of the authority itself to the chain. They differ in their names,
// so that a client can put them in any order.
func (a *Authority) lengthen(config *tls.Config, n int) {
	cert := *a.cert
	for i := range n {
		cert.DNSNames = []string{strconv.Itoa(i) + ".example.com"}
		config.Certificates[0].Certificate = append(config.Certificates[0].Certificate, a.sign(&cert))
	}
}

// Roots returns the pool of certificates with which a client trusts the authority.
func (a *Authority) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return roots
}

// PEM returns the certificate of the authority as a file has it.
func (a *Authority) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *Authority) sign(cert *x509.Certificate) []byte {
	a.tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return der
}
