package store_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// counted is a decorator: a store that counts the messages which are published.
type counted struct {
	store.Store // also for Abilities
	messages    atomic.Int64
}

func (c *counted) Publish(
	ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	c.messages.Add(int64(len(messages)))
	return c.Store.Publish(ctx, tx, messages, opts)
}

// A decorator has the abilities of the store that it embeds.
func ExampleStore_decorator() {
	st := &counted{Store: memstore.New()}
	abilities := st.Abilities()
	fmt.Println("notifies:", abilities.Notifier != nil)
	fmt.Println("needs upkeep:", abilities.Maintainer != nil)

	ctx := context.Background()
	tx, err := abilities.Transactor.Begin(ctx)
	if err != nil {
		panic(err)
	}
	message := store.NewMessage{Message: store.Message{ID: uuid.Must(uuid.NewV7()), OrganizationID: uuid.New()}}
	if _, err := st.Publish(ctx, tx, []store.NewMessage{message}, store.PublishOptions{}); err != nil {
		panic(err)
	}
	fmt.Println("commit:", tx.Commit())
	fmt.Println("messages:", st.messages.Load())
	// Output:
	// notifies: true
	// needs upkeep: false
	// commit: <nil>
	// messages: 1
}
