package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// tell publishes the news of ctx about a change in the transaction of the change, and reports whether attempts became due.
func (s *Store) tell(ctx context.Context, tx bun.Tx, change store.Change) (due bool, err error) {
	news := store.NewsOf(ctx)
	if news == nil {
		return false, nil
	}
	p := &publication{messages: news.Messages(change), opts: store.PublishOptions{NewID: news.NewID}, matchedOnly: true}
	err = p.run(ctx, s, s.on(tx.Tx))
	return p.claimable, err
}
