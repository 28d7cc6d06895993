package signing

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrInvalidMessage says that a [Message] cannot be signed; the error around it
// says why. Trying again does not help.
var ErrInvalidMessage = errors.New("webhook cannot be signed")

// Message is one attempt to deliver one webhook.
type Message struct {
	// ID is the webhook-id, the same on every attempt: visible ASCII without a
	// full stop.
	ID string
	// At is the time of this attempt, not before 1970.
	At time.Time
	// Body is the body of the request, byte for byte.
	Body []byte `log:"size"`
}

// Signer proves the sender of a webhook to its receiver. This package has one
// implementation, [KeySet]. Write another one for a scheme of your own, alone or
// around a KeySet.
//
// Sign sets headers for this one attempt. It replaces their former values and
// leaves all other headers alone. h is not nil. Sign is called for every attempt,
// from many goroutines at once, and must neither change nor keep the body. If it
// returns an error, nothing is sent.
type Signer interface {
	// Sign sets in h the headers that prove the sender of m.
	Sign(h http.Header, m Message) error
}

func (m Message) validate() error {
	if !validID(m.ID) {
		return fmt.Errorf("%w: its id %q must be visible ASCII without a full stop", ErrInvalidMessage, m.ID)
	}
	if m.At.Unix() < 0 {
		return fmt.Errorf("%w: its time %s is before 1970", ErrInvalidMessage, m.At)
	}
	return nil
}
