//go:build !race

// The race detector makes sync.Pool forget at random, so that more is allocated.

package signing_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/signing"
)

func TestKeySet_AllocatesLittle(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	signer := mustSigner(t, signing.PrivateKey{}, refSecret)
	h, body := http.Header{}, []byte(strings.Repeat("x", 1024))
	allocs := testing.AllocsPerRun(1000, func() {
		if err := signer.Sign(h, signing.Message{ID: refID, At: refTime, Body: body}); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 6 {
		t.Errorf("%v allocations for each message", allocs)
	}
}
