package signing_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

func encoded(bytes int) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", bytes)))
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		secret string
		ok     bool
	}{
		{"ReferenceSecret", refSecret, true},
		{"PrefixedOf24Bytes", "whsec_" + encoded(24), true},
		{"PrefixedOf64Bytes", "whsec_" + encoded(64), true},
		{"PrefixedOf23Bytes", "whsec_" + encoded(23), false},
		{"PrefixedOf65Bytes", "whsec_" + encoded(65), false},
		{"PrefixAlone", "whsec_", false},
		{"PrefixedURLAlphabet", "whsec_" + strings.Repeat("_-8", 11) + "a", false},
		{"PrefixedWithoutPadding", "whsec_" + strings.TrimRight(encoded(32), "="), false},
		{"PrefixedWithStrayBits", "whsec_" + strings.TrimSuffix(encoded(32), "s=") + "t=", false},
		{"PrefixedWithLineBreak", "whsec_" + encoded(24) + "\n", false},
		{"PrefixedWithSpaceBefore", "whsec_ " + encoded(24), false},
		{"PrefixedTwice", "whsec_whsec_" + encoded(24), false},
		{"RawOf7", "1234567", false},
		{"RawOf8", "12345678", true},
		{"RawOf256", strings.Repeat("x", 256), true},
		{"RawOf257", strings.Repeat("x", 257), false},
		{"RawFirstPrintable", "       !", true},
		{"RawLastPrintable", "~~~~~~~~", true},
		{"RawDelete", "1234567\x7f", false},
		{"RawTab", "1234567\t", false},
		{"RawLineBreak", "12345678\n", false},
		{"RawNotASCII", "1234567é", false},
		{"RawNotUTF8", "1234567\xff", false},
		{"RawOtherCaseOfPrefix", "WHSEC_not/base64", true},
		{"Empty", "", false},
		{"PublicKey", refPublic, false},
		{"PrivateKey", refPrivate, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := signing.ParseSecret(tt.secret)
			if tt.ok != (err == nil) || err != nil && !errors.Is(err, signing.ErrInvalidKey) {
				t.Fatalf("ok = %v, error %v", tt.ok, err)
			}
			if err != nil && len(tt.secret) > 8 && strings.Contains(err.Error(), tt.secret) {
				t.Fatalf("the error repeats the secret: %v", err)
			}
		})
	}
}

func TestParseSecret_PrefixDecidesWhatTheKeyIs(t *testing.T) {
	t.Parallel()
	text := strings.TrimPrefix(refSecret, "whsec_")
	raw := signing.Hash(mustKey(t, text), 0, nil)
	decoded := signing.Hash(mustKey(t, refSecret), 0, nil)
	if raw == decoded {
		t.Fatal("a secret without the prefix was decoded")
	}
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if want := oracleHash(bytes, 0, nil); decoded != want {
		t.Errorf("with the prefix the key is not what base64 decodes to")
	}
	if want := oracleHash([]byte(text), 0, nil); raw != want {
		t.Errorf("without the prefix the key is not the text")
	}
}

func TestNewSecret_IsRandomAndValid(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		secret := signing.NewSecret()
		if seen[secret] {
			t.Fatal("the same secret twice")
		}
		seen[secret] = true
		mustKey(t, secret)
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(b) != 32 || !strings.HasPrefix(secret, "whsec_") {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"whsec_00000000000000000000000000003f9a": "••••3f9a",
		"12345678":                               "••••5678",
		"1234567":                                "••••",
		"":                                       "••••",
		"geheim-äöüß":                            "••••äöüß",
		"1234\xff678":                            "••••\ufffd678",
	} {
		if got := signing.Mask(secret); got != want {
			t.Errorf("Mask(%q) = %q, want %q", secret, got, want)
		}
	}
}
