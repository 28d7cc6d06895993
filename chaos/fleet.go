//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// organization owns the subscriptions and the events of a scenario.
const organization = "/api/organizations/0195d3a0-5a3e-7000-8000-0000000000aa"

// requestTimeout bounds a publisher's request. The host answers within its store time-out, 10 s by default.
const requestTimeout = 20 * time.Second

// fleet is the hosts on one database.
type fleet struct {
	hosts []*host
	org   string
	token string
	http  *http.Client

	timeout time.Duration // of new subscriptions; 0: the default
}

func newFleet() *fleet {
	return &fleet{org: organization, http: &http.Client{
		Timeout: requestTimeout, Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 500},
	}}
}

// running returns the hosts that have not ended.
func (f *fleet) running() (running []*host) {
	for _, h := range f.hosts {
		if h.running() {
			running = append(running, h)
		}
	}
	return running
}

// post makes a request to one of the running hosts.
func (f *fleet) post(ctx context.Context, number int, path string, body any) (status int, answer []byte, err error) {
	running := f.running()
	if len(running) == 0 {
		return 0, nil, fmt.Errorf("no host is running")
	}
	return f.call(ctx, running[number%len(running)], http.MethodPost, path, body)
}

// call makes a request to a host.
func (f *fleet) call(ctx context.Context, h *host, method, path string, body any) (status int, answer []byte, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, h.url()+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// subscribe subscribes a path of the receiver to all events and returns the id of the subscription.
func (f *fleet) subscribe(ctx context.Context, url string) (id string, err error) {
	members := map[string]any{"postUri": url, "events": []string{"vitals.observation.created"}, "isDevelopment": true}
	if f.timeout > 0 {
		members["timeoutMs"] = f.timeout.Milliseconds()
	}
	status, text, err := f.call(ctx, f.hosts[0], http.MethodPost, f.org+"/webhook-subscriptions", members)
	var created struct{ ID string }
	if err != nil || status != http.StatusCreated || json.Unmarshal(text, &created) != nil {
		return "", fmt.Errorf("subscribe %s: %d %s %w", url, status, text, err)
	}
	return created.ID, nil
}

// unsubscribe deletes a subscription.
func (f *fleet) unsubscribe(ctx context.Context, h *host, id string) error {
	status, text, err := f.call(ctx, h, http.MethodDelete, f.org+"/webhook-subscriptions/"+id, nil)
	if err != nil || status >= http.StatusMultipleChoices {
		return fmt.Errorf("delete the subscription: %d %s %w", status, text, err)
	}
	return nil
}
