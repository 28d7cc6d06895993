package bunstore_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

func TestOverview(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *bunstore.Store{"sqlite": newSQLite, "postgres": newPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overview(t, open(t), name == "postgres")
		})
	}
}

func overview(t *testing.T, s *bunstore.Store, postgres bool) {
	sc := newScene(t, s)
	got, err := s.Overview(t.Context())
	check(t, err)
	if got.Version != got.Newest || got.Due != 0 || got.OldestDue != 0 || got.Circuits != nil {
		t.Errorf("empty: %+v", got)
	}
	var messages []store.NewMessage
	for range 4 {
		messages = append(messages, sc.message([]byte("1")))
	}
	_, err = s.Publish(t.Context(), nil, messages, sc.options(1)) // one of them is sent
	check(t, err)
	jobs, at, err := s.Claim(t.Context(), store.ClaimOptions{Max: 2, Lease: time.Minute})
	check(t, err)
	_, err = s.Defer(t.Context(), []store.Deferral{
		{Lease: jobs[0].Lease, DueAt: time.Now().Add(time.Hour)}, {Lease: jobs[1].Lease, DueAt: time.Now().Add(time.Hour), Held: true},
	})
	check(t, err)
	since := at.Truncate(time.Millisecond)
	check(t, s.UpdateHealth(t.Context(), []uuid.UUID{sc.sub.ID}, func(_ uuid.UUID, h *store.Health) {
		*h = store.Health{Failures: 12, Since: since, ProbeAt: since.Add(time.Minute)}
	}))
	check(t, s.CreateRecovery(t.Context(), store.Recovery{ID: newID(), OrganizationID: sc.org, SubscriptionID: sc.sub.ID, Since: since}))
	host := beat(t, s, 0).Host

	got, err = s.Overview(t.Context())
	check(t, err)
	if got.Due != 1 || got.OldestDue <= 0 || got.Sending != 1 || got.Scheduled != 1 || got.Held != 1 || got.RunningRecoveries != 1 {
		t.Errorf("%+v", got)
	}
	want := bunstore.OpenCircuit{
		OrganizationID: sc.org, SubscriptionID: sc.sub.ID, Since: since, Failures: 12, NextProbeAt: since.Add(time.Minute),
	}
	if got.OpenCircuits != 1 || len(got.Circuits) != 1 || got.Circuits[0] != want {
		t.Errorf("circuits %+v, want %+v", got.Circuits, want)
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	switch {
	case !postgres:
		if got.Hosts != nil || !got.LastDay.IsZero() {
			t.Errorf("SQLite has %+v", got)
		}
	case len(got.Hosts) != 1 || got.Hosts[0].Number != host || got.Hosts[0].Dead:
		t.Errorf("hosts %+v, want number %d", got.Hosts, host)
	case got.FirstDay.After(today) || got.LastDay.Before(today.Add(24*time.Hour)):
		t.Errorf("days from %v to %v", got.FirstDay, got.LastDay)
	}
	check(t, s.DeleteSubscription(t.Context(), sc.org, sc.sub.ID, time.Now(), nil))
	if got, err = s.Overview(t.Context()); err != nil || len(got.Circuits) != 0 || got.OpenCircuits != 0 {
		t.Errorf("after the deletion: %+v, %v", got, err)
	}
}
