package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// defaultChallenge is the challenge of bearer tokens (RFC 6750, section 3).
const defaultChallenge = "Bearer"

// bearerJWT is the security scheme of [JWT].
func bearerJWT() map[string]json.RawMessage {
	text, err := encode(object{
		{"type", "http"},
		{"scheme", "bearer"},
		{"bearerFormat", "JWT"},
		{"description", "Claims: sub, org (one organization, a list, or * for all) and scope. Scopes: " + scopeText},
	})
	if err != nil {
		panic(err)
	}
	return map[string]json.RawMessage{"bearer": text}
}

// securityScheme is an OpenAPI Security Scheme Object, as far as it is checked and shown.
type securityScheme struct {
	Type             string         `json:"type"`
	Scheme           string         `json:"scheme"`
	Name             string         `json:"name"`
	In               string         `json:"in"`
	Flows            map[string]any `json:"flows"`
	OpenIDConnectURL string         `json:"openIdConnectUrl"`
}

// checkCredentials checks the configuration of credentials.
func (c Config) checkCredentials() error {
	for _, char := range []byte(c.Challenge) {
		if char < ' ' && char != '\t' || char == 0x7f {
			return fmt.Errorf("httpapi: Config.Challenge is %q, must be a header value without control characters", c.Challenge)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.SecuritySchemes)) {
		if !componentKey.MatchString(name) {
			return fmt.Errorf("httpapi: Config.SecuritySchemes has the name %q, must be of letters, digits and . _ -", name)
		}
		var s securityScheme
		err := json.Unmarshal(c.SecuritySchemes[name], &s)
		if err == nil {
			err = s.check()
		}
		if err != nil {
			return fmt.Errorf("httpapi: Config.SecuritySchemes[%q] is no Security Scheme Object of OpenAPI 3.1: %w", name, err)
		}
	}
	return nil
}

// componentKey is the form of the names of components (OpenAPI 3.1, section 4.8.7).
var componentKey = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

func (s securityScheme) check() error {
	missing := ""
	switch s.Type {
	case "http":
		if s.Scheme == "" {
			missing = "scheme"
		}
	case "apiKey":
		if s.Name == "" {
			missing = "name"
		}
		if !slices.Contains([]string{"header", "cookie", "query"}, s.In) {
			return fmt.Errorf("in is %q, must be header, cookie or query", s.In)
		}
	case "oauth2":
		if s.Flows == nil {
			missing = "flows"
		}
	case "openIdConnect":
		if s.OpenIDConnectURL == "" {
			missing = "openIdConnectUrl"
		}
	case "mutualTLS":
	default:
		return fmt.Errorf("type is %q, must be http, apiKey, oauth2, openIdConnect or mutualTLS", s.Type)
	}
	if missing != "" {
		return fmt.Errorf("type %s needs %s", s.Type, missing)
	}
	return nil
}

// credential is a kind of credentials that callers can use.
type credential struct {
	text  string // in words
	query string // the query of an example's URL, "" for none
	curl  string // the option of curl, "" for none
}

// credentials returns the kinds that callers can choose from, in the order of their names.
func (c Config) credentials() []credential {
	var all []credential
	for _, name := range slices.Sorted(maps.Keys(c.SecuritySchemes)) {
		var s securityScheme
		if err := json.Unmarshal(c.SecuritySchemes[name], &s); err != nil {
			panic(err) // New has checked it
		}
		all = append(all, s.credential())
	}
	return all
}

func (s securityScheme) credential() credential {
	switch {
	case s.Type == "mutualTLS":
		return credential{text: "a client certificate", curl: `--cert "$CERTIFICATE"`}
	case s.Type == "apiKey" && s.In == "query":
		return credential{text: "the query parameter " + s.Name, query: s.Name + "=$KEY"}
	case s.Type == "apiKey" && s.In == "cookie":
		return credential{text: "the cookie " + s.Name, curl: `-b "` + s.Name + `=$KEY"`}
	case s.Type == "apiKey":
		return credential{text: "the header " + s.Name, curl: `-H "` + s.Name + `: $KEY"`}
	case strings.EqualFold(s.Scheme, "basic"):
		return credential{text: "the header Authorization: Basic", curl: `-u "$USER:$PASSWORD"`}
	case s.Type == "http" && !strings.EqualFold(s.Scheme, "bearer"):
		return credential{text: "the header Authorization: " + s.Scheme, curl: `-H "Authorization: ` + s.Scheme + ` $CREDENTIALS"`}
	default: // oauth2 and openIdConnect give bearer tokens, too
		return credential{text: "the header Authorization: Bearer", curl: `-H "Authorization: Bearer $TOKEN"`}
	}
}
