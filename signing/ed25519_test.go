package signing_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

const allZero32 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"Valid":         {refPublic, true},
		"WithoutPrefix": {strings.TrimPrefix(refPublic, "whpk_"), false},
		"PrefixAlone":   {"whpk_", false},
		"PrivateKey":    {refPrivate, false},
		"Secret":        {refSecret, false},
		"TooShort":      {"whpk_" + encoded(31), false},
		"TooLong":       {"whpk_" + encoded(33), false},
		"LineBreak":     {refPublic + "\n", false},
		"AllZero":       {"whpk_" + allZero32, false},
		"Empty":         {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := signing.ParsePublicKey(tt.text)
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, signing.ErrInvalidKey) {
				t.Fatalf("ok = %v, error %v", tt.ok, err)
			}
			if tt.ok && key.String() != tt.text {
				t.Errorf("read %s, wrote %s", tt.text, key)
			}
		})
	}
}

func TestParsePrivateKey(t *testing.T) {
	t.Parallel()
	_, pair, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(b []byte) string { return "whsk_" + base64.StdEncoding.EncodeToString(b) }
	strangers := append(append([]byte{}, pair[:32]...), make([]byte, 32)...)
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"PairOf64":             {text(pair), true},
		"SeedOf32":             {text(pair[:32]), true},
		"PublicHalfOfStranger": {text(strangers), false},
		"31Bytes":              {text(pair[:31]), false},
		"33Bytes":              {text(pair[:33]), false},
		"63Bytes":              {text(pair[:63]), false},
		"65Bytes":              {text(append(pair[:64:64], 0)), false},
		"WithoutPrefix":        {text(pair)[5:], false},
		"PublicKey":            {refPublic, false},
		"Empty":                {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := signing.ParsePrivateKey(tt.text)
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, signing.ErrInvalidKey) {
				t.Fatalf("ok = %v, error %v", tt.ok, err)
			}
			if tt.ok && key.Public() != signing.PublicKey(pair[32:]) {
				t.Errorf("its public key is %s", key.Public())
			}
			if err != nil && tt.text != "" && strings.Contains(err.Error(), tt.text) {
				t.Errorf("the error repeats the key: %v", err)
			}
		})
	}
}

// crypto/ed25519 is used here by itself, over content put together by hand.
func TestEd25519_AgreesWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	text := signing.NewPrivateKey()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsk_"))
	if err != nil || len(key) != ed25519.PrivateKeySize {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	content := []byte(refID + "." + refTimestamp + "." + refBody)

	h := http.Header{}
	signer := mustSigner(t, mustPrivate(t, text), refSecret)
	if err := signer.Sign(h, signing.Message{ID: refID, At: refTime, Body: []byte(refBody)}); err != nil {
		t.Fatal(err)
	}
	ours, ok := strings.CutPrefix(h.Get("webhook-signature"), refSignature+" v1a,")
	if !ok {
		t.Fatalf("signatures are %s", h.Get("webhook-signature"))
	}
	signature, err := base64.StdEncoding.DecodeString(ours)
	if err != nil || !ed25519.Verify(key[32:], content, signature) {
		t.Errorf("crypto/ed25519 refuses our signature: %v", err)
	}

	theirs := base64.StdEncoding.EncodeToString(ed25519.Sign(key, content))
	keys := mustKeys(t, mustPrivate(t, text).Public().String())
	if err := signing.Verify(refHeader("v1a,"+theirs), []byte(refBody), keys, refTime, 0); err != nil {
		t.Errorf("we refuse the signature of crypto/ed25519: %v", err)
	}
}

func TestPrivateKey_ZeroHasZeroPublicKey(t *testing.T) {
	t.Parallel()
	if got := (signing.PrivateKey{}).Public(); got != (signing.PublicKey{}) {
		t.Errorf("got %s", got)
	}
}
