package guard

import (
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of printed
// text, whatever the verb. The fields' tags say which fields are shown.

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (r Request) Format(f fmt.State, _ rune) { redact.Format(f, r) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (r Result) Format(f fmt.State, _ rune) { redact.Format(f, r) }

// Format implements [fmt.Formatter]: it prints no key and no password of the proxy.
func (o Options) Format(f fmt.State, _ rune) { redact.Format(f, o) }
