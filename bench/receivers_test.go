package bench_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// endpoints is the number of https endpoints, each on an address of its own.
const endpoints = 500

// BenchmarkReceivers delivers a backlog to 500 https endpoints of as many organizations,
// which answer at once, or after a lognormal time with a median of 120 or 300 ms. It
// reports the rate, the most attempts in flight, and the most resident memory of the
// process that delivers. The ratio is to the rate of the endpoints that answer at once.
func BenchmarkReceivers(b *testing.B) {
	testpg.DSN(b)
	measure := func(part string) func(b testing.TB) figures {
		return func(b testing.TB) figures { return drainToEndpoints(b, part) }
	}
	m := inTurn(b, 1, measure("at-once"), measure("wait-120-60"), measure("wait-300-60"))
	for i, name := range []string{"0", "120", "300"} {
		b.ReportMetric(m[i]["rate"], "deliveries/s/"+name)
		b.ReportMetric(m[i]["in-flight"], "in-flight/"+name)
		b.ReportMetric(m[i]["MiB"], "MiB/"+name)
		b.ReportMetric(m[i]["rate"]/m[0]["rate"], "ratio/"+name)
	}
	b.ReportMetric(0, "ns/op") // of all
}

func drainToEndpoints(b testing.TB, part string) figures {
	b.Helper()
	certificate := newCertificate(b)
	receiver := role(b, "tls-receiver", certificate.environ()...)
	s := newPostgres(b)
	publisher := newLibrary(b, s)
	publisher.catalog()
	orgs := make([]uuid.UUID, endpoints)
	for i := range orgs {
		orgs[i] = uuid.New()
		publisher.subscribe(orgs[i], fmt.Sprintf("https://%s:%s/%s/%d", endpointAddress(i), port(b, receiver.url), part, i))
	}
	const each = 120
	load{8, endpoints}.run(endpoints*each, func(int) {
		for i := range orgs {
			publisher.publish(orgs[i], 1)
		}
	})
	deliverer := role(b, "deliverer", append(certificate.environ(), "BENCH_DSN="+testpg.DSN(b), "BENCH_SCHEMA="+s.Schema())...)
	const warm, measured = endpoints * 30, endpoints * 60
	receiver.await(b, part, warm)
	began := time.Now()
	got := receiver.await(b, part, warm+measured)
	return figures{
		"rate": float64(got.Count-warm) / time.Since(began).Seconds(), "in-flight": float64(got.InFlight), "MiB": memory(deliverer.pid),
	}
}

func endpointAddress(i int) string { return fmt.Sprintf("127.0.%d.%d", 1+i/250, 1+i%250) }

func port(b testing.TB, address string) string {
	b.Helper()
	u, err := url.Parse(address)
	check(b, err)
	return u.Port()
}

// certificate is one for all endpoints.
type certificate struct{ cert, key string }

func (c certificate) environ() []string {
	return []string{"BENCH_CERT=" + c.cert, "BENCH_KEY=" + c.key}
}

func newCertificate(b testing.TB) certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(b, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	for i := range endpoints {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(endpointAddress(i)))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(b, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	check(b, err)
	return certificate{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}
}

// playReceivers serves https on the address of each endpoint, and http for reports to the
// benchmark, until the process that started this one is gone.
func playReceivers() {
	pair, err := tls.X509KeyPair([]byte(os.Getenv("BENCH_CERT")), []byte(os.Getenv("BENCH_KEY")))
	if err != nil {
		panic(err)
	}
	r := newReceiver()
	quiet := log.New(io.Discard, "", 0) // the end of the benchmark cuts connections off
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute, ErrorLog: quiet}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	listen := func(address string) net.Listener {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			panic(err)
		}
		return listener
	}
	questions := listen("127.0.0.1:0") // the endpoints have the same port
	_, port, _ := net.SplitHostPort(questions.Addr().String())
	for i := range endpoints {
		go func() { panic(server.Serve(tls.NewListener(listen(endpointAddress(i)+":"+port), config))) }()
	}
	playOn(questions, r)
}

// playDeliverer delivers for the schema, until the process that started this one is gone.
func playDeliverer() {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(os.Getenv("BENCH_CERT")))
	s, err := postgres.Open(context.Background(), os.Getenv("BENCH_DSN"),
		postgres.Options{Options: bunstore.Options{Schema: os.Getenv("BENCH_SCHEMA")}})
	if err != nil {
		panic(err)
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	hooks, err := webhooks.New(s.Store, webhooks.Config{
		AllowNetworks: loopback,
		Sender:        guard.NewClient(guard.Options{Policy: &guard.Policy{AllowNetworks: loopback}, RootCAs: roots}),
	})
	if err != nil {
		panic(err)
	}
	if err := hooks.Dispatcher.Start(context.Background()); err != nil {
		panic(err)
	}
	play(http.NotFoundHandler())
}
