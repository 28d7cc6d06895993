package signing_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

// vector is a message with the headers that it must get. No vector was computed with
// this package: each names its source.
type vector struct {
	Name       string
	Source     string
	Secrets    []string // newest first
	PrivateKey string
	PublicKey  string
	ID         string
	AtMillis   int64
	Body       string

	Timestamp, Signature, CreatedAt, Hash string
}

func loadVectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func (v vector) at() time.Time { return time.UnixMilli(v.AtMillis) }

func (v vector) message() signing.Message {
	return signing.Message{ID: v.ID, At: v.at(), Body: []byte(v.Body)}
}

func (v vector) signer(t testing.TB) *signing.KeySet {
	t.Helper()
	var private signing.PrivateKey
	if v.PrivateKey != "" {
		private = mustPrivate(t, v.PrivateKey)
	}
	return mustSigner(t, private, v.Secrets...)
}

// header returns the headers of the vector as a receiver gets them.
func (v vector) header() http.Header {
	return http.Header{
		signing.HeaderID:        {v.ID},
		signing.HeaderTimestamp: {v.Timestamp},
		signing.HeaderSignature: {v.Signature},
	}
}

// The reference vector, for tests that change one part of it.
const (
	refSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	refID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	refBody      = `{"test": 2432232314}`
	refTimestamp = "1614265330"
	refSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

	refPrivate    = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	refPublic     = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	refSignatureA = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

	otherSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	otherPublic = "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="
)

var refTime = time.Unix(1614265330, 0)

func refHeader(signature string) http.Header {
	return http.Header{
		signing.HeaderID:        {refID},
		signing.HeaderTimestamp: {refTimestamp},
		signing.HeaderSignature: {signature},
	}
}

func mustKey(t testing.TB, secret string) signing.Key {
	t.Helper()
	key, err := signing.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustKeys(t testing.TB, texts ...string) signing.Keys {
	t.Helper()
	keys, err := signing.ParseKeys(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func mustPrivate(t testing.TB, text string) signing.PrivateKey {
	t.Helper()
	key, err := signing.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustSigner(t testing.TB, private signing.PrivateKey, secrets ...string) *signing.KeySet {
	t.Helper()
	keys := make([]signing.Key, len(secrets))
	for i, secret := range secrets {
		keys[i] = mustKey(t, secret)
	}
	signer, err := signing.NewKeySet(keys, private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}
