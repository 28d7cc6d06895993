package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var auditCases = []testCase{
	{"EveryChangeStoresItsEntry", auditEvery},
	{"ChangeOfNothingStoresNone", auditUnchanged},
	{"FailedChangeStoresNone", auditFailed},
	{"EntryIsWantedAtTheEndOfTheChange", auditLate},
	{"EntriesReadBackAsTheyWereStored", auditReadsBack},
	{"ListIsInTheOrderOfTime", auditOrder},
	{"ListFilters", auditFilters},
	{"ListPagesByItsEntries", auditPages},
	{"PruneRemovesTheOldest", auditPrune},
	{"ConcurrentChangesStoreOneEach", auditConcurrent},
}

// newEntry makes an entry that was made at a time.
func (f *fixture) newEntry(at time.Time) store.AuditEntry {
	return store.AuditEntry{
		ID: idAt(at), At: at, Actor: "dora", Action: store.ActionCategoryUpdated, Resource: store.AuditCategory, ResourceID: f.id().String(),
		OrganizationID: f.org, RequestID: "request-1", Changes: []string{"name", "code"},
	}
}

// audited returns a context with an entry.
func (f *fixture) audited(e store.AuditEntry) context.Context {
	return store.WithAudit(f.ctx, func() (store.AuditEntry, bool) { return e, true })
}

// addEntries stores entries, each with a change.
func (f *fixture) addEntries(entries ...store.AuditEntry) {
	f.t.Helper()
	for _, e := range entries {
		f.check(f.s.CreateCategory(f.audited(e), f.newCategory(e.ID.String())))
	}
}

func (f *fixture) trail(q store.AuditQuery) []store.AuditEntry {
	f.t.Helper()
	if q.Take == 0 {
		q.Take = 1000
	}
	return must(f.s.AuditEntries(f.ctx, q))(f.t).Items
}

// stores demands that a call with an entry in its context stores the entry, or that it stores none.
func (f *fixture) stores(what string, want bool, call func(ctx context.Context) error) {
	f.t.Helper()
	before := f.trail(store.AuditQuery{})
	e := f.newEntry(f.now)
	f.check(call(f.audited(e)))
	if want {
		before = append(before, e)
	}
	f.equal(what, f.trail(store.AuditQuery{}), before)
}

// no drops a result.
func no[T any](_ T, err error) error { return err }

