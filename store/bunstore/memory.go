package bunstore

import (
	"sync"

	"github.com/google/uuid"
)

// memory holds answers. With them a publish takes one statement, which asks again and
// stores nothing if the answers are others by now.
type memory struct {
	mu      sync.Mutex
	answers map[uuid.UUID]map[string][]match // by organization and topics
	size    int                              // of all, about, in bytes
}

// maxMemory is how large a memory may become before it begins anew.
const maxMemory = 4 << 20

// recall returns the answers to all the questions, if it has them.
func (y *memory) recall(asked []question) (answers [][]match, all bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	answers = make([][]match, len(asked))
	for n, q := range asked {
		if answers[n], all = y.answers[q.org][q.topics]; !all {
			return nil, false
		}
	}
	return answers, true
}

func (y *memory) keep(asked []question, answers [][]match) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for n, answer := range answers {
		q := asked[n]
		size := sizeOf(q.topics, answer)
		if size > maxMemory/16 {
			continue
		}
		if y.size+size > maxMemory || y.answers == nil {
			y.answers, y.size = map[uuid.UUID]map[string][]match{}, 0
		}
		of := y.answers[q.org]
		if of == nil {
			of = map[string][]match{}
			y.answers[q.org] = of
		}
		if before, ok := of[q.topics]; ok {
			y.size -= sizeOf(q.topics, before)
		}
		of[q.topics] = answer
		y.size += size
	}
}

// forget spares the next publish to find out that the subscriptions of an organization
// have changed.
func (y *memory) forget(org uuid.UUID) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for topics, answer := range y.answers[org] {
		y.size -= sizeOf(topics, answer)
	}
	delete(y.answers, org)
}

func sizeOf(topics string, answer []match) int {
	size := 200 + len(topics) // with the maps
	for _, m := range answer {
		size += 64
		for _, c := range m.filter {
			size += 64 + len(c.Pointer) + len(c.Value)
		}
	}
	return size
}
