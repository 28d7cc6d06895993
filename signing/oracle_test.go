package signing_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/ecg-api/webhooks/signing"
)

// oracle is the library that the authors of Standard Webhooks publish for Go.
func oracle(t testing.TB, secret string) *standardwebhooks.Webhook {
	t.Helper()
	var wh *standardwebhooks.Webhook
	var err error
	if strings.HasPrefix(secret, "whsec_") {
		wh, err = standardwebhooks.NewWebhook(secret)
	} else {
		wh, err = standardwebhooks.NewWebhookRaw([]byte(secret))
	}
	if err != nil {
		t.Fatal(err)
	}
	return wh
}

func TestOracle_AgreesOnTheVectors(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for i, secret := range v.Secrets {
				got, err := oracle(t, secret).Sign(v.ID, v.at(), []byte(v.Body))
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.Fields(v.Signature)[i]; got != want {
					t.Errorf("the oracle signs %s, the vector has %s", got, want)
				}
			}
		})
	}
}

// randomMessage covers ids, times and bodies of any bytes; seed makes it the same
// on every run.
func randomMessage(seed uint64) (secret string, m signing.Message) {
	r := rand.New(rand.NewPCG(seed, 1))
	letters := func(n int) string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	secret = "whsec_" + base64.StdEncoding.EncodeToString(random(24+r.IntN(41)))
	if seed%2 == 0 {
		secret = letters(8 + r.IntN(249))
	}
	at := time.Now().Add(time.Duration(r.IntN(480)-240) * time.Second)
	return secret, signing.Message{ID: letters(1 + r.IntN(64)), At: at, Body: random(r.IntN(2000))}
}

func TestOracle_VerifiesWhatWeSign(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		secret, m := randomMessage(seed)
		h := http.Header{}
		// The secret in question is the newest, the former, or the one before.
		secrets := []string{otherSecret, refSecret}
		secrets = append(secrets[:seed%3], append([]string{secret}, secrets[seed%3:]...)...)
		if err := mustSigner(t, mustPrivate(t, refPrivate), secrets...).Sign(h, m); err != nil {
			t.Fatal(err)
		}
		if err := oracle(t, secret).Verify(m.Body, h); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := oracle(t, "some other secret").Verify(m.Body, h); err == nil {
			t.Errorf("seed %d: the oracle accepts anything", seed)
		}
	}
}

func TestOracle_SignsWhatWeVerify(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		secret, m := randomMessage(seed)
		signature, err := oracle(t, secret).Sign(m.ID, m.At, m.Body)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("webhook-id", m.ID)
		h.Set("webhook-timestamp", strconv.FormatInt(m.At.Unix(), 10))
		h.Set("webhook-signature", signature)
		if err := signing.Verify(h, m.Body, mustKeys(t, otherSecret, secret), time.Now(), 0); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := signing.Verify(h, append(bytes.Clone(m.Body), 0), mustKeys(t, secret), time.Now(), 0); err == nil {
			t.Errorf("seed %d: accepted with another body", seed)
		}
	}
}
