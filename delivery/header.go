package delivery

import (
	"net/http"
	"strconv"

	"github.com/ecg-api/webhooks/signing"
)

// HeaderAttempt carries the number of the attempt in its chain, from 1.
const HeaderAttempt = "X-Webhook-Attempt"

var contentType = []string{"application/json"}

// firstAttempt is the number of most attempts, as the values of a header.
var firstAttempt = []string{"1"}

// SetHeaders adds to h every header of an attempt that does not come from the subscription: content type,
// user agent, the number of the attempt, and the signatures of the message.
func (e *Engine) SetHeaders(h http.Header, signer signing.Signer, attempt int, m signing.Message) error {
	h["Content-Type"] = contentType
	h["User-Agent"] = e.userAgent
	h[HeaderAttempt] = firstAttempt
	if attempt != 1 {
		h[HeaderAttempt] = []string{strconv.Itoa(attempt)}
	}
	return signer.Sign(h, m)
}
