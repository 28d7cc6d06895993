package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var eventTypeCases = []testCase{
	{"ReadsBackWhatWasCreated", eventTypeReadsBack},
	{"UnknownIsNotFound", eventTypeNotFound},
	{"UnknownCategoryIsBadReference", eventTypeBadReference},
	{"CodeAndVersionAreTakenOnceOverAllCategories", eventTypeCodeTaken},
	{"CodesAreCaseSensitive", eventTypeCodeCase},
	{"ShowsItsCategoryAsItIsNow", eventTypeShowsCategory},
	{"UpdateWritesWhatChangeMade", eventTypeUpdate},
	{"UpdateKeepsReadOnlyFields", eventTypeUpdateReadOnly},
	{"UpdateErrorWritesNothing", eventTypeUpdateError},
	{"UpdateToTakenCodeWritesNothing", eventTypeUpdateTaken},
	{"ListsOneCategoryOrAll", eventTypeList},
	{"ArchivedFilterLooksAtTheEventType", eventTypeArchivedFilter},
	{"DeleteRemovesItAndItsSamples", eventTypeDelete},
	{"DeleteFailsWhileSelected", eventTypeInUse},
	{"DeleteTakesItFromArchivedSubscriptions", eventTypeDeleteArchived},
	{"DeleteIgnoresPatternsAndDeletedSubscriptions", eventTypeDeletePatterns},
	{"DeleteCheckSeesItFirst", eventTypeDeleteCheck},
	{"HistoricIncludesDeleted", eventTypeHistoric},
}

func eventTypeReadsBack(f *fixture) {
	c := f.addCategory("vitals")
	want := f.newEventType(c, "vitals.observations.created", "v1")
	want.Archived, want.ArchivedChangedAt = true, f.at(time.Second)
	given := want
	given.Revision, given.Category = 0, store.CategoryRef{Name: "ignored"}
	f.check(f.s.CreateEventType(f.ctx, given))
	f.equal("by id", f.eventType(want.ID), want)
	f.equal("by code", must(f.s.EventTypeByCode(f.ctx, nil, want.Code, want.Version))(f.t), want)

	want = f.newEventType(c, "none", "v1")
	want.Schema = nil
	f.check(f.s.CreateEventType(f.ctx, want))
	f.equal("without a schema", f.eventType(want.ID), want)
}

func eventTypeNotFound(f *fixture) {
	e := f.addEvent()
	_, err := f.s.EventType(f.ctx, f.id())
	f.notFound("EventType", err)
	_, err = f.s.EventTypeByCode(f.ctx, nil, e.Code, "v2")
	f.notFound("EventTypeByCode", err)
	_, err = f.s.EventTypeByCode(f.ctx, nil, "vitals", "v1")
	f.notFound("EventTypeByCode", err)
	_, err = f.s.UpdateEventType(f.ctx, f.id(), func(*store.EventType) error { panic("called") })
	f.notFound("UpdateEventType", err)
	f.notFound("DeleteEventType", f.s.DeleteEventType(f.ctx, f.id(), func(store.EventType) error { panic("called") }))
}

func eventTypeBadReference(f *fixture) {
	c := f.addCategory("gone")
	f.check(f.s.DeleteCategory(f.ctx, c.ID, nil))
	f.fails("of a deleted category", f.s.CreateEventType(f.ctx, f.newEventType(c, "a", "v1")), store.ErrBadReference)
	c.ID = f.id()
	f.fails("of an unknown category", f.s.CreateEventType(f.ctx, f.newEventType(c, "a", "v1")), store.ErrBadReference)
}

func eventTypeCodeTaken(f *fixture) {
	c := f.addCategory("vitals")
	f.addEventType(c, "a.b", "v1")
	f.addEventType(c, "a.b", "v2")
	other := f.addCategory("labs")
	f.fails("CreateEventType", f.s.CreateEventType(f.ctx, f.newEventType(other, "a.b", "v1")), store.ErrCodeTaken)
}

