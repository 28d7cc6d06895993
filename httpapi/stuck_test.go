package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// hungSender is a sender that does not return until it is let go.
type hungSender chan struct{}

func (h hungSender) Post(context.Context, guard.Request) guard.Result {
	<-h
	return guard.Result{Status: 200}
}

// One call is an event for the operator; when all that may be given up are, the
// dispatcher is down.
func TestHealthSaysThatCallsOfTheSenderDoNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sender := make(hungSender)
		f := newFixtureWith(t, memstore.New(), webhooks.Config{Sender: sender, Workers: 2})
		var err error
		if f.handler, err = httpapi.New(f.hooks, httpapi.Config{Authenticator: tokens{}, Dispatching: true}); err != nil {
			t.Fatal(err)
		}
		f.catalog()
		f.subscribe()
		if err := f.hooks.Dispatcher.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		const database = `"database": {"status": "up"}`
		one := database + `, "dispatcher": {"status": "up", "message": "calls of the sender that do not return, ` +
			`and whose attempts were ended: 1"}`
		all := `"dispatcher": {"status": "down", "message": "the calls of the sender do not return; restart the process"}`
		for _, health := range []step{
			{status: http.StatusOK, want: `{"status": "ok", "info": {` + one + `}, "error": {}, "details": {` + one + `}}`},
			{
				status: http.StatusServiceUnavailable,
				want:   `{"status": "error", "info": {` + database + `}, "error": {` + all + `}, "details": {` + database + `, ` + all + `}}`,
			},
		} {
			_, err := f.hooks.Dispatcher.Publish(t.Context(), uuid.MustParse(orgA), webhooks.Event{Type: "vitals.measured", Data: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
			health.do = "GET /healthcheck"
			f.run([]step{health})
		}
		close(sender)
		if err := f.hooks.Dispatcher.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
