package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// Organizations names organizations by text of the host, such as a slug or a number, instead of by
// UUID: /api/organizations/acme/webhook-subscriptions. The same value belongs in
// [Config.Organizations] and, if tokens hold such names too, in [JWTConfig.Organizations].
//
// A name is 1 to 255 bytes of UTF-8 without control characters, and none of ".", ".." and "*". In a
// path it is percent-encoded; the methods see it decoded. A path with another text is answered with
// 404, and no method is called.
//
// The methods are called for most requests, before their bodies are read, and for each organization
// of a token: let them answer from memory. They are safe for concurrent use, and return when ctx
// ends. No answer contains the text of their errors; the log does.
type Organizations interface {
	// OrganizationID returns the UUID of the organization with the name: the same one every
	// time, because the store holds it. An error that is [webhooks.ErrNotFound], or
	// [uuid.Nil], means that there is no such organization: a path with the name is answered
	// with 404, and in a token the name gives no right. After any other error the answer is a
	// 503.
	OrganizationID(ctx context.Context, name string) (uuid.UUID, error)

	// OrganizationName returns the name of the organization with the UUID. It is called for
	// lists over several organizations; other answers repeat the name of the path. After an
	// error that is [webhooks.ErrNotFound] the list shows the UUID, after any other error the
	// answer is a 503.
	OrganizationName(ctx context.Context, id uuid.UUID) (string, error)
}

// organizationName is the name of an organization in answers: its UUID without
// [Config.Organizations].
type organizationName string

// maxOrganizationName bounds a name in bytes.
const maxOrganizationName = 255

// isOrganizationName reports whether a text can be a name.
func isOrganizationName(text string) bool {
	return text != "" && text != "*" && len(text) <= maxOrganizationName &&
		utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// findOrganization returns the id of an organization by its name, or an error that is
// webhooks.ErrNotFound or errOrganizationsDown. Names are UUIDs if names is nil.
func findOrganization(ctx context.Context, names Organizations, name string) (uuid.UUID, error) {
	if names == nil {
		id, ok := parseUUID(name)
		if !ok {
			return id, webhooks.ErrNotFound
		}
		return id, nil
	}
	if !isOrganizationName(name) {
		return uuid.Nil, webhooks.ErrNotFound
	}
	id, err := names.OrganizationID(ctx, name)
	if err == nil && id == uuid.Nil {
		err = webhooks.ErrNotFound
	}
	return id, organizationsError(err)
}

// organizationsError hides what else an error of Organizations is, so that the error does not
// decide the answer.
func organizationsError(err error) error {
	if err == nil || errors.Is(err, webhooks.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%w: %s", errOrganizationsDown, err.Error())
}

// openOrganization sets the organization of the call from the segment of the path, and refuses one
// that is not the caller's.
func (c *call) openOrganization(segment string) error {
	name, err := url.PathUnescape(segment)
	if err != nil {
		return webhooks.ErrNotFound
	}
	names := c.api.cfg.Organizations
	ctx, cancel := context.WithTimeout(c.r.Context(), c.api.cfg.Timeout)
	defer cancel()
	if c.org, err = findOrganization(ctx, names, name); err != nil {
		return err
	}
	if names == nil {
		name = c.org.String()
	}
	c.names[c.org] = organizationName(name)
	c.api.log.Ended(ctx, organizationsDown, nil, "webhooks: organizations can be looked up again")
	if !c.caller.in(c.org) {
		return webhooks.ErrNotFound
	}
	return nil
}

// organizationNames returns the names of the organizations that subscriptions belong to, by id.
func (c *call) organizationNames(found []webhooks.Subscription) (map[uuid.UUID]organizationName, error) {
	for _, s := range found {
		if err := c.nameOrganization(s.OrganizationID); err != nil {
			return nil, err
		}
	}
	return c.names, nil
}

// nameOrganization adds the name of an organization to the names of the call; none for a zero id.
func (c *call) nameOrganization(id uuid.UUID) error {
	if _, known := c.names[id]; known || id == uuid.Nil {
		return nil
	}
	name := id.String()
	if names := c.api.cfg.Organizations; names != nil {
		given, err := names.OrganizationName(c.ctx(), id)
		switch err := organizationsError(err); {
		case err == nil:
			name = given
		case !errors.Is(err, webhooks.ErrNotFound):
			return err
		}
	}
	c.names[id] = organizationName(name)
	return nil
}

// maxWholeNumber is the last of the whole numbers that a JSON number of a token holds exactly.
const maxWholeNumber = 1<<53 - 1

// nameInClaim returns the name that an organization has in a token: a text, or a whole number.
func nameInClaim(claim any) (string, bool) {
	switch v := claim.(type) {
	case string:
		return v, true
	case float64:
		n := int64(v)
		return strconv.FormatInt(n, 10), v >= 0 && v <= maxWholeNumber && float64(n) == v
	}
	return "", false
}
