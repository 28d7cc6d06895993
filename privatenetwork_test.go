package webhooks_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/hostile"
	"github.com/ecg-api/webhooks/store/memstore"
)

// A receiver in a private network has a certificate of a private authority, and perhaps asks for one.
func TestDeliveriesReachPrivateReceivers(t *testing.T) {
	t.Parallel()
	authority := hostile.NewAuthority(t)
	own := &tls.Config{}
	client := hostile.Certificate("dispatcher.internal")
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	authority.Certify(client, own)
	mutual := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, authority.Roots() }
	for _, tt := range []struct {
		name     string
		receiver func(*tls.Config)
		sender   webhooks.Config
		want     string
	}{
		{"TrustsRootCAs", func(*tls.Config) {}, webhooks.Config{RootCAs: authority.Roots()}, ""},
		{"WithoutRootCAs", func(*tls.Config) {}, webhooks.Config{}, "tls: certificate is signed by an unknown authority"},
		{"ShowsClientCertificate", mutual, webhooks.Config{RootCAs: authority.Roots(), ClientCertificate: &own.Certificates[0]}, ""},
		{"WithoutClientCertificate", mutual, webhooks.Config{RootCAs: authority.Roots()}, "tls: certificate required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			server.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
			authority.Certify(hostile.Certificate("127.0.0.1"), server.TLS)
			tt.receiver(server.TLS)
			server.StartTLS()
			t.Cleanup(server.Close)
			if got := sendTo(t, server.URL, tt.sender); got != tt.want {
				t.Errorf("the attempt: %q, want %q", got, tt.want)
			}
		})
	}
}

// sendTo returns the error of the first attempt to a URL, or "".
func sendTo(t *testing.T, url string, c webhooks.Config) string {
	t.Helper()
	ended := make(chan webhooks.Notice, 10)
	c.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Observer = webhooks.ObserverFunc(func(n webhooks.Notice) { ended <- n })
	hooks, err := webhooks.New(memstore.New(), c)
	if err != nil {
		t.Fatal(err)
	}
	sub, _, err := hooks.Subscriptions.Create(t.Context(), uuid.New(), webhooks.SubscriptionInput{PostURI: url, Events: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	category, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	paid := webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"}
	if _, err := hooks.Registry.CreateEventType(t.Context(), category.ID, paid); err != nil {
		t.Fatal(err)
	}
	if err := hooks.Dispatcher.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := hooks.Dispatcher.Publish(t.Context(), sub.OrganizationID, webhooks.Event{Type: "order.paid", Data: 1}); err != nil {
		t.Fatal(err)
	}
	n := <-ended
	if err := hooks.Dispatcher.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n.Reason
}
