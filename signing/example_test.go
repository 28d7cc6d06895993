package signing_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

// A receiver that trusts one secret, and during a rotation the former secret too.
func ExampleMiddleware() {
	keys, err := signing.ParseKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "our former secret")
	if err != nil {
		log.Fatal(err)
	}
	hooks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the bytes that the sender signed
		fmt.Printf("got %s: %s\n", r.Header.Get(signing.HeaderID), body)
		w.WriteHeader(http.StatusNoContent)
	})
	verified := signing.Middleware(keys, &signing.ReceiverOptions{
		OnReject: func(_ *http.Request, err error) { fmt.Println("refused:", err) },
	})
	server := httptest.NewServer(verified(hooks))
	defer server.Close()

	// The sender, once correct and once with a body that was not signed.
	send := func(signed, sent string) {
		r, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(sent))
		if err != nil {
			log.Fatal(err)
		}
		signer, err := signing.NewKeySet(keys.Secrets, signing.PrivateKey{})
		if err != nil {
			log.Fatal(err)
		}
		message := signing.Message{ID: "msg_1", At: time.Now(), Body: []byte(signed)}
		if err := signer.Sign(r.Header, message); err != nil {
			log.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			log.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	send(`{"type":"vitals.observations.created"}`, `{"type":"vitals.observations.created"}`)
	send(`{"type":"vitals.observations.created"}`, `{"type":"vitals.observations.deleted"}`)

	// Output:
	// got msg_1: {"type":"vitals.observations.created"}
	// 204 No Content
	// refused: webhook signature does not match: tried 2 signatures with 2 secrets and 0 public keys
	// 401 Unauthorized
}

// Verifying by hand, where there is no net/http handler to wrap.
func ExampleVerify() {
	keys, err := signing.ParseKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{
		"webhook-id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"webhook-timestamp": {"1614265330"},
		"webhook-signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	body := []byte(`{"test": 2432232314}`)
	now := time.Unix(1614265331, 0) // time.Now() in real life

	err = signing.Verify(header, body, keys, now, signing.DefaultTolerance)
	fmt.Println("in time:", err)

	err = signing.Verify(header, body, keys, now.Add(time.Hour), signing.DefaultTolerance)
	fmt.Println("a replay:", errors.Is(err, signing.ErrTimestampTooOld))

	// Output:
	// in time: <nil>
	// a replay: true
}

// Signing with two secrets, the newest first, as during a rotation.
func ExampleKeySet() {
	var keys []signing.Key
	for _, secret := range []string{"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		key, err := signing.ParseSecret(secret)
		if err != nil {
			log.Fatal(err)
		}
		keys = append(keys, key)
	}
	signer, err := signing.NewKeySet(keys, signing.PrivateKey{})
	if err != nil {
		log.Fatal(err)
	}

	header := http.Header{}
	message := signing.Message{
		ID:   "msg_p5jXN8AQM9LWM0D4loKWxJek",
		At:   time.Unix(1614265330, 0),
		Body: []byte(`{"test": 2432232314}`),
	}
	if err := signer.Sign(header, message); err != nil {
		log.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Printf("%s: %s\n", name, header.Get(name))
	}

	// Output:
	// Webhook-Id: msg_p5jXN8AQM9LWM0D4loKWxJek
	// Webhook-Signature: v1,O4Gjv1HqPqsMrjmczoggs/sWA8gZD0VyHG+fLh4+ktI= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
	// Webhook-Timestamp: 1614265330
	// X-Webhook-Created-At: 1614265330000
	// X-Webhook-Hash: f826996b1243032f0dcd7dc082d8d7e9f754904541f709051050106b3dd7880e
}

// githubStyle adds a third scheme to the two of this package.
type githubStyle struct {
	signing.Signer
	key signing.Key
}

func (s githubStyle) Sign(h http.Header, m signing.Message) error {
	mac := s.key.HMAC()
	mac.Write(m.Body)
	h.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%x", mac.Sum(nil)))
	return s.Signer.Sign(h, m)
}

// A Signer that adds the signature header of another product.
func ExampleSigner() {
	key, err := signing.ParseSecret("It's a Secret to Everybody")
	if err != nil {
		log.Fatal(err)
	}
	standard, err := signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
	if err != nil {
		log.Fatal(err)
	}
	header := http.Header{}
	message := signing.Message{ID: "msg_1", At: time.Now(), Body: []byte("Hello, World!")}
	if err := (githubStyle{standard, key}).Sign(header, message); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(header), "headers")
	fmt.Println(header.Get("X-Hub-Signature-256"))

	// Output:
	// 6 headers
	// sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17
}
