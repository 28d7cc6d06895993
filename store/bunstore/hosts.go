package bunstore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// A host's death is noticed in two ways on PostgreSQL. While a dispatcher listens, its session
// holds an advisory lock, which ends with the process: a host whose lock is gone is dead once
// it has not beaten for lockedSilence either. A process that only lost its connections beats
// through the pool. A stopped process keeps its connections, and so its lock, and its leases decide.
// Behind a transaction pooler there is no lock, and a host is dead after unlockedSilence.
const (
	lockedSilence   = 3 * time.Second
	unlockedSilence = 15 * time.Second

	// A host whose own beats were further apart than beatGap may have been cut off from the
	// database together with the other hosts: it finds no host dead for settleTime.
	beatGap    = 2500 * time.Millisecond
	settleTime = 5 * time.Second

	// listenerPatience is how long a beat waits for the session that listens, before it takes
	// a connection of the pool.
	listenerPatience = store.BeatInterval

	// endBatch bounds the leases that one transaction ends.
	endBatch = 1000
)

// The token of a claim is the number of its host, in the upper 32 bits, and a counter of the
// claims of the attempt.
const (
	hostBits  = 32
	claimMask = "4294967295"
)

// tokenOf returns the token of a host's claim number n of an attempt.
func tokenOf(host, n int64) int64 { return host<<hostBits + n }

// nextToken is the token of the next claim of an attempt, by the host of the argument tokenOf(host, 1).
const nextToken = `(token & ` + claimMask + `) + CAST(? AS bigint)`

// Beat implements store.Hosts.
//
// On PostgreSQL a host that died is found within 4 s if its connections are closed, by a call of
// any other host. Behind a transaction pooler, and without [Store.Listen], it takes 16 s. The
// server closes the connection of a machine that does not answer after 3 s.
//
// On SQLite the first call of a process finds the hosts of former processes, unless another
// process uses the file. It creates a file of one page beside the database, with the
// suffix -host, which it keeps locked until EndLeases.
func (s *Store) Beat(ctx context.Context, host int64, lease time.Duration) (store.Beat, error) {
	b, err := s.dialect.beat(ctx, host, lease)
	if err != nil {
		return store.Beat{}, s.mapError(ctx, err)
	}
	return b, nil
}

// EndLeases implements store.Hosts.
func (s *Store) EndLeases(ctx context.Context, host int64) (attempts int, err error) {
	for {
		n := 0
		err := s.change(ctx, func(tx bun.Tx) (due bool, err error) {
			n = 0
			count := func(scanner) error { n++; return nil }
			err = s.on(tx.Tx).query(ctx, s.syntax.endLeases, count, host, endBatch)
			return n > 0, err
		})
		if err != nil {
			return attempts, err
		}
		attempts += n
		if n < endBatch {
			s.hosts.Delete(host)
			return attempts, s.dialect.forgetHost(ctx, host)
		}
	}
}

