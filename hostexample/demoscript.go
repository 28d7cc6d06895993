package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

// script prints the events of the demonstration, line by line, and collects its faults.
type script struct {
	mu       sync.Mutex
	out      io.Writer
	start    time.Time
	receiver map[string]receiver // by path of the sink
	arrived  []arrival
	wrong    []string
	ended    chan webhooks.Notice
}

// receiver holds the knowledge of a sink's owner: a subscription, and the keys to verify with.
type receiver struct {
	subscription uuid.UUID
	keys         signing.Keys
}

// arrival is a request that reached a sink.
type arrival struct {
	subscription uuid.UUID
	messageID    string
	body         []byte
	err          error // of the verification
}

func newScript(out io.Writer) *script {
	return &script{out: out, start: time.Now(), receiver: map[string]receiver{}, ended: make(chan webhooks.Notice, 64)}
}

func (s *script) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.print(format, args...)
}

func (s *script) print(format string, args ...any) {
	fmt.Fprintf(s.out, format+"\n", args...)
}

// check adds a fault if a condition does not hold.
func (s *script) check(ok bool, condition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		s.wrong = append(s.wrong, "it is not true that "+condition)
	}
}

// trust gives the receiver behind a sink its secret.
func (s *script) trust(sub webhooks.Subscription, sink, secret string) error {
	keys, err := signing.ParseKeys(secret)
	path, _, _ := strings.Cut(sink, "?")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver["/api/webhook-processors/"+path] = receiver{sub.ID, keys}
	return err
}

// watch verifies each request as a receiver would, and passes it on.
func (s *script) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "the body did not arrive", http.StatusBadRequest)
			return
		}
		s.arrive(r, body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

func (s *script) arrive(r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.receiver[r.URL.Path]
	err := signing.Verify(r.Header, body, to.keys, time.Now(), 0)
	s.arrived = append(s.arrived, arrival{to.subscription, r.Header.Get(signing.HeaderID), body, err})
	verdict := "verifies"
	if err != nil {
		verdict = "DOES NOT VERIFY: " + err.Error()
	}
	sink := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	s.print("%s  attempt %s arrives at %s", s.clock(), r.Header.Get("X-Webhook-Attempt"), sink)
	s.print("          signature %s  %s", r.Header.Get(signing.HeaderSignature), verdict)
}

func (s *script) clock() string {
	return fmt.Sprintf("%7.3fs", time.Since(s.start).Seconds())
}

// Observe implements [webhooks.Observer]. It prints each recorded outcome.
func (s *script) Observe(n webhooks.Notice) {
	if n.Kind != webhooks.AttemptEnded {
		return
	}
	s.mu.Lock()
	s.print("%s  attempt %d %s with HTTP %d", s.clock(), n.Number, n.Status, n.HTTPStatus)
	s.mu.Unlock()
	s.ended <- n
}

// wait returns when n attempts have ended.
func (s *script) wait(ctx context.Context, n int) error {
	for range n {
		select {
		case <-s.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// checkArrivals compares the requests that arrived with the attempts of the history.
func (s *script) checkArrivals(message uuid.UUID, sent []webhooks.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.arrived) != len(sent) {
		s.wrong = append(s.wrong, fmt.Sprintf("%d requests arrived, the history has %d", len(s.arrived), len(sent)))
	}
	for _, a := range s.arrived {
		switch {
		case a.err != nil:
			s.wrong = append(s.wrong, "a signature does not verify: "+a.err.Error())
		case a.messageID != message.String():
			s.wrong = append(s.wrong, "a request has another webhook-id: "+a.messageID)
		case len(sent) == 0 || !bytes.Equal(a.body, sent[0].Body):
			s.wrong = append(s.wrong, "a body is not the one in the history")
		}
	}
}

// verdict prints the last line, or returns the faults.
func (s *script) verdict() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) > 0 {
		return errors.New("not as it should be: " + strings.Join(s.wrong, "; "))
	}
	s.print("All right: %d requests, one webhook-id, one body, every signature verified (%.1f s).",
		len(s.arrived), time.Since(s.start).Seconds())
	return nil
}