func eventTypeCodeCase(f *fixture) {
	c := f.addCategory("vitals")
	upper, lower := f.addEventType(c, "A", "v1"), f.addEventType(c, "a", "v1")
	version := f.addEventType(c, "a", "V1")
	f.equal("upper", must(f.s.EventTypeByCode(f.ctx, nil, "A", "v1"))(f.t), upper)
	f.equal("lower", must(f.s.EventTypeByCode(f.ctx, nil, "a", "v1"))(f.t), lower)
	f.equal("version", must(f.s.EventTypeByCode(f.ctx, nil, "a", "V1"))(f.t), version)
}

func eventTypeShowsCategory(f *fixture) {
	e := f.addEvent()
	must(f.s.UpdateCategory(f.ctx, e.CategoryID, func(c *store.Category) error {
		c.Name, c.Code, c.Active, c.Archived = "New", "new", false, true
		return nil
	}))(f.t)
	e.Category = store.CategoryRef{Name: "New", Code: "new", Active: false, Archived: true}
	f.equal("by id", f.eventType(e.ID), e)
	f.equal("by code", must(f.s.EventTypeByCode(f.ctx, nil, e.Code, e.Version))(f.t), e)
	list := must(f.s.EventTypes(f.ctx, uuid.Nil, store.IncludeArchived, store.Page{Take: 10}))(f.t)
	f.equal("listed", list.Items, []store.EventType{e})
}

