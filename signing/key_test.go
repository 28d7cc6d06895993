package signing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

// A config of a host, with keys in each position that fmt prints by other rules.
type config struct {
	Key     signing.Key
	Pointer *signing.Key
	List    []signing.Key
	Map     map[string]signing.Key
	Any     any
	Private signing.PrivateKey
	Trusted signing.Keys

	key     signing.Key
	pointer *signing.Key
	list    []signing.Key
	private signing.PrivateKey
	trusted signing.Keys
	signer  *signing.KeySet
}

func newConfig(t *testing.T, secret string) config {
	t.Helper()
	key, private := mustKey(t, secret), mustPrivate(t, refPrivate)
	trusted := signing.Keys{Secrets: []signing.Key{key}}
	signer := mustSigner(t, private, secret)
	// A first use fills the signer's caches.
	if err := signer.Sign(map[string][]string{}, signing.Message{ID: "a", At: refTime}); err != nil {
		t.Fatal(err)
	}
	return config{
		Key: key, Pointer: &key, List: []signing.Key{key}, Map: map[string]signing.Key{"k": key}, Any: key,
		Private: private, Trusted: trusted,
		key: key, pointer: &key, list: []signing.Key{key}, private: private, trusted: trusted, signer: signer,
	}
}

// spellings are the encodings in which a printed key could show.
func spellings(b []byte) []string {
	dotted := strings.Trim(fmt.Sprint(b), "[]")
	return []string{
		string(b), strings.Trim(fmt.Sprintf("%q", b), `"`), dotted, strings.ReplaceAll(dotted, " ", ","),
		hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), fmt.Sprintf("% x", b),
		strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}"), base64.StdEncoding.EncodeToString(b),
		strings.Trim(fmt.Sprintf("%b", b), "[]"), strings.Trim(fmt.Sprintf("%o", b), "[]"),
	}
}

func checkHidden(t *testing.T, how, printed string) {
	t.Helper()
	private, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(refPrivate, "whsk_"))
	for _, secret := range [][]byte{[]byte(hiddenSecret), private[:32]} {
		for _, s := range spellings(secret) {
			if strings.Contains(printed, s) {
				t.Errorf("%s shows a key: …%s…", how, s)
				return
			}
		}
	}
}

const hiddenSecret = "Tr0ub4dor&3 horse"

func TestKey_IsNeverPrinted(t *testing.T) {
	t.Parallel()
	c := newConfig(t, hiddenSecret)
	for name, value := range map[string]any{
		"Key": c.Key, "pointer to Key": c.Pointer, "PrivateKey": c.Private, "Keys": c.Trusted,
		"KeySet": c.signer, "struct": c, "pointer to struct": &c, "slice of structs": []config{c},
	} {
		for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "# x", "d", "b", "o", "c", "U", "t", "e", "T", "p", "w", "020s"} {
			checkHidden(t, name+" with %"+verb, fmt.Sprintf("%"+verb, value))
		}
		checkHidden(t, name+" with Sprint", fmt.Sprint(value))
		checkHidden(t, name+" as an error", fmt.Errorf("failed: %v", value).Error())
		checkHidden(t, name+" in slog text", logged(value, func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }))
		checkHidden(t, name+" in slog JSON", logged(value, func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }))
	}
}

func logged(value any, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	slog.New(handler(&b)).Info("message", "value", value, slog.Group("group", "value", value))
	return b.String()
}

func TestKey_IsRedactedInEveryEncoding(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]interface {
		fmt.Stringer
		fmt.GoStringer
		slog.LogValuer
		MarshalText() ([]byte, error)
	}{"Key": mustKey(t, hiddenSecret), "PrivateKey": mustPrivate(t, refPrivate), "zero Key": signing.Key{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := key.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			inJSON, err := json.Marshal(map[string]any{"key": key})
			if err != nil {
				t.Fatal(err)
			}
			inXML, err := xml.Marshal(key)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []string{
				key.String(), key.GoString(), key.LogValue().String(), string(text),
				fmt.Sprintf("%x", key), fmt.Sprintf("%#v", key), string(inJSON), string(inXML),
			} {
				if !strings.Contains(got, "[redacted]") {
					t.Errorf("got %s", got)
				}
			}
		})
	}
}

func TestKey_ZeroDoesNotSign(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a zero Key made an HMAC")
		}
	}()
	signing.Key{}.HMAC()
}