func auditEvery(f *fixture) {
	c := f.newCategory("vitals")
	e := f.newEventType(c, "vitals.observations.created", "v1")
	sample, sub, post, seed := f.newSample(e, "v1"), f.newSubscription(only(e)), f.newPost(e), f.newSeed("1")
	secret, retry, external := f.newSecret(sub, f.now), f.newRetry(post.ID), f.newExternal(e)
	recovery := f.newRecovery(sub, store.RecoverAll)
	next := f.newSecret(sub, f.at(time.Second))
	for _, x := range []struct {
		method string
		call   func(ctx context.Context) error
	}{
		{"CreateCategory", func(ctx context.Context) error { return f.s.CreateCategory(ctx, c) }},
		{"UpdateCategory", func(ctx context.Context) error {
			return no(f.s.UpdateCategory(ctx, c.ID, func(c *store.Category) error { c.Name = "new"; return nil }))
		}},
		{"CreateEventType", func(ctx context.Context) error { return f.s.CreateEventType(ctx, e) }},
		{"UpdateEventType", func(ctx context.Context) error {
			return no(f.s.UpdateEventType(ctx, e.ID, func(e *store.EventType) error { e.Name = "new"; return nil }))
		}},
		{"CreateSample", func(ctx context.Context) error { return f.s.CreateSample(ctx, sample) }},
		{"UpdateSample", func(ctx context.Context) error {
			return no(f.s.UpdateSample(ctx, e.ID, "v1", func(s *store.Sample) error { s.Payload = []byte("{}"); return nil }))
		}},
		{"CreateSubscription", func(ctx context.Context) error { return f.s.CreateSubscription(ctx, sub, secret) }},
		{"UpdateSubscription", func(ctx context.Context) error {
			return no(f.s.UpdateSubscription(ctx, f.org, sub.ID, f.now, func(s *store.Subscription) error { s.Version = "v2"; return nil }))
		}},
		{"AddSecret", func(ctx context.Context) error {
			return f.s.AddSecret(ctx, f.org, sub.ID, func(store.Subscription, store.Secret) (store.Secret, error) { return next, nil })
		}},
		{"ReplaceKeys", func(ctx context.Context) error {
			return no(f.s.ReplaceKeys(ctx, []store.KeyChange{{SecretID: secret.ID, From: secret.Key, To: []byte("\x01new")}}))
		}},
		{"ReplaceHeaders", func(ctx context.Context) error {
			headers := store.SubscriptionHeaders{SubscriptionID: sub.ID, Revision: 3, Headers: map[string]string{"A": "b"}}
			return no(f.s.ReplaceHeaders(ctx, []store.SubscriptionHeaders{headers}))
		}},
		{"AddAttempt", func(ctx context.Context) error { return no(f.s.AddAttempt(ctx, f.org, sub.ID, post)) }},
		{"Report", func(ctx context.Context) error {
			return no(f.s.Report(ctx, f.org, sub.ID, post.ID, func(store.Attempt) (*store.Report, error) { return f.newReport(store.Failed), nil }))
		}},
		{"AddAttempt of a retry", func(ctx context.Context) error { return no(f.s.AddAttempt(ctx, f.org, sub.ID, retry)) }},
		{"AddAttempt of an external one", func(ctx context.Context) error { return no(f.s.AddAttempt(ctx, f.org, sub.ID, external)) }},
		{"CreateRecovery", func(ctx context.Context) error { return f.s.CreateRecovery(ctx, recovery) }},
		{"StopRecovery", func(ctx context.Context) error { return f.s.StopRecovery(ctx, f.org, sub.ID, recovery.ID, f.now) }},
		{"UpdateHealth", func(ctx context.Context) error {
			return f.s.UpdateHealth(ctx, []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) { h.Failures = 1 })
		}},
		{"ExpungeMessage", func(ctx context.Context) error {
			return f.s.ExpungeMessage(ctx, f.org, post.Message.ID, store.Expunged{At: f.now, By: "dora"})
		}},
		{"DeleteSubscription", func(ctx context.Context) error { return f.s.DeleteSubscription(ctx, f.org, sub.ID, f.now, nil) }},
		{"DeleteSample", func(ctx context.Context) error { return f.s.DeleteSample(ctx, e.ID, "v1", nil) }},
		{"DeleteEventType", func(ctx context.Context) error { return f.s.DeleteEventType(ctx, e.ID, nil) }},
		{"DeleteCategory", func(ctx context.Context) error { return f.s.DeleteCategory(ctx, c.ID, nil) }},
		{"ApplySeed", func(ctx context.Context) error { return no(f.s.ApplySeed(ctx, seed)) }},
		{"UseOnce", func(ctx context.Context) error { return no(f.s.UseOnce(ctx, f.id(), f.now)) }},
		{"AddAuditEntry", f.s.AddAuditEntry},
		{"CreateErasure", func(ctx context.Context) error { return no(f.s.CreateErasure(ctx, f.newErasure())) }},
	} {
		f.stores(x.method, true, x.call)
	}
}