func eventTypeUpdate(f *fixture) {
	want := f.addEvent()
	former := want
	got := must(f.s.UpdateEventType(f.ctx, want.ID, func(e *store.EventType) error {
		f.equal("what change sees", *e, want)
		e.Name, e.Code, e.Version, e.Description, e.Schema = "N", "n.new", "v2", "D", []byte(`true`)
		e.Active, e.ActiveChangedAt = false, f.at(time.Second)
		e.Archived, e.ArchivedChangedAt = true, f.at(2*time.Second)
		e.UpdatedAt, e.UpdatedBy = f.at(3*time.Second), "bob"
		want = *e
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("by id", f.eventType(want.ID), want)
	f.equal("by code", must(f.s.EventTypeByCode(f.ctx, nil, "n.new", "v2"))(f.t), want)
	_, err := f.s.EventTypeByCode(f.ctx, nil, former.Code, former.Version)
	f.notFound("by the former code", err)
}

func eventTypeUpdateReadOnly(f *fixture) {
	want := f.addEvent()
	other := f.addCategory("labs")
	got := must(f.s.UpdateEventType(f.ctx, want.ID, func(e *store.EventType) error {
		e.ID, e.CategoryID, e.Revision, e.Category = f.id(), other.ID, 77, store.CategoryRef{}
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.eventType(want.ID), want)
}

func eventTypeUpdateError(f *fixture) {
	want := f.addEvent()
	_, err := f.s.UpdateEventType(f.ctx, want.ID, func(e *store.EventType) error {
		e.Name, e.Schema[0] = "changed", '!'
		return errStop
	})
	if err != errStop { //nolint:errorlint // it is returned as it is
		f.t.Fatalf("got error %v, want change's own", err)
	}
	f.equal("read", f.eventType(want.ID), want)
}

func eventTypeUpdateTaken(f *fixture) {
	taken := f.addEvent()
	want := f.addEventType(f.addCategory("labs"), taken.Code, "v2")
	_, err := f.s.UpdateEventType(f.ctx, want.ID, func(e *store.EventType) error {
		e.Version = taken.Version
		return nil
	})
	f.fails("UpdateEventType", err, store.ErrCodeTaken)
	f.equal("read", f.eventType(want.ID), want)
}

func eventTypeList(f *fixture) {
	c, other := f.addCategory("vitals"), f.addCategory("labs")
	a, b, z := f.addEventType(c, "z", "v1"), f.addEventType(other, "b", "v1"), f.addEventType(c, "a", "v1")
	for category, want := range map[uuid.UUID][]store.EventType{c.ID: {a, z}, other.ID: {b}, uuid.Nil: {a, b, z}, f.id(): {}} {
		got := must(f.s.EventTypes(f.ctx, category, store.ExcludeArchived, store.Page{Take: 10}))(f.t)
		f.equal("number of items", len(got.Items), len(want))
		f.equal("total", got.Total, len(want))
		if len(want) > 0 {
			f.equal("items", got.Items, want)
		}
	}
}

func eventTypeArchivedFilter(f *fixture) {
	c := f.newCategory("archived")
	c.Archived = true
	f.check(f.s.CreateCategory(f.ctx, c))
	shown, hidden := f.addEventType(c, "shown", "v1"), f.newEventType(c, "hidden", "v1")
	hidden.Archived = true
	f.check(f.s.CreateEventType(f.ctx, hidden))
	for filter, want := range map[store.ArchivedFilter][]store.EventType{
		store.ExcludeArchived: {shown},
		store.IncludeArchived: {shown, hidden},
		store.OnlyArchived:    {hidden},
	} {
		for _, category := range []uuid.UUID{c.ID, uuid.Nil} {
			got := must(f.s.EventTypes(f.ctx, category, filter, store.Page{Take: 10}))(f.t)
			f.equal("items", got.Items, want)
			f.equal("total", got.Total, len(want))
		}
	}
}

func eventTypeDelete(f *fixture) {
	e := f.addEvent()
	f.addSample(e, "v1")
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	_, err := f.s.EventType(f.ctx, e.ID)
	f.notFound("EventType", err)
	_, err = f.s.EventTypeByCode(f.ctx, nil, e.Code, e.Version)
	f.notFound("EventTypeByCode", err)
	_, err = f.s.Sample(f.ctx, e.ID, "v1")
	f.notFound("Sample", err)
	f.equal("samples", len(must(f.s.Samples(f.ctx, uuid.Nil, all))(f.t).Items), 0)
	f.equal("total", must(f.s.EventTypes(f.ctx, uuid.Nil, store.IncludeArchived, store.Page{}))(f.t).Total, 0)
	f.notFound("second DeleteEventType", f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.fails("CreateSample", f.s.CreateSample(f.ctx, f.newSample(e, "v1")), store.ErrBadReference)
	f.addEventType(f.categoryOf(e), e.Code, e.Version) // the code is free
}

// categoryOf reads the category of an event type.
func (f *fixture) categoryOf(e store.EventType) store.Category {
	f.t.Helper()
	return f.category(e.CategoryID)
}

func eventTypeInUse(f *fixture) {
	e, sub := f.scene()
	f.setActive(sub.ID, false) // active or not
	err := f.s.DeleteEventType(f.ctx, e.ID, nil)
	f.fails("DeleteEventType", err, store.ErrInUse)
	f.equal("read", f.eventType(e.ID), e)
	f.equal("selectors", f.subscription(sub.ID).Selectors, sub.Selectors)
}

func eventTypeDeleteArchived(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	sub := f.newSubscription(like("a.*"), only(e), only(other))
	sub.Archived = true
	f.create(sub)
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	sub.Selectors, sub.Revision = []store.Selector{like("a.*"), only(other)}, 2
	f.equal("subscription", f.subscription(sub.ID), sub)
}

func eventTypeDeletePatterns(f *fixture) {
	e, sub := f.scene()
	want := f.subscribe(like("*"), like("vitals.*"))
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.equal("subscription", f.subscription(want.ID), want)
}

func eventTypeDeleteCheck(f *fixture) {
	e, _ := f.scene()
	var seen store.EventType
	f.fails("DeleteEventType", f.s.DeleteEventType(f.ctx, e.ID, func(e store.EventType) error {
		seen = e
		return errStop
	}), errStop)
	f.equal("what check sees", seen, e)
	f.equal("read", f.eventType(e.ID), e)
}

func eventTypeHistoric(f *fixture) {
	e := f.addEvent()
	kept := f.addEventType(f.categoryOf(e), "kept", "v1")
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	again := f.addEventType(f.categoryOf(e), e.Code, e.Version)
	got := must(f.s.HistoricEventTypes(f.ctx, []uuid.UUID{e.ID, kept.ID, f.id(), again.ID, e.ID}))(f.t)
	f.equal("historic", got, map[uuid.UUID]store.EventType{e.ID: e, kept.ID: kept, again.ID: again})
	f.equal("of no ids", len(must(f.s.HistoricEventTypes(f.ctx, nil))(f.t)), 0)
}
