package bunstore

import (
	"sync"

	"github.com/google/uuid"
)

// matchCache remembers the subscriptions that match a set of topics. A publish that finds all
// its topics here sends one statement, which compares the revisions with those in the database
// and inserts nothing if one has changed.
type matchCache struct {
	mu      sync.Mutex
	matches map[uuid.UUID]map[string][]match // by organization and topics
	size    int                              // of all entries, in bytes, estimated
}

// maxMatchCacheBytes is the size at which the cache is emptied.
const maxMatchCacheBytes = 4 << 20

// get returns the matches of each query, or false if it lacks those of one query.
func (m *matchCache) get(queries []matchQuery) (matches [][]match, all bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	matches = make([][]match, len(queries))
	for n, q := range queries {
		if matches[n], all = m.matches[q.org][q.topics]; !all {
			return nil, false
		}
	}
	return matches, true
}

func (m *matchCache) put(queries []matchQuery, matches [][]match) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, found := range matches {
		q := queries[n]
		size := sizeOf(q.topics, found)
		if size > maxMatchCacheBytes/16 {
			continue
		}
		if m.size+size > maxMatchCacheBytes || m.matches == nil {
			m.matches, m.size = map[uuid.UUID]map[string][]match{}, 0
		}
		byTopics := m.matches[q.org]
		if byTopics == nil {
			byTopics = map[string][]match{}
			m.matches[q.org] = byTopics
		}
		if before, ok := byTopics[q.topics]; ok {
			m.size -= sizeOf(q.topics, before)
		}
		byTopics[q.topics] = found
		m.size += size
	}
}

// drop removes the entries of an organization. Without it the next publish would send its
// statement in vain, because the revisions have changed.
func (m *matchCache) drop(org uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for topics, found := range m.matches[org] {
		m.size -= sizeOf(topics, found)
	}
	delete(m.matches, org)
}

// sizeOf estimates the bytes of an entry, with its share of the maps.
func sizeOf(topics string, matches []match) int {
	size := 200 + len(topics)
	for _, m := range matches {
		size += 64
		for _, c := range m.filter {
			size += 64 + len(c.Pointer) + len(c.Value)
		}
	}
	return size
}
