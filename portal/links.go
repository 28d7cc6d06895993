package portal

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/redact"
)

const (
	// LinkExpiry is the time for which a link can be used, unless its maker says another.
	LinkExpiry = 60 * time.Second
	// MaxLinkExpiry is the longest time for which a link can be used.
	MaxLinkExpiry = 24 * time.Hour
	// SessionExpiry is the time after which a session ends.
	SessionExpiry = 12 * time.Hour

	// SignInPath is the path of links, below the address of the portal. The token is in the query, by the name token.
	SignInPath = "sign-in"
)

// The errors of tokens and sessions. A caller compares with [errors.Is].
var (
	// ErrLinkInvalid says that a token was not made with one of the keys, or was changed.
	ErrLinkInvalid = errors.New("portal: the link is not valid")
	// ErrLinkExpired says that the time of a link is over.
	ErrLinkExpired = errors.New("portal: the link has expired")
	// ErrLinkUsed says that a link was used before.
	ErrLinkUsed = errors.New("portal: the link was used before")
	// ErrNoSession says that a request has no session: no cookie, or one that is not valid, has expired
	// or was signed out. It is an [httpapi.ErrUnauthorized].
	ErrNoSession = fmt.Errorf("portal: no session: %w", httpapi.ErrUnauthorized)
)

// LinksConfig is the configuration of [NewLinks].
type LinksConfig struct {
	// Keys encrypt the tokens of links, and the cookies of sessions. All hosts have the same keys. The first key
	// encrypts, all keys decrypt, so that a key can be replaced: append the new key on every host, then move it to
	// the front, and remove the former key 24 h later. At least one, of at least 32 random bytes each.
	Keys [][]byte `log:"-"`
	// URL is the public address of the portal, with its path, such as https://example.com/webhooks/. It is
	// https; http is allowed for localhost and loopback addresses, where cookies then lack Secure.
	URL string
}

// Format implements [fmt.Formatter]: it prints no key.
func (c LinksConfig) Format(f fmt.State, _ rune) { redact.Format(f, c) }

// Check returns an error that names the wrong field, as [NewLinks] does.
func (c LinksConfig) Check() error {
	if _, err := newKeys(c.Keys); err != nil {
		return err
	}
	_, err := parseBase(c.URL)
	return err
}

// Links makes links to the portal, and keeps the sessions that begin with them. It is an
// [httpapi.PortalLinks]. All methods are safe for concurrent use.
type Links struct {
	hooks *webhooks.Webhooks
	keys  []key
	base  *url.URL

	mu     sync.Mutex
	checks map[uuid.UUID]check // by session
}

var _ httpapi.PortalLinks = (*Links)(nil)

// NewLinks returns the links of a portal. An error names the wrong field of the configuration. NewLinks starts
// nothing, and does not call the store.
func NewLinks(hooks *webhooks.Webhooks, c LinksConfig) (*Links, error) {
	if hooks == nil {
		return nil, errors.New("portal: hooks is nil")
	}
	keys, err := newKeys(c.Keys)
	if err != nil {
		return nil, err
	}
	base, err := parseBase(c.URL)
	if err != nil {
		return nil, err
	}
	return &Links{hooks: hooks, keys: keys, base: base, checks: map[uuid.UUID]check{}}, nil
}

// parseBase never repeats the address: it may hold a password.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("portal: LinksConfig.URL must be an absolute https URL")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("portal: LinksConfig.URL must have no user, query or fragment")
	case base.Scheme == "http" && !isLoopback(base.Hostname()):
		return nil, errors.New("portal: LinksConfig.URL must be https: http is for localhost and loopback addresses")
	}
	return base.JoinPath("/"), nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// Link implements [httpapi.PortalLinks]. A link of a caller with [httpapi.ScopeAdmin] is for all organizations. The
