package signing_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ecg-api/webhooks/signing"
)

// FuzzVerify feeds the header parser. No input may make it panic, and it accepts
// signed messages only. A message that the library of the Standard Webhooks authors
// refuses is refused here too.
func FuzzVerify(f *testing.F) {
	signed := map[[3]string]bool{}
	for _, v := range loadVectors(f) {
		f.Add(v.ID, v.Timestamp, v.Signature, []byte(v.Body))
		signed[[3]string{v.ID, v.Timestamp, v.Body}] = true
	}
	f.Add(refID, refTimestamp, "v1, v1a, ,v1 v1,,"+refSignature, []byte(refBody))
	f.Add(refID+".1", "+1614265330", strings.Repeat("v1,x ", 40), []byte(nil))
	f.Add("", "18446744075323816946", "v1a,"+strings.Repeat("A", 86)+"==", []byte("{"))
	keys := mustKeys(f, refSecret, refPublic)
	symmetric := mustKeys(f, refSecret)
	theirs := oracle(f, refSecret)
	f.Fuzz(func(t *testing.T, id, timestamp, signature string, body []byte) {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", timestamp)
		h.Set("webhook-signature", signature)
		err := signing.Verify(h, body, keys, refTime, time.Hour)
		if err == nil && !signed[[3]string{id, timestamp, string(body)}] {
			t.Fatalf("accepted %q %q %q", id, timestamp, body)
		}
		if signing.Verify(h, body, symmetric, refTime, time.Hour) == nil {
			if err := theirs.VerifyIgnoringTimestamp(body, h); err != nil {
				t.Fatalf("accepted what the oracle refuses: %v", err)
			}
			if err != nil {
				t.Fatalf("with one more key it is refused: %v", err)
			}
		}
	})
}

// FuzzParseSecret checks that every accepted secret has one of the two documented
// forms, is the same key as in the library of the Standard Webhooks authors, and is
// never shown whole.
func FuzzParseSecret(f *testing.F) {
	for _, v := range loadVectors(f) {
		f.Add(v.Secrets[0])
	}
	f.Add(refPublic)
	f.Add(refPrivate)
	f.Add("whsec_")
	f.Add(refSecret + "\n")
	f.Add("whsec_" + strings.Repeat("A", 43))
	f.Add("1234567é")
	f.Fuzz(func(t *testing.T, secret string) {
		shown, ok := strings.CutPrefix(signing.Mask(secret), "••••")
		if n := utf8.RuneCountInString(shown); !ok || n > 4 || n > 0 && len(secret) < 8 {
			t.Fatalf("Mask(%q) shows %q", secret, shown)
		}
		key, err := signing.ParseSecret(secret)
		if err != nil {
			return
		}
		if len(secret) < 8 || len(secret) > 256 || strings.Trim(secret, printableASCII) != "" {
			t.Fatalf("accepted %q", secret)
		}
		want, err := oracle(t, secret).Sign(refID, refTime, []byte(refBody))
		if err != nil {
			t.Fatalf("the oracle refuses %q: %v", secret, err)
		}
		keys := signing.Keys{Secrets: []signing.Key{key}}
		if err := signing.Verify(refHeader(want), []byte(refBody), keys, refTime, 0); err != nil {
			t.Fatalf("another key than the oracle's for %q: %v", secret, err)
		}
	})
}

const printableASCII = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
