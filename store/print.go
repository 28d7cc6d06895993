package store

import (
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of printed text, for
// every verb. The tags of the fields choose the printed part.

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (s Subscription) Format(f fmt.State, _ rune) { redact.Format(f, s) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (t Target) Format(f fmt.State, _ rune) { redact.Format(f, t) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (s Secret) Format(f fmt.State, _ rune) { redact.Format(f, s) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (k KeyChange) Format(f fmt.State, _ rune) { redact.Format(f, k) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (h SubscriptionHeaders) Format(f fmt.State, _ rune) { redact.Format(f, h) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (m Message) Format(f fmt.State, _ rune) { redact.Format(f, m) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (n NewMessage) Format(f fmt.State, _ rune) { redact.Format(f, n) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (m MessageSummary) Format(f fmt.State, _ rune) { redact.Format(f, m) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (a Attempt) Format(f fmt.State, _ rune) { redact.Format(f, a) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (d Delivery) Format(f fmt.State, _ rune) { redact.Format(f, d) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (n NewAttempt) Format(f fmt.State, _ rune) { redact.Format(f, n) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (r Report) Format(f fmt.State, _ rune) { redact.Format(f, r) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (j Job) Format(f fmt.State, _ rune) { redact.Format(f, j) }

// Format implements [fmt.Formatter]: it prints neither secrets nor payloads, of a URL the host alone.
func (o Outcome) Format(f fmt.State, _ rune) { redact.Format(f, o) }
