package webhooks_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// key returns a key of 32 bytes n.
func key(n byte) []byte { return slices.Repeat([]byte{n}, 32) }

// keys is a store whose signing secrets a test can read and damage.
type keys struct {
	store.Store
	t   *testing.T
	org uuid.UUID
}

func newKeys(t *testing.T) *keys {
	t.Helper()
	return &keys{Store: memstore.New(), t: t, org: uuid.New()}
}

// open returns the library over the store, with keys of their own.
func (k *keys) open(ring ...[]byte) *webhooks.Webhooks {
	k.t.Helper()
	w, err := webhooks.New(k.Store, webhooks.Config{SecretKeys: ring})
	if err != nil {
		k.t.Fatal(err)
	}
	return w
}

// subscribe adds a subscription, and returns it with its secret.
func (k *keys) subscribe(w *webhooks.Webhooks) (webhooks.Subscription, string) {
	k.t.Helper()
	sub, secret, err := w.Subscriptions.Create(k.t.Context(), k.org, webhooks.SubscriptionInput{})
	if err != nil {
		k.t.Fatal(err)
	}
	return sub, secret
}

// rows are all secrets as they are stored.
func (k *keys) rows() []store.Secret {
	k.t.Helper()
	rows, err := k.SecretsExcept(k.t.Context(), nil, uuid.Nil, 1000)
	if err != nil {
		k.t.Fatal(err)
	}
	return rows
}

// put overwrites the stored form of one secret with that of another.
func put(t *testing.T, st store.Store, from, to store.Secret) {
	t.Helper()
	n, err := st.ReplaceKeys(t.Context(), []store.KeyChange{{SecretID: to.ID, From: to.Key, To: from.Key}})
	if err != nil || n != 1 {
		t.Fatalf("replaced %d: %v", n, err)
	}
}

// elsewhere is a store that gives out secrets as if they lay in other rows.
type elsewhere struct {
	store.Store
	move func(*store.Secret)
}

func (e elsewhere) SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (store.Secret, error) {
	s, err := e.Store.SecretAt(ctx, org, subscription, at)
	e.move(&s)
	return s, err
}

