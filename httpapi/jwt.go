package httpapi

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/strictjson"
)

// JWTConfig is the configuration of [NewJWT]. Either Secret or JWKS is required.
type JWTConfig struct {
	// Secret verifies HS256, at least 32 bytes.
	Secret []byte `log:"-"`
	// FormerSecrets verify HS256 too, while Secret is being replaced: at least 32 bytes
	// each. Default: none.
	FormerSecrets [][]byte `log:"-"`
	// JWKS is the path of a JSON Web Key Set, or the https URL of one. RSA keys of
	// at least 2,048 bits verify RS256, P-256 ES256, Ed25519 EdDSA; other keys are not
	// used. The set is read again after an hour, and for an unknown kid, at most once
	// a minute.
	JWKS string `log:"-"`
	// Client fetches the JWKS; required for a URL. Let it be a guarded one.
	Client *http.Client
	// Issuer and Audience, if not "", must be the token's iss and among its aud.
	Issuer, Audience string
	// The names of the claims. Default: sub, org and scope.
	SubjectClaim, OrganizationClaim, ScopeClaim string
	// Organizations, if not nil, says which organizations the texts of OrganizationClaim name;
	// a whole number up to 2^53-1 is the text of its digits. A name of no organization gives no
	// right. Default: nil, the claim has UUIDs.
	Organizations Organizations `log:"-"`
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// minSecret is the length of an HS256 secret in bytes (RFC 7518, section 3.2).
const minSecret = 32

// leeway is how far the clocks may differ.
const leeway = 60 * time.Second

// maxToken bounds the length of a token in bytes. A longer token is not decoded.
const maxToken = 64 << 10

// lastSecond is the end of the year 9999. A later time would overflow.
var lastSecond = float64(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix())

// JWT authenticates bearer tokens (RFC 6750) that are JSON Web Tokens. It starts
// no goroutine.
type JWT struct {
	cfg    JWTConfig
	parser *jwt.Parser
	keys   *keySet // nil with a secret

	secrets jwt.VerificationKeySet // none with a JWKS
}

// NewJWT returns the authenticator for bearer tokens. It reads a JWKS that is a
// file, and fetches one that is a URL when it is first needed.
func NewJWT(c JWTConfig) (*JWT, error) {
	c.SubjectClaim = cmp.Or(c.SubjectClaim, "sub")
	c.OrganizationClaim = cmp.Or(c.OrganizationClaim, "org")
	c.ScopeClaim = cmp.Or(c.ScopeClaim, "scope")
	if c.Now == nil {
		c.Now = time.Now
	}
	j := &JWT{cfg: c}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	switch {
	case c.JWKS != "" && (c.Secret != nil || c.FormerSecrets != nil):
		return nil, errors.New("httpapi: JWTConfig has both secrets and JWKS; set one")
	case c.JWKS != "":
		methods = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()}
		var err error
		if j.keys, err = newKeySet(c); err != nil {
			return nil, err
		}
	default:
		var err error
		if j.secrets, err = c.secrets(); err != nil {
			return nil, err
		}
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(c.Now), jwt.WithStrictDecoding(),
	}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	j.parser = jwt.NewParser(options...)
	return j, nil
}

// secrets returns the keys that verify HS256.
func (j JWTConfig) secrets() (set jwt.VerificationKeySet, err error) {
	if len(j.Secret) < minSecret {
		return set, fmt.Errorf("httpapi: JWTConfig.Secret has %d bytes, must have at least %d (or set JWKS)", len(j.Secret), minSecret)
	}
	set.Keys = append(set.Keys, j.Secret)
	for i, secret := range j.FormerSecrets {
		if len(secret) < minSecret {
			return set, fmt.Errorf("httpapi: JWTConfig.FormerSecrets[%d] has %d bytes, must have at least %d", i, len(secret), minSecret)
		}
		set.Keys = append(set.Keys, secret)
	}
	return set, nil
}

// Authenticate implements [Authenticator].
func (j *JWT) Authenticate(r *http.Request) (Caller, error) {
	text, ok := bearer(r)
	if !ok {
		return Caller{}, ErrUnauthorized
	}
	if err := wellFormed(text); err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	claims := jwt.MapClaims{}
	_, err := j.parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) { return j.key(r.Context(), t) })
	if errors.Is(err, errKeysUnavailable) {
		return Caller{}, err
	}
	if err != nil {
		return Caller{}, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	return j.caller(r.Context(), claims)
}

