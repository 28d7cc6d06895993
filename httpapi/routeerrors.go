package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks"
)

// statusOfCode maps each code of an error to its status. validation_failed has two: a wrong request
// is a 400, a wrong result of a patch a 422.
func statusOfCode() map[string]int {
	all := map[string]int{
		"malformed_json": 400, "validation_failed": 400, "read_only": 403, "method_not_allowed": 405, "path_not_found": 422,
		string(webhooks.UnknownReference): 422, string(webhooks.AddressBlocked): 422, string(webhooks.SchemaMismatch): 422,
		"rate_limited": 429, "internal_error": 500,
	}
	for _, a := range answers {
		all[a.code] = a.status
	}
	return all
}

// errors returns the codes of the route's errors by status, each list in order.
func (r route) errors() map[int][]string {
	found := map[int][]string{}
	add := func(status int, codes ...string) {
		for _, code := range codes {
			if !slices.Contains(found[status], code) {
				found[status] = append(found[status], code)
			}
		}
	}
	if len(r.query) > 0 {
		add(400, "validation_failed")
	}
	if r.access != open {
		add(401, "unauthorized")
		add(403, "forbidden")
		add(503, "store_unavailable", "authentication_unavailable", "overloaded")
		add(500, "internal_error")
	}
	if strings.Contains(r.path, "{") {
		add(404, "not_found")
	}
	if r.access == catalogWrite && strings.HasPrefix(r.path, categoryPath) {
		add(409, "built_in")
	}
	if r.hasBody() {
		add(400, "malformed_json", "validation_failed")
		add(413, "payload_too_large")
		add(415, "unsupported_media_type")
	}
	if r.method == http.MethodPatch {
		add(403, "read_only")
		add(409, "test_failed")
		add(412, "precondition_failed")
		add(422, "path_not_found", "validation_failed")
	}
	known := statusOfCode()
	for _, code := range r.errorCodes {
		add(known[code], code)
	}
	for _, codes := range found {
		slices.Sort(codes) // the codes are the name of the response
	}
	return found
}