func auditUnchanged(f *fixture) {
	e, sub := f.scene()
	seed := f.newSeed("1")
	seed.Categories, seed.EventTypes, seed.Samples = nil, nil, nil
	f.apply(seed, true)
	job := f.queue(e)
	recovery := f.newRecovery(sub, store.RecoverAll)
	f.check(f.s.CreateRecovery(f.ctx, recovery))
	f.check(f.s.StopRecovery(f.ctx, f.org, sub.ID, recovery.ID, f.now))
	f.check(f.s.ExpungeMessage(f.ctx, f.org, job.MessageID, store.Expunged{At: f.now}))
	for method, call := range map[string]func(ctx context.Context) error{
		"ApplySeed of an applied version": func(ctx context.Context) error { return no(f.s.ApplySeed(ctx, seed)) },
		"StopRecovery of a stopped job":   func(ctx context.Context) error { return f.s.StopRecovery(ctx, f.org, sub.ID, recovery.ID, f.now) },
		"Report of nothing": func(ctx context.Context) error {
			return no(f.s.Report(ctx, f.org, sub.ID, job.AttemptID, func(store.Attempt) (*store.Report, error) { return nil, nil }))
		},
		"ReplaceKeys of none":    func(ctx context.Context) error { return no(f.s.ReplaceKeys(ctx, nil)) },
		"ReplaceHeaders of none": func(ctx context.Context) error { return no(f.s.ReplaceHeaders(ctx, nil)) },
		"ExpungeMessage again": func(ctx context.Context) error {
			return f.s.ExpungeMessage(ctx, f.org, job.MessageID, store.Expunged{At: f.at(time.Second)})
		},
		"UpdateCategory without an entry": func(context.Context) error {
			ctx := store.WithAudit(f.ctx, func() (store.AuditEntry, bool) { return store.AuditEntry{}, false })
			return no(f.s.UpdateCategory(ctx, e.CategoryID, func(*store.Category) error { return nil }))
		},
	} {
		f.stores(method, false, call)
	}
	f.check(no(f.s.CreateErasure(f.ctx, f.newErasure())))
	f.stores("CreateErasure while one runs", false, func(ctx context.Context) error { return no(f.s.CreateErasure(ctx, f.newErasure())) })
}

func auditFailed(f *fixture) {
	c := f.addCategory("vitals")
	ctx := f.audited(f.newEntry(f.now))
	f.fails("CreateCategory", f.s.CreateCategory(ctx, f.newCategory("vitals")), store.ErrCodeTaken)
	f.fails("UpdateCategory", no(f.s.UpdateCategory(ctx, c.ID, func(*store.Category) error { return errStop })), errStop)
	f.notFound("ExpungeMessage", f.s.ExpungeMessage(ctx, f.org, f.id(), store.Expunged{At: f.now}))
	f.equal("entries", len(f.trail(store.AuditQuery{})), 0)
}

// The entry can depend on the record that the change sees.
func auditLate(f *fixture) {
	c, e := f.addCategory("vitals"), f.newEntry(f.now)
	ctx := store.WithAudit(f.ctx, func() (store.AuditEntry, bool) { return e, true })
	f.check(no(f.s.UpdateCategory(ctx, c.ID, func(c *store.Category) error { e.Changes = []string{c.Code}; return nil })))
	f.equal("entries", f.trail(store.AuditQuery{}), []store.AuditEntry{e})
}

func auditReadsBack(f *fixture) {
	whole, bare := f.newEntry(f.now), store.AuditEntry{ID: f.id(), At: f.now, Action: store.ActionSeedApplied, Resource: store.AuditSeed}
	given := whole
	given.At = given.At.In(time.FixedZone("UTC+5:45", 5*3600+45*60)).Add(400 * time.Microsecond)
	f.addEntries(given, bare)
	f.equal("entries", f.trail(store.AuditQuery{}), []store.AuditEntry{whole, bare})
}

func auditOrder(f *fixture) {
	late, early, same := f.newEntry(f.at(time.Second)), f.newEntry(f.now), f.newEntry(f.at(time.Second))
	early.ID = idAt(f.at(time.Hour)) // the time decides, then the id
	f.addEntries(late, early, same)
	f.equal("entries", f.trail(store.AuditQuery{}), []store.AuditEntry{early, late, same})
	f.equal("newest first", f.trail(store.AuditQuery{Page: store.Page{Descending: true}}), []store.AuditEntry{same, late, early})
}

