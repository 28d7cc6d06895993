package portal

import (
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/signing"
)

var secretRoutes = []route{
	{"GET " + endpointPath + "/secrets", (*portal).listSecrets},
	{"POST " + endpointPath + "/secrets", (*portal).setSecret},
	{"POST " + endpointPath + "/secrets/reveal", (*portal).revealSecret},
	{"GET " + endpointPath + "/secrets/rotate", (*portal).confirmRotate},
	{"POST " + endpointPath + "/secrets/rotate", (*portal).rotateSecret},
}

// secretsView is the data of the page of an endpoint's secrets.
type secretsView struct {
	endpointHead
	Signing []secretItem // the current secret, and former ones that still sign
	History []secretItem
	Next    string // address of older entries; "": none
	Overlap string // how long a replaced secret still signs
	Typed   string // a secret of the caller's that was refused
	Faults  faults
}

// secretItem is a secret in the list.
type secretItem struct {
	client.SecretEntry
	Key      string    // masked, unless Revealed
	Until    time.Time // when it ceases to sign; zero: it is the current one
	Revealed bool
}

const secretsTake = 50

// secretsView reads the secrets of an endpoint. The one with the id reveal is shown in full.
func (p *portal) secretsView(v *visit, reveal uuid.UUID) (secretsView, error) {
	sub, err := p.endpoint(v)
	if err != nil {
		return secretsView{}, err
	}
	overlap, err := p.secretOverlap(v)
	if err != nil {
		return secretsView{}, err
	}
	view := secretsView{endpointHead: v.endpointHead(sub, true), Overlap: v.text.duration(overlap)}
	query := client.SecretQuery{CursorQuery: client.CursorQuery{Take: secretsTake}}
	newest, err := p.api.Subscriptions.ListSecrets(v.ctx, v.org, sub.ID, query)
	if err != nil {
		return view, err
	}
	page := newest
	if query.Cursor = v.r.URL.Query().Get("cursor"); query.Cursor != "" {
		if page, err = p.api.Subscriptions.ListSecrets(v.ctx, v.org, sub.ID, query); err != nil {
			return view, err
		}
	}
	now := time.Now()
	for _, entry := range newest.Items {
		if item := secretItemOf(entry, overlap, reveal); item.Until.IsZero() || item.Until.After(now) {
			view.Signing = append(view.Signing, item)
		}
	}
	for _, entry := range page.Items {
		view.History = append(view.History, secretItemOf(entry, overlap, uuid.Nil))
	}
	if page.NextCursor != "" {
		view.Next = v.url("endpoints", sub.ID.String(), "secrets") + "?cursor=" + page.NextCursor
	}
	return view, nil
}

// secretOverlap is how long a replaced secret still signs.
func (p *portal) secretOverlap(v *visit) (time.Duration, error) {
	defaults, err := p.api.Subscriptions.Defaults(v.ctx)
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(defaults.SecretOverlap)
}

func secretItemOf(entry client.SecretEntry, overlap time.Duration, reveal uuid.UUID) secretItem {
	item := secretItem{SecretEntry: entry, Key: string(entry.SecretKey), Revealed: entry.ID == reveal}
	if !item.Revealed {
		item.Key = signing.Mask(item.Key)
	}
	if !entry.ValidTo.IsZero() {
		item.Until = entry.ValidTo.Add(overlap)
	}
	return item
}

func (p *portal) listSecrets(v *visit) error {
	view, err := p.secretsView(v, uuid.Nil)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "secrets", view)
}

// revealSecret answers with the page on which one secret is shown in full.
func (p *portal) revealSecret(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	id, err := uuid.Parse(form.Get("id"))
	if err != nil {
		return errNoPage
	}
	view, err := p.secretsView(v, id)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "secrets", view)
}

// setSecret replaces the secret by one of the caller's.
func (p *portal) setSecret(v *visit) error {
	id, err := v.id("endpointId")
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	secret := form.Get("secret")
	_, err = p.api.Subscriptions.SetSecret(v.ctx, v.org, id, client.Secret(secret))
	if errors.Is(err, client.ErrSecretUnchanged) { // the form was sent twice, or for nothing
		err = nil
	}
	var found faults
	if err := found.take(v, err, func([]string) (id, place string) { return "secret", "" }); err != nil {
		return err
	}
	if !found.Any() {
		return v.done("secret_set", "endpoints", id.String(), "secrets")
	}
	view, err := p.secretsView(v, uuid.Nil)
	if err != nil {
		return err
	}
	view.Typed, view.Faults = secret, found
	return v.render(found.status(), "secrets", view)
}

func (p *portal) confirmRotate(v *visit) error {
	if err := v.needs(httpapi.ScopeSecrets); err != nil {
		return err
	}
	sub, err := p.endpoint(v)
	if err != nil {
		return err
	}
	overlap, err := p.secretOverlap(v)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "secret_rotate", secretsView{endpointHead: v.endpointHead(sub, true), Overlap: v.text.duration(overlap)})
}

// rotateSecret replaces the secret by a random one, unless the endpoint has changed since the question was shown.
func (p *portal) rotateSecret(v *visit) error {
	id, err := v.id("endpointId")
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	return v.once(form, v.url("endpoints", id.String(), "secrets"), func() error {
		err := p.api.Subscriptions.RotateSecret(v.ctx, v.org, id, client.IfMatch(form.Get("etag")))
		return orDone(v, err, "secret_rotated", "endpoints", id.String(), "secrets")
	})
}
