package main

// organizations are the filters that keep organizations, and their subscriptions, apart.
var organizations = []change{
	{"store/bunstore/*.go", `.organization_id = ?`, `.organization_id IS NOT NULL AND CAST(? AS uuid) IS NOT NULL`, sqlite},
	{"store/bunstore/*.go", `if orgs != nil {`, `if false {`, sqlite},
	{"store/bunstore/*.go", `.organization_id = r.org`, `.organization_id IS NOT NULL`, bothSQL},
	{"store/bunstore/addattempt.go", `Where("a.subscription_id = ?"`, `Where("CAST(? AS uuid) IS NOT NULL"`, sqlite},
	{"store/bunstore/history.go", `Where("a.subscription_id = ?"`, `Where("CAST(? AS uuid) IS NOT NULL"`, sqlite},
	{"store/bunstore/*.go", `Where("j.subscription_id = ?"`, `Where("CAST(? AS uuid) IS NOT NULL"`, sqlite},
	{"store/bunstore/*.go", `Where("k.subscription_id = ?"`, `Where("CAST(? AS uuid) IS NOT NULL"`, sqlite},
	{"store/bunstore/*.go", `WHERE a.subscription_id = ?`, `WHERE CAST(? AS uuid) IS NOT NULL`, sqlite},
	{"store/bunstore/health.go", `WHERE subscription_id = ? AND held`, `WHERE CAST(? AS uuid) IS NOT NULL AND held`, sqlite},
	{"store/bunstore/chains.go", `subscription_id = ? AND NOT sending`, `CAST(? AS uuid) IS NOT NULL AND NOT sending`, sqlite},
	{"store/memstore/*.go", ` || m.OrganizationID != org`, ``, memory},
	{"store/memstore/*.go", ` || sub.OrganizationID != org`, ``, memory},
	{"store/memstore/*.go", `m.OrganizationID == org && `, ``, memory},
	{"store/memstore/*.go", `m.OrganizationID == sub.OrganizationID && `, ``, memory},
	{"store/memstore/*.go", `sub.OrganizationID == org && `, ``, memory},
	{"store/memstore/*.go", ` || r.SubscriptionID != subscription`, ``, memory},
}

// trails are the filters of the audit trail, and the entries that only some writes have.
var trails = []change{
	{"store/bunstore/audit.go", `t.actor = ?`, `CAST(? AS text) IS NOT NULL`, trail},
	{"store/bunstore/audit.go", `t.resource = ?`, `CAST(? AS text) IS NOT NULL`, trail},
	{"store/bunstore/audit.go", `t.resource_id = ?`, `CAST(? AS text) IS NOT NULL`, trail},
	{"store/bunstore/audit.go", `t.at >= ?`, `t.at > ?`, trail},
	{"store/bunstore/audit.go", `"t.at < ?", instant(query.Until)`, `"t.at <= ?", instant(query.Until)`, trail},
	{"store/audit.go", `q.Actor == e.Actor`, `true`, memoryTrail},
	{"store/audit.go", `q.Resource == e.Resource`, `true`, memoryTrail},
	{"store/audit.go", `q.ResourceID == e.ResourceID`, `true`, memoryTrail},
	{"store/audit.go", `q.OrganizationID == e.OrganizationID`, `true`, memoryTrail},
	{"store/audit.go", `!e.At.Before(q.Since)`, `e.At.After(q.Since)`, memoryTrail},
	{"store/audit.go", `e.At.Before(q.Until)`, `!e.At.After(q.Until)`, memoryTrail},
	{"httpapi/audit.go", `a.replyAudit(c, c.org)`, `a.replyAudit(c, uuid.Nil)`, tests{"./httpapi", "Audit"}},
	{"httpapi/audit.go", `q.line("actor")`, `""`, tests{"./httpapi", "Audit"}},
	{"auditedstore.go", `entry.nothing = *h == before`, `entry.nothing = *h == before && false`, tests{".", "TestActivateMakes"}},
}

// locks order the transactions of several hosts, wake their dispatchers, and keep one bad text from the database.
var locks = []change{
	{"store/bunstore/claim.go", `FOR UPDATE SKIP LOCKED`, `FOR UPDATE`, rowLocks},
	{"store/bunstore/advance.go", `"NO KEY UPDATE SKIP LOCKED"`, `"NO KEY UPDATE"`, rowLocks},
	{"store/bunstore/messages.go", `"UPDATE SKIP LOCKED"`, `"UPDATE"`, rowLocks},
	{"store/bunstore/addattempt.go", `org, subscription, "SHARE")`, `org, subscription, "")`, rowLocks},
	{"store/bunstore/recoveries.go", `"SHARE")`, `"")`, rowLocks},
	{"store/bunstore/report.go", `org, subscription, "NO KEY UPDATE")`, `org, subscription, "")`, rowLocks},
	{"store/bunstore/secrets.go", `subscription, "NO KEY UPDATE")`, `subscription, "")`, rowLocks},
	{"store/bunstore/subscriptions.go", `"NO KEY UPDATE")`, `"")`, rowLocks},
	{"store/bunstore/notify.go", `s.dialect.committed()`, `_ = wake`, wakeUps},
	{"store/bunstore/notify.go", `return s.dialect.notify(ctx, tx)`, `return nil`, wakeUps},
	{"store/bunstore/record.go", `store.ValidText(o(i).Error)`, `o(i).Error`, outcomes},
	{"store/bunstore/report.go", `store.ValidText(o.Error)`, `o.Error`, outcomes},
	{"store/chain.go", `ValidText(r.Error)`, `r.Error`, tests{"./store/memstore", "TestStore/(Record|Report)"}},
}
