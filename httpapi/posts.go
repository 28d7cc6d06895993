package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/strictjson"
	"github.com/ecg-api/webhooks/signing"
)

// payloadInput is the event of which a delivery's body is made.
type payloadInput struct {
	EventType string          `json:"eventType" wire:"required"`
	Version   string          `json:"version" wire:"required"`
	Data      json.RawMessage `json:"data" wire:"required"`
}

// payloadWire is the body of a delivery, with its request headers.
type payloadWire struct {
	ActivityID uuid.UUID         `json:"activityId"`
	Payload    json.RawMessage   `json:"payload"`
	Body       string            `json:"body"`
	Hash       string            `json:"hash"`
	CreatedAt  int64             `json:"createdAt"` // Unix milliseconds
	Headers    map[string]string `json:"headers"`
}

// payloadFields are the fields of PostInput as makePayload names them.
var payloadFields = inputNames{"retryOf": {parameter: "originalActivityId", detail: unknownActivity}}

func (a *api) makePayload(c *call) error {
	q := c.query()
	mode, original := q.choice("mode", "dispatch", "external"), q.id("originalActivityId")
	if !q.values.Has("mode") {
		q.addFault("mode", "is required: dispatch or external")
	}
	if err := q.err(); err != nil {
		return err
	}
	var in payloadInput
	if err := c.body(&in); err != nil {
		return err
	}
	made, err := a.hooks.Dispatcher.Post(c.ctx(), c.org, c.id("subscriptionId"), webhooks.PostInput{
		Type: in.EventType, Version: in.Version, Data: in.Data, RetryOf: original, External: mode == "external",
	})
	if err != nil {
		return payloadFields.rename(err)
	}
	signed, err := a.hooks.Signer.Headers(c.ctx(), made)
	if err != nil {
		return err
	}
	createdAt, err := strconv.ParseInt(signed.Get(signing.HeaderCreatedAt), 10, 64)
	if err != nil {
		return err
	}
	out := payloadWire{
		ActivityID: made.ID, Payload: made.Body, Body: string(made.Body),
		Hash: signed.Get(signing.HeaderHash), CreatedAt: createdAt, Headers: map[string]string{},
	}
	for name := range signed {
		out.Headers[name] = signed.Get(name)
	}
	return c.reply(http.StatusCreated, out)
}

// activityInput is an activity as POST takes it.
type activityInput struct {
	Type               *int            `json:"type" wire:"required" schema:"is=ActivityType"`
	Payload            json.RawMessage `json:"payload" wire:"required" schema:"object"`
	RawMessage         json.RawMessage `json:"rawMessage" wire:"required" schema:"object"`
	EventID            string          `json:"eventId" wire:"required" schema:"format=uuid"`
	RetryingFromPostID string          `json:"retryingFromPostId"`
	PostedAt           string          `json:"postedAt"`
}

// activityFields are the fields of PostInput as an activity names them.
var activityFields = inputNames{
	"data":        {member: "payload"},
	"source":      {member: "rawMessage"},
	"eventTypeId": {member: "eventId"},
	"retryOf":     {member: "retryingFromPostId", detail: unknownActivity},
	"kind":        {member: "type", detail: "must be 1 or 2 with retryingFromPostId, and 0 or 3 without"},
}

const unknownActivity = "names no activity of the subscription"

func (a *api) addActivity(c *call) error {
	var body activityInput
	if err := c.body(&body); err != nil {
		return err
	}
	in, err := body.input()
	if err != nil {
		return err
	}
	made, err := a.hooks.Dispatcher.Post(c.ctx(), c.org, c.id("subscriptionId"), in)
	if err != nil {
		return activityFields.rename(err)
	}
	return c.record(http.StatusCreated, showAttempt(made))
}

func (in activityInput) input() (webhooks.PostInput, error) {
	out := webhooks.PostInput{Kind: webhooks.AttemptType(*in.Type), Data: in.Payload, Source: in.RawMessage}
	if *in.Type < int(webhooks.FirstPost) || *in.Type > int(webhooks.TestPost) {
		return out, invalid("/type", "must be 0 (first post), 1 (automatic retry), 2 (manual retry) or 3 (test)")
	}
	if in.Payload[0] != '{' {
		return out, invalid("/payload", "must be an object")
	}
	var err error
	if out.EventTypeID, err = referenced("/eventId", in.EventID); err != nil {
		return out, err
	}
	if in.RetryingFromPostID != "" {
		if out.RetryOf, err = referenced("/retryingFromPostId", in.RetryingFromPostID); err != nil {
			return out, err
		}
	}
	out.External = in.PostedAt != ""
	out.PostedAt, err = timeIn("/postedAt", in.PostedAt)
	return out, err
}

