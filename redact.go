package webhooks

import (
	"encoding/json"
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of logs, with every
// verb of package fmt. The log tags of the fields choose the printed form.

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (c Config) Format(f fmt.State, _ rune) { redact.Format(f, c) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (s UnhealthySubscription) Format(f fmt.State, _ rune) { redact.Format(f, s) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (s Secret) Format(f fmt.State, _ rune) { redact.Format(f, s) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (e Event) Format(f fmt.State, _ rune) { redact.Format(f, e) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (p PostInput) Format(f fmt.State, _ rune) { redact.Format(f, p) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (in ReportInput) Format(f fmt.State, _ rune) { redact.Format(f, in) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (s SubscriptionInput) Format(f fmt.State, _ rune) { redact.Format(f, s) }

// MarshalJSON leaves the Key out, because logs may be JSON. Read the Key field to show it to its
// owner.
func (s Secret) MarshalJSON() ([]byte, error) {
	type plain Secret
	shown := plain(s)
	shown.Key = redact.Text
	return json.Marshal(shown)
}
