package portal

import (
	"fmt"
	"net/url"
	"strings"
)

// contentPolicy lets a page load scripts, styles and images of the portal alone.
func contentPolicy(ancestors []string) string {
	frames := "'none'"
	if len(ancestors) > 0 {
		frames = strings.Join(ancestors, " ")
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors " + frames
}

func checkOrigins(origins []string) error {
	for i, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+u.Host ||
			strings.ContainsAny(o, " ;,'\"") {
			return fmt.Errorf("portal: Config.FrameAncestors[%d] is %q, must be an origin such as https://app.example.com", i, o)
		}
	}
	return nil
}
