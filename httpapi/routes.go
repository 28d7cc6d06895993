package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// route is a line of the table from which the router, the answers to wrong methods
// and the description of the interface are made.
type route struct {
	method string
	path   string // with {parameters}; those that end in Id are UUIDs
	needs  access
	handle func(*api, *call) error
	about  about
}

// ofOrganization reports whether the route lies below an organization, which the
// caller must then belong to.
func (r route) ofOrganization() bool { return strings.Contains(r.path, "/{organizationId}/") }

const (
	healthPath = "/healthcheck"
	docsPath   = "/docs"
	sinks      = "/api/webhook-processors"

	categories    = "/api/webhook-categories"
	category      = categories + "/{webhookCategoryId}"
	eventTypes    = category + "/webhook-events"
	eventType     = eventTypes + "/{webhookEventId}"
	samples       = eventType + "/sample-payloads"
	organization  = "/api/organizations/{organizationId}"
	subscriptions = organization + "/webhook-subscriptions"
	subscription  = subscriptions + "/{subscriptionId}"
	activities    = subscription + "/activity"
	activity      = activities + "/{activityId}"
	activations   = subscription + "/activations"
	histories     = subscription + "/webhook-secret-histories"
	recoveries    = subscription + "/recover"
	hashes        = organization + "/subscriptions/{subscriptionId}"
	events        = organization + "/events"
)

// group is a part of the table under a heading.
type group struct {
	tag    string
	about  string
	routes []route
}

