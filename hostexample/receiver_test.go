package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// post is a delivery as a receiver sees it.
type post struct {
	header http.Header
	body   []byte
}

// receive starts a receiver and returns its URL and the posts that arrive. Answer may be nil.
func receive(t *testing.T, answer http.HandlerFunc) (string, <-chan post) {
	t.Helper()
	posts := make(chan post, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off: not a delivery
		}
		posts <- post{r.Header, body}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, posts
}

func next(t *testing.T, posts <-chan post) post {
	t.Helper()
	select {
	case p := <-posts:
		return p
	case <-time.After(patience):
		t.Fatalf("nothing arrived within %v", patience)
		return post{}
	}
}

// testOrg is the organization of the tests.
const testOrg = "/api/organizations/0195d3a0-5a3e-7000-8000-0000000000aa"

// subscribe subscribes a receiver to everything, and returns the path of the
// subscription and its secret.
func (a api) subscribe(t *testing.T, receiver string) (path, secret string) {
	t.Helper()
	var sub struct{ ID, SecretKey string }
	a.call(t, http.MethodPost, testOrg+"/webhook-subscriptions", map[string]any{
		"postUri": receiver, "events": []string{"*"}, "isDevelopment": true,
	}, &sub, http.StatusCreated)
	return testOrg + "/webhook-subscriptions/" + sub.ID, sub.SecretKey
}

// event returns an event of a type of the sample catalog.
func event(n int) map[string]any {
	return map[string]any{
		"eventType": "vitals.observation.created",
		"data":      map[string]any{"code": "8867-4", "value": n, "unit": "/min"},
	}
}

func (a api) publish(t *testing.T) (id string) {
	t.Helper()
	var answer struct{ ID string }
	a.call(t, http.MethodPost, testOrg+"/events", event(72), &answer, http.StatusAccepted)
	return answer.ID
}

// attempts lists the attempts of a subscription.
func (a api) attempts(t *testing.T, subscription string) []attempt {
	t.Helper()
	var list struct{ Items []attempt }
	a.call(t, http.MethodGet, subscription+"/activity?take=100", nil, &list, http.StatusOK)
	return list.Items
}

type attempt struct {
	Status         string
	HTTPStatusCode int
}