// path is relative to the address of the portal, such as endpoints/new?event=a, and can begin with a slash.
func (l *Links) Link(
	ctx context.Context, as httpapi.Caller, path string, expiresIn time.Duration,
) (address string, expiresAt time.Time, err error) {
	if expiresIn == 0 {
		expiresIn = LinkExpiry
	}
	if err := checkLink(path, expiresIn); err != nil {
		return "", time.Time{}, err
	}
	c := claims{
		ID: uuid.New(), Subject: as.Subject, Organizations: as.Organizations, Everywhere: as.AllOrganizations,
		Scopes: as.Scopes, ExpiresAt: l.hooks.Now().Add(expiresIn).UnixMilli(), Path: strings.TrimPrefix(path, "/"),
	}
	token := l.seal(linkTokens, c)
	if len(token) > maxToken {
		return "", time.Time{}, invalid("", "subject and organizations of the caller are too long for a link")
	}
	org := uuid.Nil
	if len(as.Organizations) == 1 {
		org = as.Organizations[0]
	}
	if err := l.hooks.RecordPortalLink(ctx, c.ID, org); err != nil {
		return "", time.Time{}, err
	}
	to := l.base.JoinPath(SignInPath)
	to.RawQuery = url.Values{"token": {token}}.Encode()
	return to.String(), c.expiresAt(), nil
}

// maxPath bounds the path that a link leads to, in bytes.
const maxPath = 1000

func checkLink(path string, expiresIn time.Duration) error {
	if !isLocal(path) {
		return invalid("/path", "must be a path inside the portal, such as endpoints, of at most 1,000 bytes")
	}
	if expiresIn < time.Second || expiresIn > MaxLinkExpiry {
		return invalid("/expiresIn", "must be 1–86,400 seconds")
	}
	return nil
}

func invalid(pointer, detail string) error {
	return &webhooks.ValidationError{Problem: webhooks.Invalid, Fields: []webhooks.FieldError{{Pointer: pointer, Detail: detail}}}
}

// isLocal reports whether every browser resolves the path, relative to the portal, to an address
// below the portal. It refuses the characters by which paths become other addresses: browsers take a
// backslash for a slash, and drop tabs and line breaks; proxies decode %2f and %5c.
func isLocal(path string) bool {
	local := strings.TrimPrefix(path, "/")
	local, query, _ := strings.Cut(local, "?")
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '\\' || c == '#' {
			return false
		}
	}
	if _, err := url.ParseQuery(query); err != nil || len(path) > maxPath || strings.HasPrefix(local, "/") {
		return false
	}
	for segment := range strings.SplitSeq(local, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "." || plain == ".." || strings.ContainsAny(plain, `/\:%`) {
			return false
		}
	}
	return true
}

// Check reports whether the token of a link can be used, and uses nothing: for the page that a
// link leads to. Programs that follow links, such as previews of messages and scanners, get that
// page; a person confirms it with a form, and [Links.Redeem] uses the token. The errors are those of Redeem.
func (l *Links) Check(ctx context.Context, token string) error {
	c, err := l.readLink(token)
	if err != nil {
		return err
	}
	used, err := l.hooks.Used(ctx, c.ID)
	if err == nil && used {
		err = ErrLinkUsed
	}
	return err
}

// Redeem uses the token of a link, and begins a session. It fails with [ErrLinkInvalid],
// [ErrLinkExpired] or [ErrLinkUsed], or with an error of the store: then the link may be used up.
func (l *Links) Redeem(ctx context.Context, token string) (Session, error) {
	c, err := l.readLink(token)
	if err != nil {
		return Session{}, err
	}
	first, err := l.hooks.UseOnce(ctx, c.ID, c.expiresAt())
	switch {
	case err != nil:
		return Session{}, err
	case !first:
		return Session{}, ErrLinkUsed
	}
	s := c.session()
	s.ID, s.ExpiresAt = uuid.New(), l.hooks.Now().Add(SessionExpiry).UTC().Truncate(time.Millisecond)
	return s, nil
}

// readLink returns the content of a token that is not expired.
func (l *Links) readLink(token string) (claims, error) {
	c, ok := l.openToken(linkTokens, token)
	switch {
	case !ok:
		return claims{}, ErrLinkInvalid
	case !l.hooks.Now().Before(c.expiresAt()):
		return claims{}, ErrLinkExpired
	}
	return c, nil
}

// Path is the path of the portal's address, such as /webhooks/.
func (l *Links) Path() string { return l.base.Path }

// Address returns the public address of a session's page: of its Path below the address of the
// portal.
func (l *Links) Address(s Session) string { return l.base.String() + s.Path }
