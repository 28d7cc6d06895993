package bunstore

import (
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func TestMemoryIsBounded(t *testing.T) {
	var y memory
	org := uuid.New()
	of := func(topic string) []question { return []question{{org, topic}} }
	y.keep(of("first"), [][]match{{{revision: 7}}})
	if answers, ok := y.recall(of("first")); !ok || answers[0][0].revision != 7 {
		t.Errorf("got %v, %v", answers, ok)
	}
	if _, ok := y.recall([]question{{org, "first"}, {org, "second"}}); ok {
		t.Error("it remembers what it was not told")
	}

	y.keep(of("wide"), [][]match{make([]match, maxMemory/16/64)})
	if _, ok := y.recall(of("wide")); ok {
		t.Error("it keeps a list as large as that")
	}
	y.keep(of("filters"), [][]match{{{filter: store.Filter{{Value: make([]byte, maxMemory/16)}}}}})
	if _, ok := y.recall(of("filters")); ok {
		t.Error("it keeps filters as large as that")
	}

	for range 100_000 { // the same again takes no more room
		y.keep(of("second"), [][]match{make([]match, 10)})
	}
	if _, ok := y.recall(of("first")); !ok {
		t.Error("it began anew without need")
	}
	for n := range 100_000 {
		y.keep(of(strconv.Itoa(n)), [][]match{make([]match, 1)})
	}
	if _, ok := y.recall(of("first")); ok || y.size > maxMemory || len(y.answers[org]) > maxMemory/264 {
		t.Errorf("it holds %d answers of %d bytes", len(y.answers[org]), y.size)
	}
	if _, ok := y.recall(of("99999")); !ok {
		t.Error("it forgot the last answer")
	}

	other := []question{{uuid.New(), "first"}}
	y.keep(other, [][]match{{{revision: 8}}})
	y.forget(org)
	if _, ok := y.recall(of("99999")); ok {
		t.Error("it did not forget")
	}
	if answers, ok := y.recall(other); !ok || y.size != sizeOf("first", answers[0]) {
		t.Errorf("what is left has %d bytes", y.size)
	}
}
