package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// When a URL is saved: a mistake in writing is told apart from a forbidden address.
func ExamplePolicy_ParseURL() {
	var policy guard.Policy // the strictest
	for _, raw := range []string{
		"https://Bücher.example:8443/hooks",
		"http://example.com/hooks",
		"https://user:pass@example.com/hooks",
		"https://10.0.0.1/hooks",
		"https://0x7f.1/hooks",
		"https://receiver.internal/hooks",
		"https://example.com:25/hooks",
	} {
		u, err := policy.ParseURL(raw, false)
		_, isBlocked := errors.AsType[*guard.BlockedError](err)
		switch {
		case err == nil:
			fmt.Println("store", u)
		case isBlocked:
			fmt.Println("422", err)
		default:
			fmt.Println("400", err)
		}
	}
	// Output:
	// store https://xn--bcher-kva.example:8443/hooks
	// 400 invalid URL: must start with https://
	// 400 invalid URL: must not have a user name or password
	// 422 blocked address 10.0.0.1
	// 422 blocked address 0x7f.1
	// 422 blocked host receiver.internal
	// 422 blocked port 25
}

// One client per process; the outcome of a request is a value.
func ExampleClient_Post() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	u, _ := url.Parse(receiver.URL)
	request := guard.Request{
		URL:    u,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"type":"vitals.observations.created"}`),
	}

	strict := guard.NewClient(guard.Options{})
	fmt.Println(guard.Describe(strict.Post(context.Background(), request).Err))

	loopback := &guard.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	client := guard.NewClient(guard.Options{Policy: loopback})
	defer client.CloseIdleConnections()
	fmt.Println(client.Post(context.Background(), request).Status)
	// Output:
	// blocked address 127.0.0.1
	// 204
}
