package httpapi

import (
	"net/http"

	"github.com/ecg-api/webhooks"
)

var subscriptionRoutes = group{
	tag: "WebhookSubscriptions", description: "What an organization wants to be told, and where.",
	routes: []route{
		{
			method: http.MethodPost, path: subscriptionsPath, access: tenantManage, handler: (*api).createSubscription,
			id: "createSubscription", summary: "Adds a subscription",
			body: subscriptionInput{}, status: http.StatusCreated, answer: subscriptionWire{},
			errorCodes: []string{"erasing", "event_inactive", "unknown_reference", "address_blocked"},
		},
		{
			method: http.MethodGet, path: subscriptionsPath, access: tenantRead, handler: (*api).listSubscriptions,
			id: "listSubscriptions", summary: "Lists the subscriptions of an organization",
			query:  params(versionParam, eventIDParam, pageParams("ASC"), archivedParam, searchParam, stateParam, beyondReference(recentParam)),
			answer: list[subscriptionWire]{},
		},
		{
			method: http.MethodPost, path: subscriptionsPath + "/filter-test", access: tenantRead, handler: (*api).testFilter,
			id: "testFilter", beyond: true, summary: "Says which of the last 20 published events a subscription would get",
			details: "Newest first. Without events, all are selected. Of the events 4 MiB are read: the older ones are too_large then.",
			body:    filterTestInput{}, answer: filterTestWire{},
			errorCodes: []string{"event_inactive", "unknown_reference"},
		},
		{
			method: http.MethodGet, path: subscriptionPath, access: tenantRead, handler: (*api).getSubscription,
			id: "getSubscription", summary: "Gets a subscription",
			answer: subscriptionWire{},
		},
		{
			method: http.MethodPatch, path: subscriptionPath, access: tenantManage, handler: (*api).patchSubscription,
			id: "patchSubscription", summary: "Patches a subscription",
			details: "Writable: /postUri, /events, /version, /isDevelopment and the members beyond the reference. The document's /events is " +
				"an array of ids and patterns; codes are taken.",
			answer:     subscriptionWire{},
			errorCodes: []string{"archived", "event_inactive", "unknown_reference", "address_blocked"},
		},
		{
			method: http.MethodDelete, path: subscriptionPath, access: tenantManage, handler: (*api).deleteSubscription,
			id: "deleteSubscription", summary: "Deletes a subscription, and cancels what is queued",
			details:    "Its secrets, headers and settings are gone at once, its history when retention ends it.",
			errorCodes: []string{"precondition_failed"},
		},
		{
			method: http.MethodPost, path: subscriptionPath + "/activate", access: tenantManage,
			handler: subscriptionCommand((*webhooks.Subscriptions).Activate),
			id:      "activateSubscription", summary: "Activates a subscription: what is queued goes out",
			details:    "Also of an active subscription it closes an open circuit.",
			errorCodes: []string{"archived", "post_uri_missing"},
		},
		{
			method: http.MethodPost, path: subscriptionPath + "/deactivate", access: tenantManage,
			handler: subscriptionCommand((*webhooks.Subscriptions).Deactivate),
			id:      "deactivateSubscription", summary: "Deactivates a subscription: what is queued waits",
		},
		{
			method: http.MethodGet, path: subscriptionPath + "/secrets", access: tenantSecrets, handler: (*api).getSecret,
			id: "getSecret", summary: "Gets the signing secret, or that of a time",
			query:  params(createdAtParam),
			answer: secretKeyWire{},
		},
		{
			method: http.MethodPut, path: subscriptionPath + "/secrets", access: tenantSecrets, handler: (*api).rotateSecret,
			id: "rotateSecret", summary: "Replaces the signing secret by a new random one",
			details:    "The former one goes on signing for 24 hours, unless the host says otherwise.",
			errorCodes: []string{"archived", "precondition_failed"},
		},
		{
			method: http.MethodDelete, path: subscriptionPath + "/events/{eventId}", access: tenantManage, handler: (*api).removeEvent,
			id: "removeEvent", summary: "Takes an event off a subscription",
			errorCodes: []string{"archived", "precondition_failed"},
		},
		{
			method: http.MethodGet, path: activationsPath, access: tenantRead, handler: (*api).listActivations,
			id:      "listActivations",
			summary: "Lists the activations of a subscription: one for each event that was sent to it",
			query:   params(cursorPageParams, statusParam, beyondReference(includeParam), beyondReference(eventIDParam), historyParams),
			answer:  history[activationWire]{},
		},
		{
			method: http.MethodGet, path: activationsPath + "/{activationId}", access: tenantRead, handler: (*api).getActivation,
			id: "getActivation", summary: "Gets an activation",
			answer: activationWire{},
		},
		{
			method: http.MethodPost, path: subscriptionPath + "/archive", access: tenantManage,
			handler: subscriptionCommand((*webhooks.Subscriptions).Archive),
			id:      "archiveSubscription", summary: "Archives a subscription, and cancels what is queued",
		},
		{
			method: http.MethodPost, path: subscriptionPath + "/restore", access: tenantManage,
			handler: subscriptionCommand((*webhooks.Subscriptions).Restore),
			id:      "restoreSubscription", summary: "Restores a subscription",
		},
		{
			method: http.MethodPost, path: subscriptionPath + "/test", access: tenantManage, handler: (*api).testSubscription,
			id: "testSubscription", beyond: true, summary: "Sends the sample payload of an event",
			details: "Without eventType, of the first event that the subscription lists. While the circuit is open the test is the probe: it " +
				"is sent at once, and a success closes the circuit.",
			body: testInput{}, bodyOptional: true, status: http.StatusCreated, answer: activityWire{},
			errorCodes: []string{"archived", "no_events", "event_inactive", "unknown_reference"},
		},
		{
			method: http.MethodPost, path: recoveriesPath, access: tenantManage, handler: (*api).startRecovery,
			id: "startRecovery", beyond: true, summary: "Starts to queue again what failed, or was missed",
			details: "A durable job: it goes on after a restart. A dry run only counts. With an id, the call can be repeated: " +
				"a job of the subscription that has the id is not started again.",
			body: recoveryInput{}, status: http.StatusAccepted, answer: recoveryStarted{},
			errorCodes: []string{"archived"},
		},
		{
			method: http.MethodGet, path: recoveriesPath + "/{recoveryId}", access: tenantRead, handler: (*api).getRecovery,
			id: "getRecovery", beyond: true, summary: "Gets the progress of a recovery",
			answer: recoveryWire{},
		},
		{
			method: http.MethodDelete, path: recoveriesPath + "/{recoveryId}", access: tenantManage, handler: (*api).stopRecovery,
			id: "stopRecovery", beyond: true, summary: "Stops a recovery; what it queued stays queued",
		},
		{
			method: http.MethodGet, path: subscriptionPath + "/stats", access: tenantRead, handler: (*api).getStats,
			id: "getStats", beyond: true, summary: "Sums up what was sent: counts, success rate, durations",
			query:  params(fromParam, toParam, bucketParam),
			answer: statsList{},
		},
	},
}
