package portal

import "strings"

// Pages returns the patterns of all pages: the routes with the method GET.
func Pages() []string {
	var all []string
	for _, group := range append(routes, publicRoutes, signInRoutes) {
		for _, r := range group {
			if strings.HasPrefix(r.pattern, "GET ") {
				all = append(all, r.pattern)
			}
		}
	}
	return all
}
