package webhookstest_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/webhookstest"
)

// txKit is a kit with a way to run f in a transaction, which is committed if f returns nil.
type txKit struct {
	*webhookstest.Kit
	inTx func(f func(tx webhooks.Tx) error) error
}

// eachStore runs a test on the memory store and on SQLite, where each use of a transaction wraps it anew.
func eachStore(t *testing.T, test func(t *testing.T, kit txKit)) {
	t.Helper()
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		kit := webhookstest.New(t)
		test(t, txKit{kit, func(f func(webhooks.Tx) error) error {
			tx := kit.Begin()
			if err := f(tx); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		}})
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kit.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, txKit{webhookstest.New(t, webhookstest.WithStore(st.Store)), func(f func(webhooks.Tx) error) error {
			tx, err := st.DB().BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			if err := f(rewrapped{tx: tx.Tx}); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return tx.Commit()
		}})
	})
}

// rewrapped stands for a service that has a *sql.Tx and wraps it wherever it is used.
type rewrapped struct {
	webhooks.Tx
	tx *sql.Tx
}

func (s *txKit) publishTx(tx webhooks.Tx, org uuid.UUID, data any) error {
	if r, ok := tx.(rewrapped); ok {
		tx = bunstore.Tx(r.tx)
	}
	_, err := s.Hooks.Dispatcher.PublishTx(context.Background(), tx, org, webhooks.Event{Type: "order.paid", Data: data})
	return err
}

func (s *txKit) publishedTx(tx webhooks.Tx, org uuid.UUID) []webhookstest.Event {
	if r, ok := tx.(rewrapped); ok {
		tx = bunstore.Tx(r.tx)
	}
	return s.PublishedTx(tx, org)
}

var errUndo = errors.New("undo")

func TestAnOutboxHasWhatWasCommittedAndNothingElse(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, kit txKit) {
		customer, other := uuid.New(), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "*")
		publish(t, kit.Kit, customer, "before")
		outbox := kit.Outbox(customer)
		err := kit.inTx(func(tx webhooks.Tx) error {
			for _, err := range []error{kit.publishTx(tx, customer, 1), kit.publishTx(tx, other, 2), kit.publishTx(tx, customer, 3)} {
				if err != nil {
					return err
				}
			}
			if got := kit.publishedTx(tx, customer); len(got) != 2 || string(got[0].Data) != "1" || string(got[1].Data) != "3" {
				t.Errorf("in the transaction: %v", got)
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		outbox.RequireNothing()
		if err := kit.inTx(func(tx webhooks.Tx) error { return kit.publishTx(tx, customer, 4) }); err != nil {
			t.Fatal(err)
		}
		outbox.Require(webhooks.Event{Type: "order.paid", Data: 4})
		kit.WaitIdle(t)
		wantStatuses(t, receiver, 200, 200)
	})
}

