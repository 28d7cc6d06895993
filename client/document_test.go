package client_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// methods are the methods that call the operations.
var methods = map[string]string{
	"getHealth": "Client.Health", "getOpenAPI": "Client.OpenAPI", "getDocs": "Client.Docs",
	"listAudit": "Client.ListAudit", "listOrganizationAudit": "Client.ListAuditOf",
	"eraseOrganization": "Client.Erase", "getErasure": "Client.Erasure", "removePayload": "Dispatcher.Expunge",
	"createPortalLink": "Client.PortalLink",
	"receiveSuccess":   "Client.ReceiveSuccess", "receiveFailure": "Client.ReceiveFailure",

	"createCategory": "Registry.CreateCategory", "listCategories": "Registry.ListCategories", "getCategory": "Registry.Category",
	"patchCategory": "Registry.UpdateCategory", "deleteCategory": "Registry.DeleteCategory", "activateCategory": "Registry.ActivateCategory",
	"deactivateCategory": "Registry.DeactivateCategory", "archiveCategory": "Registry.ArchiveCategory",
	"restoreCategory": "Registry.RestoreCategory",
	"createEvent":     "Registry.CreateEventType", "listEvents": "Registry.ListEventTypes", "getEvent": "Registry.EventType",
	"patchEvent": "Registry.UpdateEventType", "deleteEvent": "Registry.DeleteEventType", "activateEvent": "Registry.ActivateEventType",
	"deactivateEvent": "Registry.DeactivateEventType", "archiveEvent": "Registry.ArchiveEventType",
	"restoreEvent":        "Registry.RestoreEventType",
	"createSamplePayload": "Registry.CreateSample", "getSamplePayload": "Registry.Sample", "patchSamplePayload": "Registry.UpdateSample",
	"deleteSamplePayload": "Registry.DeleteSample", "getSamplePayloadExample": "Registry.Example",
	"getRandomPayload": "Registry.RandomPayload", "listSeedVersions": "Registry.SeedVersions",
	"getCatalogOpenAPI": "Registry.CatalogOpenAPI", "getCatalogAsyncAPI": "Registry.CatalogAsyncAPI",

	"createSubscription": "Subscriptions.Create", "listSubscriptions": "Subscriptions.List", "getSubscription": "Subscriptions.Get",
	"patchSubscription": "Subscriptions.Update", "deleteSubscription": "Subscriptions.Delete", "removeEvent": "Subscriptions.RemoveEvent",
	"activateSubscription": "Subscriptions.Activate", "deactivateSubscription": "Subscriptions.Deactivate",
	"archiveSubscription": "Subscriptions.Archive", "restoreSubscription": "Subscriptions.Restore",
	"listSubscribers": "Subscriptions.Subscribers", "testFilter": "Subscriptions.TestFilter",
	"getSecret": "Subscriptions.Secret", "rotateSecret": "Subscriptions.RotateSecret", "setSecret": "Subscriptions.SetSecret",
	"listSecretHistory": "Subscriptions.ListSecrets", "listActivity": "Subscriptions.ListAttempts", "getActivity": "Subscriptions.Attempt",
	"listActivations": "Subscriptions.ListDeliveries", "getActivation": "Subscriptions.Delivery", "getStats": "Subscriptions.Stats",

	"publishEvent": "Dispatcher.Publish", "publishEvents": "Dispatcher.PublishBatch", "listPublishedEvents": "Dispatcher.ListMessages",
	"getPublishedEvent": "Dispatcher.Message", "explainPublishedEvent": "Dispatcher.ListExplanations", "testSubscription": "Dispatcher.Test",
	"addActivity": "Dispatcher.Post", "retryActivity": "Dispatcher.Retry", "saveOutcome": "Dispatcher.Report",
	"makePayload":   "Dispatcher.MakePayload",
	"startRecovery": "Dispatcher.Recover", "getRecovery": "Dispatcher.Recovery", "stopRecovery": "Dispatcher.StopRecovery",

	"getOverview": "Operations.Overview", "listUnhealthy": "Operations.ListUnhealthy", "getBacklog": "Operations.Backlog",
	"listRecoveries": "Operations.ListRecoveries", "getStorage": "Operations.Storage",

	"validateHash": "Signer.ValidateHash", "getHash": "Signer.Hash", "listSigningKeys": "Signer.Keys",
	"getDeliveryDefaults": "Subscriptions.Defaults",
}

// iterators are the methods that call an operation of another method for each page.
var iterators = []string{
	"Registry.Categories", "Registry.EventTypes", "Subscriptions.All", "Subscriptions.Secrets", "Subscriptions.Attempts",
	"Subscriptions.Deliveries", "Dispatcher.Messages", "Dispatcher.Explain", "Client.Audit", "Client.AuditOf",
	"Operations.Unhealthy", "Operations.Recoveries",
}

