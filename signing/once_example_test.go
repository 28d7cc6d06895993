package signing_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

// A receiver that handles each webhook once, although the sender retries and can send twice.
func ExampleOnce() {
	keys, err := signing.ParseKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}
	failures := 1
	hooks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failures > 0 {
			failures--
			http.Error(w, "the database is down", http.StatusInternalServerError)
			return
		}
		fmt.Println("handled", r.Header.Get(signing.HeaderID))
		w.WriteHeader(http.StatusNoContent)
	})
	verified := signing.Middleware(keys, nil)
	once := signing.Once(signing.NewMemoryOnce(100_000, 4*24*time.Hour), nil)
	receiver := verified(once(hooks))

	// A sender retries until the answer is 2xx. This one sends once more.
	signer, err := signing.NewKeySet(keys.Secrets, signing.PrivateKey{})
	if err != nil {
		log.Fatal(err)
	}
	const body = `{"type":"vitals.observation.created"}`
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "/webhooks", strings.NewReader(body))
		if err := signer.Sign(r.Header, signing.Message{ID: "msg_1", At: time.Now(), Body: []byte(body)}); err != nil {
			log.Fatal(err)
		}
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}

	// Output:
	// 500
	// handled msg_1
	// 204
	// 200
}
