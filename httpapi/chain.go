package httpapi

import (
	"iter"
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// activityDetail is one activity with the retries below it.
type activityDetail struct {
	activityWire
	Level             int               `json:"level"`
	ReferencePostedAt timestamp         `json:"posted_at" schema:"hides=postedAt"` // as the reference spells it here
	RequestHeaders    []headerWire      `json:"requestHeaders"`
	Children          []*activityDetail `json:"childPostHistory"`
	MessageID         uuid.UUID         `json:"messageId"`
	External          bool              `json:"external"`
	RequestBody       *string           `json:"requestBody,omitempty"`
}

// size and truncate treat the body of the request as a large member.
func (d *activityDetail) size() int {
	if d.RequestBody == nil {
		return d.activityWire.size()
	}
	return d.activityWire.size() + 2*len(*d.RequestBody) // with escapes of quotation marks
}

func (d *activityDetail) truncate() {
	d.activityWire.truncate()
	d.RequestBody = nil
}

func (a *api) getActivity(c *call) error {
	q := c.query()
	mode := q.choice("mode", "flat", "nested")
	if !q.values.Has("mode") {
		q.addFault("mode", "is required: flat or nested")
	}
	if err := q.err(); err != nil {
		return err
	}
	subscription, id := c.id("subscriptionId"), c.id("activityId")
	found, err := a.hooks.Subscriptions.Attempt(c.ctx(), c.org, subscription, id)
	if err != nil {
		return err
	}
	chain, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Attempt], error) {
		return a.hooks.Subscriptions.Chain(c.ctx(), c.org, subscription, found.DeliveryID, maxBytes)
	})
	if err != nil {
		return err
	}
	sent, err := a.hooks.Signer.SentHeaders(c.ctx(), found)
	if err != nil {
		return err
	}
	out := descend(found, chain, mode == "nested")
	out.RequestHeaders = showHeaders(sortedHeaders(sent))
	return c.record(http.StatusOK, out)
}

// descend returns an attempt with its retries, their retries, and so on, as a tree or as
// one list. The chain is in the order of time, in which a retry comes after the attempt
// that it retries. The large members of all activities have at most maxPage bytes together.
func descend(top webhooks.Attempt, chain webhooks.List[webhooks.Attempt], nested bool) *activityDetail {
	root := detail(top, 1)
	left := room(maxPage)
	left.take(root.size())
	byID := map[uuid.UUID]*activityDetail{top.ID: root}
	for i, a := range chain.Items {
		parent := byID[a.RetryOf]
		if parent == nil || byID[a.ID] != nil {
			continue
		}
		child := detail(a, parent.Level+1)
		if i >= len(chain.Items)-chain.Truncated || !left.take(child.size()) {
			child.truncate()
		}
		byID[a.ID] = child
		if !nested {
			parent = root
		}
		parent.Children = append(parent.Children, child)
	}
	return root
}

func detail(a webhooks.Attempt, level int) *activityDetail {
	d := &activityDetail{
		activityWire: showAttempt(a), Level: level, ReferencePostedAt: timestamp(a.PostedAt),
		RequestHeaders: []headerWire{}, Children: []*activityDetail{},
		MessageID: a.MessageID, External: a.External,
	}
	if a.Source != nil {
		d.RequestBody = optional(string(a.Body))
	}
	return d
}

// sortedHeaders yields headers in the order of their names.
func sortedHeaders(h http.Header) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, name := range slices.Sorted(maps.Keys(h)) {
			for _, value := range h[name] {
				if !yield(name, value) {
					return
				}
			}
		}
	}
}
