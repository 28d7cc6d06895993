package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bunrouter"

	"github.com/ecg-api/webhooks"
)

// newRouter puts the table into a bunrouter, which finds the route. The answers to unknown paths and
// wrong methods are made here: where parameters are nested, bunrouter takes a wrong method for an
// unknown path, and it does not send Allow.
func (a *api) newRouter(table []route) *bunrouter.Router {
	notFound := func(w http.ResponseWriter, r bunrouter.Request) error {
		allowed := allowedMethods(table, r.URL.Path)
		switch {
		case allowed == nil:
			return webhooks.ErrNotFound
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return &methodError{allowed}
	}
	router := bunrouter.New(bunrouter.WithNotFoundHandler(notFound), bunrouter.WithMethodNotAllowedHandler(notFound))
	for _, rt := range table {
		path := strings.NewReplacer("{", ":", "}", "").Replace(rt.path)
		router.Handle(rt.method, path, a.enter(rt))
	}
	return router
}

// route normalizes the path and hands the request to the router: without a trailing slash, decoded,
// with segments in the alphabet of ids and codes only. So the router neither redirects nor decodes.
// The name of an organization can be any text, and stays encoded.
func (a *api) route(w http.ResponseWriter, r *http.Request) error {
	path, ok := normalize(r.URL)
	if !ok {
		return webhooks.ErrNotFound
	}
	routed := *r
	routed.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery}
	if r.Method == http.MethodHead {
		routed.Method = http.MethodGet
	}
	return a.router.ServeHTTPError(w, &routed)
}

func normalize(u *url.URL) (string, bool) {
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	segments := strings.Split(path, "/")
	if len(segments) < 2 || segments[0] != "" {
		return "", false
	}
	for i, segment := range segments[1:] {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" || plain == "." || plain == ".." {
			return "", false
		}
		if slices.Equal(segments[1:i+1], organizationsRoot) {
			segments[i+1] = url.PathEscape(plain)
			continue
		}
		for j := range len(plain) {
			if !inAlphabet(plain[j]) {
				return "", false
			}
		}
		segments[i+1] = plain
	}
	return strings.Join(segments, "/"), true
}

// inAlphabet reports whether ids, codes, versions and fixed segments may contain
// the byte.
func inAlphabet(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '-' || c == '.' || c == '_'
}

// allowedMethods lists the methods that the table has for a path, nil for none.
func allowedMethods(table []route, path string) []string {
	var methods []string
	segments := strings.Split(path, "/")
	for _, rt := range table {
		if !matches(strings.Split(rt.path, "/"), segments) {
			continue
		}
		methods = append(methods, rt.method)
		if rt.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	if methods != nil {
		methods = append(methods, http.MethodOptions)
	}
	slices.Sort(methods)
	return methods
}

func matches(pattern, segments []string) bool {
	return slices.EqualFunc(pattern, segments, func(p, s string) bool { return p == s || strings.HasPrefix(p, "{") && s != "" })
}

// enter is the only way to a handler. As the table requires, it authenticates the caller, and checks
// scope, organization, ids and the rate limit.
func (a *api) enter(rt route) bunrouter.HandlerFunc {
	return func(w http.ResponseWriter, r bunrouter.Request) error {
		c := &call{
			api: a, w: w, r: r.Request,
			text: map[string]string{}, ids: map[string]uuid.UUID{}, names: map[uuid.UUID]organizationName{},
		}
		defer c.end()
		err := c.admit(rt, r.Params().Map())
		if limited := a.limit(rt, c, err); limited != nil {
			return limited
		}
		if err == nil && rt.access != open {
			err = c.openReservations(rt)
		}
		if err != nil {
			return err
		}
		return rt.handler(a, c)
	}
}

// admit authenticates the caller of a route that is not open, and checks scope, ids and organization.
func (c *call) admit(rt route, parameters map[string]string) error {
	info := infoOf(c.r.Context())
	info.Route = rt.path
	if rt.access != open {
		caller, err := c.api.authenticate(c.r)
		if err != nil {
			return authError(err)
		}
		c.caller, info.Subject = caller, caller.Subject
		if !caller.may(rt.access) {
			return errForbidden
		}
		c.r = c.r.WithContext(webhooks.WithRequestID(webhooks.WithActor(c.r.Context(), caller.Subject), info.ID))
	}
	for name, value := range parameters {
		if !strings.HasSuffix(name, "Id") || name == organizationParameter {
			c.text[name] = value
			continue
		}
		id, ok := parseUUID(value)
		if !ok {
			return webhooks.ErrNotFound
		}
		c.ids[name] = id
	}
	if rt.ofOrganization() {
		if err := c.openOrganization(c.text[organizationParameter]); err != nil {
			return err
		}
		info.OrganizationID = c.org
	}
	return nil
}

// authenticate identifies the caller within the time-out.
func (a *api) authenticate(r *http.Request) (Caller, error) {
	ctx, cancel := context.WithTimeout(r.Context(), a.cfg.Timeout)
	defer cancel()
	caller, err := a.cfg.Authenticator.Authenticate(r.WithContext(ctx))
	if err == nil {
		a.log.Ended(ctx, authDown, nil, "webhooks: tokens can be verified again")
	}
	return caller, err
}

// parseUUID reads a UUID of 36 characters. It accepts no other form.
func parseUUID(s string) (uuid.UUID, bool) {
	id, err := uuid.Parse(s)
	return id, err == nil && len(s) == 36
}
