package bunstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

func beat(tb testing.TB, s *bunstore.Store, host int64) store.Beat {
	tb.Helper()
	b, err := s.Beat(tb.Context(), host, time.Minute)
	check(tb, err)
	return b
}

// changeHost changes the row of a host.
func changeHost(tb testing.TB, s *bunstore.Store, host int64, change string) {
	tb.Helper()
	_, err := s.DB().ExecContext(tb.Context(), fmt.Sprintf(`UPDATE %q.hosts SET %s WHERE number = %d`, s.Schema(), change, host))
	check(tb, err)
}

// newJudge adds a host that may find other hosts dead, also in a database that has just been started.
func newJudge(tb testing.TB, s *bunstore.Store) int64 {
	tb.Helper()
	judge := beat(tb, s, 0).Host
	changeHost(tb, s, judge, "judges_at = now()")
	return judge
}

// isLocked reports whether the session that listens held the host's lock at the last beat.
func isLocked(tb testing.TB, s *bunstore.Store, host int64) (locked bool) {
	tb.Helper()
	row := s.DB().QueryRowContext(tb.Context(), fmt.Sprintf(`SELECT locked FROM %q.hosts WHERE number = %d`, s.Schema(), host))
	check(tb, row.Scan(&locked))
	return locked
}

// sameSchema makes the store of another process on the tables of s.
func sameSchema(tb testing.TB, s *bunstore.Store) *bunstore.Store {
	tb.Helper()
	other, err := bunstore.New(s.DB(), bunstore.Options{Schema: s.Schema()})
	check(tb, err)
	return other
}

// listens runs Listen until the host's lock is held. The result has the error of Listen; stop ends it.
func listens(tb testing.TB, s *bunstore.Store, host int64) (ended <-chan error, stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	result, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		result <- s.Listen(ctx, func() {})
	}()
	stop = func() { cancel(); <-done }
	tb.Cleanup(stop)
	for !isLocked(tb, s, host) {
		beat(tb, s, host)
	}
	return result, stop
}

func TestHostsThatAreFoundDead(t *testing.T) {
	t.Parallel()
	silent := func(d time.Duration) string {
		return fmt.Sprintf("beat_at = now() - interval '%d milliseconds'", d.Milliseconds())
	}
	const steady = "beat_at = now() + interval '1 minute'" // it has no gap, however long the test takes
	for _, c := range []struct {
		rule, victim, judge string
		dead                bool
	}{
		{"WithoutALockAfter15Seconds", silent(15500 * time.Millisecond), steady, true},
		{"WithoutALockNotBefore", silent(10 * time.Second), steady, false},
		{"WithALostLockAfter3Seconds", "locked = true, " + silent(3500*time.Millisecond), steady, true},
		{"WithALostLockNotWhileTheyBeat", "locked = true, " + silent(0), steady, false},
		{"WhoseSuccessorDiedToo", "dead = true, " + silent(0), steady, true},
		{"NotByAHostThatHadAGapItself", silent(time.Hour), silent(3 * time.Second), false},
		{"NotByAHostThatSettles", silent(time.Hour), steady + ", judges_at = now() + interval '1 minute'", false},
		{"ByAHostThatHasSettled", silent(time.Hour), steady + ", judges_at = now()", true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			s := newPostgres(t)
			victim, judge := beat(t, s, 0).Host, newJudge(t, s)
			changeHost(t, s, victim, c.victim)
			changeHost(t, s, judge, c.judge)
			if got := beat(t, s, judge).Dead; slices.Contains(got, victim) != c.dead || len(got) > 1 {
				t.Errorf("the dead hosts are %v, of them %d should be: %v", got, victim, c.dead)
			}
			if got := beat(t, s, victim).Host; (got != victim) != c.dead {
				t.Errorf("the host %d has the number %d afterwards", victim, got)
			}
		})
	}
}