func TestEveryOperationHasAMethod(t *testing.T) {
	t.Parallel()
	operations := readDocument(t).operations(t)
	for id := range operations {
		if methods[id] == "" {
			t.Errorf("no method calls %s", id)
		}
	}
	unused := slices.Clone(iterators)
	for id, name := range methods {
		unused = append(unused, name)
		if _, ok := operations[id]; !ok {
			t.Errorf("the document has no %s", id)
		}
	}
	for _, service := range []reflect.Type{
		reflect.TypeFor[*client.Client](), reflect.TypeFor[*client.Registry](), reflect.TypeFor[*client.Subscriptions](),
		reflect.TypeFor[*client.Dispatcher](), reflect.TypeFor[*client.Signer](), reflect.TypeFor[*client.Operations](),
	} {
		for i := range service.NumMethod() {
			name := service.Elem().Name() + "." + service.Method(i).Name
			at := slices.Index(unused, name)
			if at < 0 {
				t.Errorf("%s calls no operation of the document", name)
				continue
			}
			unused = slices.Delete(unused, at, at+1)
		}
	}
	if len(unused) > 0 {
		t.Errorf("there are no methods %v", unused)
	}
}

// A method takes If-Match where the operation does.
func TestMethodsTakeIfMatchWhereTheDocumentDoes(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{BaseURL: "https://example.com", Token: client.StaticToken("t")})
	if err != nil {
		t.Fatal(err)
	}
	for id, o := range readDocument(t).operations(t) {
		service, name, _ := strings.Cut(methods[id], ".")
		of := reflect.ValueOf(c)
		if service != "Client" {
			of = of.Elem().FieldByName(service)
		}
		method := of.MethodByName(name).Type()
		last := method.In(method.NumIn() - 1)
		takes := method.IsVariadic() && last.Elem() == reflect.TypeFor[client.IfMatch]()
		if wants := slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == "If-Match" }); takes != wants {
			t.Errorf("%s takes If-Match: %v, want %v", methods[id], takes, wants)
		}
	}
}

// otherMembers are members that a type has although the document does not, or has under another
// name: answers have posted_at as postedAt too, and the type reads that.
var otherMembers = map[string]string{"ActivityDetail.posted_at": "postedAt"}

func TestEveryMemberHasAField(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	for name, component := range d.Components.Schemas {
		if strings.HasPrefix(name, "Problem") && name != "Problem" {
			continue // a Problem with fewer codes
		}
		typ, ok := client.WireTypes[name]
		if !ok {
			t.Errorf("no type stands for the component %s", name)
			continue
		}
		if component.Properties == nil {
			if why := d.mismatch(component, typ); why != "" {
				t.Errorf("%s: %v: %s", name, typ, why)
			}
			continue
		}
		d.compare(t, name, component, fieldsOf(typ))
	}
}

// compare compares the members of a component with the fields of a type.
func (d document) compare(t *testing.T, name string, component schema, fields map[string]reflect.Type) {
	t.Helper()
	for member, s := range component.Properties {
		if other, ok := otherMembers[name+"."+member]; ok {
			member = other
		}
		field, ok := fields[member]
		if !ok {
			t.Errorf("%s: no field for the member %s", name, member)
			continue
		}
		if member == "organizationId" {
			s.Format = "" // a name, where organizations have names
		}
		if why := d.mismatch(s, field); why != "" {
			t.Errorf("%s.%s: %v: %s", name, member, field, why)
		}
		delete(fields, member)
	}
	switch {
	case strings.HasSuffix(name, "List"): // a Page, of a list without cursors
		delete(fields, "nextCursor")
	case name == "EventPattern": // one half of EventSelector
		return
	}
	for field := range fields {
		t.Errorf("%s: the document has no member %s", name, field)
	}
}

