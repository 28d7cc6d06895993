package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

// Session is the time between a sign-in and its end: a sign-out, or [SessionExpiry] later.
type Session struct {
	ID        uuid.UUID      // given by Redeem
	Caller    httpapi.Caller // the rights of the person who signed in: those of the link
	ExpiresAt time.Time      // the end of the session
	Path      string         // the page to which the link leads, for Address; only Redeem sets it
}

// sessionCheck is the time for which a host trusts that a session is not signed out: it learns of a
// sign-out on another host that late.
const sessionCheck = 10 * time.Second

// maxChecks bounds the checks that a host remembers. Beyond them it asks the store again.
const maxChecks = 10_000

// check says whether a session was signed out, as the store said at a time.
type check struct {
	at    time.Time
	ended bool
}

// Session returns the session of a request. It fails with [ErrNoSession], or with an error of the store.
func (l *Links) Session(r *http.Request) (Session, error) {
	cookie, err := r.Cookie(l.cookieName())
	if err != nil {
		return Session{}, ErrNoSession
	}
	c, ok := l.openToken(sessionTokens, cookie.Value)
	if !ok || !l.hooks.Now().Before(c.expiresAt()) {
		return Session{}, ErrNoSession
	}
	ended, err := l.ended(r.Context(), c.ID)
	switch {
	case err != nil:
		return Session{}, err
	case ended:
		return Session{}, ErrNoSession
	}
	return c.session(), nil
}

// Caller returns the caller of a request, by its session. The errors are those of Session, so that it
// serves as Authenticate of an [httpapi.Authenticator].
func (l *Links) Caller(r *http.Request) (httpapi.Caller, error) {
	s, err := l.Session(r)
	return s.Caller, err
}

// ended reports whether a session was signed out. It asks the store every 10 s.
func (l *Links) ended(ctx context.Context, session uuid.UUID) (bool, error) {
	now := l.hooks.Now()
	l.mu.Lock()
	last := l.checks[session]
	l.mu.Unlock()
	if last.ended || now.Sub(last.at).Abs() < sessionCheck {
		return last.ended, nil
	}
	ended, err := l.hooks.Used(ctx, session)
	if err != nil {
		return false, err
	}
	l.remember(session, check{now, ended})
	return ended, nil
}

// remember keeps a check of a session. A session that ended stays so: a check can end after the sign-out that it did not see.
func (l *Links) remember(session uuid.UUID, c check) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.checks) >= maxChecks {
		clear(l.checks)
	}
	if !l.checks[session].ended {
		l.checks[session] = c
	}
}

// Revoke ends a session: its cookie, and every copy of it, is refused, at once by this host, and after
// at most 10 s by other hosts. It may be repeated.
func (l *Links) Revoke(ctx context.Context, s Session) error {
	_, err := l.hooks.UseOnce(ctx, s.ID, s.ExpiresAt)
	if err == nil {
		l.remember(s.ID, check{ended: true})
	}
	return err
}

// SetCookie gives the browser the cookie of a session. Framed says that pages of other origins may show the
// portal in a frame: then the cookie is sent there too, each embedding site having one of its own.
func (l *Links) SetCookie(w http.ResponseWriter, s Session, framed bool) {
	token := l.seal(sessionTokens, claims{
		ID: s.ID, Subject: s.Caller.Subject, Organizations: s.Caller.Organizations, Everywhere: s.Caller.AllOrganizations,
		Scopes: s.Caller.Scopes, ExpiresAt: s.ExpiresAt.UnixMilli(),
	})
	l.setCookie(w, token, max(1, int(s.ExpiresAt.Sub(l.hooks.Now()).Seconds())), framed)
}

// ClearCookie removes the cookie from the browser. Framed is as in SetCookie. Call Revoke too: the browser
// may have copies.
func (l *Links) ClearCookie(w http.ResponseWriter, framed bool) { l.setCookie(w, "", -1, framed) }

// setCookie sets the cookie for a number of seconds. On plain http, which is on loopback alone, browsers would
// refuse Secure and the prefix __Host-, and a frame of another site gets no cookie.
func (l *Links) setCookie(w http.ResponseWriter, value string, maxAge int, framed bool) {
	secure := l.secure()
	c := &http.Cookie{ //nolint:gosec // without Secure on plain http alone
		Name: l.cookieName(), Value: value, MaxAge: maxAge, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
	if framed && secure {
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}

func (l *Links) cookieName() string {
	if l.secure() {
		return "__Host-webhooks-portal"
	}
	return "webhooks-portal"
}

// secure reports whether browsers reach the portal over https.
func (l *Links) secure() bool { return l.base.Scheme == "https" }
