package httpapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	keysLife     = time.Hour        // after which the set is read again
	refreshEvery = time.Minute      // at most, however many unknown kids come
	retryFirst   = 5 * time.Second  // while there are no keys at all
	fetchTimeout = 10 * time.Second // of one fetch
	maxKeySet    = 1 << 20          // bytes
	minRSA       = 2048             // bits (RFC 7518, section 3.3)
)

// errKeysUnavailable says that the keys cannot be read, so that no token can be verified.
var errKeysUnavailable = errors.New("httpapi: the JWKS cannot be read")

var errUnknownKey = errors.New("the token's key is not in the JWKS")

// verificationKey is a public key and the one algorithm that it is for.
type verificationKey struct {
	public any
	alg    string
}

// keySet holds the keys of a JWKS. A request reads the set again if its kid is unknown or the
// set is old. Meanwhile requests with a known kid do not wait.
type keySet struct {
	load func(context.Context) ([]byte, error)
	now  func() time.Time

	refreshing sync.Mutex // held while the set is read

	mu    sync.Mutex
	keys  map[string]verificationKey // by kid; nil before the first reading
	read  time.Time                  // when keys were read
	tried time.Time                  // when that was last tried
}

func newKeySet(c JWTConfig) (*keySet, error) {
	k := &keySet{now: c.Now}
	if !strings.Contains(c.JWKS, "://") {
		k.load = func(context.Context) ([]byte, error) { return os.ReadFile(c.JWKS) }
		return k, k.refresh(context.Background())
	}
	u, err := url.Parse(c.JWKS)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return nil, errors.New("httpapi: JWTConfig.JWKS must be a path or an https URL")
	case c.Client == nil:
		return nil, errors.New("httpapi: JWTConfig.Client is nil; a JWKS at a URL needs one")
	}
	k.load = func(ctx context.Context) ([]byte, error) { return fetch(ctx, c.Client, c.JWKS) }
	return k, nil
}

// find returns the key with the id, or the only one for a token that names none.
func (k *keySet) find(ctx context.Context, id string) (verificationKey, error) {
	key, known, stale := k.look(id)
	if known && !stale {
		return key, nil
	}
	if known && !k.refreshing.TryLock() {
		return key, nil // another request reads the set
	} else if !known {
		k.refreshing.Lock()
	}
	defer k.refreshing.Unlock()
	key, known, stale = k.look(id)
	if (!known || stale) && k.due() {
		err := k.refresh(ctx)
		next, stillKnown, _ := k.look(id)
		switch {
		case err == nil:
			key, known = next, stillKnown
		case !known && !k.filled():
			return key, err
		}
	}
	if !known && !k.filled() {
		return key, errKeysUnavailable
	}
	if !known {
		return key, errUnknownKey
	}
	return key, nil
}

// check returns an error while there are no keys. It reads the set if that is due.
func (k *keySet) check(ctx context.Context) error {
	if k.filled() {
		return nil
	}
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	if !k.filled() && k.due() {
		return k.refresh(ctx)
	}
	if !k.filled() {
		return errKeysUnavailable
	}
	return nil
}

func (k *keySet) look(id string) (key verificationKey, known, stale bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, known = k.keys[id]; !known && id == "" && len(k.keys) == 1 {
		for _, key = range k.keys {
			known = true
		}
	}
	return key, known, k.now().Sub(k.read) >= keysLife
}

func (k *keySet) filled() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys != nil
}

// due reports whether the set may be read again now.
func (k *keySet) due() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := refreshEvery
	if k.keys == nil {
		wait = retryFirst
	}
	return k.tried.IsZero() || k.now().Sub(k.tried) >= wait
}

// refresh reads the set. If that fails, the former keys stay.
func (k *keySet) refresh(ctx context.Context) error {
	k.mu.Lock()
	k.tried = k.now()
	k.mu.Unlock()
	// The end of this request must not end the reading: later requests need the keys.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	text, err := k.load(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errKeysUnavailable, err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return fmt.Errorf("%w: %w", errKeysUnavailable, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.read = keys, k.now()
	return nil
}

func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("its URL is malformed")
	}
	resp, err := client.Do(req)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return nil, e.Err // without the URL: its query may be a secret
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch status := resp.StatusCode; {
	case status/100 == 3: // the guard's client follows none
		return nil, fmt.Errorf("HTTP %d: redirects are not followed", status)
	case status != http.StatusOK:
		return nil, fmt.Errorf("HTTP %d", status)
	}
	return io.ReadAll(http.MaxBytesReader(nil, resp.Body, maxKeySet))
}

// parseKeys returns the keys of a set that verify tokens. Keys of other kinds are ignored
// (RFC 7517, section 5). Symmetric keys are ignored too: a public document cannot hold a
// secret.
func parseKeys(text []byte) (map[string]verificationKey, error) {
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("it is not a JSON Web Key Set")
	}
	keys := map[string]verificationKey{}
	for _, m := range set.Keys {
		if _, twice := keys[m.KID]; twice || m.KTY == jwkset.KtyOct {
			continue
		}
		if key, ok := parseKey(m); ok {
			keys[m.KID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

func parseKey(m jwkset.JWKMarshal) (verificationKey, bool) {
	if m.USE != "" && m.USE != jwkset.UseSig || len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
		return verificationKey{}, false
	}
	m.X5U, m.X5C, m.X5T, m.X5TS256 = "", nil, "", "" // the library would fetch x5u, unguarded
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return verificationKey{}, false
	}
	key := verificationKey{public: jwk.Key()}
	switch public := key.public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSA {
			key.alg = "RS256"
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			key.alg = "ES256"
		}
	case ed25519.PublicKey:
		key.alg = "EdDSA"
	}
	return key, key.alg != "" && (m.ALG == "" || m.ALG.String() == key.alg)
}
