package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var sampleCases = []testCase{
	{"ReadsBackWhatWasCreated", sampleReadsBack},
	{"UnknownIsNotFound", sampleNotFound},
	{"UnknownEventTypeIsBadReference", sampleBadReference},
	{"OnePerEventTypeAndVersion", sampleExists},
	{"ListsOneEventTypeOrAll", sampleList},
	{"UpdateWritesWhatChangeMade", sampleUpdate},
	{"UpdateKeepsReadOnlyFields", sampleUpdateReadOnly},
	{"UpdateErrorWritesNothing", sampleUpdateError},
	{"UpdateToTakenVersionWritesNothing", sampleUpdateTaken},
	{"DeleteRemovesIt", sampleDelete},
	{"DeleteCheckSeesItFirst", sampleDeleteCheck},
}

func (f *fixture) sample(e store.EventType, version string) store.Sample {
	f.t.Helper()
	return must(f.s.Sample(f.ctx, e.ID, version))(f.t)
}

func sampleReadsBack(f *fixture) {
	e := f.addEvent()
	want := f.newSample(e, "v1")
	want.Revision = 0
	f.check(f.s.CreateSample(f.ctx, want))
	want.Revision = 1
	f.equal("sample", f.sample(e, "v1"), want)
	other := f.addSample(e, "V1") // versions are case-sensitive
	f.equal("sample", f.sample(e, "V1"), other)
}

func sampleNotFound(f *fixture) {
	e := f.addEvent()
	f.addSample(e, "v1")
	for id, version := range map[uuid.UUID]string{e.ID: "v2", f.id(): "v1"} {
		_, err := f.s.Sample(f.ctx, id, version)
		f.notFound("Sample", err)
		_, err = f.s.UpdateSample(f.ctx, id, version, func(*store.Sample) error { panic("called") })
		f.notFound("UpdateSample", err)
		f.notFound("DeleteSample", f.s.DeleteSample(f.ctx, id, version, func(store.Sample) error { panic("called") }))
	}
}

func sampleBadReference(f *fixture) {
	f.fails("CreateSample", f.s.CreateSample(f.ctx, f.newSample(store.EventType{ID: f.id()}, "v1")), store.ErrBadReference)
}

func sampleExists(f *fixture) {
	e := f.addEvent()
	want := f.addSample(e, "v1")
	err := f.s.CreateSample(f.ctx, f.newSample(e, "v1"))
	f.fails("second CreateSample", err, store.ErrSampleExists)
	f.fails("second CreateSample", err, store.ErrConflict)
	f.equal("sample", f.sample(e, "v1"), want)
	f.addSample(e, "v2")
	f.addSample(f.addEventType(f.categoryOf(e), "other", "v1"), "v1")
}

func sampleList(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	a, b, c := f.addSample(e, "v2"), f.addSample(other, "v1"), f.addSample(e, "v1")
	f.equal("of one", must(f.s.Samples(f.ctx, e.ID, all))(f.t).Items, []store.Sample{a, c})
	f.equal("of all", must(f.s.Samples(f.ctx, uuid.Nil, all))(f.t).Items, []store.Sample{a, b, c})
	f.equal("of an unknown one", len(must(f.s.Samples(f.ctx, f.id(), all))(f.t).Items), 0)
}

func sampleUpdate(f *fixture) {
	e := f.addEvent()
	want := f.addSample(e, "v1")
	got := must(f.s.UpdateSample(f.ctx, e.ID, "v1", func(s *store.Sample) error {
		f.equal("what change sees", *s, want)
		s.Version, s.Payload = "v2", []byte(`{}`)
		s.UpdatedAt, s.UpdatedBy = f.at(time.Second), "bob"
		want = *s
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.sample(e, "v2"), want)
	_, err := f.s.Sample(f.ctx, e.ID, "v1")
	f.notFound("former version", err)
}

func sampleUpdateReadOnly(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	want := f.addSample(e, "v1")
	got := must(f.s.UpdateSample(f.ctx, e.ID, "v1", func(s *store.Sample) error {
		s.ID, s.EventTypeID, s.Revision = f.id(), other.ID, 77
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.sample(e, "v1"), want)
}

func sampleUpdateError(f *fixture) {
	e := f.addEvent()
	want := f.addSample(e, "v1")
	_, err := f.s.UpdateSample(f.ctx, e.ID, "v1", func(s *store.Sample) error {
		s.Payload[0] = '!'
		return errStop
	})
	if err != errStop { //nolint:errorlint // it is returned as it is
		f.t.Fatalf("got error %v, want change's own", err)
	}
	f.equal("read", f.sample(e, "v1"), want)
}

func sampleUpdateTaken(f *fixture) {
	e := f.addEvent()
	f.addSample(e, "v2")
	want := f.addSample(e, "v1")
	_, err := f.s.UpdateSample(f.ctx, e.ID, "v1", func(s *store.Sample) error {
		s.Version = "v2"
		return nil
	})
	f.fails("UpdateSample", err, store.ErrSampleExists)
	f.equal("read", f.sample(e, "v1"), want)
}

func sampleDelete(f *fixture) {
	e := f.addEvent()
	f.addSample(e, "v1")
	kept := f.addSample(e, "v2")
	f.check(f.s.DeleteSample(f.ctx, e.ID, "v1", nil))
	_, err := f.s.Sample(f.ctx, e.ID, "v1")
	f.notFound("Sample", err)
	f.notFound("second DeleteSample", f.s.DeleteSample(f.ctx, e.ID, "v1", nil))
	f.equal("samples", must(f.s.Samples(f.ctx, e.ID, all))(f.t).Items, []store.Sample{kept})
	f.addSample(e, "v1")
}

func sampleDeleteCheck(f *fixture) {
	e := f.addEvent()
	want := f.addSample(e, "v1")
	var seen store.Sample
	f.fails("DeleteSample", f.s.DeleteSample(f.ctx, e.ID, "v1", func(s store.Sample) error {
		seen = s
		return errStop
	}), errStop)
	f.equal("what check sees", seen, want)
	f.equal("read", f.sample(e, "v1"), want)
}