// table is the table without the routes that the configuration leaves out.
func (c Config) table() []group {
	out := func(r route) bool {
		return c.NoDocs && r.path == docsPath || c.NoHealthcheck && r.path == healthPath || c.NoSinks && strings.HasPrefix(r.path, sinks+"/")
	}
	var groups []group
	for _, g := range table() {
		if g.routes = slices.DeleteFunc(g.routes, out); len(g.routes) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// routes is the table without its headings.
func (c Config) routes() []route {
	var all []route
	for _, g := range c.table() {
		for _, r := range g.routes {
			r.about.tag = g.tag
			all = append(all, r)
		}
	}
	return all
}

// table is the whole table. The groups of the reference come first, by its names.
func table() []group {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []group{
		{"Health", "Whether the service works.", []route{
			{get, healthPath, open, (*api).getHealth, about{id: "getHealth", summary: "Checks health of the server", out: healthWire{}, text: "Answers within 2 s, even when the store hangs. 503 names the part that is down."}},
		}},
		{"WebhookCategories", "Categories group event types.", []route{
			{post, categories, catalogWrite, (*api).createCategory, about{id: "createCategory", summary: "Adds a category", in: categoryInput{}, status: 201, out: categoryWire{}, codes: "code_taken"}},
			{get, categories, catalogRead, (*api).listCategories, about{id: "listCategories", summary: "Lists categories", query: params(paged("ASC"), archivedParam), out: list[categoryWire]{}}},
			{get, category, catalogRead, (*api).getCategory, about{id: "getCategory", summary: "Gets a category", out: categoryWire{}}},
			{patch, category, catalogWrite, (*api).patchCategory, about{id: "patchCategory", summary: "Patches a category", text: "Writable: /name, /code, /description.", out: categoryWire{}, codes: "code_taken archived"}},
			{del, category, catalogWrite, (*api).deleteCategory, about{id: "deleteCategory", summary: "Deletes a category that has no events", codes: "in_use precondition_failed"}},
			{post, category + "/activate", catalogWrite, categoryCommand((*registry).ActivateCategory), about{id: "activateCategory", summary: "Activates a category", codes: "archived"}},
			{post, category + "/deactivate", catalogWrite, categoryCommand((*registry).DeactivateCategory), about{id: "deactivateCategory", summary: "Deactivates a category: its events take no publish and no new subscription"}},
			{post, category + "/archive", catalogWrite, categoryCommand((*registry).ArchiveCategory), about{id: "archiveCategory", summary: "Archives a category: its events count as archived too"}},
			{post, category + "/restore", catalogWrite, categoryCommand((*registry).RestoreCategory), about{id: "restoreCategory", summary: "Restores a category"}},
		}},
		{"SeedData", "The catalog as data.", []route{
			{get, "/api/seed-data/versions", catalogRead, (*api).listSeedVersions, about{id: "listSeedVersions", summary: "Lists the seed documents that were applied, oldest first", out: []seedVersionWire{}}},
		}},
		{"WebhookEvents", "Event types: what can happen, by code and version.", []route{
			{post, eventTypes, catalogWrite, (*api).createEventType, about{id: "createEvent", summary: "Adds an event type to a category", in: eventTypeInput{}, status: 201, out: eventTypeWire{}, codes: "code_taken archived"}},
			{get, eventTypes, catalogRead, (*api).listEventTypes, about{id: "listEvents", summary: "Lists the event types of a category", query: params(paged("ASC"), archivedParam), out: list[eventTypeWire]{}}},
			{get, eventType, catalogRead, (*api).getEventType, about{id: "getEvent", summary: "Gets an event type", out: eventTypeWire{}}},
			{patch, eventType, catalogWrite, (*api).patchEventType, about{id: "patchEvent", summary: "Patches an event type", text: "Writable: /name, /code, /description, /version, /schema.", out: eventTypeWire{}, codes: "code_taken archived schema_mismatch"}},
			{del, eventType, catalogWrite, (*api).deleteEventType, about{id: "deleteEvent", summary: "Deletes an event type that no subscription lists", codes: "in_use precondition_failed"}},
			{post, eventType + "/activate", catalogWrite, eventTypeCommand((*registry).ActivateEventType), about{id: "activateEvent", summary: "Activates an event type", codes: "archived"}},
			{post, eventType + "/deactivate", catalogWrite, eventTypeCommand((*registry).DeactivateEventType), about{id: "deactivateEvent", summary: "Deactivates an event type"}},
			{post, eventType + "/archive", catalogWrite, eventTypeCommand((*registry).ArchiveEventType), about{id: "archiveEvent", summary: "Archives an event type"}},
			{post, eventType + "/restore", catalogWrite, eventTypeCommand((*registry).RestoreEventType), about{id: "restoreEvent", summary: "Restores an event type"}},
			{get, "/api/webhook-events/{eventCode}/subscriptions", tenantRead, (*api).listSubscribers, about{id: "listSubscribers", summary: "Lists the live subscriptions to an event code, in the caller's organizations", query: params(ours(versionParam)), out: []subscriptionWire{}}},
		}},
		{"WebhookSubscriptions", "What an organization wants to be told, and where.", []route{
			{post, subscriptions, tenantManage, (*api).createSubscription, about{id: "createSubscription", summary: "Adds a subscription", in: subscriptionInput{}, status: 201, out: subscriptionWire{}, codes: "event_inactive unknown_reference address_blocked"}},
			{get, subscriptions, tenantRead, (*api).listSubscriptions, about{id: "listSubscriptions", summary: "Lists the subscriptions of an organization", query: params(versionParam, eventIDParam, paged("ASC"), archivedParam), out: list[subscriptionWire]{}}},
			{get, subscription, tenantRead, (*api).getSubscription, about{id: "getSubscription", summary: "Gets a subscription", out: subscriptionWire{}}},
			{patch, subscription, tenantManage, (*api).patchSubscription, about{
				id: "patchSubscription", summary: "Patches a subscription", out: subscriptionWire{}, codes: "archived event_inactive unknown_reference address_blocked",
				text: "Writable: /postUri, /events, /version, /isDevelopment and the members beyond the reference. The document's /events is an array of ids and patterns; codes are taken.",
			}},
			{del, subscription, tenantManage, (*api).deleteSubscription, about{id: "deleteSubscription", summary: "Deletes a subscription, and cancels what is queued", text: "Its secrets, headers and settings are gone at once, its history when retention ends it.", codes: "precondition_failed"}},
			{post, subscription + "/activate", tenantManage, subscriptionCommand((*subscribing).Activate), about{id: "activateSubscription", summary: "Activates a subscription: what is queued goes out", text: "Also of an active subscription it closes an open circuit.", codes: "archived post_uri_missing"}},
			{post, subscription + "/deactivate", tenantManage, subscriptionCommand((*subscribing).Deactivate), about{id: "deactivateSubscription", summary: "Deactivates a subscription: what is queued waits"}},
			{get, subscription + "/secrets", tenantSecrets, (*api).getSecret, about{id: "getSecret", summary: "Gets the signing secret, or that of a time", query: params(createdAtParam), out: secretKeyWire{}}},
			{put, subscription + "/secrets", tenantSecrets, (*api).rotateSecret, about{id: "rotateSecret", summary: "Replaces the signing secret by a new random one", text: "The former one goes on signing for 24 hours, unless the host says otherwise.", codes: "archived precondition_failed"}},
			{del, subscription + "/events/{eventId}", tenantManage, (*api).removeEvent, about{id: "removeEvent", summary: "Takes an event off a subscription", codes: "archived precondition_failed"}},
			{get, activations, tenantRead, (*api).listActivations, about{id: "listActivations", summary: "Lists the activations of a subscription: one for each event that was sent to it", query: params(cursorPaged, statusParam, ours(includeParam)), out: history[activationWire]{}}},
			{get, activations + "/{activationId}", tenantRead, (*api).getActivation, about{id: "getActivation", summary: "Gets an activation", out: activationWire{}}},
			{post, subscription + "/archive", tenantManage, subscriptionCommand((*subscribing).Archive), about{id: "archiveSubscription", summary: "Archives a subscription, and cancels what is queued"}},
			{post, subscription + "/restore", tenantManage, subscriptionCommand((*subscribing).Restore), about{id: "restoreSubscription", summary: "Restores a subscription"}},
			{post, subscription + "/test", tenantManage, (*api).testSubscription, about{id: "testSubscription", beyond: true, summary: "Sends the sample payload of an event", text: "Without eventType, of the first event that the subscription lists. While the circuit is open the test is the probe: it is sent at once, and a success closes the circuit.", in: testInput{}, bare: true, status: 201, out: activityWire{}, codes: "archived no_events event_inactive unknown_reference"}},
			{post, recoveries, tenantManage, (*api).startRecovery, about{id: "startRecovery", beyond: true, summary: "Starts to queue again what failed, or was missed", text: "A durable job: it goes on after a restart. A dry run only counts.", in: recoveryInput{}, status: 202, out: recoveryStarted{}, codes: "archived"}},
			{get, recoveries + "/{recoveryId}", tenantRead, (*api).getRecovery, about{id: "getRecovery", beyond: true, summary: "Gets the progress of a recovery", out: recoveryWire{}}},
			{del, recoveries + "/{recoveryId}", tenantManage, (*api).stopRecovery, about{id: "stopRecovery", beyond: true, summary: "Stops a recovery; what it queued stays queued"}},
			{get, subscription + "/stats", tenantRead, (*api).getStats, about{id: "getStats", beyond: true, summary: "Sums up what was sent: counts, success rate, durations", query: params(fromParam, toParam, bucketParam), out: statsList{}}},
		}},
		{"SampleWebhookPayloads", "Examples of the data of events.", []route{
			{post, samples, catalogWrite, (*api).createSample, about{id: "createSamplePayload", summary: "Adds the sample payload of an event type", in: sampleInput{}, status: 201, out: sampleWire{}, codes: "sample_exists archived schema_mismatch"}},
			{get, samples, catalogRead, (*api).getSample, about{id: "getSamplePayload", summary: "Gets a sample payload", differs: "The reference shows a category here, an evident slip.", query: params(required(versionParam)), out: sampleWire{}}},
			{patch, samples, catalogWrite, (*api).patchSample, about{id: "patchSamplePayload", summary: "Patches a sample payload", text: "Writable: /payload and everything under it, /version.", query: params(required(versionParam)), out: sampleWire{}, codes: "sample_exists archived schema_mismatch"}},
			{del, samples, catalogWrite, (*api).deleteSample, about{id: "deleteSamplePayload", summary: "Deletes a sample payload", query: params(required(versionParam)), codes: "archived precondition_failed"}},
			{get, eventType + "/sample-payloads-examples", catalogRead, (*api).getExample, about{id: "getSamplePayloadExample", summary: "Gets a built-in example", query: params(exampleTypeParam), out: anyObject{}}},
		}},
		{"WebhookActivities", "The history: one activity for each HTTP attempt.", []route{
			{post, activities, tenantWrite, (*api).addActivity, about{
				id: "addActivity", summary: "Adds an activity", in: activityInput{}, status: 201, out: activityWire{}, codes: "archived event_inactive not_finished unknown_reference schema_mismatch",
				text: "With postedAt it is recorded as posted by the caller, and waits for its outcome. Without, it is queued and sent.",
			}},
			{get, activities, tenantRead, (*api).listActivity, about{id: "listActivity", summary: "Lists the activities of a subscription", query: params(includeParam, statusParam, cursorPaged, eventIDParam), out: history[activityWire]{}}},
			{post, activity + "/retry", tenantManage, (*api).retryActivity, about{id: "retryActivity", summary: "Sends it once more, now", text: "Also after a success. An automatic retry that waits in the same chain is withdrawn in its favour. While the circuit is open the retry is the probe: it is sent at once, and a success closes the circuit. (Of many at once, the first 10 in 10 seconds are.)", status: 201, out: activityWire{}, codes: "archived not_finished"}},
			{post, activity + "/outcomes", tenantManage, (*api).reportOutcome, about{
				id: "saveOutcome", summary: "Saves the outcome of an activity that the caller posted", in: outcomeInput{}, status: 201, out: activityWire{},
				codes: "not_in_chain outcome_exists sending unknown_reference",
			}},
			{get, activity, tenantRead, (*api).getActivity, about{id: "getActivity", summary: "Gets an activity with the retries below it", query: params(mode("flat", "nested")), out: activityDetail{}}},
		}},
		{"WebhookProcessors", "Receivers for tests of subscriptions. They store nothing.", []route{
			{post, sinks + "/success-response", open, (*api).sinkSuccess, about{id: "receiveSuccess", summary: "A test URL that succeeds", differs: "The reference asks for a token, which the sender of a webhook does not have."}},
			{post, sinks + "/failed-response", open, (*api).sinkFailure, about{id: "receiveFailure", summary: "A test URL that fails", differs: "The reference documents a 200, which would make a test of failure impossible, and asks for a token.", query: params(sinkStatusParam), status: 500}},
		}},
		{"WebhookPayloadHash", "Payloads and their hashes.", []route{
			{post, hashes + "/webhooks-payloads", tenantWrite, (*api).makePayload, about{
				id: "makePayload", summary: "Makes the body of a delivery with its hash, and adds the activity", in: payloadInput{}, query: params(mode("dispatch", "external"), originalParam),
				text:   "mode=dispatch: it is sent from here. mode=external: the caller sends body as it is, with headers, and saves the outcome.",
				status: 201, out: payloadWire{}, codes: "archived event_inactive not_finished unknown_reference schema_mismatch",
			}},
			{post, hashes + "/validate-hash", tenantRead, (*api).validateHash, about{id: "validateHash", summary: "Validates the hash of a payload", in: hashInput{}}},
			{get, hashes + "/activity/{activityId}/get-hash", tenantRead, (*api).getHash, about{id: "getHash", summary: "Gets the hash that was sent with an activity", out: hashWire{}}},
		}},
		{"WebhookSecretHistories", "Signing secrets and when they were valid.", []route{
			{get, histories, tenantSecrets, (*api).listSecrets, about{id: "listSecretHistory", summary: "Lists the signing secrets of a subscription", query: params(cursorPaged, includeSubscriptionParam), out: history[secretWire]{}}},
			{post, histories, tenantSecrets, (*api).setSecret, about{id: "setSecret", summary: "Sets a signing secret of the caller's", in: secretInput{}, status: 201, out: secretWire{}, codes: "secret_unchanged archived"}},
		}},
		{"WebhookDeliveries", "What receivers get.", []route{
			{get, "/api/webhook-deliveries/payload", catalogRead, (*api).randomPayload, about{id: "getRandomPayload", summary: "Gets one of the sample payloads as the body of a delivery, at random", out: deliveryBody{}}},
			{get, "/api/signing-keys", catalogRead, (*api).listKeys, about{id: "listSigningKeys", beyond: true, summary: "Lists the public keys that verify v1a signatures", out: keysWire{}}},
		}},
		{"Events", "Publishing, and what became of it. Beyond the reference.", []route{
			{post, events, tenantWrite, (*api).publish, about{id: "publishEvent", beyond: true, summary: "Publishes an event", text: "It is stored and fanned out in one transaction to every live subscription of the organization that matches.", in: eventInput{}, keyed: true, status: 202, out: publishedWire{}, codes: "event_inactive idempotency_mismatch unknown_reference schema_mismatch"}},
			{post, events + "/batch", tenantWrite, (*api).publishBatch, about{id: "publishEvents", beyond: true, summary: "Publishes up to 1,000 events, all of them or none", in: batchInput{}, keyed: true, status: 202, out: batchWire{}, codes: "event_inactive idempotency_mismatch unknown_reference schema_mismatch"}},
			{get, events, tenantRead, (*api).listMessages, about{id: "listPublishedEvents", beyond: true, summary: "Lists what was published", query: params(cursorPaged), out: history[messageWire]{}}},
			{get, events + "/{eventId}", tenantRead, (*api).getMessage, about{id: "getPublishedEvent", beyond: true, summary: "Gets a published event with its first 100 activations", out: messageDetail{}}},
			{get, events + "/{eventId}/explain", tenantRead, (*api).explainMessage, about{id: "explainPublishedEvent", beyond: true, summary: "Says for each subscription why it got the event, or why not", out: explanationsWire{}}},
		}},
		{"Docs", "This interface, for machines and for people.", []route{
			{get, "/api/openapi.json", open, (*api).getOpenAPI, about{id: "getOpenAPI", beyond: true, summary: "Gets this document", out: anyObject{}}},
			{get, docsPath, open, (*api).getDocs, about{id: "getDocs", beyond: true, summary: "Shows this document as a page", page: true}},
		}},
	}
}
