package signing

import (
	"crypto/hmac"
	"encoding/hex"
	"hash"
	"strconv"
)

// Hash returns the hash scheme's signature: the lowercase hex of HMAC-SHA256 over
// createdAtMillis + "." + body. The time is that of the attempt in Unix
// milliseconds, as in [HeaderCreatedAt]. It panics if the Key is zero.
func Hash(key Key, createdAtMillis int64, body []byte) string {
	return hex.EncodeToString(hashSum(nil, key.HMAC(), appendCreatedAt(nil, createdAtMillis), body))
}

// VerifyHash says whether hash, hex in either case, is the [Hash] of body at that
// time. It compares in constant time. It returns false for a malformed hash and
// for a zero Key. The caller decides how old the time may be.
func VerifyHash(key Key, createdAtMillis int64, body []byte, hash string) bool {
	got, err := hex.DecodeString(hash)
	if err != nil || key.isZero() {
		return false
	}
	want := hashSum(nil, key.HMAC(), appendCreatedAt(nil, createdAtMillis), body)
	return hmac.Equal(got, want)
}

// appendCreatedAt appends the time and the full stop that are signed before the body.
func appendCreatedAt(dst []byte, createdAtMillis int64) []byte {
	return append(strconv.AppendInt(dst, createdAtMillis, 10), '.')
}

// hashSum appends the sum over prefix and body to dst. It leaves mac used.
func hashSum(dst []byte, mac hash.Hash, prefix, body []byte) []byte {
	mac.Write(prefix)
	mac.Write(body)
	return mac.Sum(dst)
}
