package webhooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
)

func TestReportOfAFailureInTheQueueKeepsTheSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		w.publish("1")
		first := w.attempts(s)[0]
		report := webhooks.ReportInput{DeliveryID: first.ID, HTTPStatus: 500, Error: "HTTP 500"}
		got, err := w.Dispatcher.Report(t.Context(), w.org, s.ID, first.ID, report)
		w.must(err)
		if wait := got.NextRetryAt.Sub(got.PostedAt); wait < 48*time.Second || wait > 72*time.Second {
			t.Errorf("the next retry is due after %v, want a minute ± 20 %%", wait)
		}
		w.must(w.Dispatcher.Start(t.Context()))
		pass(10 * time.Second)
		if len(w.sent()) != 0 {
			t.Error("a reported attempt is sent")
		}
		pass(2 * time.Minute)
		if len(w.sent()) != 1 || w.sent()[0].Header.Get("X-Webhook-Attempt") != "2" {
			t.Errorf("posted %v, want the retry", w.sent())
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}
