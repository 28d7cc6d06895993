package httpapi

import (
	"net/http"
	"strings"
)

// route is a line of the table from which the router, the answers to wrong methods
// and the description of the interface are made.
type route struct {
	method string
	path   string // with {parameters}; those that end in Id are UUIDs
	needs  access
	handle func(*api, *call) error
}

// ofOrganization reports whether the route lies below an organization, which the
// caller must then belong to.
func (r route) ofOrganization() bool { return strings.Contains(r.path, "/{organizationId}/") }

const (
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
	hashes        = organization + "/subscriptions/{subscriptionId}"
)

// routes is the table.
func routes() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		{get, "/healthcheck", open, (*api).getHealth},
		{post, "/api/webhook-processors/success-response", open, (*api).sinkSuccess},
		{post, "/api/webhook-processors/failed-response", open, (*api).sinkFailure},

		{post, categories, catalogWrite, (*api).createCategory},
		{get, categories, catalogRead, (*api).listCategories},
		{get, category, catalogRead, (*api).getCategory},
		{patch, category, catalogWrite, (*api).patchCategory},
		{del, category, catalogWrite, (*api).deleteCategory},
		{post, category + "/activate", catalogWrite, categoryCommand((*registry).ActivateCategory)},
		{post, category + "/deactivate", catalogWrite, categoryCommand((*registry).DeactivateCategory)},
		{post, category + "/archive", catalogWrite, categoryCommand((*registry).ArchiveCategory)},
		{post, category + "/restore", catalogWrite, categoryCommand((*registry).RestoreCategory)},

		{post, eventTypes, catalogWrite, (*api).createEventType},
		{get, eventTypes, catalogRead, (*api).listEventTypes},
		{get, eventType, catalogRead, (*api).getEventType},
		{patch, eventType, catalogWrite, (*api).patchEventType},
		{del, eventType, catalogWrite, (*api).deleteEventType},
		{post, eventType + "/activate", catalogWrite, eventTypeCommand((*registry).ActivateEventType)},
		{post, eventType + "/deactivate", catalogWrite, eventTypeCommand((*registry).DeactivateEventType)},
		{post, eventType + "/archive", catalogWrite, eventTypeCommand((*registry).ArchiveEventType)},
		{post, eventType + "/restore", catalogWrite, eventTypeCommand((*registry).RestoreEventType)},
		{get, "/api/webhook-events/{eventCode}/subscriptions", tenantRead, (*api).listSubscribers},

		{post, samples, catalogWrite, (*api).createSample},
		{get, samples, catalogRead, (*api).getSample},
		{patch, samples, catalogWrite, (*api).patchSample},
		{del, samples, catalogWrite, (*api).deleteSample},
		{get, "/api/seed-data/versions", catalogRead, (*api).listSeedVersions},

		{post, subscriptions, tenantWrite, (*api).createSubscription},
		{get, subscriptions, tenantRead, (*api).listSubscriptions},
		{get, subscription, tenantRead, (*api).getSubscription},
		{patch, subscription, tenantWrite, (*api).patchSubscription},
		{del, subscription, tenantWrite, (*api).deleteSubscription},
		{post, subscription + "/activate", tenantWrite, subscriptionCommand((*subscribing).Activate)},
		{post, subscription + "/deactivate", tenantWrite, subscriptionCommand((*subscribing).Deactivate)},
		{post, subscription + "/archive", tenantWrite, subscriptionCommand((*subscribing).Archive)},
		{post, subscription + "/restore", tenantWrite, subscriptionCommand((*subscribing).Restore)},
		{del, subscription + "/events/{eventId}", tenantWrite, (*api).removeEvent},

		{get, subscription + "/secrets", tenantSecrets, (*api).getSecret},
		{put, subscription + "/secrets", tenantSecrets, (*api).rotateSecret},
		{get, subscription + "/webhook-secret-histories", tenantSecrets, (*api).listSecrets},
		{post, subscription + "/webhook-secret-histories", tenantSecrets, (*api).setSecret},

		{post, organization + "/events", tenantWrite, (*api).publish},
		{post, organization + "/events/batch", tenantWrite, (*api).publishBatch},

		{get, activities, tenantRead, (*api).listActivity},
		{get, activity, tenantRead, (*api).getActivity},
		{post, activity + "/retry", tenantWrite, (*api).retryActivity},
		{get, subscription + "/activations", tenantRead, (*api).listActivations},
		{get, subscription + "/activations/{activationId}", tenantRead, (*api).getActivation},

		{get, hashes + "/activity/{activityId}/get-hash", tenantRead, (*api).getHash},
		{post, hashes + "/validate-hash", tenantRead, (*api).validateHash},
	}
}
