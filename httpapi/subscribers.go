package httpapi

import (
	"net/http"

	"github.com/ecg-api/webhooks"
)

// listSubscribers answers with an array without an envelope, like the reference.
func (a *api) listSubscribers(c *call) error {
	q := c.query()
	version := q.version("version")
	if err := q.err(); err != nil {
		return err
	}
	var items [][]byte
	left, page := room(maxPage), webhooks.Page{Take: 100}
	for {
		found, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Subscription], error) {
			page.MaxBytes = min(maxBytes, max(int(left), 1))
			return a.hooks.Subscriptions.Subscribers(c.ctx(), c.text["eventCode"], version, c.caller.organizations(), page)
		})
		if err != nil {
			return err
		}
		show, err := a.maskedView(c, found.Items)
		if err != nil {
			return err
		}
		for i, s := range found.Items {
			shown := show(s)
			if i == len(found.Items)-found.Truncated {
				left = 0
			}
			text, err := encode(shown)
			if !left.take(len(text)) {
				shown.truncate()
				text, err = encode(shown)
			}
			if err != nil {
				return err
			}
			items, page.After = append(items, text), s.ID
		}
		if len(found.Items) < page.Take {
			return c.send(http.StatusOK, splice([]byte("["), items, []byte("]"))...)
		}
	}
}
