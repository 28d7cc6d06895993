package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// Scopes come in one flag or in several.
func TestScopesAddUp(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{
		{"--scope=webhooks:read webhooks:write"},
		{"--scope=webhooks:read", "--scope=webhooks:write"},
		{"--scope= webhooks:read  ", "--scope=webhooks:write"},
	} {
		r := command(t, []string{testSecret}, append([]string{"token"}, flags...)...)
		parts := strings.Split(r.stdout, ".")
		if r.code != 0 || len(parts) != 3 {
			t.Fatalf("%q: %d %s", flags, r.code, r.stderr)
		}
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Scope string }
		if err := json.Unmarshal(payload, &claims); err != nil || claims.Scope != "webhooks:read webhooks:write" {
			t.Errorf("%q: the scope is %q, %v", flags, claims.Scope, err)
		}
	}
}
