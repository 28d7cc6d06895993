package client_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

func (w *walk) publish() {
	ctx, d := w.Context(), w.client.Dispatcher
	published := must(d.Publish(ctx, w.org, client.Event{
		Type: "vitals.measured", Version: "v1", Data: json.RawMessage(`{"value": 7.20e1, "note": "<&>"}`), IdempotencyKey: "once",
		OrderingKey: "patient-7",
	}))
	w.did("publishEvent")
	w.require(published.Deliveries == 1 && !published.Duplicate, "published %+v", published)
	w.message = published.ID
	batch := must(d.PublishBatch(ctx, w.org, []client.Event{
		{Type: "vitals.measured", Data: map[string]int{"value": 0}}, {Type: "vitals.measured", Data: map[string]int{"value": 73}},
	}))
	w.did("publishEvents")
	w.require(len(batch) == 2 && batch[0].Deliveries == 0 && batch[1].Deliveries == 1, "published %+v", batch)
	w.finish(200)
	message := must(d.Message(ctx, w.org, w.message))
	w.did("getPublishedEvent")
	w.require(string(message.Data) == `{"value":7.20e1,"note":"<&>"}` && message.Deliveries.Succeeded == 1 && len(message.Activations) == 1 &&
		message.OrderingKey == "patient-7", "the message is %+v", message)
	page := must(d.ListMessages(ctx, w.org, client.MessageQuery{CursorQuery: client.CursorQuery{Order: client.OldestFirst, Take: 1, Skip: 1}}))
	w.require(page.TotalRecords == 3, "the page is %+v", page)
	page = must(d.ListMessages(ctx, w.org, client.MessageQuery{CursorQuery: behind(page.NextCursor)}))
	w.did("listPublishedEvents")
	w.require(len(page.Items) == 1 && page.Items[0].ID == batch[1].ID, "the page behind the cursor is %+v", page)
	why := must(d.Explain(ctx, w.org, batch[0].ID))
	one := must(d.ListExplanations(ctx, w.org, batch[0].ID, client.ExplanationQuery{SubscriptionID: w.subscription.ID, Take: 1}))
	w.require(len(one.Items) == 1 && one.NextCursor == "" && one.Items[0] == why[0], "the explanations are %+v", one)
	_, err := d.ListExplanations(ctx, w.org, batch[0].ID, client.ExplanationQuery{Cursor: "x"})
	w.require(errors.Is(err, client.ErrInvalid), "a wrong cursor: %v", err)
	w.did("explainPublishedEvent")
	tested := must(w.client.Subscriptions.TestFilter(ctx, w.org, client.FilterTestInput{
		Filter: []client.ConditionInput{{Pointer: "/value", Op: client.LessThan, Value: 0}}, Events: []string{"vitals.*"}, Version: "v1",
	}))
	w.did("testFilter")
	w.require(len(tested) == 3 && tested[0].EventType == "vitals.measured" && !tested[0].Matched && tested[0].Reason == client.WasFiltered,
		"tested %+v", tested)
	w.require(len(why) == 1 && why[0].Reason == client.WasFiltered && !why[0].Matched && why[0].ActivationID == uuid.Nil, "explained %+v", why)
}

