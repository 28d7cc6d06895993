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

// Secret is a signing secret of a subscription and when it was the current one.
type Secret struct {
	ID             uuid.UUID
	SubscriptionID uuid.UUID
	Key            string `log:"-"` // never log it; signing.Mask makes it fit to be shown
	ValidFrom      time.Time
	ValidTo        time.Time // zero for the current one
	Audit
}

// RotateSecret replaces the current secret by a new random one and returns it. The
// former one signs too for Config.SecretOverlap. Check, which may be nil, sees the
// subscription first; its error stops the change.
func (s *Subscriptions) RotateSecret(ctx context.Context, org, id uuid.UUID, check func(Subscription) error) (Secret, error) {
	return s.setSecret(ctx, org, id, signing.NewSecret(), check)
}

// SetSecret makes a secret of the caller's the current one: whsec_ and base64 of
// 24–64 bytes, or 8–256 printable ASCII characters. A [ValidationError] if it only
// looks like the first, as " whsec_…", "v1,whsec_…" and "WHSEC_…" do, or like an
// ed25519 key. [ErrSecretUnchanged] if it is the current one already.
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

// checkSecret refuses more than signing.ParseSecret, which has to read the secrets that were
// stored before: a text that contains a prefix was withDashes to be decoded, but would be the key
// itself, and no receiver would find the same signature.
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

func (s *Subscriptions) setSecret(ctx context.Context, org, id uuid.UUID, secret string, check func(Subscription) error) (Secret, error) {
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
		if !audit.CreatedAt.After(current.ValidFrom) { // each is current for a while, however quickly they come
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

// same compares secrets without telling by the time it takes how much they share.
func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Secrets lists a subscription's secrets. The Key of one that is damaged is "".
func (s *Subscriptions) Secrets(ctx context.Context, org, id uuid.UUID, page Page) (List[Secret], error) {
	sealed, err := s.store.Secrets(ctx, org, id, page)
	if err != nil {
		return List[Secret]{}, err
	}
	list := List[Secret]{Total: sealed.Total, Items: make([]Secret, len(sealed.Items))}
	for i, row := range sealed.Items {
		list.Items[i], _ = s.openSecret(row) // a damaged one must not hide the others
	}
	return list, nil
}

// SecretAt returns the secret that was current at the time, zero for the current one.
// ErrNotFound before the first.
func (s *Subscriptions) SecretAt(ctx context.Context, org, id uuid.UUID, at time.Time) (Secret, error) {
	if at.IsZero() {
		at = endOfTime // the current one may begin a millisecond from now: see setSecret
	}
	row, err := s.store.SecretAt(ctx, org, id, at)
	if err != nil {
		return Secret{}, err
	}
	return s.openSecret(row)
}

// CurrentSecrets returns the current secrets of subscriptions by their ids, ""
// for one that is damaged.
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
		out[id], _ = s.decrypt(t.Secrets[0]) // as in Secrets
	}
	return out, nil
}

// forever is a time after which no secret begins or ends.
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
