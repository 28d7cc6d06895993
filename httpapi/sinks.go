package httpapi

import (
	"net/http"
)

var sinkRoutes = group{
	tag: "WebhookProcessors", description: "Receivers for tests of subscriptions. They store nothing.",
	routes: []route{
		{
			method: http.MethodPost, path: sinksPath + "/success-response", access: open, handler: (*api).sinkSuccess,
			id: "receiveSuccess", summary: "A test URL that succeeds",
			differs: "The reference asks for a token, which the sender of a webhook does not have.",
		},
		{
			method: http.MethodPost, path: sinksPath + "/failed-response", access: open, handler: (*api).sinkFailure,
			id: "receiveFailure", summary: "A test URL that fails",
			differs:      "The reference documents a 200, which would make a test of failure impossible, and asks for a token.",
			query:        params(sinkStatusParam),
			status:       http.StatusInternalServerError,
			otherAnswers: []otherAnswer{{"4XX", "As status asks for."}, {"5XX", "As status asks for."}},
		},
	},
}

// sinkSuccess is a receiver for tests of subscriptions. It keeps nothing.
func (a *api) sinkSuccess(c *call) error { return c.reply(http.StatusOK, doneWire{true}) }

// sinkFailure is a receiver that fails, with the status that the parameter names.
func (a *api) sinkFailure(c *call) error {
	q := c.query()
	status := q.number("status", http.StatusInternalServerError, 400, 599)
	if err := q.err(); err != nil {
		return err
	}
	return c.reply(status, doneWire{false})
}