// Leases implements store.Hosts.
func (s *Store) Leases(ctx context.Context, host int64) (leases []store.Lease, err error) {
	err = s.retry(ctx, func() error {
		leases = nil
		return s.session(ctx, func(c conn) error {
			return c.query(ctx, s.syntax.leases, func(row scanner) error {
				var l store.Lease
				err := row.Scan((*id)(&l.AttemptID), &l.Token)
				leases = append(leases, l)
				return err
			}, host)
		})
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

func (d postgres) beat(ctx context.Context, host int64, lease time.Duration) (b store.Beat, err error) {
	if l := d.s.listener.Load(); l != nil {
		waiting, cancel := context.WithTimeout(ctx, listenerPatience)
		defer cancel()
		b, err = onListener(waiting, l, func(ctx context.Context, session *pgx.Conn) (store.Beat, error) {
			return d.beatOn(ctx, d.onSession(session), l.locks, host, lease)
		})
		if err == nil {
			return b, nil
		}
	}
	err = d.s.retry(ctx, func() error {
		return d.s.session(ctx, func(c conn) (err error) {
			b, err = d.beatOn(ctx, c.numbers, nil, host, lease)
			return err
		})
	})
	return b, err
}

// A runner runs a statement whose rows are numbers.
type runner func(ctx context.Context, text string, args ...any) ([]int64, error)

func (c conn) numbers(ctx context.Context, text string, args ...any) (numbers []int64, err error) {
	err = c.query(ctx, text, func(row scanner) error {
		var n int64
		err := row.Scan(&n)
		numbers = append(numbers, n)
		return err
	}, args...)
	return numbers, err
}

func (d postgres) onSession(session *pgx.Conn) runner {
	return func(ctx context.Context, text string, args ...any) ([]int64, error) {
		text, args = d.s.on(d.s.db.DB).render(text, args)
		rows, err := session.Query(ctx, text, args...)
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowTo[int64])
	}
}

// beatOn beats on a session, whose locks are given; nil for a session of the pool, which takes none.
func (d postgres) beatOn(ctx context.Context, run runner, locks map[int64]bool, host int64, lease time.Duration) (store.Beat, error) {
	for {
		if host == 0 {
			added, err := run(ctx, addHost, lease.Microseconds())
			if err != nil {
				return store.Beat{}, err
			}
			host = added[0]
		}
		b, found, err := d.beatAs(ctx, run, locks, host, lease)
		if err != nil || found {
			return b, err
		}
		d.s.hosts.Delete(host)
		host = 0
	}
}

// beatAs beats as a host. Found is false if the host was found dead.
func (d postgres) beatAs(
	ctx context.Context, run runner, locks map[int64]bool, host int64, lease time.Duration,
) (b store.Beat, found bool, err error) {
	if locks != nil && !locks[host] {
		locked, err := run(ctx, lockHost, d.s.schema, host)
		if err != nil {
			return b, false, err
		}
		locks[host] = len(locked) > 0
	}
	numbers, err := run(ctx, beat, lease.Microseconds(), locks == nil, d.s.schema, locks[host], host, d.s.schema)
	i := slices.Index(numbers, host)
	if err != nil || i < 0 {
		return b, false, err
	}
	d.s.hosts.Store(host, lease)
	b = store.Beat{Host: host, Silent: unlockedSilence, Dead: slices.Delete(numbers, i, i+1)}
	if i := slices.Index(b.Dead, lockHeld); i >= 0 {
		b.Silent, b.Dead = lockedSilence, slices.Delete(b.Dead, i, i+1)
	}
	return b, true, nil
}

// lockHosts takes the locks of this store's hosts at once, on the session that begins to listen.
func (d postgres) lockHosts(ctx context.Context, l *listener, session *pgx.Conn) (err error) {
	d.s.hosts.Range(func(host, lease any) bool {
		_, _, err = d.beatAs(ctx, d.onSession(session), l.locks, host.(int64), lease.(time.Duration))
		return err == nil
	})
	return err
}

// hostLock is the key of the advisory lock of a host. Its argument is the schema.
const hostLock = `hashtextextended('github.com/ecg-api/webhooks/host/' || CAST(? AS text), `

const lockHost = `SELECT CAST(1 AS bigint) WHERE pg_try_advisory_lock(` + hostLock + `?))`

// us is a duration as a number of microseconds, to add to {now}.
func us(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) + "{us}" }

// A new host can find other hosts dead at once, unless the database has just been started.
var addHost = `
INSERT INTO {}hosts (lease_us, beat_at, judges_at, locked)
VALUES (CAST(? AS bigint), {now}, greatest({now}, pg_postmaster_start_time() + ` + us(settleTime) + `), false)
RETURNING CAST(number AS bigint)`

// lockHeld stands among the numbers that beat returns if the host's lock is held.
const lockHeld = 0

// beat returns the number of the host, unless another host found it dead, lockHeld, and the numbers of the
// hosts that died. A session of the pool does not know whether the session that listens still holds the lock. So it
// tries to take the lock itself.
var beat = `
WITH me AS (
  UPDATE {}hosts SET beat_at = {now}, lease_us = ?,
    locked = CASE WHEN CAST(? AS boolean) THEN NOT pg_try_advisory_xact_lock(` + hostLock + `number)) ELSE CAST(? AS boolean) END,
    judges_at = CASE WHEN beat_at < {now} - ` + us(beatGap) + ` THEN {now} + ` + us(settleTime) + ` ELSE judges_at END
  WHERE number = ? AND NOT dead
  RETURNING number, judges_at, locked
), found AS (
  UPDATE {}hosts SET dead = true WHERE number IN (
    SELECT h.number FROM {}hosts AS h JOIN me ON h.number <> me.number AND me.judges_at <= {now}
    WHERE CASE
      WHEN h.dead THEN true
      WHEN h.locked AND h.beat_at < {now} - ` + us(lockedSilence) + ` THEN pg_try_advisory_xact_lock(` + hostLock + `h.number))
      ELSE h.beat_at < {now} - ` + us(unlockedSilence) + ` END
    FOR UPDATE OF h SKIP LOCKED)
  RETURNING number
)
SELECT CAST(number AS bigint) FROM me UNION ALL SELECT 0 FROM me WHERE locked UNION ALL SELECT number FROM found`

// A dead host is remembered for a while: its last commit may take longer than a take-over.
var forgetHost = `DELETE FROM {}hosts AS h WHERE number = ? AND (NOT dead OR beat_at < {now} - ` + us(unlockedSilence) + `)
  AND NOT EXISTS (SELECT 1 FROM {}queue AS q WHERE ` + leasedToHost + `)`

// leasedToHost finds the rows of the queue, q, that are leased to the host h.
const leasedToHost = `q.due_at > {now} AND q.due_at <= {now} + h.lease_us{us} AND q.sending AND q.token >> 32 = h.number`

// Rows that another transaction has locked are about to change. If they do not, the host stays, and
// the next call ends their leases.
const endLeasesSkipping = `
UPDATE {}queue SET due_at = {now} WHERE attempt_id = ANY(ARRAY(
  SELECT q.attempt_id FROM {}hosts AS h JOIN {}queue AS q ON ` + leasedToHost + `
  WHERE h.number = ? ORDER BY q.due_at LIMIT CAST(? AS bigint) FOR UPDATE OF q SKIP LOCKED))
RETURNING attempt_id`

const leasesByHost = `SELECT q.attempt_id, q.token FROM {}hosts AS h JOIN {}queue AS q ON ` + leasedToHost + ` WHERE h.number = ?`

// leasedTo finds the rows of the queue that are leased to a host, where there is no table of hosts.
const leasedTo = `due_at > {now} AND sending AND token >> 32 = ?`

const endLeasesByLookup = `
UPDATE {}queue SET due_at = {now} WHERE attempt_id IN (
  SELECT attempt_id FROM {}queue WHERE ` + leasedTo + ` ORDER BY due_at LIMIT ?)
RETURNING attempt_id`

const leasesByToken = `SELECT attempt_id, token FROM {}queue WHERE ` + leasedTo

func (d postgres) forgetHost(ctx context.Context, host int64) error {
	return d.s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		return false, d.s.on(tx.Tx).query(ctx, forgetHost, nil, host)
	})
}