func TestAnOutboxSaysHowItDiffers(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	kit, customer := webhookstest.New(f), uuid.New()
	kit.EventType("order.paid")
	outbox := kit.Outbox(customer)
	publish(t, kit, customer, map[string]int{"amount": 3})
	wantFailure(t, f.failure(outbox.RequireNothing), "published [order.paid], want []")
	wantFailure(t, f.failure(func() {
		outbox.Require(webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": 4}})
	}), "event 1, order.paid", "data.amount: got 3, want 4")
}

func TestPublishedReadsAllPagesInOrder(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	const n = 250
	for i := range n {
		publish(t, kit, customer, i)
	}
	all := webhookstest.Published(t, kit.Hooks, customer)
	if len(all) != n {
		t.Fatalf("%d events, want %d", len(all), n)
	}
	for i, e := range all {
		var number int
		if err := e.Decode(&number); err != nil || number != i {
			t.Fatalf("event %d has the data %s, %v", i, e.Data, err)
		}
	}
}

func TestRequireEventNamesThePathOfEachDifference(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for _, tt := range []struct {
		got  string
		want any
		says []string // nil: equal
	}{
		{`{"amount":3}`, object{"amount": 3}, nil},
		{`{"amount":3.0,"of":[1e2,"a",null,true]}`, object{"amount": 3, "of": []any{100, "a", nil, true}}, nil},
		{`12345678901234567890`, json.Number("12345678901234567890"), nil},
		{`{"amount":3}`, object{"amount": 4}, []string{"data.amount: got 3, want 4"}},
		{`12345678901234567891`, json.Number("12345678901234567890"), []string{"data: got 12345678901234567891, want 12345678901234567890"}},
		{`{"items":[{"sku":"a"},{"sku":"b"}]}`, object{"items": []any{object{"sku": "a"}, object{"sku": "c"}}}, []string{
			`data.items[1].sku: got "b", want "c"`,
		}},
		{`{"items":[1]}`, object{"items": []int{1, 2}}, []string{"data.items: got 1 elements, want 2"}},
		{`{"b":1}`, object{"a": 1}, []string{"data.a: missing, want 1", "data.b: got 1, want no such member"}},
		{`{"a":null}`, object{}, []string{"data.a: got null, want no such member"}},
		{`"3"`, 3, []string{`data: got "3", want 3`}},
		{`{}`, []int{}, []string{"data: got {}, want []"}},
		{`false`, nil, []string{"data: got false, want null"}},
		{`1`, make(chan int), []string{"the wanted data cannot be marshalled"}},
	} {
		events := []webhookstest.Event{{Type: "order.paid", Data: []byte(tt.got)}}
		f := &fake{T: t}
		got := f.failure(func() { webhookstest.RequireEvent(f, events, "order.paid", tt.want) })
		if tt.says == nil && got != "" {
			t.Errorf("%s is not %v: %s", tt.got, tt.want, got)
		}
		for _, line := range tt.says {
			if !strings.Contains(got, line) {
				t.Errorf("%s, want %v: the failure does not say %q:\n%s", tt.got, tt.want, line, got)
			}
		}
	}
}

func TestRequireEventFindsTheEventAmongOthers(t *testing.T) {
	t.Parallel()
	f := &fake{T: t}
	events := []webhookstest.Event{
		{Type: "order.made", Data: []byte("1")}, {Type: "order.paid", Data: []byte("1")}, {Type: "order.paid", Data: []byte("2")},
	}
	if got := webhookstest.RequireEvent(t, events, "order.paid", 2); string(got.Data) != "2" {
		t.Errorf("got %s", got.Data)
	}
	wantFailure(t, f.failure(func() { webhookstest.RequireEvent(f, events, "order.sent", 1) }),
		"no event order.sent", "order.made order.paid order.paid")
}

// Differences are bounded while they are collected.
func TestADiffOfManyMembersIsShort(t *testing.T) {
	t.Parallel()
	got, want := map[string]int{}, map[string]int{}
	for i := range 10_000 {
		got[fmt.Sprint(i)], want[fmt.Sprint(i)] = 1, 2
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{T: t}
	failure := f.failure(func() {
		webhookstest.RequireEvent(f, []webhookstest.Event{{Type: "a", Data: text}}, "a", want)
	})
	if n := strings.Count(failure, "\n"); n != 11 {
		t.Errorf("%d lines, want 10 differences and a mark", n)
	}
}

func FuzzDiff(f *testing.F) {
	for _, text := range []string{`1`, `1e999999999`, `{"a":[1,{"b":null}]}`, `{`, `"\ud800"`, `[[[]]]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		events := []webhookstest.Event{{Type: "a", Data: []byte(text)}}
		quiet := &fake{T: t}
		failure := quiet.failure(func() { webhookstest.RequireEvent(quiet, events, "a", json.RawMessage(text)) })
		if equal := failure == ""; equal != json.Valid([]byte(text)) {
			t.Errorf("%q compared with itself: %q", text, failure)
		}
	})
}
