package httpapi

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// route is an operation of the interface. The router, the answers to wrong methods, the OpenAPI
// document and the documentation page are made from the table of routes.
type route struct {
	method  string
	path    string // with {parameters}; a parameter whose name ends in Id is a UUID, or names an organization
	access  access
	handler func(*api, *call) error

	id      string // the operationId
	summary string // without a full stop
	details string // follows the summary
	differs string // how the operation differs from the reference, and why
	beyond  bool   // the reference does not have the operation

	query          []param
	body           any  // the zero value of the type of the request's body; nil for none
	bodyOptional   bool // the operation can be called without the body
	idempotencyKey bool // the operation takes the header Idempotency-Key

	status       int // of success; 200 if zero
	answer       any // the zero value of the type of the answer; nil for {"value": true}
	html         bool
	otherAnswers []otherAnswer
	errorCodes   []string // besides those that follow from method, path, access and body

	tag string // of the route's group
}

// otherAnswer is an answer with the content of a success and another status.
type otherAnswer struct {
	status      string // 503, or 4XX for a range
	description string
}

// ofOrganization reports whether the path names an organization. The caller must belong to it.
func (r route) ofOrganization() bool { return strings.HasPrefix(r.path, organizationPath+"/") }

// looksUpOrganizations reports whether the route calls [Config.Organizations].
func (r route) looksUpOrganizations() bool {
	switch r.answer.(type) {
	case []subscriptionWire, history[auditEntryWire], erasureWire, overviewWire, backlogsWire,
		snapshot[unhealthySubscriptionWire], snapshot[recoveryJobWire]:
		return true
	}
	return r.ofOrganization()
}

const (
	healthPath = "/healthcheck"
	docsPath   = "/docs"
	sinksPath  = "/api/webhook-processors"

	categoriesPath    = "/api/webhook-categories"
	categoryPath      = categoriesPath + "/{webhookCategoryId}"
	eventTypesPath    = categoryPath + "/webhook-events"
	eventTypePath     = eventTypesPath + "/{webhookEventId}"
	samplesPath       = eventTypePath + "/sample-payloads"
	organizationPath  = "/api/organizations/{" + organizationParameter + "}"
	subscriptionsPath = organizationPath + "/webhook-subscriptions"
	subscriptionPath  = subscriptionsPath + "/{subscriptionId}"
	activitiesPath    = subscriptionPath + "/activity"
	activityPath      = activitiesPath + "/{activityId}"
	activationsPath   = subscriptionPath + "/activations"
	historiesPath     = subscriptionPath + "/webhook-secret-histories"
	recoveriesPath    = subscriptionPath + "/recover"
	hashesPath        = organizationPath + "/subscriptions/{subscriptionId}"
	eventsPath        = organizationPath + "/events"
)

// organizationParameter names the organization in a path, after the segments organizationsRoot.
const organizationParameter = "organizationId"

var organizationsRoot = []string{"api", "organizations"}

// group is a part of the table under a heading.
type group struct {
	tag         string
	description string
	routes      []route
}

// allGroups is the whole table. The groups of the reference come first, in its order and by
// its names.
var allGroups = []group{
	healthRoutes,
	categoryRoutes,
	seedRoutes,
	eventTypeRoutes,
	subscriptionRoutes,
	sampleRoutes,
	activityRoutes,
	sinkRoutes,
	hashRoutes,
	secretRoutes,
	deliveryRoutes,
	eventRoutes,
	auditRoutes,
	portalRoutes,
	operationsRoutes,
	removalRoutes,
	catalogDocumentRoutes,
	docsRoutes,
}

// groups returns the table without the routes that the configuration leaves out.
func (c Config) groups() []group {
	leftOut := func(r route) bool {
		return c.NoDocs && r.path == docsPath || c.NoHealthcheck && r.path == healthPath ||
			c.NoSinks && strings.HasPrefix(r.path, sinksPath+"/") || c.PortalLinks == nil && r.path == portalLinksPath
	}
	var groups []group
	for _, g := range allGroups {
		if g.routes = slices.DeleteFunc(slices.Clone(g.routes), leftOut); len(g.routes) == 0 {
			continue
		}
		for i, r := range g.routes {
			codes := slices.Clone(r.errorCodes)
			if c.Organizations != nil && r.looksUpOrganizations() {
				codes = append(codes, "organizations_unavailable")
			}
			if c.RateLimit > 0 && r.isLimited() {
				codes = append(codes, "rate_limited")
			}
			g.routes[i].errorCodes = codes
		}
		groups = append(groups, g)
	}
	return groups
}

// routes returns the table without its headings.
func (c Config) routes() []route {
	var all []route
	for _, g := range c.groups() {
		for _, r := range g.routes {
			r.tag = g.tag
			all = append(all, r)
		}
	}
	return all
}

// conditional reports whether the route obeys If-Match.
func (r route) conditional() bool { return slices.Contains(r.errors()[412], "precondition_failed") }

// tagged reports whether the answer carries an ETag.
func (r route) tagged() bool {
	if strings.HasPrefix(r.path, catalogDocumentsPath) {
		return true
	}
	switch r.answer.(type) {
	case categoryWire, eventTypeWire, sampleWire, subscriptionWire, secretWire, secretKeyWire,
		activityWire, activationWire, activityDetail, messageDetail, recoveryWire, erasureWire:
		return true
	}
	return false
}

// large reports whether the answer shows a record that may be as large as a body.
func (r route) large() bool {
	switch r.answer.(type) {
	case subscriptionWire, sampleWire, activityWire, activationWire, activityDetail, messageDetail,
		payloadWire, deliveryBody, explanationsWire:
		return true
	}
	return false
}

// hasBody reports whether the route reads a body.
func (r route) hasBody() bool { return r.body != nil || r.method == http.MethodPatch }

// successStatus is the status of a success.
func (r route) successStatus() int { return cmp.Or(r.status, http.StatusOK) }

// answerType is the type of the answer.
func (r route) answerType() reflect.Type {
	if r.answer == nil {
		return reflect.TypeFor[doneWire]()
	}
	return reflect.TypeOf(r.answer)
}

// scopes returns the scopes of which a caller needs one.
func (r route) scopes() []string {
	var names []string
	for _, s := range grants[r.access] {
		names = append(names, string(s))
	}
	return names
}
