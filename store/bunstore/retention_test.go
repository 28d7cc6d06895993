package bunstore_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func TestADayEndsAsAWholeWithItsLateRetries(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.noon(1))
	w.succeed(w.retriedAt(w.sentAt(w.noon(1)), w.noon(1)))
	w.succeed(w.retriedAt(w.retriedAt(w.sentAt(w.noon(1)), w.noon(2)), w.noon(4)))
	w.succeed(w.publishAt(w.messageAt(w.noon(1)), w.noon(2), 1).Jobs...) // around midnight
	stays := w.doneAt(w.noon(2))
	w.prune(w.end(1).Add(-time.Millisecond), 0+4) // it has not ended: they go one by one
	if !w.has(w.noon(1)) {
		t.Error("a day is gone that had not ended")
	}
	w.left(1, 1)
	want := w.chain(stays)

	w.doneAt(w.noon(1))
	w.succeed(w.retriedAt(w.retriedAt(w.sentAt(w.noon(1)), w.noon(2)), w.noon(4)))
	w.succeed(w.retriedAt(w.sentAt(w.noon(1)), w.noon(1)))
	w.prune(w.end(1), 3)
	if w.has(w.noon(0)) || w.has(w.noon(1)) || !w.has(w.noon(2)) {
		t.Error("want the first two days gone, and no other")
	}
	w.left(1, 1)
	if got := w.chain(stays); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w.prune(w.end(1), 0)
}

func TestADayMayHaveMoreThanMax(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	for range 3 {
		w.doneAt(w.noon(1))
		w.succeed(w.retriedAt(w.sentAt(w.noon(1)), w.noon(2)))
	}
	w.doneAt(w.noon(2))
	for i, want := range []int{2, 1 + 3, 1} { // a message with late attempts is removed by itself
		n, err := w.s.Prune(t.Context(), w.end(2), 2)
		check(t, err)
		if n != want || w.has(w.noon(1)) != (i == 0) || w.has(w.noon(2)) != (i < 2) {
			t.Errorf("call %d removed %d, want %d; the first day is there: %v", i, n, want, w.has(w.noon(1)))
		}
	}
	w.left(0, 0)
}

func TestKeptMessagesOfADayAreRemovedOnceFinished(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	for range 3 {
		w.doneAt(w.noon(1))
	}
	sending := w.sentAt(w.noon(1))
	inDay := w.retriedAt(w.sentAt(w.noon(1)), w.noon(1))
	late := w.retriedAt(w.sentAt(w.noon(1)), w.noon(3))
	begun := w.sentAt(w.noon(1)) // by a message that is finished itself
	w.fail(begun, nil)
	w.succeed(w.joined(begun, w.noon(3)))
	begunInDay := w.sentAt(w.noon(1))
	w.fail(begunInDay, nil)
	joinedInDay := w.joined(begunInDay, w.noon(1))
	midnight := w.publishAt(w.messageAt(w.noon(1)), w.noon(2), 1).Jobs[0]
	pending := w.publishAt(w.messageAt(w.noon(1)), w.noon(1), 0)
	keep := []store.Job{sending, inDay, late, begun, begunInDay, midnight}
	var want []chain
	for _, j := range keep {
		want = append(want, w.chain(j))
	}

	w.prune(w.end(1), 3)
	if w.has(w.noon(1)) {
		t.Error("the day is still there")
	}
	w.left(11, 9)
	for i, j := range keep {
		if got := w.chain(j); !reflect.DeepEqual(got, want[i]) {
			t.Errorf("chain %d: got %+v, want %+v", i, got, want[i])
		}
	}
	w.prune(w.end(1), 0)

	if got := w.claim(1)[0]; got.MessageID != pending.MessageID || len(got.Body) == 0 {
		t.Errorf("claimed %+v, want message %v", got, pending.MessageID)
	} else {
		w.succeed(got)
	}
	w.succeed(sending, inDay, late, joinedInDay, midnight)
	w.prune(w.end(1), 6) // not the two messages that began a delivery with other messages
	w.prune(w.end(1), 1) // no other message is left in this delivery
	w.left(2, 2)
	w.prune(w.end(3), 1)
	w.prune(w.end(3), 1)
	w.left(0, 0)
}

func TestAnAttemptStaysWithItsMessage(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.noon(1))
	younger := w.publishAt(w.messageAt(w.noon(2)), w.noon(1), 1).Jobs[0]
	w.succeed(younger)
	older := w.retriedAt(w.sentAt(w.noon(0)), w.noon(1)) // and that day is dropped before
	joinedIt := w.sentAt(w.noon(2))
	w.fail(joinedIt, nil)
	w.succeed(w.joined(joinedIt, w.noon(1)))
	w.subscribe()
	ids := []uuid.UUID{idAt(w.noon(0)), idAt(w.noon(1))}
	opts := w.options(2)
	opts.NewID = func() (id uuid.UUID) { id, ids = ids[0], ids[1:]; return id }
	posts, err := w.s.Publish(t.Context(), nil, []store.NewMessage{w.messageAt(w.noon(0))}, opts)
	check(t, err)
	jobs := posts[0].Jobs // the second is of the next day, and finished
	w.succeed(jobs[1])
	keep := []store.Job{younger, older}
	var want []chain
	for _, j := range keep {
		want = append(want, w.chain(j))
	}
	w.prune(w.end(1), 2)
	if w.has(w.noon(0)) || w.has(w.noon(1)) {
		t.Error("the days are still there")
	}
	w.left(4+2, 3+1)
	for i, j := range keep {
		if got := w.chain(j); !reflect.DeepEqual(got, want[i]) {
			t.Errorf("chain %d: got %+v, want %+v", i, got, want[i])
		}
	}
	if got := w.chain(joinedIt); got.delivery.Attempts != 1 || got.delivery.Status != store.Failed || len(got.attempts) != 1 {
		t.Errorf("the delivery whose latest attempt went: %+v", got)
	}
	w.succeed(older, jobs[0])
	w.prune(w.end(1), 2)
}

