package main

var (
	told     = tests{".", "Operational|AreTold|OperatorGets|BuiltIn|StartRefuses|ARepeatedTransaction"}
	newsKept = tests{"./store/memstore", "TestStore/News"}
	newsRows = tests{"./store/bunstore", "TestSQLite/News"}
)

// operational are the rules of operational events: none about a delivery of such an event, one over all hosts for each
// change, and a catalog that only the library changes.
var operational = []change{
	{"delivery/result.go", `r.cfg.Announces(t.Body)`, `false`, told},
	{"delivery/telling.go", ` && !r.cfg.Announces(b.Body)`, ``, told},
	{"delivery/telling.go", `b.Type != store.ManualRetry && `, ``, told},
	{"delivery/telling.go", `b.outcome.Next == nil &&`, `true &&`, told},
	{"delivery/breaker.go", `FailingAfter = 3`, `FailingAfter = 4`, told},
	{"delivery/breaker.go", `if !o.quiet {`, `if true {`, told},
	{"delivery/breaker.go", `if o.quiet {`, `if false {`, told},
	{"delivery/breaker.go", `max(h.Stage, stageOf(h))`, `stageOf(h)`, told},
	{"delivery/health.go", `case h.Stage == was.Stage:`, `case h.Stage == was.Stage && false:`, told},
	{"delivery/health.go", `c.before, c.news = *h, nil`, `c.before = *h`, told},
	{"delivery/health.go", `if changed = s.Active; changed {`, `if changed = s.Active; true {`, told},
	{"delivery/health.go", "\t\t\tif changed {\n", "\t\t\tif true {\n", told},
	{"operationalmessages.go", `operationalIDs[codeOf(message)] != uuid.Nil`, `false`, told},
	{"operationalmessages.go", `operator != uuid.Nil && operator != a.OrganizationID`, `operator != uuid.Nil`, told},
	{"operationalmessages.go", `operator != uuid.Nil && operator != a.OrganizationID`, `false`, told},
	{"operationalmessages.go", `m.OrderingKey = a.SubscriptionID.String()`, `m.OrderingKey = ""`, told},
	{"operationalmessages.go", `WithActor(context.Background(), engineActor)`, `context.Background()`, told},
	{"operationalmessages.go", `!a.Health.Since.IsZero()`, `true`, told},
	{"operationalmessages.go", "\tif a.Kind == delivery.EndpointRecovered {", "\tif false {", told},
	{"operationalevents.go", `category == operationalCategory`, `false`, told},
	{"operationalevents.go", `!c.cfg.OperationalEvents.Enabled`, `false`, told},
	{"operationalevents.go", `err = c.refuseForeignTypes(ctx)`, `err = nil`, told},
	{"operationalevents.go", `category.Code == "webhooks" && category.ID != operationalCategory`, `false`, told},
	{"operationalevents.go", `err == nil && found.ID != t.ID`, `false`, told},
	{"operationalevents.go", `c.cfg.OperationalEvents.Enabled && category.Code == "webhooks"`, `false`, told},
	{"operationalevents.go", `c.cfg.OperationalEvents.Enabled && category.Code == "webhooks"`, `category.Code == "webhooks"`, told},
	{"operationalevents.go", `c.cfg.OperationalEvents.Enabled && operationalIDs[t.Code]`, `operationalIDs[t.Code]`, told},
	{"operationalevents.go", `c.cfg.OperationalEvents.Enabled && operationalIDs[t.Code] != uuid.Nil`, `false`, told},
	{"event.go", `t.CategoryID == operationalCategory`, `false`, told},
	{"webhooks.go", `c.cfg.OperationalEvents.Enabled`, `true`, told},
	{"store/memstore/news.go", `len(s.matching(m)) == 0`, `false`, newsKept},
	{"store/bunstore/news.go", `, matchedOnly: true`, ``, newsRows},
}