func (w *walk) history() {
	ctx, s, d, id := w.Context(), w.client.Subscriptions, w.client.Dispatcher, w.subscription.ID
	all := client.CursorQuery{Order: client.OldestFirst, Take: 1}
	both := []client.Include{client.IncludeSubscription, client.IncludeEventType}
	attempts := must(s.ListAttempts(ctx, w.org, id, client.AttemptQuery{
		CursorQuery: all, Status: client.OnlySucceeded, Class: client.Class2xx, EventTypeID: w.eventType.ID,
		Since: time.Unix(0, 0), Until: time.Now().AddDate(1, 0, 0), Include: both,
	}))
	first := attempts.Items[0]
	w.require(attempts.TotalRecords == 2 && first.Subscription.PostURI != "" && first.EventType.Code == "vitals.measured" && *first.Success &&
		first.HTTPStatusCode == 200 && first.RawResponse == "thanks" && *first.DurationMs == 12, "the page is %+v", attempts)
	must(s.ListAttempts(ctx, w.org, id, client.AttemptQuery{CursorQuery: client.CursorQuery{Skip: 1}}))
	must(s.ListAttempts(ctx, w.org, id, client.AttemptQuery{CursorQuery: behind(attempts.NextCursor)}))
	w.did("listActivity")
	deliveries := must(s.ListDeliveries(ctx, w.org, id, client.DeliveryQuery{
		CursorQuery: all, Status: client.AnyStatus, Class: client.Class2xx, EventTypeID: w.eventType.ID,
		Since: time.Unix(0, 0), Until: time.Now().AddDate(1, 0, 0),
		Include: both,
	}))
	delivery := deliveries.Items[0]
	w.require(delivery.ID == first.ID && delivery.Attempts == 1 && delivery.Number == 1, "the page is %+v", deliveries)
	must(s.ListDeliveries(ctx, w.org, id, client.DeliveryQuery{CursorQuery: client.CursorQuery{Skip: 1}}))
	must(s.ListDeliveries(ctx, w.org, id, client.DeliveryQuery{CursorQuery: behind(deliveries.NextCursor)}))
	w.did("listActivations")
	w.require(must(s.Delivery(ctx, w.org, id, first.ID)).ID == first.ID, "another delivery")
	w.did("getActivation")
	retry := must(d.Retry(ctx, w.org, id, first.ID))
	w.did("retryActivity")
	w.require(retry.Type == client.ManualRetry && retry.RetryingFromPostID == first.ID && retry.Success == nil, "the retry is %+v", retry)
	detail := must(s.Attempt(ctx, w.org, id, first.ID, client.Nested))
	w.did("getActivity")
	w.require(len(detail.Retries) == 1 && detail.Retries[0].Level == 2 && detail.PostedAt.Equal(first.PostedAt), "the detail is %+v", detail)
	test := must(d.Test(ctx, w.org, id, client.TestInput{EventType: "vitals.measured", Version: "v1"}))
	w.did("testSubscription")
	w.require(test.Type == client.TestPost && string(test.Payload) == `{"value":73}`, "the test is %+v", test)
	w.finish(503)
	now := time.Now()
	stats := must(s.Stats(ctx, w.org, id, client.StatsQuery{From: now.Add(-time.Hour), To: now.Add(time.Hour), Bucket: client.ByMinute}))
	w.did("getStats")
	w.require(stats.Total.Attempts == 4 && stats.Total.Failed == 2 && *stats.Total.SuccessRate == 0.5, "the statistics are %+v", stats.Total)
}

