package signing

import (
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of printed
// text, for every verb. The fields' tags choose the shown parts: see internal/redact.

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (m Message) Format(f fmt.State, _ rune) { redact.Format(f, m) }
