package store_test

import (
	"fmt"
	"testing"

	"github.com/ecg-api/webhooks/store"
)

func TestHeaderLines(t *testing.T) {
	t.Parallel()
	for lines, want := range map[store.HeaderLines]string{
		"":                              "false []",
		"A: b: c\nA: \n":                "false [A=b: c A=]",
		store.HeadersOmitted:            "true []",
		store.HeadersOmitted + "A: …\n": "true [A=…]",
		"no header\nA: b":               "false [A=b]",
	} {
		got := []string{}
		for name, value := range lines.All() {
			got = append(got, name+"="+value)
		}
		if text := fmt.Sprintf("%t %v", lines.Omitted(), got); text != want {
			t.Errorf("%q: %s, want %s", lines, text, want)
		}
	}
}