func TestADeliveryIsSummarizedFromItsRemainingAttempts(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	first := w.sentAt(w.noon(1))
	w.fail(first, nil)
	w.succeed(w.joined(first, w.noon(1))) // goes with the day
	pending := w.retry(first, w.noon(3))  // keeps the first
	w.fail(pending, &store.Next{ID: idAt(w.noon(3)), DueAt: w.now.Add(time.Hour)})
	w.prune(w.end(1), 1)
	got := w.chain(first)
	if got.delivery.Attempts != 3 || len(got.attempts) != 3 || got.delivery.Status != store.Pending || got.attempts[2].Number != 4 {
		t.Errorf("got %+v", got)
	}
}

func TestAMessageIsOldByItsIDAndByItsCreation(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	w.doneAt(w.noon(1))
	young := w.messageAt(w.noon(1))
	young.CreatedAt = w.end(1)
	w.succeed(w.publishAt(young, w.noon(1), 1).Jobs...)
	older := w.messageAt(w.noon(3))
	older.CreatedAt = w.noon(1)
	w.succeed(w.publishAt(older, w.noon(3), 1).Jobs...)
	w.prune(w.end(1), 1)
	if w.has(w.noon(1)) {
		t.Error("the day is still there")
	}
	if _, err := w.s.Message(t.Context(), w.org, young.ID); err != nil {
		t.Error(err)
	}
	w.prune(w.end(1), 0)
	w.prune(w.end(1).Add(time.Millisecond), 1)
	w.prune(w.noon(3), 0)
	w.prune(w.noon(3).Add(time.Millisecond), 1)
	w.left(0, 0)
}

func TestADayWithManyKeptMessagesIsRemovedOneByOne(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	messages := make([]store.NewMessage, 1001)
	for i := range messages {
		messages[i] = w.messageAt(w.noon(1))
	}
	for range 3 {
		w.doneAt(w.noon(1))
	}
	_, err := w.s.Publish(t.Context(), nil, messages, store.PublishOptions{NewID: func() uuid.UUID { return idAt(w.noon(1)) }})
	check(t, err)
	w.prune(w.end(1), 3)
	if !w.has(w.noon(1)) {
		t.Error("the day was dropped")
	}
	w.left(1001, 1001)
	w.succeed(w.claim(1001)[:1]...)
	w.prune(w.end(1), 1) // it fits now
	if w.has(w.noon(1)) {
		t.Error("the day is still there")
	}
	w.left(1000, 1000)
}

func TestADeletedSubscriptionIsRemovedWithTheDayOfItsLastAttempt(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	other := w.subscribe()
	w.succeed(w.publishAt(w.messageAt(w.noon(1)), w.noon(1), 2).Jobs...)
	w.delete(w.sub)
	w.doneAt(w.noon(2))
	w.delete(other)
	for day, want := range []struct {
		removed    int
		sub, other bool
	}{{0, true, true}, {1, false, true}, {1, false, false}} {
		w.prune(w.end(day), want.removed)
		if w.has(w.noon(day)) {
			t.Errorf("day %d is still there", day)
		}
		if w.known(w.sub) != want.sub || w.known(other) != want.other {
			t.Errorf("after day %d: known are %v and %v, want %v and %v", day, w.known(w.sub), w.known(other), want.sub, want.other)
		}
	}
}

// Nobody waits for a transaction that holds a deleted subscription, as UpdateHealth may,
// and the added attempt is removed, too.
func TestALockedDeletedSubscriptionIsLeftForLater(t *testing.T) {
	t.Parallel()
	w := newWeek(t)
	free := w.subscribe()
	w.delete(w.sub)
	w.delete(free)
	tx, err := w.s.DB().BeginTx(t.Context(), nil)
	check(t, err)
	_, err = tx.ExecContext(t.Context(), w.sql(`INSERT INTO {}health (subscription_id, failures, probes) VALUES ('`+w.sub.ID.String()+`', 1, 1)`))
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // for a Prune that waits
	defer cancel()
	_, err = w.s.Prune(ctx, w.now, 10)
	check(t, err)
	if !w.known(w.sub) || w.known(free) {
		t.Errorf("the one that is held is known: %v, the other: %v", w.known(w.sub), w.known(free))
	}
	check(t, tx.Commit())
	w.prune(w.now, 0)
	if n := w.one(`SELECT (SELECT count(*) FROM {}subscriptions) + (SELECT count(*) FROM {}health)`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