// external makes a delivery that the caller sends.
func (w *walk) external() {
	ctx, d, id := w.Context(), w.client.Dispatcher, w.subscription.ID
	data := map[string]int{"value": 74}
	event := client.PayloadInput{EventType: "vitals.measured", Version: "v1", Data: data}
	made := must(d.MakePayload(ctx, w.org, id, event, client.PayloadQuery{Mode: client.External}))
	hash := must(w.client.Signer.Hash(ctx, w.org, id, made.ActivityID))
	w.did("getHash")
	w.require(hash.Hash == made.Hash && hash.CreatedAt == made.CreatedAt && made.Headers["Webhook-Id"] != "",
		"the payload is %+v, its hash %+v", made, hash)
	body := client.HashInput{Payload: made.Body, Hash: hash.Hash, CreatedAt: hash.CreatedAt}
	valid := must(w.client.Signer.ValidateHash(ctx, w.org, id, body))
	w.did("validateHash")
	w.require(valid, "the hash does not hold")
	status := 500
	outcome := client.ReportInput{OriginalActivityID: made.ActivityID, HTTPStatusCode: &status, Error: "HTTP 500", RawResponse: "oh"}
	failed := must(d.Report(ctx, w.org, id, made.ActivityID, outcome))
	w.did("saveOutcome")
	w.require(failed.Status == client.Failed && failed.RawResponse == "oh", "the attempt is %+v", failed)
	must(d.MakePayload(ctx, w.org, id, event, client.PayloadQuery{Mode: client.External, OriginalActivityID: made.ActivityID}))
	w.did("makePayload")
	posted := must(d.Post(ctx, w.org, id, client.PostInput{
		Type: client.AutomaticRetry, Payload: data, RawMessage: map[string]string{"from": "HL7"}, EventID: w.eventType.ID,
		RetryingFromPostID: failed.ID, PostedAt: time.Now(),
	}))
	w.did("addActivity")
	w.require(posted.Number >= 2 && string(posted.RawMessage) == `{"from":"HL7"}`, "the attempt is %+v", posted)
	whole := must(w.client.Subscriptions.Attempt(ctx, w.org, id, posted.ID, client.Flat))
	sent := struct {
		ID   uuid.UUID       `json:"id"`
		Data json.RawMessage `json:"data"`
	}{}
	check(json.Unmarshal([]byte(whole.RequestBody), &sent))
	w.require(whole.External && sent.ID == whole.MessageID && string(sent.Data) == string(whole.Payload), "the attempt is %+v", whole)
}

func (w *walk) recover() {
	ctx, d, id := w.Context(), w.client.Dispatcher, w.subscription.ID
	in := client.RecoveryInput{
		Since: time.Now().Add(-time.Hour), Until: time.Now(), Scope: client.RecoverFailed, DryRun: true, RatePerSecond: 50,
	}
	dry := must(d.Recover(ctx, w.org, id, in))
	w.require(dry.ID == uuid.Nil && dry.Matched > 0, "the dry run is %+v", dry)
	in.DryRun, in.ID = false, uuid.Must(uuid.NewV7())
	started := must(d.Recover(ctx, w.org, id, in))
	w.require(started.ID == in.ID && must(d.Recover(ctx, w.org, id, in)) == started, "the recovery is %+v", started)
	w.did("startRecovery")
	running := must(d.Recovery(ctx, w.org, id, started.ID))
	w.did("getRecovery")
	w.require(running.State == client.RecoveryRunning && running.Matched == dry.Matched, "the recovery is %+v", running)
	check(d.StopRecovery(ctx, w.org, id, started.ID))
	w.did("stopRecovery")
	w.require(must(d.Recovery(ctx, w.org, id, started.ID)).State == client.RecoveryStopped, "the recovery runs")
}

func (w *walk) audit() {
	ctx, c := w.Context(), w.client
	all := client.AuditQuery{
		CursorQuery: client.CursorQuery{Order: client.OldestFirst, Take: 1}, ResourceType: "subscription",
		ResourceID: w.subscription.ID.String(), Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour),
	}
	page := must(c.ListAuditOf(ctx, w.org, all))
	first := page.Items[0]
	w.require(first.Action == "subscription.created" && first.Resource.ID == all.ResourceID && first.OrganizationID == w.org &&
		len(first.Changes) > 0, "the page is %+v", page)
	must(c.ListAuditOf(ctx, w.org, client.AuditQuery{CursorQuery: client.CursorQuery{Skip: 1}, Actor: first.Actor}))
	must(c.ListAuditOf(ctx, w.org, client.AuditQuery{CursorQuery: behind(page.NextCursor)}))
	w.did("listOrganizationAudit")
	everywhere := must(c.ListAudit(ctx, all))
	w.require(everywhere.TotalRecords == page.TotalRecords, "the page is %+v", everywhere)
	must(c.ListAudit(ctx, client.AuditQuery{CursorQuery: client.CursorQuery{Skip: 1}, Actor: first.Actor}))
	must(c.ListAudit(ctx, client.AuditQuery{CursorQuery: behind(everywhere.NextCursor)}))
	w.did("listAudit")
}

