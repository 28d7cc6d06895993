package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origins are the origins of pages (RFC 6454) whose scripts may read answers, or * for all.
type origins []string

func (o *origins) UnmarshalText(text []byte) error {
	*o = nil
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part != "*" && !isOrigin(part) {
			return fmt.Errorf("is %q, must be * or origins as browsers send them, separated by commas, such as https://app.example.com", text)
		}
		*o = append(*o, part)
	}
	if len(*o) > 1 && slices.Contains(*o, "*") {
		return fmt.Errorf("is %q, must be * alone or origins alone", text)
	}
	return nil
}

// isOrigin reports whether a browser sends the text as an origin: in lower case, without a
// path, and without the port that is the scheme's own.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return false
	}
	if strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" { // no wildcard, and IDNA in ASCII
		return false
	}
	return u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80"
}

func (o origins) allow(origin string) bool {
	return origin != "" && (slices.Contains(o, "*") || slices.Contains(o, origin))
}

// Headers of the answers to scripts of allowed origins. Credentials that the browser adds by itself,
// such as cookies, are never allowed: the API takes tokens.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id, traceparent, tracestate"
	corsExposed = "ETag, Location, Retry-After, X-Request-Id"
	corsMaxAge  = "3600" // seconds for which a browser remembers the answer to a preflight request
)

// cors lets scripts of the origins read the answers of the handler. Without origins it is the handler.
func (o origins) cors(handler http.Handler) http.Handler {
	if len(o) == 0 {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		h.Add("Vary", "Origin")
		if !o.allow(origin) {
			handler.ServeHTTP(w, r)
			return
		}
		if slices.Contains(o, "*") {
			origin = "*"
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", corsExposed)
		handler.ServeHTTP(w, r)
	})
}
