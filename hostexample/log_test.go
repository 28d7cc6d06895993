package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestDurationsInTheLogHaveAUnit(t *testing.T) {
	t.Parallel()
	for _, format := range []logFormat{"json", "text"} {
		var out bytes.Buffer
		(&cli{LogFormat: format}).logger(&out).Info("x", "after", 1500*time.Millisecond)
		if !strings.Contains(out.String(), "1.5s") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
