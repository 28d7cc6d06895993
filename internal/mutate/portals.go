package main

var (
	links    = tests{"./portal", "Test"}
	passedOn = tests{"./httpapi", "TestALink|TestAWrongLink|TestWithoutAPortal"}
	oneTime  = tests{"./store/bunstore", "Test(SQLite|Postgres)/OneTime"}
)

// portals keep the portal from persons without a right to it.
var portals = []change{
	{"portal/links.go", `case !first:`, `case !first && false:`, links},
	{"portal/links.go", `case !l.hooks.Now().Before(c.expiresAt()):`, `case false:`, links},
	{"portal/links.go", `expiresIn > MaxLinkExpiry`, `false`, links},
	{"portal/links.go", `c == '\\' || `, ``, links},
	{"portal/links.go", ` || strings.HasPrefix(local, "/")`, ``, links},
	{"portal/links.go", `plain == "." || plain == ".." || `, ``, links},
	{"portal/links.go", "`/\\:%`", "`\\:`", links},
	{"portal/links.go", ` && !isLoopback(base.Hostname())`, ` && false`, links},
	{"portal/token.go", `len(secret) < minKey`, `false`, links},
	{"portal/token.go", `k.Open(nil, nil, sealed, []byte(kind))`, `k.Open(nil, nil, sealed, []byte(linkTokens))`, links},
	{"portal/session.go", `!ok || !l.hooks.Now().Before(c.expiresAt())`, `!ok`, links},
	{"portal/session.go", `case ended:`, `case ended && false:`, links},
	{"portal/session.go", `sessionCheck = 10 *`, `sessionCheck = 30 *`, links},
	{"portal/session.go", `HttpOnly: true, `, ``, links},
	{"portal/session.go", `Secure: secure, `, ``, links},
	{"portal/session.go", `framed && secure`, `secure`, links},
	{"httpapi/portallinks.go", `case !c.has(s):`, `case false:`, passedOn},
	{"httpapi/portallinks.go", `Organizations: []uuid.UUID{c.org}, `, `Organizations: []uuid.UUID{c.org}, AllOrganizations: true, `, passedOn},
	{"httpapi/portallinks.go", `s == ScopeCatalog || `, ``, passedOn},
	{"httpapi/portallinks.go", `wanted == nil && slices.Contains(c.Scopes, ScopeAdmin)`, `false`, passedOn},
	{"store/bunstore/onetime.go", `first = n > 0`, `first = n >= 0`, oneTime},
	{"store/bunstore/onetime.go", `Where("u.kept_until < ?", instant(before)).`, `Where("true").`, oneTime},
}
