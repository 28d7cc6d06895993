package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var sampleRoutes = group{
	tag: "SampleWebhookPayloads", description: "Examples of the data of events.",
	routes: []route{
		{
			method: http.MethodPost, path: samplesPath, access: catalogWrite, handler: (*api).createSample,
			id: "createSamplePayload", summary: "Adds the sample payload of an event type",
			body: sampleInput{}, status: http.StatusCreated, answer: sampleWire{},
			errorCodes: []string{"sample_exists", "archived", "schema_mismatch"},
		},
		{
			method: http.MethodGet, path: samplesPath, access: catalogRead, handler: (*api).getSample,
			id: "getSamplePayload", summary: "Gets a sample payload",
			differs: "The reference shows a category here, an evident slip.",
			query:   params(required(versionParam)),
			answer:  sampleWire{},
		},
		{
			method: http.MethodPatch, path: samplesPath, access: catalogWrite, handler: (*api).patchSample,
			id: "patchSamplePayload", summary: "Patches a sample payload",
			details:    "Writable: /payload and everything under it, /version.",
			query:      params(required(versionParam)),
			answer:     sampleWire{},
			errorCodes: []string{"sample_exists", "archived", "schema_mismatch"},
		},
		{
			method: http.MethodDelete, path: samplesPath, access: catalogWrite, handler: (*api).deleteSample,
			id: "deleteSamplePayload", summary: "Deletes a sample payload",
			query:      params(required(versionParam)),
			errorCodes: []string{"archived", "precondition_failed"},
		},
		{
			method: http.MethodGet, path: eventTypePath + "/sample-payloads-examples", access: catalogRead, handler: (*api).getExample,
			id: "getSamplePayloadExample", summary: "Gets a built-in example",
			query:  params(exampleTypeParam),
			answer: anyObject{},
		},
	},
}

// sampleInput is a sample payload as POST takes it.
type sampleInput struct {
	Payload json.RawMessage `json:"payload" wire:"required" schema:"object"`
	Version string          `json:"version"`
}

func (in sampleInput) input() webhooks.SampleInput {
	return webhooks.SampleInput{Payload: in.Payload, Version: in.Version}
}

// sampleWire is a sample payload as responses show it.
type sampleWire struct {
	ID        uuid.UUID       `json:"id"`
	Event     eventRefWire    `json:"event"`
	Payload   json.RawMessage `json:"payload"`
	Version   string          `json:"version"`
	AuditInfo auditInfo       `json:"auditInfo"`
	Damaged   []string        `json:"damaged,omitempty"`
}

// eventRefWire is an event type as other resources show it.
type eventRefWire struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Code    string    `json:"code"`
	Version string    `json:"version"`
}

func showSample(s webhooks.Sample, e webhooks.EventType) sampleWire {
	w := sampleWire{ID: s.ID, Event: eventRefWire{e.ID, e.Name, e.Code, e.Version}, Version: s.Version, AuditInfo: auditOf(s.Audit)}
	w.Payload = readable(s.Payload, "payload", &w.Damaged)
	return w
}

func (a *api) createSample(c *call) error {
	var in sampleInput
	if err := c.body(&in); err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	made, err := a.hooks.Registry.CreateSample(c.ctx(), category, id, in.input())
	if err != nil {
		return err
	}
	return a.replySample(c, http.StatusCreated, made)
}

func (a *api) getSample(c *call) error {
	version, err := c.sampleVersion()
	if err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	found, err := a.hooks.Registry.Sample(c.ctx(), category, id, version)
	if err != nil {
		return err
	}
	return a.replySample(c, http.StatusOK, found)
}

func (a *api) patchSample(c *call) error {
	version, err := c.sampleVersion()
	if err != nil {
		return err
	}
	p, err := c.patch()
	if err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	e, err := a.hooks.Registry.EventType(c.ctx(), category, id)
	if err != nil {
		return err
	}
	changed, err := a.hooks.Registry.UpdateSample(c.ctx(), category, id, version,
		func(now webhooks.Sample, in *webhooks.SampleInput) error {
			if err := c.ifMatch(now.Revision); err != nil {
				return err
			}
			var next sampleInput
			if err := p.apply(showSample(now, e), &next); err != nil {
				return err
			}
			*in = next.input()
			return nil
		})
	if err != nil {
		return unprocessable(err)
	}
	return c.resource(http.StatusOK, changed.Revision, showSample(changed, e))
}

func (a *api) deleteSample(c *call) error {
	version, err := c.sampleVersion()
	if err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	return c.done(a.hooks.Registry.DeleteSample(c.ctx(), category, id, version,
		func(now webhooks.Sample) error { return c.ifMatch(now.Revision) }))
}

// sampleVersion returns the parameter that selects the sample.
func (c *call) sampleVersion() (string, error) {
	q := c.query()
	version := q.version("version")
	if !q.values.Has("version") {
		q.addFault("version", "is required")
	}
	return version, q.err()
}

func (a *api) replySample(c *call, status int, s webhooks.Sample) error {
	e, err := a.hooks.Registry.EventType(c.ctx(), c.id("webhookCategoryId"), s.EventTypeID)
	if err != nil {
		return err
	}
	return c.resource(status, s.Revision, showSample(s, e))
}
