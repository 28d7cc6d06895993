package memstore

import (
	"context"
	"slices"

	"github.com/ecg-api/webhooks/store"
)

// news returns the messages that tell of a change that is about to be made. It fails if one of them cannot be stored.
func (s *Store) news(ctx context.Context, change store.Change) ([]store.NewMessage, error) {
	news := store.NewsOf(ctx)
	if news == nil {
		return nil, nil
	}
	messages, ids := news.Messages(change), newBatch()
	for _, m := range messages {
		if err := s.claimID(m.ID, ids, nil); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// tell publishes the news about a change that was made.
func (s *Store) tell(ctx context.Context, messages []store.NewMessage) error {
	messages = slices.DeleteFunc(messages, func(m store.NewMessage) bool { return len(s.matching(m)) == 0 })
	if len(messages) == 0 {
		return nil
	}
	b := newBatch()
	if _, err := s.plan(b, nil, messages, store.PublishOptions{NewID: store.NewsOf(ctx).NewID}); err != nil {
		return err
	}
	s.apply(b)
	return nil
}
