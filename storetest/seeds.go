package storetest

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var seedCases = []testCase{
	{"AddsTheCatalogAndRecordsItsVersion", seedAdds},
	{"AppliesAVersionOnce", seedOnce},
	{"ChangedChecksumFails", seedChanged},
	{"KeepsWhatExists", seedKeeps},
	{"BadReferenceAppliesNothing", seedBadReference},
	{"VersionsAreListedOldestFirst", seedVersions},
	{"OfSeveralHostsOneApplies", seedConcurrent},
}

// newSeed makes a seed with one category, event type and sample.
func (f *fixture) newSeed(version string) store.Seed {
	c := f.newCategory("vitals")
	e := f.newEventType(c, "vitals.observations.created", "v1")
	return store.Seed{
		SeedVersion: store.SeedVersion{Version: version, Description: "First", Checksum: "abc", AppliedAt: f.now},
		Categories:  []store.Category{c},
		EventTypes:  []store.EventType{e},
		Samples:     []store.Sample{f.newSample(e, "v1")},
	}
}

func (f *fixture) apply(s store.Seed, want bool) {
	f.t.Helper()
	f.equal("applied", must(f.s.ApplySeed(f.ctx, s))(f.t), want)
}

func seedAdds(f *fixture) {
	seed := f.newSeed("1")
	f.apply(seed, true)
	c, e := seed.Categories[0], seed.EventTypes[0]
	f.equal("category", f.category(c.ID), c)
	f.equal("event type", f.eventType(e.ID), e)
	f.equal("sample", f.sample(e, "v1"), seed.Samples[0])
	f.equal("versions", must(f.s.SeedVersions(f.ctx))(f.t), []store.SeedVersion{seed.SeedVersion})
}

func seedOnce(f *fixture) {
	seed := f.newSeed("1")
	f.apply(seed, true)
	again := f.newSeed("1")
	again.Categories[0].Name, again.AppliedAt = "changed", f.at(time.Second)
	f.apply(again, false)
	f.equal("category", f.category(seed.Categories[0].ID), seed.Categories[0])
	f.equal("versions", must(f.s.SeedVersions(f.ctx))(f.t), []store.SeedVersion{seed.SeedVersion})
}

func seedChanged(f *fixture) {
	seed := f.newSeed("1")
	f.apply(seed, true)
	again := f.newSeed("1")
	again.Categories[0].Name, again.Checksum = "changed", "xyz"
	applied, err := f.s.ApplySeed(f.ctx, again)
	f.fails("ApplySeed", err, store.ErrSeedChanged)
	f.fails("ApplySeed", err, store.ErrConflict)
	f.equal("applied", applied, false)
	f.equal("category", f.category(seed.Categories[0].ID), seed.Categories[0])
}

func seedKeeps(f *fixture) {
	c := f.newCategory("vitals")
	c.Active, c.Archived, c.ArchivedChangedAt = false, true, f.at(time.Second)
	f.check(f.s.CreateCategory(f.ctx, c))
	e := f.newEventType(f.addCategory("elsewhere"), "vitals.observations.created", "v1")
	e.Active = false
	f.check(f.s.CreateEventType(f.ctx, e))
	s := f.addSample(e, "v1")

	seed := f.newSeed("1")
	added := f.newEventType(seed.Categories[0], "vitals.added", "v1")
	seed.EventTypes = append(seed.EventTypes, added)
	seed.Categories[0].Name, seed.Categories[0].Description = "New", "New too"
	seed.EventTypes[0].Name, seed.EventTypes[0].Description, seed.EventTypes[0].Schema = "New", "New too", nil
	seed.Samples[0].Payload = []byte(`{"new":true}`)
	by := store.Audit{CreatedAt: f.at(time.Minute), CreatedBy: "seed", UpdatedAt: f.at(time.Minute), UpdatedBy: "seed"}
	seed.Categories[0].Audit, seed.EventTypes[0].Audit, seed.Samples[0].Audit = by, by, by
	f.apply(seed, true)

	c.Name, c.Description = "New", "New too"
	c.UpdatedAt, c.UpdatedBy, c.Revision = by.UpdatedAt, by.UpdatedBy, 2
	f.equal("category", f.category(c.ID), c)
	ref := store.CategoryRef{Name: c.Name, Code: c.Code, Active: false, Archived: true}
	e.Name, e.Description, e.Schema, e.CategoryID, e.Category = "New", "New too", nil, c.ID, ref
	e.UpdatedAt, e.UpdatedBy, e.Revision = by.UpdatedAt, by.UpdatedBy, 2
	f.equal("event type", f.eventType(e.ID), e)
	s.Payload, s.UpdatedAt, s.UpdatedBy, s.Revision = []byte(`{"new":true}`), by.UpdatedAt, by.UpdatedBy, 2
	f.equal("sample", f.sample(e, "v1"), s)
	added.CategoryID, added.Category = c.ID, ref
	f.equal("added event type", f.eventType(added.ID), added)
	list := must(f.s.EventTypes(f.ctx, c.ID, store.IncludeArchived, store.Page{Take: 10}))(f.t)
	f.equal("event types of the category", list.Items, []store.EventType{e, added})
}

func seedBadReference(f *fixture) {
	for name, spoil := range map[string]func(*store.Seed){
		"event type": func(s *store.Seed) { s.EventTypes[0].CategoryID = f.id() },
		"sample":     func(s *store.Seed) { s.Samples[0].EventTypeID = f.id() },
	} {
		seed := f.newSeed("1")
		spoil(&seed)
		_, err := f.s.ApplySeed(f.ctx, seed)
		f.fails(name, err, store.ErrBadReference)
		f.equal("versions", len(must(f.s.SeedVersions(f.ctx))(f.t)), 0)
		f.equal("categories", must(f.s.Categories(f.ctx, store.IncludeArchived, store.Page{}))(f.t).Total, 0)
		f.equal("event types", must(f.s.EventTypes(f.ctx, uuid.Nil, store.IncludeArchived, store.Page{}))(f.t).Total, 0)
	}
}

func seedVersions(f *fixture) {
	var want []store.SeedVersion
	for i, version := range []string{"9", "10", "a", "B"} {
		v := store.SeedVersion{Version: version, Checksum: version, AppliedAt: f.at(time.Duration(i) * time.Second)}
		f.apply(store.Seed{SeedVersion: v}, true)
		want = append(want, v)
	}
	f.equal("versions", must(f.s.SeedVersions(f.ctx))(f.t), want)
}

func seedConcurrent(f *fixture) {
	var applied atomic.Int32
	f.together(8, func(int) error {
		ok, err := f.s.ApplySeed(f.ctx, f.newSeed("1"))
		if ok {
			applied.Add(1)
		}
		return err
	})
	f.equal("how many applied it", applied.Load(), int32(1))
	f.equal("versions", len(must(f.s.SeedVersions(f.ctx))(f.t)), 1)
	f.equal("event types", must(f.s.EventTypes(f.ctx, uuid.Nil, store.IncludeArchived, store.Page{}))(f.t).Total, 1)
}
