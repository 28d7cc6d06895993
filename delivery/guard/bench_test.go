package guard_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// BenchmarkPost sends over loopback on connections that are kept. The receiver
// is as little as a receiver can be, but shares the machine.
func BenchmarkPost(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	request := guard.Request{
		URL:    &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/hook"},
		Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"bench"}, "Webhook-Id": {"msg_1"}},
		Body:   bytes.Repeat([]byte("x"), 1024),
	}
	go serveBench(l)
	client := guard.NewClient(guard.Options{Policy: &guard.Policy{AllowNetworks: prefixes("127.0.0.1/32")}})
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res := client.Post(b.Context(), request); res.Status != 200 {
				b.Errorf("%+v", res)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func serveBench(l net.Listener) {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer hostile.HangUp(conn)
			in := bufio.NewReader(conn)
			for {
				line, err := in.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(line) > 2 { // not the empty line before the body
					continue
				}
				_, _ = in.Discard(1024)
				_, _ = conn.Write(response)
			}
		}()
	}
}

func BenchmarkParseURL(b *testing.B) {
	policy := new(guard.Policy)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = policy.ParseURL("https://hooks.example.com:8443/vitals?tenant=1", false)
	}
}

func BenchmarkCheckAddr(b *testing.B) {
	policy := new(guard.Policy)
	addr := netip.MustParseAddrPort("[2606:4700:4700::1111]:443")
	b.ReportAllocs()
	for b.Loop() {
		_ = policy.CheckAddr(addr)
	}
}
