package webhooks

import (
	"context"
	"crypto/subtle"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// Secret is a signing secret of a subscription and the time in which it was the current secret.
type Secret struct {
	ID             uuid.UUID // of this entry in the history of secrets
	SubscriptionID uuid.UUID // the subscription that it signs for
	Key            string    `log:"-"` // never log it; signing.Mask makes a form to show
	ValidFrom      time.Time // when it became the current secret
	ValidTo        time.Time // when its successor became the current secret; zero for the current one
	Audit                    // of this entry; the successor's creator updates it
}

// RotateSecret replaces the current secret by a new random one and returns it. The
// former secret signs too for Config.SecretOverlap. Check, which may be nil, is called with the
// subscription first; its error stops the change.
func (s *Subscriptions) RotateSecret(ctx context.Context, org, id uuid.UUID, check func(Subscription) error) (Secret, error) {
	return s.setSecret(ctx, org, id, signing.NewSecret(), check)
}

// SetSecret makes the given secret the current one: whsec_ and base64 of 24–64 bytes, or 8–256
// printable ASCII characters. A [ValidationError] if the secret looks like the first form but is
// malformed, as " whsec_…", "v1,whsec_…" and "WHSEC_…" are, or looks like an ed25519 key.
// [ErrSecretUnchanged] if it is the current secret already.
func (s *Subscriptions) SetSecret(ctx context.Context, org, id uuid.UUID, secret string) (Secret, error) {
	if err := checkSecret(secret); err != nil {
		return Secret{}, err
	}
	return s.setSecret(ctx, org, id, secret, nil)
}

var (
	likePrefix = regexp.MustCompile(`(?i)whsec[^0-9a-z]`)
	likeKey    = regexp.MustCompile(`(?i)wh[ps]k_`)
)

// checkSecret refuses more than signing.ParseSecret, which must read every stored secret. A text with
// a misplaced prefix was meant to be decoded; as it stands, the text itself would be the key, and
// no receiver would compute the same signature.
func checkSecret(secret string) error {
	_, err := signing.ParseSecret(secret)
	var detail string
	switch {
	case strings.HasPrefix(secret, "whsec_") && err == nil:
		return nil
	case strings.HasPrefix(secret, "whsec_"):
		detail = "must be base64 of 24–64 bytes after whsec_, with its padding and without blanks"
	case likePrefix.MatchString(secret):
		detail = "must have whsec_ as its first characters, in small letters and with nothing before it, or not at all"
	case likeKey.MatchString(secret):
		detail = "must not be an ed25519 key (whpk_, whsk_): its public half is no secret"
	case err != nil:
		detail = "must be 8–256 printable ASCII characters, or whsec_ and base64 of 24–64 bytes"
	default:
		return nil
	}
	return wrongField(Invalid, "/secretKey", detail)
}

func (s *Subscriptions) setSecret(
	ctx context.Context, org, id uuid.UUID, secret string, check func(Subscription) error,
) (Secret, error) {
	var next store.Secret
	defer s.engine.Forget(id)
	err := s.store.AddSecret(ctx, org, id, func(sub Subscription, current store.Secret) (store.Secret, error) {
		if err := runCheck(sub, check); err != nil {
			return store.Secret{}, err
		}
		if err := editable(sub.Lifecycle); err != nil {
			return store.Secret{}, err
		}
		if old, err := s.decrypt(current); err == nil && sameSecret(old, secret) {
			return store.Secret{}, ErrSecretUnchanged
		}
		_, audit := s.created(ctx)
		if !audit.CreatedAt.After(current.ValidFrom) { // each secret is current for at least a millisecond
			audit.CreatedAt = current.ValidFrom.Add(time.Millisecond)
			audit.UpdatedAt = audit.CreatedAt
		}
		next = s.newSecret(sub, audit, secret)
		return next, nil
	})
	if err != nil {
		return Secret{}, err
	}
	return s.openSecret(next)
}

// sameSecret compares secrets in constant time.
func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Secrets lists a subscription's secrets. The Key of a damaged secret is "".
func (s *Subscriptions) Secrets(ctx context.Context, org, id uuid.UUID, page Page) (List[Secret], error) {
	sealed, err := s.store.Secrets(ctx, org, id, page)
	if err != nil {
		return List[Secret]{}, err
	}
	list := List[Secret]{Total: sealed.Total, Items: make([]Secret, len(sealed.Items))}
	for i, row := range sealed.Items {
		list.Items[i], _ = s.openSecret(row) // a damaged secret must not hide the readable ones
	}
	return list, nil
}

// SecretAt returns the secret that was current at the given time, or at the zero time the
// current secret. ErrNotFound if the time is before the first secret.
func (s *Subscriptions) SecretAt(ctx context.Context, org, id uuid.UUID, at time.Time) (Secret, error) {
	if at.IsZero() {
		at = endOfTime // the current secret may begin a millisecond from now: see setSecret
	}
	row, err := s.store.SecretAt(ctx, org, id, at)
	if err != nil {
		return Secret{}, err
	}
	return s.openSecret(row)
}

// CurrentSecrets returns the current secrets of subscriptions by their ids, "" for a damaged secret
// and for a subscription that was deleted meanwhile.
func (s *Subscriptions) CurrentSecrets(ctx context.Context, subscriptions []Subscription) (map[uuid.UUID]string, error) {
	ids := make([]uuid.UUID, len(subscriptions))
	for i, sub := range subscriptions {
		ids[i] = sub.ID
	}
	targets, err := s.store.Targets(ctx, ids, endOfTime)
	if err != nil {
		return nil, err
	}
	out := make(map[uuid.UUID]string, len(ids))
	for id, t := range targets {
		if len(t.Secrets) > 0 {
			out[id], _ = s.decrypt(t.Secrets[0]) // as in Secrets
		}
	}
	return out, nil
}

// endOfTime is a time after which no secret begins or ends.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (c *core) newSecret(sub Subscription, audit Audit, secret string) store.Secret {
	row := store.Secret{
		ID: c.cfg.NewID(), OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID,
		ValidFrom: audit.CreatedAt, Audit: audit,
	}
	row.Key = c.encrypt(row, secret)
	return row
}

func (c *core) openSecret(row store.Secret) (Secret, error) {
	key, err := c.decrypt(row)
	return Secret{
		ID: row.ID, SubscriptionID: row.SubscriptionID, Key: key,
		ValidFrom: row.ValidFrom, ValidTo: row.ValidTo, Audit: row.Audit,
	}, err
}
