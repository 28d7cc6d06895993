package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// healthcheckCmd asks a host whether it works, for the health check of a container.
type healthcheckCmd struct {
	Address string        `arg:"" optional:"" help:"Address of the host; without a path it is asked for /healthcheck. Default: --addr on this machine."`
	Addr    listenAddress `help:"Listen address. Port 0 is any free port." default:"127.0.0.1:8080"`
}

// healthTime bounds the check; a host answers within 2 s.
const healthTime = 5 * time.Second

func (k *healthcheckCmd) run(ctx context.Context, h *host, _ *cli) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	target, ours, err := k.target(h)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if ours { // its certificate is for its public name
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // loopback, and nothing is sent
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: HTTP %d%s", hostOf(target), answer.StatusCode, faults(text))
	}
	_, err = fmt.Fprintln(h.stdout, "ok")
	return err
}

// target returns the URL to ask, and whether it is the host of this machine by its settings.
func (k *healthcheckCmd) target(h *host) (target string, ours bool, err error) {
	if k.Address == "" {
		scheme := "http"
		if _, encrypted := h.lookup("WEBHOOKS_TLS_CERT"); encrypted {
			scheme = "https"
		}
		name, port, _ := net.SplitHostPort(string(k.Addr)) // the flag has checked it
		if ip, err := netip.ParseAddr(name); name == "" || err == nil && ip.IsUnspecified() {
			name = "localhost"
		}
		return scheme + "://" + net.JoinHostPort(name, port) + "/healthcheck", true, nil
	}
	u, err := url.Parse(k.Address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", false, &wrongError{"the argument ADDRESS must be an absolute http or https URL"}
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/healthcheck"
	}
	return u.String(), false, nil
}

// faults names the parts that are down in the answer of a health check.
func faults(text []byte) string {
	var health struct {
		Error map[string]struct{ Message string }
	}
	if json.Unmarshal(text, &health) != nil {
		return ""
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(health.Error)) {
		b.WriteString("; " + printable(name) + note(printable(health.Error[name].Message)))
	}
	return b.String()
}
