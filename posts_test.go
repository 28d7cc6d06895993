package webhooks_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

func TestPostGoesToOneSubscriptionAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.subscribe("*")
		s, _, err := w.Subscriptions.Create(t.Context(), w.org, webhooks.SubscriptionInput{PostURI: "https://example.com/alone"})
		w.must(err)
		w.must(w.Dispatcher.Start(t.Context()))
		a, err := w.Dispatcher.Post(t.Context(), w.org, s.ID, webhooks.PostInput{
			Type: w.typ.Code, Data: json.RawMessage(`{ "n": 1.0 }`), Source: []byte(`{"raw": true}`),
		})
		w.must(err)
		if string(a.Source) != `{"raw":true}` || a.Type != webhooks.FirstPost {
			t.Errorf("the attempt is %+v", a)
		}
		pass(time.Minute)
		if len(w.sent()) != 1 || w.sent()[0].URL.Path != "/alone" || w.sent()[0].Header.Get(signing.HeaderID) != a.MessageID.String() {
			t.Errorf("posted %v", w.sent())
		}
		list, err := w.Dispatcher.Messages(t.Context(), w.org, webhooks.Page{Take: 10})
		if err != nil || list.Total != 0 {
			t.Errorf("%d messages are listed as published, %v", list.Total, err)
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

func TestManualRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe("*")
		w.answer(500)
		w.must(w.Dispatcher.Start(t.Context()))
		w.publish("1")
		time.Sleep(time.Second)
		synctest.Wait()
		attempts := w.attempts(sub)
		_, err := w.Dispatcher.Retry(t.Context(), w.org, sub.ID, attempts[1].ID)
		wantErr(t, err, webhooks.ErrNotFinished)
		w.answer(200)
		ctx := webhooks.WithActor(t.Context(), "ann")
		again, err := w.Dispatcher.Retry(ctx, w.org, sub.ID, attempts[0].ID)
		w.must(err)
		if again.Type != webhooks.ManualRetry || again.RetryOf != attempts[0].ID || again.CreatedBy != "ann" {
			t.Errorf("retry %+v", again)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		attempts = w.attempts(sub)
		if len(attempts) != 3 || attempts[1].Status != webhooks.Cancelled || attempts[2].Status != webhooks.Succeeded {
			t.Errorf("attempts %+v", attempts)
		}
		if string(w.sent()[0].Body) != string(w.sent()[1].Body) ||
			w.sent()[0].Header.Get(signing.HeaderID) != w.sent()[1].Header.Get(signing.HeaderID) {
			t.Error("the retry differs from the first post")
		}
		w.must(w.Subscriptions.Archive(t.Context(), w.org, sub.ID))
		_, err = w.Dispatcher.Retry(t.Context(), w.org, sub.ID, attempts[0].ID)
		wantErr(t, err, webhooks.ErrArchived)
		_, err = w.Dispatcher.Retry(t.Context(), uuid.New(), sub.ID, attempts[0].ID)
		wantErr(t, err, webhooks.ErrNotFound)
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}
