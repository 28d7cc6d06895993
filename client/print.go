package client

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
)

// Secret is a signing secret. Where the caller may not see it the host shows its last four
// characters alone. fmt and log/slog print [redacted]; string(s) is the text itself.
type Secret string

const redactedText = "[redacted]"

// Format implements [fmt.Formatter]: it prints no secret.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		_, _ = io.WriteString(f, redactedText)
	}
}

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// Headers are static request headers of a subscription, which can hold credentials. fmt and
// log/slog print their names alone.
type Headers map[string]string

// Format implements [fmt.Formatter]: it prints no secret.
func (h Headers) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, slices.Sorted(maps.Keys(h)))
}

// LogValue implements [slog.LogValuer].
func (h Headers) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(h)) }
