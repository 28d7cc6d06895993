package httpapi

import "net/http"

// pendingRoutes are to be moved into the table.
func pendingRoutes() []route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	return []route{
		{get, organization + "/events", tenantRead, (*api).listMessages},
		{get, organization + "/events/{eventId}", tenantRead, (*api).getMessage},
		{get, organization + "/events/{eventId}/explain", tenantRead, (*api).explainMessage},
		{get, eventType + "/sample-payloads-examples", catalogRead, (*api).getExample},
		{get, "/api/webhook-deliveries/payload", catalogRead, (*api).randomPayload},
		{get, "/api/signing-keys", catalogRead, (*api).listKeys},
		{post, activities, tenantWrite, (*api).addActivity},
		{post, activity + "/outcomes", tenantWrite, (*api).reportOutcome},
		{post, hashes + "/webhooks-payloads", tenantWrite, (*api).makePayload},
		{post, subscription + "/test", tenantWrite, (*api).testSubscription},
		{post, subscription + "/recover", tenantWrite, (*api).startRecovery},
		{get, subscription + "/recover/{recoveryId}", tenantRead, (*api).getRecovery},
		{del, subscription + "/recover/{recoveryId}", tenantWrite, (*api).stopRecovery},
		{get, subscription + "/stats", tenantRead, (*api).getStats},
	}
}
