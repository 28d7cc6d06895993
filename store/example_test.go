package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

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

// A store that keeps attempts in memory takes the rules of a delivery from Chain: the retry
// that follows an outcome, the number and step of an attempt that a caller asks for, and the
// summary.
func ExampleChain() {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	message := store.Message{ID: uuid.New(), OrganizationID: uuid.New()}
	subscription := uuid.New()

	var chain store.Chain
	first := chain.NewAttempt(store.NewAttempt{ID: uuid.New(), Type: store.FirstPost, At: now}, message, subscription)
	chain = append(chain, &first)

	retry := chain.Record(&first, store.Outcome{
		Status: store.Failed, HTTPStatus: 503, Error: "HTTP 503", At: now,
		Next: &store.Next{ID: uuid.New(), DueAt: now.Add(time.Minute)},
	})
	chain = append(chain, retry)
	fmt.Println("automatic retry: number", retry.Number, "step", retry.Step, "delivery", chain.Status())

	// A caller retries at once, which withdraws the automatic retry.
	manual := chain.NewAttempt(store.NewAttempt{ID: uuid.New(), Type: store.ManualRetry, RetryOf: first.ID, At: now}, message, subscription)
	for _, a := range chain {
		if a.Withdrawable() {
			chain.Cancel(a, now, "ann")
		}
	}
	chain = append(chain, &manual)
	fmt.Println("manual retry: number", manual.Number, "step", manual.Step)

	chain.Record(&manual, store.Outcome{Status: store.Succeeded, HTTPStatus: 200, At: now})
	delivery := chain.Delivery()
	fmt.Println("delivery:", delivery.Status, delivery.HTTPStatus, "after", delivery.Attempts, "attempts")
	// Output:
	// automatic retry: number 2 step 1 delivery pending
	// manual retry: number 3 step 0
	// delivery: succeeded 200 after 3 attempts
}
