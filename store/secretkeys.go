package store

import (
	"context"

	"github.com/google/uuid"
)

// SecretKeys lets the keeper of the encryption keys encrypt the signing secrets and the headers of
// all organizations anew.
type SecretKeys interface {
	// SecretsExcept lists secrets with a Key that begins with none of the prefixes, in
	// the order of their ids, from the id after the given one, at most max. Ended secrets
	// and secrets of archived subscriptions are among them.
	SecretsExcept(ctx context.Context, prefixes [][]byte, after uuid.UUID, max int) ([]Secret, error)
	// ReplaceKeys replaces the Key of secrets, all in one transaction. A secret is left
	// alone if its Key is not From. It returns the number of replaced keys. All other
	// fields of the secrets, and their subscriptions, stay as they are.
	ReplaceKeys(ctx context.Context, changes []KeyChange) (int, error)
	// SubscriptionHeaders lists the subscriptions that have headers which can be read, archived
	// or not, in the order of their ids, from the id after the given one, at most max.
	SubscriptionHeaders(ctx context.Context, after uuid.UUID, max int) ([]SubscriptionHeaders, error)
	// ReplaceHeaders replaces the headers of subscriptions, all in one transaction. A
	// subscription with another Revision is left alone. It returns the number of changed
	// subscriptions. All other fields stay as they are, also the Revision.
	ReplaceHeaders(ctx context.Context, changes []SubscriptionHeaders) (int, error)
}

// SubscriptionHeaders are the headers of a subscription.
type SubscriptionHeaders struct {
	OrganizationID uuid.UUID         // the owner of the subscription
	SubscriptionID uuid.UUID         // the subscription
	Revision       int64             // of the subscription
	Headers        map[string]string `log:"names"` // as in Subscription
}

// KeyChange replaces the Key of a secret.
type KeyChange struct {
	SecretID uuid.UUID // of the secret that is changed
	From, To []byte    `log:"size"` // the Key that is expected, and the Key that replaces it
}
