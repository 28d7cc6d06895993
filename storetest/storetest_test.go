package storetest_test

import (
	"testing"

	"github.com/ecg-api/webhooks/storetest"
)

// The store of the example is one.
func TestRun_OfADecorator(t *testing.T) {
	t.Parallel()
	storetest.Run(t, newLoggedStore, storetest.OneConnection(newLoggedStore))
}
