package signing_test

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/signing"
)

func TestKeySet_Vectors(t *testing.T) {
	t.Parallel()
	for _, v := range loadVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			signer := v.signer(t)
			for range 3 { // buffers that a signer keeps must not leak into the next message
				h := http.Header{"Content-Type": {"application/json"}, signing.HeaderSignature: {"v1,stale", "v1,staler"}}
				if err := signer.Sign(h, v.message()); err != nil {
					t.Fatal(err)
				}
				want := v.header()
				want.Set("content-type", "application/json")
				want.Set("x-webhook-hash", v.Hash)
				want.Set("x-webhook-created-at", v.CreatedAt)
				if !maps.EqualFunc(h, want, slices.Equal) {
					t.Errorf("got  %v\nwant %v", h, want)
				}
			}
		})
	}
}

func TestKeySet_HeadersOfOneAttemptAreItsOwn(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, signing.PrivateKey{}, refSecret)
	first, second := http.Header{}, http.Header{}
	for i, h := range []http.Header{first, second} {
		at := refTime.Add(time.Duration(i) * time.Hour)
		if err := signer.Sign(h, signing.Message{ID: refID, At: at, Body: []byte(refBody)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := first.Get("webhook-signature"); got != refSignature {
		t.Errorf("after a second message the first has %s", got)
	}
	// The values share one array: appending to one must not change the next.
	first.Add(signing.HeaderID, "more")
	if got := first.Get("webhook-timestamp"); got != refTimestamp {
		t.Errorf("after adding an id the timestamp is %s", got)
	}
}

func TestKeySet_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	signer := mustSigner(t, mustPrivate(t, refPrivate), otherSecret, refSecret)
	keys := mustKeys(t, refPublic)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			// Bodies below and above the size that a signer keeps in its buffers.
			body := bytes.Repeat([]byte{byte('a' + i)}, 1+i*20_000)
			for range 20 {
				h := http.Header{}
				if err := signer.Sign(h, signing.Message{ID: refID, At: refTime, Body: body}); err != nil {
					t.Error(err)
				}
				if err := signing.Verify(h, body, keys, refTime, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestKeySet_RefusesWhatCannotBeSigned(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]signing.Message{
		"NoID":          {At: refTime},
		"FullStopInID":  {ID: "a.b", At: refTime},
		"SpaceInID":     {ID: "a b", At: refTime},
		"LineBreakInID": {ID: "a\r\nX-Evil: 1", At: refTime},
		"DeleteInID":    {ID: "a\x7f", At: refTime},
		"ID not ASCII":  {ID: "ä", At: refTime},
		"NoTime":        {ID: refID},
		"Before1970":    {ID: refID, At: time.Unix(-1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			err := mustSigner(t, signing.PrivateKey{}, refSecret).Sign(h, m)
			if !errors.Is(err, signing.ErrInvalidMessage) {
				t.Errorf("got %v", err)
			}
			if len(h) > 0 {
				t.Errorf("headers were set: %v", h)
			}
		})
	}
}

func TestNewKeySet_NeedsKeys(t *testing.T) {
	t.Parallel()
	key := mustKey(t, refSecret)
	for name, keys := range map[string][]signing.Key{
		"None":        nil,
		"Zero":        {{}},
		"ZeroAmongst": {key, {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := signing.NewKeySet(keys, mustPrivate(t, refPrivate)); !errors.Is(err, signing.ErrInvalidKey) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNewKeySet_CopiesTheKeys(t *testing.T) {
	t.Parallel()
	keys := []signing.Key{mustKey(t, refSecret)}
	signer, err := signing.NewKeySet(keys, signing.PrivateKey{})
	if err != nil {
		t.Fatal(err)
	}
	keys[0] = mustKey(t, otherSecret)
	h := http.Header{}
	if err := signer.Sign(h, signing.Message{ID: refID, At: refTime, Body: []byte(refBody)}); err != nil {
		t.Fatal(err)
	}
	if got := h.Get("webhook-signature"); got != refSignature {
		t.Errorf("signed with the changed key: %s", got)
	}
}

func BenchmarkKeySet_Sign(b *testing.B) {
	for _, bb := range []struct {
		name    string
		secrets []string
		private string
	}{
		{"1Key", []string{refSecret}, ""},
		{"5Keys", slices.Repeat([]string{refSecret}, 5), ""},
		{"1KeyEd25519", []string{refSecret}, refPrivate},
	} {
		b.Run(bb.name, func(b *testing.B) {
			signer := vector{Secrets: bb.secrets, PrivateKey: bb.private}.signer(b)
			body := []byte(strings.Repeat("x", 1024))
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				h := make(http.Header, 8)
				if err := signer.Sign(h, signing.Message{ID: refID, At: refTime, Body: body}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
