package keyring_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/keyring"
)

func key(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

func ring(t *testing.T, keys ...[]byte) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOpen(t *testing.T) {
	t.Parallel()
	const text, owner = "a secret", "the owner"
	sealed := ring(t, key(1)).Seal(text, []byte(owner))
	inClear := ring(t).Seal(text, []byte(owner))
	if bytes.Contains(sealed, []byte(text)) {
		t.Error("the sealed text contains the plain text")
	}
	for _, c := range []struct {
		name   string
		ring   *keyring.Ring
		sealed []byte
		owner  string
		opens  bool
	}{
		{"ItsKey", ring(t, key(1)), sealed, owner, true},
		{"ItsKeyBehindAnother", ring(t, key(2), key(1)), sealed, owner, true},
		{"AnotherKey", ring(t, key(2)), sealed, owner, false},
		{"NoKey", ring(t), sealed, owner, false},
		{"AnotherOwner", ring(t, key(1)), sealed, "another owner", false},
		{"Shortened", ring(t, key(1)), sealed[:len(sealed)-1], owner, false},
		{"HeaderAlone", ring(t, key(1)), sealed[:9], owner, false},
		{"HalfAHeader", ring(t, key(1)), sealed[:5], owner, false},
		{"Empty", ring(t, key(1)), nil, owner, false},
		{"ClearWithAKey", ring(t, key(1)), inClear, owner, true},
		{"ClearWithoutAKey", ring(t), inClear, owner, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.ring.Open(c.sealed, []byte(c.owner))
			if c.opens != (err == nil) || c.opens && got != text || !c.opens && got != "" {
				t.Errorf("got %q, %v; should open: %v", got, err, c.opens)
			}
		})
	}
}

func TestSealUsesANonceOnce(t *testing.T) {
	t.Parallel()
	r := ring(t, key(1))
	if bytes.Equal(r.Seal("text", nil), r.Seal("text", nil)) {
		t.Error("the same text was sealed to the same bytes twice")
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	begins := func(sealed []byte) func([]byte) bool {
		return func(prefix []byte) bool { return bytes.HasPrefix(sealed, prefix) }
	}
	both := ring(t, key(2), key(1))
	for name, r := range map[string]*keyring.Ring{"first key": ring(t, key(2)), "second key": ring(t, key(1)), "no key": ring(t)} {
		sealed := r.Seal("text", nil)
		if !slices.ContainsFunc(both.KnownPrefixes(), begins(sealed)) {
			t.Errorf("%s: the prefix is not known", name)
		}
		if current := begins(sealed)(both.CurrentPrefix()); current != (name == "first key") {
			t.Errorf("%s: the prefix is the current one: %v", name, current)
		}
	}
	if sealed := ring(t, key(3)).Seal("text", nil); slices.ContainsFunc(both.KnownPrefixes(), begins(sealed)) {
		t.Error("the prefix of a third key is known")
	}
}

func TestLacksKeyTellsAMissingKeyFromADamagedText(t *testing.T) {
	t.Parallel()
	sealed := ring(t, key(1)).Seal("text", nil)
	if !keyring.LacksKey(sealed) {
		t.Error("an intact text is taken as damaged")
	}
	for i := range 9 {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 0x40
		if keyring.LacksKey(damaged) {
			t.Errorf("byte %d is wrong, and the text is taken as intact", i)
		}
	}
	if keyring.LacksKey(sealed[:8]) || keyring.LacksKey(ring(t).Seal("in the clear", nil)) {
		t.Error("a short or a clear text is taken as sealed")
	}
}

func TestNewNamesTheKeyOfAWrongSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 24, 31, 33} {
		_, err := keyring.New([][]byte{key(1), make([]byte, size)})
		if err == nil || !strings.Contains(err.Error(), "key 1 has") {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}
