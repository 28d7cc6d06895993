package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

// tokenCmd prints a token.
type tokenCmd struct {
	storeSettings
	tokenSettings
	Sub   string   `help:"Subject of the token." default:"admin"`
	Org   []string `help:"Organizations of the token: UUIDs, separated by commas, or *." default:"*"`
	Scope []string `sep:"none" help:"Scopes of the token, separated by spaces; can be given several times: webhooks:read, :manage, :write, :secrets, :catalog, :admin." default:"webhooks:read"`
	TTL   wait     `name:"ttl" help:"Time for which the token is valid." default:"1h"`
}

var scopes = []httpapi.Scope{
	httpapi.ScopeRead, httpapi.ScopeManage, httpapi.ScopeWrite, httpapi.ScopeSecrets, httpapi.ScopeCatalog, httpapi.ScopeAdmin,
}

func (t *tokenCmd) run(_ context.Context, h *host, _ *cli) error {
	if err := t.check(); err != nil {
		return err
	}
	if err := h.readStore(&t.storeSettings); err != nil {
		return err
	}
	secret, err := h.signingSecret(t.storeSettings)
	if err != nil {
		return err
	}
	claims := t.claims(t.Sub, t.Org, strings.Join(words(t.Scope), " "), time.Duration(t.TTL))
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err == nil {
		fmt.Fprintln(h.stdout, token)
	}
	return err
}

func (t *tokenCmd) check() error {
	for _, org := range t.Org {
		if _, err := uuid.Parse(org); err != nil && org != "*" {
			return wrong("org", "is %q, must be a UUID or *", org)
		}
	}
	for _, scope := range words(t.Scope) {
		if !slices.Contains(scopes, httpapi.Scope(scope)) {
			return wrong("scope", "is %q, must be of %s", scope, strings.Trim(fmt.Sprint(scopes), "[]"))
		}
	}
	return nil
}

// words are the words of a flag that takes several in a value, and can be given several times.
func words(values []string) []string { return strings.Fields(strings.Join(values, " ")) }

// signingSecret returns the first configured secret, or the secret of development mode. It
// does not make one: no host would accept a token that is signed with it.
func (h *host) signingSecret(s storeSettings) ([]byte, error) {
	secrets, err := h.readJWTSecrets()
	if err != nil {
		return nil, err
	}
	if secrets != nil {
		return secrets[0], nil
	}
	if _, ok := h.lookup("WEBHOOKS_JWKS"); ok {
		return nil, wrong("WEBHOOKS_JWT_SECRET", "is not set: a token is signed with it; the keys of a JWKS are public")
	}
	text, err := readDevSecret(s.folder(), devSecretFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong("WEBHOOKS_JWT_SECRET", "is not set, and there is no %s beside the database: set it to the secret of the host, "+
			"or start serve in development mode first",
			devSecretFile)
	}
	return []byte(text), err
}

// claims returns the claims that the library's own authenticator reads.
func (s tokenSettings) claims(sub string, orgs []string, scope string, ttl time.Duration) jwt.MapClaims {
	now := time.Now()
	claims := jwt.MapClaims{"sub": sub, "scope": scope, "iat": now.Unix(), "exp": now.Add(ttl).Unix()}
	claims["org"] = orgs
	if len(orgs) == 1 {
		claims["org"] = orgs[0]
	}
	if s.JWTIssuer != "" {
		claims["iss"] = s.JWTIssuer
	}
	if s.JWTAudience != "" {
		claims["aud"] = s.JWTAudience
	}
	return claims
}
