package httpapi

import (
	"net/http"
)

// sinkSuccess is a receiver for tests of subscriptions. It keeps nothing.
func (a *api) sinkSuccess(c *call) error { return c.reply(http.StatusOK, value{true}) }

// sinkFailure is a receiver that fails, with the status that the parameter names.
func (a *api) sinkFailure(c *call) error {
	q := c.query()
	status := q.number("status", http.StatusInternalServerError, 400, 599)
	if err := q.err(); err != nil {
		return err
	}
	return c.reply(status, value{false})
}