// CheckJWKS reports whether the keys of the JWKS are there, and reads it if none are. It
// may take 10 s, whatever ctx allows. The error does not contain the URL. Without a JWKS it
// returns nil. [Config] takes it for GET /healthcheck.
func (j *JWT) CheckJWKS(ctx context.Context) error {
	if j.keys == nil {
		return nil
	}
	return j.keys.check(ctx)
}

// bearer returns the token of the one Authorization header.
func bearer(r *http.Request) (string, bool) {
	given := r.Header.Values("Authorization")
	if len(given) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	token = strings.TrimSpace(token)
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// wellFormed refuses tokens that the parser accepts: tokens longer than maxToken, characters that
// its base64url decoder skips, JSON that parsers read differently, and critical extensions (RFC
// 7515, section 4.1.11), of which none is supported.
func wellFormed(token string) error {
	if len(token) > maxToken {
		return fmt.Errorf("the token is longer than %d bytes", maxToken)
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return errors.New("the token has not three parts")
	}
	if strings.ContainsAny(token, "\r\n") {
		return errors.New("the token has line breaks")
	}
	var header map[string]json.RawMessage
	for i, part := range parts[:2] {
		text, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return err
		}
		if err := strictjson.Check(text, maxDepth); err != nil {
			return err
		}
		if i > 0 {
			break
		}
		if err := json.Unmarshal(text, &header); err != nil {
			return err
		}
	}
	if _, given := header["crit"]; given {
		return errors.New("the token's header has crit")
	}
	if id, given := header["kid"]; given && id[0] != '"' {
		return errors.New("the token's kid is not a string")
	}
	return nil
}

// key returns the key for a token. The parser has checked that the token's
// algorithm is one that the configuration allows; with a JWKS it must also be the
// one that the key is for.
func (j *JWT) key(ctx context.Context, t *jwt.Token) (any, error) {
	if j.keys == nil {
		return j.secrets, nil
	}
	id, _ := t.Header["kid"].(string)
	k, err := j.keys.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if t.Method.Alg() != k.alg {
		return nil, errors.New("the token's algorithm is not the key's")
	}
	return k.public, nil
}

// badClaim says that a claim cannot be read.
func badClaim(claim string) error {
	return fmt.Errorf("%w: the claim %s is malformed", ErrUnauthorized, claim)
}

func (j *JWT) caller(ctx context.Context, claims jwt.MapClaims) (c Caller, err error) {
	for _, name := range []string{"exp", "nbf", "iat"} {
		if v, given := claims[name]; given {
			if seconds, ok := v.(float64); !ok || seconds < 0 || seconds > lastSecond {
				return c, badClaim(name)
			}
		}
	}
	var ok bool
	if c.Subject, ok = textClaim(claims, j.cfg.SubjectClaim); !ok || strings.ContainsFunc(c.Subject, unicode.IsControl) {
		return c, badClaim(j.cfg.SubjectClaim)
	}
	scopes, ok := textClaim(claims, j.cfg.ScopeClaim)
	if !ok {
		return c, badClaim(j.cfg.ScopeClaim)
	}
	for scope := range strings.FieldsSeq(scopes) {
		c.Scopes = append(c.Scopes, Scope(scope))
	}
	c.Organizations, c.AllOrganizations, err = j.organizations(ctx, claims)
	return c, err
}

// organizations returns the organizations that the claims name, and whether they name all.
func (j *JWT) organizations(ctx context.Context, claims jwt.MapClaims) (ids []uuid.UUID, all bool, err error) {
	for _, claim := range listClaim(claims, j.cfg.OrganizationClaim) {
		name, ok := nameInClaim(claim)
		if !ok {
			return nil, false, badClaim(j.cfg.OrganizationClaim)
		}
		if name == "*" {
			all = true
			continue
		}
		id, err := findOrganization(ctx, j.cfg.Organizations, name)
		switch {
		case err == nil:
			ids = append(ids, id)
		case !errors.Is(err, webhooks.ErrNotFound):
			return nil, false, err
		case j.cfg.Organizations == nil:
			return nil, false, badClaim(j.cfg.OrganizationClaim)
		}
	}
	return ids, all, nil
}

// textClaim returns a claim that is a string, "" if the token has none.
func textClaim(claims jwt.MapClaims, name string) (string, bool) {
	v, given := claims[name]
	if !given || v == nil {
		return "", true
	}
	s, ok := v.(string)
	return s, ok
}

// listClaim returns a claim that is a list, or one value as a list of one.
func listClaim(claims jwt.MapClaims, name string) []any {
	switch v := claims[name].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

var _ Authenticator = (*JWT)(nil)
