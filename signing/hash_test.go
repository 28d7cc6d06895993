package signing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

// oracleHash is a second implementation of the hash scheme, from its definition.
func oracleHash(key []byte, createdAtMillis int64, body []byte) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%d.%s", createdAtMillis, body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestHash_Vectors(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			key := mustKey(t, v.Secrets[0])
			if got := signing.Hash(key, v.AtMillis, []byte(v.Body)); got != v.Hash {
				t.Errorf("got %s, want %s", got, v.Hash)
			}
			if !signing.VerifyHash(key, v.AtMillis, []byte(v.Body), v.Hash) {
				t.Error("the vector's hash is refused")
			}
		})
	}
}

func TestVerifyHash(t *testing.T) {
	t.Parallel()
	key := mustKey(t, refSecret)
	const at = 1614265330123
	good := signing.Hash(key, at, []byte(refBody))
	flipped := strings.Map(func(r rune) rune { return '0' + (r+1)%8 }, good[:1]) + good[1:]
	last := strings.Map(func(r rune) rune { return '0' + (r+1)%8 }, good[63:])
	for name, tt := range map[string]struct {
		key  signing.Key
		at   int64
		body string
		hash string
		want bool
	}{
		"Good":            {key, at, refBody, good, true},
		"UpperCase":       {key, at, refBody, strings.ToUpper(good), true},
		"OtherKey":        {mustKey(t, otherSecret), at, refBody, good, false},
		"ZeroKey":         {signing.Key{}, at, refBody, oracleHash(nil, at, []byte(refBody)), false},
		"OtherTime":       {key, at + 1, refBody, good, false},
		"TimeInSeconds":   {key, at / 1000, refBody, good, false},
		"OtherBody":       {key, at, refBody + " ", good, false},
		"EmptyBody":       {key, at, "", good, false},
		"FirstDigitWrong": {key, at, refBody, flipped, false},
		"LastDigitWrong":  {key, at, refBody, good[:63] + last, false},
		"Prefix":          {key, at, refBody, good[:32], false},
		"Longer":          {key, at, refBody, good + "00", false},
		"OddLength":       {key, at, refBody, good[:63], false},
		"NotHex":          {key, at, refBody, strings.Repeat("g", 64), false},
		"Base64":          {key, at, refBody, refSignature[3:], false},
		"Space":           {key, at, refBody, good + " ", false},
		"Empty":           {key, at, refBody, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := signing.VerifyHash(tt.key, tt.at, []byte(tt.body), tt.hash); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
