package portal

import (
	"net/url"
	"sync"
)

// crumb links a page that is above the present one.
type crumb struct{ URL, Text string }

// say returns the text of a key that exists.
func (v *visit) say(key string, args ...any) string {
	text, err := v.text.t(key, args...)
	if err != nil {
		return key
	}
	return text
}

// with returns the address of the present page with other parameters, given as names and values. The value "" removes a parameter.
func (v *visit) with(pairs ...string) string {
	q := v.r.URL.Query()
	q.Del("done")
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return v.p.cfg.Path + (&url.URL{Path: v.r.URL.Path, RawQuery: q.Encode()}).RequestURI()
}

// eachAtOnce calls f with 0 to n-1, a few calls at the same time.
func eachAtOnce(n int, f func(int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, detailsAtOnce)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	all.Wait()
}