func TestAnEncryptedSecretOpensInItsOwnRowAlone(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	sub, secret := k.subscribe(k.open(key(1)))
	for name, move := range map[string]func(*store.Secret){
		"its own":           func(*store.Secret) {},
		"an organization's": func(s *store.Secret) { s.OrganizationID = uuid.New() },
		"a subscription's":  func(s *store.Secret) { s.SubscriptionID = uuid.New() },
		"another secret's":  func(s *store.Secret) { s.ID = uuid.New() },
		"two exchanged": func(s *store.Secret) {
			s.OrganizationID, s.SubscriptionID = s.SubscriptionID, s.OrganizationID
		},
	} {
		w, err := webhooks.New(elsewhere{k.Store, move}, webhooks.Config{SecretKeys: [][]byte{key(1)}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Subscriptions.SecretAt(t.Context(), k.org, sub.ID, time.Time{})
		if own := name == "its own"; own != (err == nil) || own && got.Key != secret || !own && got.Key != "" {
			t.Errorf("in %s row: %v, a secret: %v", name, err, got.Key != "")
		}
	}
}

func TestTheSecretsOfADeletedSubscriptionAreGone(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	w := k.open(key(1))
	sub, _ := k.subscribe(w)
	if _, err := w.Subscriptions.RotateSecret(t.Context(), k.org, sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Subscriptions.Delete(t.Context(), k.org, sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(k.rows()); n != 0 {
		t.Errorf("%d secrets are left", n)
	}
	current, err := w.Subscriptions.CurrentSecrets(t.Context(), []webhooks.Subscription{sub}) // read before the deletion
	if err != nil || current[sub.ID] != "" {
		t.Errorf("the current secret is %v, %v", current[sub.ID] != "", err)
	}
	other := k.open(key(2)) // so their key is not needed any more
	if err := other.Keys().Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := other.Keys().Rotate(t.Context()); got != (webhooks.KeyRotation{}) || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAMovedSecretFailsItsOwnDeliveriesAndNobodyElses(t *testing.T) {
	t.Parallel()
	ended := make(chan webhooks.Notice, 10)
	w := newWorld(t, func(c *webhooks.Config) {
		c.SecretKeys = [][]byte{key(1)}
		c.Observer = webhooks.ObserverFunc(func(n webhooks.Notice) {
			if n.Kind == webhooks.AttemptEnded {
				ended <- n
			}
		})
	})
	victim, neighbour := w.subscribe("*"), w.subscribe("*")
	rows, err := w.store.SecretsExcept(t.Context(), nil, uuid.Nil, 10)
	w.must(err)
	put(t, w.store, rows[1], rows[0])
	w.must(w.Dispatcher.Start(t.Context()))
	defer func() { w.must(w.Dispatcher.Stop(context.Background())) }()
	w.publish(`{"n":1}`)
	for range 2 {
		n := <-ended
		if ok := n.Status == webhooks.Succeeded; ok != (n.SubscriptionID == neighbour.ID) {
			t.Errorf("of %v: %v", n.SubscriptionID, n.Status)
		}
	}
	if got := w.attempts(victim); got[0].Status != webhooks.Failed || got[0].Error != "the subscription's secret cannot be used" {
		t.Errorf("the victim's attempt: %v %q", got[0].Status, got[0].Error)
	}
	if len(w.sent()) != 1 {
		t.Errorf("%d were posted, want the neighbour's alone", len(w.sent()))
	}

	// It can be seen and replaced, and hides nothing else.
	current, err := w.Subscriptions.CurrentSecrets(t.Context(), []webhooks.Subscription{victim, neighbour})
	w.must(err)
	if current[victim.ID] != "" || current[neighbour.ID] == "" {
		t.Error("of the two secrets not just the neighbour's is readable")
	}
	fresh, err := w.Subscriptions.RotateSecret(t.Context(), w.org, victim.ID, nil)
	w.must(err)
	list, err := w.Subscriptions.Secrets(t.Context(), w.org, victim.ID, webhooks.Page{Take: 10})
	w.must(err)
	if len(list.Items) != 2 || list.Items[0].Key != "" || list.Items[1].Key != fresh.Key {
		t.Error("the history is not the damaged secret and the new one")
	}
	w.publish(`{"n":2}`)
	for range 2 {
		if n := <-ended; n.Status != webhooks.Succeeded {
			t.Errorf("after a new secret: %v %v", n.SubscriptionID, n.Status)
		}
	}
}

func TestTheDispatcherStartsWithTheKeysOfItsStoreAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made [][][]byte // the ring under which each subscription was made
		ring [][]byte
		ok   bool
	}{
		"nothing stored, no key":          {nil, nil, true},
		"nothing stored, a key":           {nil, [][]byte{key(1)}, true},
		"the key":                         {[][][]byte{{key(1)}}, [][]byte{key(1)}, true},
		"the key behind another":          {[][][]byte{{key(1)}}, [][]byte{key(2), key(1)}, true},
		"another key":                     {[][][]byte{{key(1)}}, [][]byte{key(2)}, false},
		"no key any more":                 {[][][]byte{{key(1)}}, nil, false},
		"in the clear so far":             {[][][]byte{nil}, [][]byte{key(1)}, true},
		"in the clear":                    {[][][]byte{nil}, nil, true},
		"one of two keys":                 {[][][]byte{{key(1)}, {key(2)}}, [][]byte{key(2)}, false},
		"the other of two keys":           {[][][]byte{{key(1)}, {key(2)}}, [][]byte{key(1)}, false},
		"both keys":                       {[][][]byte{{key(1)}, {key(2)}}, [][]byte{key(2), key(1)}, true},
		"in the clear beside another key": {[][][]byte{nil, {key(1)}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeys(t)
			for _, ring := range c.made {
				k.subscribe(k.open(ring...))
			}
			w := k.open(c.ring...)
			check, start := w.Keys().Check(t.Context()), w.Dispatcher.Start(t.Context())
			if stop := w.Dispatcher.Stop(context.Background()); stop != nil {
				t.Error(stop)
			}
			for _, err := range []error{check, start} {
				if c.ok && err != nil || !c.ok && !errors.Is(err, webhooks.ErrMissingKey) {
					t.Errorf("got %v, should start: %v", err, c.ok)
				}
			}
		})
	}
}

func TestADamagedSecretDoesNotStopTheStart(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	w := k.open(key(1))
	k.subscribe(w)
	good := k.rows()[0].Key
	for i := range good { // a wrong byte, wherever
		bad := slices.Clone(good)
		bad[i] ^= 0x40
		row := k.rows()[0]
		put(t, k, store.Secret{Key: bad}, row)
		if err := w.Keys().Check(t.Context()); err != nil {
			t.Errorf("byte %d is wrong: %v", i, err)
		}
		if _, err := w.Subscriptions.SecretAt(t.Context(), k.org, row.SubscriptionID, time.Time{}); err == nil {
			t.Errorf("byte %d is wrong, and it opens", i)
		}
	}
	for _, bad := range []string{"", "\x01", "\x02", "nonsense", string(good[:5]), string(good[:12]), string(good[:len(good)-1])} {
		put(t, k, store.Secret{Key: []byte(bad)}, k.rows()[0])
		if err := w.Keys().Check(t.Context()); err != nil {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// interrupted fails after it replaced the keys of some secrets.
type interrupted struct {
	store.Store
	left int
}

var errInterrupted = errors.New("interrupted")

func (i *interrupted) ReplaceKeys(ctx context.Context, changes []store.KeyChange) (int, error) {
	n, err := i.Store.ReplaceKeys(ctx, changes[:min(i.left, len(changes))])
	if i.left -= n; i.left == 0 && err == nil {
		err = errInterrupted
	}
	return n, err
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	secrets := map[uuid.UUID]string{}
	want := func(w *webhooks.Webhooks) {
		t.Helper()
		for id, secret := range secrets {
			if got, err := w.Subscriptions.SecretAt(t.Context(), k.org, id, time.Time{}); err != nil || got.Key != secret {
				t.Fatalf("the secret of %v is another one: %v", id, err)
			}
		}
	}
	for i := range 1203 { // more than two batches
		w := k.open(key(1))
		if i%3 == 0 {
			w = k.open()
		}
		sub, secret := k.subscribe(w)
		secrets[sub.ID] = secret
	}
	before := k.rows()

	if _, err := k.open(key(2)).Keys().Rotate(t.Context()); !errors.Is(err, webhooks.ErrMissingKey) {
		t.Errorf("without the former key: %v", err)
	}
	if after := k.rows(); string(after[0].Key) != string(before[0].Key) {
		t.Error("without the former key something was changed")
	}

	broken, err := webhooks.New(&interrupted{k.Store, 700}, webhooks.Config{SecretKeys: [][]byte{key(2), key(1)}})
	if err != nil {
		t.Fatal(err)
	}
	done, err := broken.Keys().Rotate(t.Context())
	if !errors.Is(err, errInterrupted) || done.Rotated != 700 {
		t.Fatalf("rotated %d, then %v", done.Rotated, err)
	}
	both := k.open(key(2), key(1))
	want(both)
	if err := k.open(key(2)).Keys().Check(t.Context()); !errors.Is(err, webhooks.ErrMissingKey) {
		t.Errorf("half-way the new key alone would start: %v", err)
	}

	for _, left := range []int{503, 0} {
		if done, err := both.Keys().Rotate(t.Context()); err != nil || done.Rotated != left || done.Damaged != 0 {
			t.Errorf("rotated %d, %d damaged, %v; want %d", done.Rotated, done.Damaged, err, left)
		}
	}
	alone := k.open(key(2))
	if err := alone.Dispatcher.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := alone.Dispatcher.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	want(alone)
	for i, row := range k.rows() {
		if string(row.Key) == string(before[i].Key) || strings.Contains(string(row.Key), secrets[row.SubscriptionID]) {
			t.Fatalf("row %d is as it was, or in the clear", i)
		}
		row.Key, before[i].Key = nil, nil
		if !sameRow(row, before[i]) {
			t.Fatalf("more than the key has changed: %v, was %v", row, before[i])
		}
	}
}

func sameRow(a, b store.Secret) bool {
	return a.ID == b.ID && a.OrganizationID == b.OrganizationID && a.SubscriptionID == b.SubscriptionID &&
		a.ValidFrom.Equal(b.ValidFrom) && a.ValidTo.Equal(b.ValidTo) && a.Audit == b.Audit
}

func TestRotateKeysLeavesDamagedSecrets(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	old := k.open(key(1))
	k.subscribe(old)
	k.subscribe(old)
	put(t, k, k.rows()[0], k.rows()[1])
	done, err := k.open(key(2), key(1)).Keys().Rotate(t.Context())
	if err != nil || done.Rotated != 1 || done.Damaged != 1 {
		t.Errorf("%d rotated, %d damaged, %v", done.Rotated, done.Damaged, err)
	}
}