// mismatch says why a type does not hold the values of a schema, or "".
func (d document) mismatch(s schema, typ reflect.Type) string {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if want := client.WireTypes[name]; typ != want {
			return "want " + want.String()
		}
		return ""
	}
	if len(s.OneOf) == 2 && s.OneOf[1].Type == "null" {
		return d.mismatch(s.OneOf[0], typ)
	}
	kind, null := s.Type, false
	if types, ok := kind.([]any); ok {
		kind, null = types[0], true
	}
	if kind == "boolean" && null && typ.Kind() != reflect.Pointer && typ.Kind() != reflect.Bool {
		return "want a bool or a pointer"
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	is := func(kinds ...reflect.Kind) string {
		if slices.Contains(kinds, typ.Kind()) {
			return ""
		}
		return "the document has " + s.Format + " " + kind.(string)
	}
	switch {
	case kind == nil || kind == "object" && typ == reflect.TypeFor[any]():
		return "" // any value: an any, a json.RawMessage, or a type that encodes to it
	case s.Format == "uuid":
		if typ != reflect.TypeFor[uuid.UUID]() {
			return "want a UUID"
		}
		return ""
	case s.Format == "date-time":
		if typ != reflect.TypeFor[time.Time]() {
			return "want a time"
		}
		return ""
	case kind == "array":
		if why := is(reflect.Slice); why != "" {
			return why
		}
		return d.mismatch(*s.Items, typ.Elem())
	case kind == "string":
		return is(reflect.String, reflect.Struct, reflect.Array) // a time or UUID that may be "" in requests
	}
	return is(map[string][]reflect.Kind{
		"integer": {reflect.Int, reflect.Int64}, "number": {reflect.Float64}, "boolean": {reflect.Bool}, "object": {reflect.Map, reflect.Struct},
	}[kind.(string)]...)
}

// A required member of an input is always sent, another one only if it is set: a zero value can
// mean something else than the absence.
func TestInputsLeaveOutWhatIsNotSet(t *testing.T) {
	t.Parallel()
	for name, component := range readDocument(t).Components.Schemas {
		if !strings.HasSuffix(name, "Input") {
			continue
		}
		for field := range client.WireTypes[name].Fields() {
			member, option, _ := strings.Cut(field.Tag.Get("json"), ",")
			if required := slices.Contains(component.Required, member); required != (option == "") {
				t.Errorf("%s.%s is required: %v, and has the option %q", name, member, required, option)
			}
		}
	}
}

// fieldsOf returns the types of the members of a struct and of the structs that it embeds.
func fieldsOf(typ reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous:
			for name, inner := range fieldsOf(field.Type) {
				fields[name] = inner
			}
		case name != "-":
			fields[name] = field.Type
		}
	}
	return fields
}

// Every code that the document names is an error that a caller can compare with.
func TestEveryCodeIsAnError(t *testing.T) {
	t.Parallel()
	for name, component := range readDocument(t).Components.Schemas {
		if !strings.HasPrefix(name, "Problem") {
			continue
		}
		for _, part := range component.AllOf {
			for _, code := range part.Properties["code"].Enum {
				if client.ErrorsByCode[code.(string)] == nil {
					t.Errorf("%s: no error for the code %s", name, code)
				}
			}
		}
	}
}

// The constants of each enumeration are the values of the document.
func TestEnumerationsMatchTheDocument(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	for name, constants := range map[string][]any{
		"ActivityStatus": {client.Pending, client.Sending, client.Succeeded, client.Failed, client.Cancelled, client.Unknown},
		"ActivityType":   {client.FirstPost, client.AutomaticRetry, client.ManualRetry, client.TestPost},
		"ConditionOp":    {client.Equal, client.NotEqual, client.In, client.Prefix, client.Exists, client.LessThan, client.GreaterThan},
		"PatchOp": {
			client.Add("", 0).Op, client.Remove("").Op, client.Set("", 0).Op, client.Move("", "").Op, client.Copy("", "").Op, client.Test("", 0).Op,
		},
		"RecoveryScope": {client.RecoverFailed, client.RecoverMissed, client.RecoverAll},
		"ErasureState":  {client.ErasureRunning, client.ErasureDone, client.ErasureUnknown},
		"RecoveryState": {client.RecoveryRunning, client.RecoveryDone, client.RecoveryStopped, client.RecoveryUnknown},
		"Scope": {
			client.ScopeRead, client.ScopeManage, client.ScopeWrite, client.ScopeSecrets, client.ScopeCatalog, client.ScopeAdmin,
		},
		"SubscriptionState": {client.Enabled, client.Failing, client.Paused, client.Disabled},
		"UnmatchedReason": {
			client.NotSubscribed, client.OtherVersion, client.WasInactive, client.WasArchived, client.WasFiltered, client.WasMadeLater,
			client.PayloadRemoved, client.TooLarge,
		},
	} {
		text, err := json.Marshal(constants)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(d.Components.Schemas[name].Enum)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) != string(want) {
			t.Errorf("%s has %s, want %s", name, text, want)
		}
	}
	for name, s := range d.Components.Schemas {
		if s.Enum != nil && !slices.Contains([]string{
			"ActivityStatus", "ActivityType", "ConditionOp", "ErasureState", "PatchOp", "RecoveryScope", "RecoveryState", "Scope",
			"SubscriptionState", "UnmatchedReason",
			"HealthState", "HealthPartState", // plain texts
		}, name) {
			t.Errorf("the enumeration %s has no constants here", name)
		}
	}
}