// referenced reads an id in a body. No resource has the nil UUID, but package webhooks would take it
// for an absent id, so it is replaced by another id that no resource has.
func referenced(pointer, text string) (uuid.UUID, error) {
	id, ok := parseUUID(text)
	if !ok {
		return id, invalid(pointer, "must be a UUID")
	}
	if id == uuid.Nil {
		return uuid.Max, nil
	}
	return id, nil
}

// outcomeInput is the outcome of an activity that the caller posted. Success and
// HTTPStatusCode come as values or as texts.
type outcomeInput struct {
	OriginalActivityID string          `json:"originalActivityId" wire:"required" schema:"format=uuid"`
	Success            json.RawMessage `json:"success" wire:"required"`
	HTTPStatusCode     json.RawMessage `json:"httpStatusCode" wire:"required"`
	Error              json.RawMessage `json:"error" wire:"required"`
	RawResponse        json.RawMessage `json:"rawResponse" wire:"required"`
}

// outcomeFields are the fields of ReportInput as an outcome names them.
var outcomeFields = inputNames{
	"deliveryId": {member: "originalActivityId", detail: unknownActivity},
	"httpStatus": {member: "httpStatusCode"},
	"response":   {member: "rawResponse"},
}

func (a *api) reportOutcome(c *call) error {
	var body outcomeInput
	if err := c.body(&body); err != nil {
		return err
	}
	in, err := body.input()
	if err != nil {
		return err
	}
	changed, err := a.hooks.Dispatcher.Report(c.ctx(), c.org, c.id("subscriptionId"), c.id("activityId"), in)
	if err != nil {
		return outcomeFields.rename(err)
	}
	return c.record(http.StatusCreated, showAttempt(changed))
}

func (in outcomeInput) input() (out webhooks.ReportInput, err error) {
	if out.DeliveryID, err = referenced("/originalActivityId", in.OriginalActivityID); err != nil {
		return out, err
	}
	switch string(unquoted(in.Success)) {
	case "true":
		out.Success = true
	case "false":
	default:
		return out, invalid("/success", `must be true or false, also as a text`)
	}
	if string(in.HTTPStatusCode) != "null" {
		text := string(unquoted(in.HTTPStatusCode))
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 || n > 599 || strconv.Itoa(n) != text {
			return out, invalid("/httpStatusCode", "must be an integer, 100–599, also as a text, or null where there was no response")
		}
		out.HTTPStatus = n
	}
	if err := json.Unmarshal(in.Error, &out.Error); err != nil {
		return out, invalid("/error", "must be a string or null")
	}
	if out.Response, err = responseText(in.RawResponse); err != nil {
		return out, err
	}
	return out, nil
}

// unquoted takes the quotes off a string without escapes.
func unquoted(raw json.RawMessage) []byte {
	if len(raw) >= 2 && raw[0] == '"' {
		return raw[1 : len(raw)-1]
	}
	return raw
}

// responseText returns a response as it is stored: a string as its text, any other value
// as JSON.
func responseText(raw json.RawMessage) ([]byte, error) {
	var text string
	switch {
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] == '"':
		err := json.Unmarshal(raw, &text)
		return []byte(text), err
	default:
		return strictjson.Compact(nil, raw, maxDepth)
	}
}

// testInput chooses the event that a test sends.
type testInput struct {
	EventType string `json:"eventType"`
	Version   string `json:"version"`
}

func (a *api) testSubscription(c *call) error {
	var in testInput
	if err := c.optionalBody(&in); err != nil {
		return err
	}
	made, err := a.hooks.Dispatcher.Test(c.ctx(), c.org, c.id("subscriptionId"), in.EventType, in.Version)
	if err != nil {
		return err
	}
	return c.record(http.StatusCreated, showAttempt(made))
}
