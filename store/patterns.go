package store

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Patterns returns everything that a subscription may have written to receive
// events of the code: the code itself, each prefix that ends at a dot followed by
// "*", from the longest to the shortest, and "*".
//
//	Patterns("vitals.observations.created")
//	// vitals.observations.created, vitals.observations.*, vitals.*, *
func Patterns(code string) []string {
	out := []string{code}
	for i := strings.LastIndexByte(code, '.'); i >= 0; i = strings.LastIndexByte(code[:i], '.') {
		out = append(out, code[:i+1]+"*")
	}
	return append(out, "*")
}

// Topics returns the keys under which a store finds the subscriptions to an
// event type: its id, and its patterns within its version. A look-up of these
// few keys in an index is all that matching costs, however many subscriptions
// there are.
func Topics(id uuid.UUID, code, version string) []string {
	topics := []string{id.String()}
	for _, p := range Patterns(code)[1:] {
		topics = append(topics, patternTopic(version, p))
	}
	return topics
}

// Topics returns the keys under which a store indexes the subscription: an event
// matches if it has one of them.
func (s Subscription) Topics() []string {
	topics := make([]string, 0, len(s.Selectors))
	for _, sel := range s.Selectors {
		if sel.Pattern != "" {
			topics = append(topics, patternTopic(s.Version, sel.Pattern))
		} else {
			topics = append(topics, sel.EventTypeID.String())
		}
	}
	return topics
}

// Matches reports whether the subscription's selectors and its Filter match the message.
func (s Subscription) Matches(m Message) bool {
	own := s.Topics()
	selected := slices.ContainsFunc(Topics(m.EventTypeID, m.Type, m.Version), func(t string) bool { return slices.Contains(own, t) })
	return selected && s.Filter.Matches(NewDocument(m.Data()))
}

func patternTopic(version, pattern string) string { return version + "/" + pattern }
