package bunstore

import (
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func TestMatchCacheIsBounded(t *testing.T) {
	t.Parallel()
	var m matchCache
	org := uuid.New()
	of := func(topic string) []matchQuery { return []matchQuery{{org, topic}} }
	m.put(of("first"), [][]match{{{revision: 7}}})
	if matches, ok := m.get(of("first")); !ok || matches[0][0].revision != 7 {
		t.Errorf("got %v, %v", matches, ok)
	}
	if _, ok := m.get([]matchQuery{{org, "first"}, {org, "second"}}); ok {
		t.Error("the cache has topics that were never put")
	}

	m.put(of("wide"), [][]match{make([]match, maxMatchCacheBytes/16/64)})
	if _, ok := m.get(of("wide")); ok {
		t.Error("the cache keeps a list of more than a sixteenth of its size")
	}
	m.put(of("filters"), [][]match{{{filter: store.Filter{{Value: make([]byte, maxMatchCacheBytes/16)}}}}})
	if _, ok := m.get(of("filters")); ok {
		t.Error("the cache keeps filters of more than a sixteenth of its size")
	}

	for range 100_000 { // a replaced entry takes no more room
		m.put(of("second"), [][]match{make([]match, 10)})
	}
	if _, ok := m.get(of("first")); !ok {
		t.Error("the cache was emptied before it was full")
	}
	for n := range 100_000 {
		m.put(of(strconv.Itoa(n)), [][]match{make([]match, 1)})
	}
	if _, ok := m.get(of("first")); ok || m.size > maxMatchCacheBytes || len(m.matches[org]) > maxMatchCacheBytes/264 {
		t.Errorf("the cache has %d entries of %d bytes", len(m.matches[org]), m.size)
	}
	if _, ok := m.get(of("99999")); !ok {
		t.Error("the cache lacks the latest entry")
	}

	other := []matchQuery{{uuid.New(), "first"}}
	m.put(other, [][]match{{{revision: 8}}})
	m.drop(org)
	if _, ok := m.get(of("99999")); ok {
		t.Error("drop left an entry")
	}
	if matches, ok := m.get(other); !ok || m.size != sizeOf("first", matches[0]) {
		t.Errorf("the entries of another organization have %d bytes", m.size)
	}
}
