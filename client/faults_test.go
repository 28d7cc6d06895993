package client_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/client"
)

// script is a host that answers as it is told, one function for each request and the last one for
// all further requests. It needs no network, so that it works in a bubble of synctest.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	bodies  []string
	tokens  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	s.bodies, s.tokens = append(s.bodies, body), append(s.tokens, r.Header.Get("Authorization"))
	return s.answers[min(len(s.bodies), len(s.answers))-1](r)
}

// answering returns an answer of a status, with headers as Name: value.
func answering(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			resp.Header.Add(name, value)
		}
		return resp, nil
	}
}

const problemType = "Content-Type: application/problem+json"

var errBroken = errors.New("connection reset by peer")

// refusing is a connection that cannot be made.
func refusing(*http.Request) (*http.Response, error) { return nil, errBroken }

// breaking is a connection that breaks within the answer.
func breaking(*http.Request) (*http.Response, error) {
	body := io.NopCloser(io.MultiReader(strings.NewReader(`{"id":`), broken{}))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// hanging does not answer.
func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func scripted(t *testing.T, c client.Config, answers ...func(*http.Request) (*http.Response, error)) (*client.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	c.BaseURL, c.HTTPClient = "https://hooks.example.com", &http.Client{Transport: s}
	if c.Token == nil {
		c.Token = client.StaticToken(testToken)
	}
	api, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return api, s
}

// elapsed returns how long a call takes on the clock of a bubble.
func elapsed(call func()) time.Duration {
	start := time.Now()
	call()
	return time.Since(start)
}
