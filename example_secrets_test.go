package webhooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store/memstore"
)

// After a rotation both secrets sign for Config.SecretOverlap, so that the receiver can change to
// the new one at any time in between.
func ExampleSubscriptions_RotateSecret() {
	ctx := context.Background()
	requests := make(chan request)
	hooks, customer := exampleShop(ctx, webhooks.Config{Sender: channelSender(requests), SecretOverlap: 48 * time.Hour})
	sub, former, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	rotated, err := hooks.Subscriptions.RotateSecret(ctx, customer, sub.ID, nil)
	check(err)

	check(hooks.Dispatcher.Start(ctx))
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
	r := <-requests
	check(hooks.Dispatcher.Stop(ctx))
	fmt.Println("signatures:", len(strings.Fields(r.header.Get(signing.HeaderSignature))))
	for _, secret := range []string{former, rotated.Key} {
		keys, err := signing.ParseKeys(secret)
		check(err)
		fmt.Println("verified:", signing.Verify(r.header, r.body, keys, time.Now(), 0) == nil)
	}
	// Output:
	// signatures: 2
	// verified: true
	// verified: true
}

// The key that encrypts signing secrets at rest is replaced in three deployments: the new key comes
// first and the former one stays, Rotate encrypts every secret again, then the former key goes.
func ExampleKeys_Rotate() {
	ctx := context.Background()
	st, former, next := memstore.New(), bytes.Repeat([]byte("a"), 32), bytes.Repeat([]byte("b"), 32)
	deploy := func(keys ...[]byte) *webhooks.Webhooks {
		hooks, err := webhooks.New(st, webhooks.Config{SecretKeys: keys})
		check(err)
		return hooks
	}
	exampleSubscription(ctx, deploy(former))
	fmt.Println("too early:", errors.Is(deploy(next).Keys().Check(ctx), webhooks.ErrMissingKey))

	rotation, err := deploy(next, former).Keys().Rotate(ctx)
	check(err)
	fmt.Println("secrets encrypted again:", rotation.Rotated)
	fmt.Println("the former key is missed:", deploy(next).Keys().Check(ctx) != nil)
	// Output:
	// too early: true
	// secrets encrypted again: 1
	// the former key is missed: false
}

// A receiver that does not use Standard Webhooks sends the hash of a delivery back, to ask whether
// it is genuine.
func ExampleSigner_ValidateHash() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{PostURI: "https://example.com/hook"})
	check(err)
	attempt, err := hooks.Dispatcher.Post(ctx, customer, sub.ID, webhooks.PostInput{Type: "order.paid", Data: 7, External: true})
	check(err)
	hash, createdAt, err := hooks.Signer.Hash(ctx, customer, sub.ID, attempt.ID)
	check(err)
	for _, body := range [][]byte{attempt.Body, []byte(`{"data":1000000}`)} {
		genuine, err := hooks.Signer.ValidateHash(ctx, customer, sub.ID, body, hash, createdAt)
		check(err)
		fmt.Println("genuine:", genuine)
	}
	// Output:
	// genuine: true
	// genuine: false
}