func (w *walk) portal() {
	in := client.PortalLinkInput{Scopes: []client.Scope{client.ScopeRead}, ExpiresIn: 90, Path: "endpoints"}
	made := must(w.client.PortalLink(w.Context(), w.org, in))
	w.did("createPortalLink")
	w.require(strings.HasPrefix(made.URL, "https://example.com/portal/sign-in?token="), "the link is %s", made.URL)
	w.require(time.Until(made.ExpiresAt) > time.Minute, "it can be used until %s", made.ExpiresAt)
	w.require(!strings.Contains(fmt.Sprintf("%+v", made), "token"), "the link is printed: %v", made)
	must(w.client.PortalLink(w.Context(), w.org, client.PortalLinkInput{}))
}

// operate reads the state of all organizations.
func (w *walk) operate() {
	ctx, o, id := w.Context(), w.client.Operations, w.subscription.ID
	check(w.client.Subscriptions.Deactivate(ctx, w.org, id))
	overview := must(o.Overview(ctx))
	w.did("getOverview")
	w.require(overview.Queue != nil && overview.Rates != nil && overview.Store.Up && len(overview.Unknown) == 0,
		"the overview is %+v", overview)
	cursor := base64.RawURLEncoding.EncodeToString(id[:])
	page := must(o.ListUnhealthy(ctx, client.UnhealthyQuery{State: client.Paused, Take: 1}))
	w.did("listUnhealthy")
	w.require(page.Total > 0 && page.Items[0].State == client.Paused && page.Items[0].OrganizationID != "", "the page is %+v", page)
	must(o.ListUnhealthy(ctx, client.UnhealthyQuery{Cursor: cursor}))
	found := false
	for s, err := range o.Unhealthy(ctx, client.UnhealthyQuery{Take: 1}) {
		check(err)
		found = found || s.SubscriptionID == id
	}
	w.require(found, "the subscription is not unhealthy")
	backlog := must(o.Backlog(ctx))
	w.did("getBacklog")
	w.require(backlog.Organizations != nil && !backlog.Capped && !backlog.AsOf.IsZero(), "the backlog is %+v", backlog)
	jobs := must(o.ListRecoveries(ctx, client.RecoveryQuery{State: client.RecoveryStopped, Take: 1}))
	w.did("listRecoveries")
	w.require(jobs.Total == 1 && jobs.Items[0].SubscriptionID == id && jobs.Items[0].Scope == client.RecoverFailed, "the page is %+v", jobs)
	must(o.ListRecoveries(ctx, client.RecoveryQuery{Cursor: cursor}))
	for _, err := range o.Recoveries(ctx, client.RecoveryQuery{}) {
		check(err)
	}
	storage := must(o.Storage(ctx))
	w.did("getStorage")
	w.require(storage.Kind == "memory" && storage.RetentionSeconds != nil && len(storage.Unknown) == 0, "the storage is %+v", storage)
}

// erase removes a payload, and then the organization.
func (w *walk) erase() {
	ctx, c := w.Context(), w.client
	check(c.Dispatcher.Expunge(ctx, w.org, w.message))
	w.did("removePayload")
	message := must(c.Dispatcher.Message(ctx, w.org, w.message))
	w.require(message.Expunged != nil && !message.Expunged.At.IsZero() && string(message.Data) == "null", "the message is %+v", message)
	started := must(c.Erase(ctx, w.org))
	w.did("eraseOrganization")
	job := must(c.Erasure(ctx, started.ID))
	w.did("getErasure")
	w.require(job.ID == started.ID && job.State == client.ErasureRunning && job.OrganizationID == w.org, "the erasure is %+v", job)
}

// behind asks for the page behind a cursor.
func behind(cursor string) client.CursorQuery {
	return client.CursorQuery{Order: client.OldestFirst, Cursor: cursor, MaxTotal: 1}
}