func TestAHostIsNotFoundDeadWhileItsSessionListens(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	other := sameSchema(t, s)
	host, judge := beat(t, s, 0).Host, newJudge(t, other)
	_, stop := listens(t, s, host)
	changeHost(t, s, host, "beat_at = now() - interval '1 minute'") // as if the process had been stopped
	if got := beat(t, other, judge).Dead; len(got) > 0 {
		t.Errorf("the dead hosts are %v while %d holds its lock", got, host)
	}
	stop()
	var got []int64
	for len(got) == 0 { // the server ends the session some time later
		got = beat(t, other, judge).Dead
	}
	if !slices.Equal(got, []int64{host}) {
		t.Errorf("the dead hosts are %v after the end of the session, want %d", got, host)
	}
}

func TestAHostThatLosesItsConnectionsBeatsOnOtherConnections(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	host := beat(t, s, 0).Host
	ended, _ := listens(t, s, host)
	_, err := s.DB().ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE locktype = 'advisory' AND application_name = ?`, bunstore.Options{Schema: s.Schema()}.ApplicationName())
	check(t, err)
	if err := <-ended; err == nil {
		t.Fatal("Listen returned no error although its session was terminated")
	}
	b := beat(t, s, host)
	for isLocked(t, s, host) { // the server ends the session some time later
		b = beat(t, s, host)
	}
	if b.Host != host || b.Silent != 15*time.Second {
		t.Errorf("the host %d beats without its lock as %d, for %v", host, b.Host, b.Silent)
	}
	listens(t, s, host) // which takes the lock again
}

// While the session that listens is slow, a host beats through the pool.
func TestAHostKeepsItsLockWhenItBeatsThroughThePool(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	pool := sameSchema(t, s)
	host := beat(t, s, 0).Host
	listens(t, s, host)
	if b := beat(t, pool, host); b.Host != host || b.Silent != 3*time.Second || len(b.Dead) > 0 || !isLocked(t, s, host) {
		t.Errorf("the host %d beats as %+v, with a lock: %v", host, b, isLocked(t, s, host))
	}
}

func TestADeadHostIsTakenOverByOneOfManyThatSeeIt(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	victim := beat(t, s, 0).Host
	changeHost(t, s, victim, "beat_at = now() - interval '1 minute'")
	var claimants int
	for range 3 {
		for _, dead := range beat(t, s, newJudge(t, s)).Dead {
			_, err := s.EndLeases(t.Context(), dead)
			check(t, err)
			claimants++
		}
	}
	var rows int
	check(t, s.DB().QueryRowContext(t.Context(), fmt.Sprintf(`SELECT count(*) FROM %q.hosts`, s.Schema())).Scan(&rows))
	if claimants != 1 || rows != 3 {
		t.Errorf("%d hosts took over from one, and %d rows are left, want 1 and 3", claimants, rows)
	}
}

// A commit may take longer than it takes other hosts to find its host dead.
func TestADeadHostIsTakenOverAgainAfterALateCommit(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	sc := newScene(t, s)
	victim, judge := beat(t, s, 0).Host, newJudge(t, s)
	changeHost(t, s, victim, "locked = true, beat_at = now() - interval '4 seconds'")
	takeOver := func(want int) {
		t.Helper()
		if dead := beat(t, s, judge).Dead; !slices.Equal(dead, []int64{victim}) {
			t.Fatalf("the dead hosts are %v, want %d", dead, victim)
		}
		n, err := s.EndLeases(t.Context(), victim)
		check(t, err)
		if n != want {
			t.Errorf("%d leases ended, want %d", n, want)
		}
	}
	takeOver(0)
	opts := sc.options(1)
	opts.Host = victim
	_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message(nil)}, opts)
	check(t, err)
	takeOver(1)
	changeHost(t, s, victim, "beat_at = now() - interval '16 seconds'")
	takeOver(0)
	if dead := beat(t, s, judge).Dead; len(dead) > 0 {
		t.Errorf("the dead hosts are %v after 16 s, want none", dead)
	}
}

func TestHostsBeatThroughATransactionPooler(t *testing.T) {
	t.Parallel()
	s := migrated(t, openThrough(t, "many", postgres.Options{}))
	host := beat(t, s, 0).Host
	if b := beat(t, s, host); b.Host != host || b.Silent != 15*time.Second || isLocked(t, s, host) {
		t.Errorf("got %+v and a lock %v, want the number %d and no lock", b, isLocked(t, s, host), host)
	}
	changeHost(t, s, host, "beat_at = now() - interval '16 seconds'")
	if got := beat(t, s, newJudge(t, s)).Dead; !slices.Equal(got, []int64{host}) {
		t.Errorf("the dead hosts are %v, want %d", got, host)
	}
}

// hostOnFile is the path of the database for TestHostOnFile.
const hostOnFile = "WEBHOOKS_TEST_HOST_ON_FILE"

// TestHostOnFile is a host in a process of its own, which claims an attempt and then waits to be killed. As a
// test it does nothing.
func TestHostOnFile(t *testing.T) { //nolint:paralleltest // it waits in its process for ever
	path := os.Getenv(hostOnFile)
	if path == "" {
		return
	}
	s := openSQLite(t, path)
	jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 1, Lease: time.Minute, Host: beat(t, s, 0).Host})
	check(t, err)
	fmt.Println("\nclaimed", len(jobs))
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// startOnFile starts TestHostOnFile, and waits until it has claimed an attempt.
func startOnFile(t *testing.T, path string) (kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostOnFile$", "-test.v")
	cmd.Env = append(os.Environ(), hostOnFile+"="+path)
	_, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	check(t, waitForLine(bufio.NewReader(out), "claimed 1"))
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	return kill
}

func TestAProcessThatStartsAloneOnAFileTakesOverAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a database?.db")
	s := migrated(t, openSQLite(t, path))
	sc := newScene(t, s)
	_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message(nil)}, sc.options(0))
	check(t, err)
	kill := startOnFile(t, path)
	second := beat(t, s, 0)
	if len(second.Dead) > 0 {
		t.Errorf("a host finds %v dead while the other process lives", second.Dead)
	}
	_, err = s.EndLeases(t.Context(), second.Host)
	check(t, err)
	kill()
	third := beat(t, s, 0)
	if len(third.Dead) != 1 {
		t.Fatalf("the dead hosts are %v, want one", third.Dead)
	}
	n, err := s.EndLeases(t.Context(), third.Dead[0])
	check(t, err)
	jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute, Host: third.Host})
	check(t, err)
	if n != 1 || len(jobs) != 1 {
		t.Errorf("%d leases ended, and %d attempts are claimed again, want 1 and 1", n, len(jobs))
	}
	_, err = s.EndLeases(t.Context(), third.Host)
	check(t, err)
}

func TestAStoreOnAFileLocksItUntilItsLastHostLeaves(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webhooks.db")
	s, other := migrated(t, openSQLite(t, path)), openSQLite(t, path)
	sc := newScene(t, s)
	first, second := beat(t, s, 0).Host, beat(t, s, 0).Host
	_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message(nil)}, sc.options(1))
	check(t, err)
	leave := func(s *bunstore.Store, host int64) {
		_, err := s.EndLeases(t.Context(), host)
		check(t, err)
	}
	for _, c := range []struct {
		leaves int64
		dead   int
	}{{first, 0}, {second, 1}} { // the attempt was handed off without a host
		leave(s, c.leaves)
		b := beat(t, other, 0)
		if len(b.Dead) != c.dead {
			t.Errorf("after %d left, the other store finds %v dead, want %d", c.leaves, b.Dead, c.dead)
		}
		leave(other, b.Host)
	}
	if info, err := os.Stat(path + "-host"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the host file is %v (%v), want one for its owner alone", info, err)
	}
}
