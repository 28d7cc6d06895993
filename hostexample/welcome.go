package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

//go:embed seed/*.json
var sampleCatalog embed.FS

// sampleOrg is the organization of the sample subscription.
var sampleOrg = uuid.MustParse("0195d3a0-5a3e-7000-8000-000000000001")

// sampleMark is the description of the sample subscription, which identifies it.
const sampleMark = "Sample of the development mode: leads to this host's own sink"

// sampleEvent is the body of the sample request.
const sampleEvent = `{"eventType": "vitals.observation.created", "data": {"code": "8867-4", "value": 72, "unit": "/min"}}`

const (
	devTokenLife = 30 * 24 * time.Hour
	successSink  = "/api/webhook-processors/success-response"
)

// seeds returns the folder of seed documents, nil for none.
func (p *process) seeds() fs.FS {
	switch {
	case p.Seed != "":
		return os.DirFS(p.Seed)
	case p.dev != nil:
		sub, _ := fs.Sub(sampleCatalog, "seed") // "seed" is a valid path
		return sub
	}
	return nil
}

// welcome returns a token, two commands that work as they are printed, and a link to the portal.
func (p *process) welcome(ctx context.Context, url string) (string, error) {
	sub, err := p.sampleSubscription(ctx, url)
	if err != nil {
		return "", err
	}
	token, expires, err := p.developerToken()
	if err != nil {
		return "", err
	}
	signedWith := "WEBHOOKS_JWT_SECRET"
	if p.dev.jwt {
		signedWith = filepath.Join(p.dev.folder, devSecretFile)
	}
	link, err := p.readyLink(ctx, url)
	if err != nil {
		return "", err
	}
	org := url + "/api/organizations/" + sampleOrg.String()
	auth := "-H 'Authorization: Bearer " + token + "'"
	return fmt.Sprintf(`
Development mode: only this machine gets in, and deliveries may reach it. Admin token, until
%s, signed with %s:

%s

Publish an event; a sample subscription sends it to this host's own sink:

curl -sS -w '\n' %s -H 'Content-Type: application/json' %s/events -d '%s'

List what was sent, and what came back:

curl -sS -w '\n' %s '%s/webhook-subscriptions/%s/activity?take=3'

See it in a browser, in the portal for customers and operators. The link signs you in, once, within an hour:

%s

Read about the rest of the interface:

%s/docs

`, expires.Format(time.DateOnly), signedWith, token,
		auth, org, sampleEvent, auth, org, sub.ID, link, url), nil
}

// developerToken returns a token with all rights, and its end.
func (p *process) developerToken() (token string, expires time.Time, err error) {
	claims := p.claims("developer", []string{"*"}, "webhooks:admin", devTokenLife)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(p.jwtSecrets[0])
	return token, time.Now().Add(devTokenLife), err
}

// sampleSubscription returns the sample organization's subscription. It makes one if there
// is none, and updates its URL when the host's port has changed.
func (p *process) sampleSubscription(ctx context.Context, url string) (webhooks.Subscription, error) {
	ctx = webhooks.WithActor(ctx, "development mode")
	list, err := p.hooks.Subscriptions.List(ctx, sampleOrg, webhooks.SubscriptionQuery{
		Page: webhooks.Page{Take: 1},
	})
	if err != nil {
		return webhooks.Subscription{}, err
	}
	if list.Total == 0 {
		sub, _, err := p.hooks.Subscriptions.Create(ctx, sampleOrg, webhooks.SubscriptionInput{
			PostURI: url + successSink, Events: []string{"*"}, IsDevelopment: true, Description: sampleMark,
		})
		return sub, err
	}
	sub := list.Items[0]
	if sub.Description != sampleMark || sub.PostURI == url+successSink {
		return sub, nil
	}
	return p.hooks.Subscriptions.Update(ctx, sampleOrg, sub.ID,
		func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			in.PostURI = url + successSink
			return nil
		})
}
