package webhooks_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// slowTraffic is a store whose Traffic does not return before the end of the test, whatever its ctx.
type slowTraffic struct {
	*memstore.Store
	ended <-chan struct{}
	calls atomic.Int64
}

func (s *slowTraffic) Abilities() store.Abilities {
	a := s.Store.Abilities()
	a.Operations = s
	return a
}

func (s *slowTraffic) Traffic(context.Context, time.Time, int) (store.Traffic, error) {
	s.calls.Add(1)
	<-s.ended
	return store.Traffic{}, nil
}

func TestOverviewNamesThePartThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		defer close(ended)
		st := &slowTraffic{Store: memstore.New(), ended: ended}
		hooks, err := webhooks.New(st, webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			began := time.Now()
			o, err := hooks.Operations().Overview(t.Context())
			if err != nil || !slices.Equal(o.Unknown, []string{webhooks.PartTraffic}) || !o.Up || o.Layout.Kind != "memory" {
				t.Errorf("%+v, %v", o, err)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("it took %v, want 1 s", took)
			}
		}
		if n := st.calls.Load(); n != 1 {
			t.Errorf("%d calls hang, want one", n)
		}
	})
}

func TestOperationsAreReadAgainAfterTheirAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		read := func() time.Time {
			_, at, err := hooks.Operations().Unhealthy(t.Context(), webhooks.UnhealthyQuery{Failing: true, Take: 1})
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		first := read()
		pass(webhooks.OperationsAge - time.Millisecond)
		if at := read(); !at.Equal(first) {
			t.Errorf("read at %v again, after %v", at, at.Sub(first))
		}
		pass(time.Millisecond)
		if at := read(); at.Sub(first) != webhooks.OperationsAge {
			t.Errorf("read at %v, first at %v", at, first)
		}
	})
}

// Lists that differ by their cursors are kept for a bounded number of questions; older ones make room.
func TestOperationsKeepABoundedNumberOfLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ask := func() error {
			_, _, err := hooks.Operations().Recoveries(t.Context(), webhooks.RecoveryQuery{After: uuid.New(), Take: 1})
			return err
		}
		for range 100 {
			wantErr(t, ask(), nil)
		}
		wantErr(t, ask(), webhooks.ErrUnavailable)
		pass(webhooks.OperationsAge)
		wantErr(t, ask(), nil)
	})
}

func TestStorageNamesTheKeysInUse(t *testing.T) {
	t.Parallel()
	st := memstore.New()
	keyed := func(keys ...string) *webhooks.Webhooks {
		c := webhooks.Config{}
		for _, key := range keys {
			c.SecretKeys = append(c.SecretKeys, []byte(key))
		}
		hooks, err := webhooks.New(st, c)
		if err != nil {
			t.Fatal(err)
		}
		return hooks
	}
	const former, present = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for _, hooks := range []*webhooks.Webhooks{keyed(), keyed(former), keyed(former)} {
		if _, _, err := hooks.Subscriptions.Create(t.Context(), uuid.New(), webhooks.SubscriptionInput{}); err != nil {
			t.Fatal(err)
		}
	}
	storage := func(hooks *webhooks.Webhooks) webhooks.StorageState {
		s, err := hooks.Operations().Storage(t.Context())
		if err != nil || len(s.Unknown) > 0 {
			t.Fatal(s, err)
		}
		return s
	}
	before := storage(keyed(present, former))
	if len(before.Keys) != 2 || !slices.Equal(before.KeysInUse, before.Keys[1:]) {
		t.Errorf("keys %v, in use %v: want the second", before.Keys, before.KeysInUse)
	}
	if _, err := keyed(present, former).Keys().Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := storage(keyed(present, former))
	if !slices.Equal(after.KeysInUse, before.Keys[:1]) {
		t.Errorf("keys %v, in use %v after the rotation: want the first", after.Keys, after.KeysInUse)
	}
}