func auditFilters(f *fixture) {
	a, b, c := f.newEntry(f.now), f.newEntry(f.at(time.Second)), f.newEntry(f.at(2*time.Second))
	b.Actor, b.Resource, b.OrganizationID = "webhooks", store.AuditSubscription, uuid.Nil
	c.ResourceID = a.ResourceID
	f.addEntries(a, b, c)
	for _, x := range []struct {
		rule  string
		query store.AuditQuery
		want  []store.AuditEntry
	}{
		{"organization", store.AuditQuery{OrganizationID: f.org}, []store.AuditEntry{a, c}},
		{"another organization", store.AuditQuery{OrganizationID: uuid.New()}, nil},
		{"actor", store.AuditQuery{Actor: "webhooks"}, []store.AuditEntry{b}},
		{"part of an actor", store.AuditQuery{Actor: "web"}, nil},
		{"resource", store.AuditQuery{Resource: store.AuditCategory}, []store.AuditEntry{a, c}},
		{"resource id", store.AuditQuery{ResourceID: a.ResourceID}, []store.AuditEntry{a, c}},
		{"since", store.AuditQuery{Since: b.At}, []store.AuditEntry{b, c}},
		{"until", store.AuditQuery{Until: b.At}, []store.AuditEntry{a}},
		{"all", store.AuditQuery{
			OrganizationID: f.org, Actor: "dora", Resource: store.AuditCategory, ResourceID: c.ResourceID, Since: b.At, Until: f.at(time.Hour),
		}, []store.AuditEntry{c}},
	} {
		f.equal(x.rule, f.trail(x.query), x.want)
	}
}

func auditPages(f *fixture) {
	var all []store.AuditEntry
	for i := range 7 {
		e := f.newEntry(f.at(time.Duration(i/2) * time.Second)) // pairs of the same time
		if i == 3 {
			e.Actor = "another"
		}
		all = append(all, e)
	}
	f.addEntries(all...)
	for _, descending := range []bool{false, true} {
		want := slices.Clone(all)
		if descending {
			slices.Reverse(want)
		}
		q := store.AuditQuery{Page: store.Page{Take: 2, Descending: descending}}
		for i := 0; i < len(want); i += 2 {
			page := must(f.s.AuditEntries(f.ctx, q))(f.t)
			f.equal("total", page.Total, 7)
			f.equal("page", page.Items, want[i:min(i+2, len(want))])
			q.After = page.Items[len(page.Items)-1].ID
		}
		f.equal("behind the last", len(f.trail(q)), 0)
		q = store.AuditQuery{Actor: "another", Page: store.Page{Take: 9, Descending: descending, After: want[0].ID}}
		f.equal("behind an entry that the filter leaves out", f.trail(q), all[3:4])
		q = store.AuditQuery{Page: store.Page{Take: 2, Skip: 5, Descending: descending}}
		f.equal("skipped", f.trail(q), want[5:])
	}
	for _, most := range []int{3, 7, 8} {
		page := must(f.s.AuditEntries(f.ctx, store.AuditQuery{Page: store.Page{Take: 2, MaxTotal: most}}))(f.t)
		f.equal("counted", page, store.List[store.AuditEntry]{Items: all[:2], Total: min(most, 7)})
	}
	f.equal("none", must(f.s.AuditEntries(f.ctx, store.AuditQuery{}))(f.t), store.List[store.AuditEntry]{Total: 7})
}

func auditPrune(f *fixture) {
	var all []store.AuditEntry
	for i := range 5 {
		all = append(all, f.newEntry(f.at(time.Duration(i)*time.Second)))
	}
	f.addEntries(all...)
	prune := func(before time.Time, max, want int) {
		f.t.Helper()
		f.equal("pruned", must(f.s.PruneAudit(f.ctx, before, max))(f.t), want)
	}
	prune(f.now, 10, 0)
	prune(f.at(4*time.Second), 3, 3)
	f.equal("entries", f.trail(store.AuditQuery{}), all[3:])
	f.equal("behind a pruned entry", f.trail(store.AuditQuery{Page: store.Page{Take: 9, After: all[0].ID}}), all[3:])
	f.equal("before a pruned entry",
		len(f.trail(store.AuditQuery{Page: store.Page{Take: 9, After: all[0].ID, Descending: true}})), 0)
	prune(f.at(4*time.Second), 3, 1)
	prune(f.at(4*time.Second), 3, 0)
	f.equal("entries", f.trail(store.AuditQuery{}), all[4:])
}

func auditConcurrent(f *fixture) {
	const n = 16
	sub := f.subscribe()
	f.together(n, func(int) error {
		return no(f.s.UpdateSubscription(f.audited(f.newEntry(f.now)), f.org, sub.ID, f.now, func(s *store.Subscription) error {
			s.Description += "x"
			return nil
		}))
	})
	f.equal("entries", len(f.trail(store.AuditQuery{})), n)
}
