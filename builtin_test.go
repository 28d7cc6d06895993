package webhooks_test

import (
	"encoding/json"
	"testing"

	"github.com/ecg-api/webhooks"
)

func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range webhooks.Examples() {
		var object map[string]any
		if err := json.Unmarshal(webhooks.Example(name), &object); err != nil || len(object) < 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if webhooks.Example("../go") != nil || webhooks.Example("") != nil {
		t.Error("there is an example without a name")
	}
}
