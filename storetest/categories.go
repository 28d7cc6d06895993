package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var categoryCases = []testCase{
	{"ReadsBackWhatWasCreated", categoryReadsBack},
	{"UnknownIsNotFound", categoryNotFound},
	{"CodeIsTakenOnce", categoryCodeTaken},
	{"CodesAreCaseSensitive", categoryCodeCase},
	{"UpdateWritesWhatChangeMade", categoryUpdate},
	{"UpdateKeepsIDAndRevision", categoryUpdateReadOnly},
	{"UpdateErrorWritesNothing", categoryUpdateError},
	{"UpdateToTakenCodeWritesNothing", categoryUpdateTaken},
	{"ArchivedFilter", categoryArchivedFilter},
	{"DeleteRemovesItAndFreesTheCode", categoryDelete},
	{"DeleteFailsWhileInUse", categoryInUse},
	{"DeleteCheckSeesItFirst", categoryDeleteCheck},
}

func categoryReadsBack(f *fixture) {
	want := f.newCategory("vitals")
	want.Revision = 0
	want.Archived, want.ArchivedChangedAt = true, f.at(time.Second)
	want.UpdatedAt, want.UpdatedBy = f.at(2*time.Second), ""
	f.check(f.s.CreateCategory(f.ctx, want))
	want.Revision = 1
	f.equal("category", f.category(want.ID), want)
}

func categoryNotFound(f *fixture) {
	f.addCategory("vitals")
	_, err := f.s.Category(f.ctx, f.id())
	f.notFound("Category", err)
	_, err = f.s.UpdateCategory(f.ctx, f.id(), func(*store.Category) error { panic("called") })
	f.notFound("UpdateCategory", err)
	f.notFound("DeleteCategory", f.s.DeleteCategory(f.ctx, f.id(), func(store.Category) error { panic("called") }))
}

func categoryCodeTaken(f *fixture) {
	f.addCategory("vitals")
	err := f.s.CreateCategory(f.ctx, f.newCategory("vitals"))
	f.fails("second CreateCategory", err, store.ErrCodeTaken)
	f.fails("second CreateCategory", err, store.ErrConflict)
	f.equal("total", must(f.s.Categories(f.ctx, store.IncludeArchived, store.Page{}))(f.t).Total, 1)
}

func categoryCodeCase(f *fixture) {
	upper, lower := f.addCategory("A"), f.addCategory("a")
	f.equal("upper", f.category(upper.ID), upper)
	f.equal("lower", f.category(lower.ID), lower)
}

func categoryUpdate(f *fixture) {
	want := f.addCategory("vitals")
	got := must(f.s.UpdateCategory(f.ctx, want.ID, func(c *store.Category) error {
		f.equal("what change sees", *c, want)
		c.Name, c.Code, c.Description = "N", "Code", ""
		c.Active, c.ActiveChangedAt = false, f.at(time.Second)
		c.Archived, c.ArchivedChangedAt = true, f.at(2*time.Second)
		c.UpdatedAt, c.UpdatedBy = f.at(3*time.Second), "bob"
		want = *c
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.category(want.ID), want)
	f.addCategory("vitals") // the former code is free
}

func categoryUpdateReadOnly(f *fixture) {
	want := f.addCategory("vitals")
	got := must(f.s.UpdateCategory(f.ctx, want.ID, func(c *store.Category) error {
		c.ID, c.Revision = f.id(), 77
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.category(want.ID), want)
}

func categoryUpdateError(f *fixture) {
	want := f.addCategory("vitals")
	_, err := f.s.UpdateCategory(f.ctx, want.ID, func(c *store.Category) error {
		c.Name = "changed"
		return errStop
	})
	if err != errStop { //nolint:errorlint // it is returned as it is
		f.t.Fatalf("got error %v, want change's own", err)
	}
	f.equal("read", f.category(want.ID), want)
}

func categoryUpdateTaken(f *fixture) {
	f.addCategory("vitals")
	want := f.addCategory("labs")
	_, err := f.s.UpdateCategory(f.ctx, want.ID, func(c *store.Category) error {
		c.Name, c.Code = "changed", "vitals"
		return nil
	})
	f.fails("UpdateCategory", err, store.ErrCodeTaken)
	f.equal("read", f.category(want.ID), want)
}

func categoryArchivedFilter(f *fixture) {
	shown, hidden := f.addCategory("shown"), f.newCategory("hidden")
	hidden.Archived = true
	f.check(f.s.CreateCategory(f.ctx, hidden))
	for filter, want := range map[store.ArchivedFilter][]store.Category{
		store.ExcludeArchived: {shown},
		store.IncludeArchived: {shown, hidden},
		store.OnlyArchived:    {hidden},
	} {
		got := must(f.s.Categories(f.ctx, filter, store.Page{Take: 10}))(f.t)
		f.equal("items", got.Items, want)
		f.equal("total", got.Total, len(want))
	}
}

func categoryDelete(f *fixture) {
	c := f.addCategory("vitals")
	f.check(f.s.DeleteCategory(f.ctx, c.ID, nil))
	_, err := f.s.Category(f.ctx, c.ID)
	f.notFound("Category", err)
	f.notFound("second DeleteCategory", f.s.DeleteCategory(f.ctx, c.ID, nil))
	f.equal("total", must(f.s.Categories(f.ctx, store.IncludeArchived, store.Page{Take: 10}))(f.t).Total, 0)
	f.addCategory("vitals")
}

func categoryInUse(f *fixture) {
	c := f.addCategory("vitals")
	e := f.addEventType(c, "a.b", "v1")
	err := f.s.DeleteCategory(f.ctx, c.ID, nil)
	f.fails("DeleteCategory", err, store.ErrInUse)
	f.fails("DeleteCategory", err, store.ErrConflict)
	f.equal("read", f.category(c.ID), c)
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.check(f.s.DeleteCategory(f.ctx, c.ID, nil))
	// History still shows its event types.
	got := must(f.s.HistoricEventTypes(f.ctx, []uuid.UUID{e.ID}))(f.t)[e.ID]
	f.equal("code of the historic event type", got.Code, e.Code)
}

func categoryDeleteCheck(f *fixture) {
	c := f.addCategory("vitals")
	f.addEventType(c, "a.b", "v1")
	var seen store.Category
	err := f.s.DeleteCategory(f.ctx, c.ID, func(c store.Category) error {
		seen = c
		return errStop
	})
	if !errors.Is(err, errStop) {
		f.t.Fatalf("got error %v, want check's", err)
	}
	f.equal("what check sees", seen, c)
	f.equal("read", f.category(c.ID), c)
}
