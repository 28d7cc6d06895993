package httpapi

import (
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of printed text, with
// every verb. The fields' tags decide which values are shown.

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (j JWTConfig) Format(f fmt.State, _ rune) { redact.Format(f, j) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (j *JWT) Format(f fmt.State, _ rune) { redact.Format(f, j.cfg) }
