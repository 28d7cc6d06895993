//go:build unix

package main

import (
	"bytes"
	"hash/maphash"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// behaviour decides the answer to the nth request of a delivery: its status, and the time before the answer.
type behaviour func(d delivery, nth int) (status int, wait time.Duration)

// forever is the wait of a receiver that hangs until its client gives up.
const forever = time.Duration(1<<63 - 1)

// slow answers every request with 200 after a time, so that attempts are in flight.
func slow(wait time.Duration) behaviour {
	return func(delivery, int) (int, time.Duration) { return http.StatusOK, wait }
}

// receiver is the customers' endpoint.
type receiver struct {
	*ledger
	behave behaviour
	seed   maphash.Seed
	server *httptest.Server
}

func newReceiver(behave behaviour) *receiver {
	r := &receiver{ledger: newLedger(), behave: behave, seed: maphash.MakeSeed()}
	r.server = httptest.NewServer(r)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // an incomplete request is no delivery
	}
	d := delivery{req.URL.Path, req.Header.Get("webhook-id")}
	a, nth := r.add(d, maphash.Bytes(r.seed, body), eventNumber(body))
	status, wait := r.behave(d, nth)
	defer r.answer(a, status >= http.StatusMultipleChoices)
	select {
	case <-time.After(wait):
		w.WriteHeader(status)
	case <-req.Context().Done():
	}
}

// eventNumber reads the number of an event out of its body; -1 for none.
func eventNumber(body []byte) int {
	_, rest, _ := bytes.Cut(body, []byte(`"value":`))
	end := bytes.IndexAny(rest, ",} ")
	n, err := strconv.Atoi(string(rest[:max(0, end)]))
	if err != nil {
		return -1
	}
	return n
}
