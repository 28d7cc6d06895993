package signing

import (
	"fmt"

	"github.com/ecg-api/webhooks/internal/redact"
)

// The Format methods keep secrets, payloads and customers' addresses out of what is
// printed, whatever the verb. The fields' tags say what is shown.

// Format implements [fmt.Formatter].
func (m Message) Format(f fmt.State, _ rune) { redact.Format(f, m) }
