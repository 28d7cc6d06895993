package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOriginsAreAsBrowsersSendThem(t *testing.T) {
	t.Parallel()
	for text, valid := range map[string]bool{
		"*": true, "https://app.example.com": true, "http://localhost:3000,https://app.example.com": true,
		"https://[::1]:8443": true, " https://a.example , https://b.example": true,
		"": false, "app.example.com": false, "https://app.example.com/": false, "https://app.example.com:443": false,
		"http://x:80": false, "https://App.example.com": false, "https://u@app.example.com": false, "https://*.example.com": false,
		"null": false, "*,https://app.example.com": false, "ftp://x": false, "https://": false, "https://a.example,": false,
		"https://x?q": false, "https://bücher.example": false,
	} {
		var o origins
		if err := o.UnmarshalText([]byte(text)); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestScriptsOfTheOriginsReadAnswers(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for rule, tt := range map[string]struct {
		origins   origins
		origin    string
		preflight bool
		allowed   string
	}{
		"NoOriginsConfigured": {nil, app, false, ""},
		"NoOriginSent":        {origins{app}, "", false, ""},
		"Allowed":             {origins{"https://other.example.com", app}, app, false, app},
		"Other":               {origins{app}, "https://evil.example.com", false, ""},
		"Longer":              {origins{app}, app + ".evil.example.com", false, ""},
		"Null":                {origins{app}, "null", false, ""},
		"All":                 {origins{"*"}, app, false, "*"},
		"Preflight":           {origins{app}, app, true, app},
		"PreflightOfAll":      {origins{"*"}, app, true, "*"},
		"PreflightOfOther":    {origins{app}, "https://evil.example.com", true, ""},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			served := false
			handler := tt.origins.cors(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				served = true
				w.WriteHeader(http.StatusUnauthorized)
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			if tt.preflight {
				r.Method = http.MethodOptions
				r.Header.Set("Access-Control-Request-Method", "PATCH")
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			h := w.Header()
			if h.Get("Access-Control-Allow-Origin") != tt.allowed || (h.Get("Vary") == "Origin") != (tt.origins != nil) {
				t.Errorf("%v", h)
			}
			if h.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials of the browser are allowed")
			}
			preflight := tt.preflight && tt.allowed != ""
			if served == preflight || preflight != (w.Code == http.StatusNoContent) {
				t.Errorf("status %d, served: %v", w.Code, served)
			}
			if methods := h.Get("Access-Control-Allow-Methods"); preflight != strings.Contains(methods, "PATCH") ||
				preflight != strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
				t.Errorf("%v", h)
			}
			exposed := h.Get("Access-Control-Expose-Headers")
			for _, name := range []string{"ETag", "X-Request-Id", "Retry-After", "Location"} {
				if strings.Contains(exposed, name) != (tt.allowed != "" && !preflight) {
					t.Errorf("exposed: %q", exposed)
				}
			}
		})
	}
}

// Over the host, also an answer without a token can be read.
func TestTheHostAnswersOrigins(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), nil, "--cors-origins=https://app.example.com")
	for method, status := range map[string]int{http.MethodGet: http.StatusUnauthorized, http.MethodOptions: http.StatusNoContent} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/api/webhook-categories", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://app.example.com")
		r.Header.Set("Access-Control-Request-Method", "POST")
		resp, err := (&http.Client{Timeout: patience}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != status || resp.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
			t.Errorf("%s: %d %v", method, resp.StatusCode, resp.Header)
		}
	}
}
