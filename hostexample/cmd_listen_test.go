package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/signing"
)

const listenSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// listening is a running listen command.
type listening struct {
	*operated
	input  io.Writer
	stderr lockedBuffer
	stdout *bufio.Scanner
	local  chan received
	code   chan int
	end    context.CancelFunc
}

// listen starts the command, and returns once it listens.
func (o *operated) listen(environ []string, args ...string) *listening {
	o.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.Context()))
	stdin, input := io.Pipe()
	shown, stdout := io.Pipe()
	l := &listening{
		operated: o, input: input, stdout: bufio.NewScanner(shown), local: make(chan received, 10), code: make(chan int, 1), end: cancel,
	}
	url := o.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.local <- received{r.Header, string(body)}
		w.WriteHeader(http.StatusAccepted)
	}))
	h := &host{environ: append(environ, "WEBHOOKS_LISTEN_SECRET="+listenSecret), stdin: stdin, stdout: stdout, stderr: &l.stderr}
	go func() {
		l.code <- h.run(ctx, append([]string{"listen", "--interval=20ms", "--json", "--forward-to=" + url + "/hook"}, args...))
		_ = stdout.Close()
	}()
	o.Cleanup(func() { cancel(); _ = stdin.Close(); _ = shown.Close() })
	within(o.T, func() bool { return strings.Contains(l.stderr.String(), "listening") })
	return l
}

// next returns the next line of the output.
func (l *listening) next() (report listenReport) {
	l.Helper()
	if !l.stdout.Scan() {
		l.Fatalf("no more output: %v: %s", l.stdout.Err(), &l.stderr)
	}
	l.check(json.Unmarshal(l.stdout.Bytes(), &report))
	return report
}

// stop ends the command as Ctrl-C does.
func (l *listening) stop() {
	l.Helper()
	l.end()
	if code := <-l.code; code != 0 {
		l.Errorf("exit %d: %s", code, &l.stderr)
	}
	if strings.Contains(l.stderr.String(), listenSecret) {
		l.Errorf("the secret is shown: %s", &l.stderr)
	}
}

// verified checks the signatures of a request.
func (l *listening) verified(r received) {
	l.Helper()
	keys, err := signing.ParseKeys(listenSecret)
	l.check(err)
	l.check(signing.Verify(r.header, []byte(r.body), keys, time.Now(), time.Minute))
}

func TestListenForwardsWhatAnEndpointGets(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	writer := o.ways("webhooks:write")["store"]
	o.publish(writer) // before, and so not shown
	<-o.received
	for way, environ := range o.ways("webhooks:read") {
		l := o.listen(environ, "--events=vitals.*")
		if r := o.run(writer, "publish", "phone-log.call.completed", "{}"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		id := o.publish(writer)
		want, got, shown := <-o.received, <-l.local, l.next()
		l.verified(got)
		for _, name := range []string{"Webhook-Id", "User-Agent", "Content-Type", "X-Webhook-Attempt"} {
			if got.header.Get(name) != want.header.Get(name) {
				t.Errorf("%s: %s is %q, want %q", way, name, got.header.Get(name), want.header.Get(name))
			}
		}
		if got.body != want.body || string(shown.Body) != want.body {
			t.Errorf("%s: body %s, shown as %s, want %s", way, got.body, shown.Body, want.body)
		}
		if shown.Event != id || shown.Status != http.StatusAccepted || shown.Attempt != 1 || shown.Type != "vitals.observation.created" {
			t.Errorf("%s: %+v", way, shown)
		}
		_, err := io.WriteString(l.input, "x\nr\n")
		o.check(err)
		again, shown := <-l.local, l.next()
		l.verified(again)
		if again.body != want.body || again.header.Get("X-Webhook-Attempt") != "2" || shown.Attempt != 2 {
			t.Errorf("%s: again: %v %+v", way, again, shown)
		}
		l.stop()
	}
}

func TestListenFollowsASubscription(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	writer := o.ways("webhooks:write")["store"]
	for way, environ := range o.ways("webhooks:read") {
		l := o.listen(environ, "--subscription="+o.bad.ID.String())
		if r := o.run(writer, "subscriptions", "test", o.bad.ID.String(), "--no-wait"); r.code != 0 {
			t.Fatal(r.stderr)
		}
		test, shown := <-l.local, l.next()
		id := o.publish(writer)
		published := l.next()
		sample := strings.Contains(test.body, `"data":{"code":"8867-4","display":"Heart rate"`)
		if !sample || test.header.Get("Webhook-Id") != shown.Event || published.Event != id {
			t.Errorf("%s: %s, %+v, %+v", way, test.body, shown, published)
		}
		l.stop()
	}
}

// Whatever the local program does, the command goes on.
func TestListenGoesOnAfterFailures(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	environ := o.ways("webhooks:write")["store"]
	l := o.listen(environ, "--forward-to=http://127.0.0.1:1/")
	for range 2 {
		o.publish(environ)
		if shown := l.next(); shown.Status != 0 || !strings.Contains(shown.Error, "refused") {
			t.Errorf("%+v", shown)
		}
	}
	l.stop()
}

// An outage of the host is said once, and then its end.
func TestListenGoesOnAfterAnOutage(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	target, err := url.Parse(o.url)
	o.check(err)
	var down atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(target)
	o.url = o.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	ways := o.ways("webhooks:admin")
	l := o.listen(ways["REST"])
	down.Store(true)
	within(t, func() bool {
		return strings.Contains(l.stderr.String(), "events cannot be read; trying again: Bad Gateway (HTTP 502)")
	})
	id := o.publish(ways["store"])
	down.Store(false)
	if shown := l.next(); shown.Event != id {
		t.Errorf("%+v", shown)
	}
	if said := l.stderr.String(); strings.Count(said, "cannot be read") != 1 || !strings.Contains(said, "can be read again") {
		t.Errorf("%s", said)
	}
	l.stop()
}

func TestListenPrintsLinesForPeople(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	var out lockedBuffer
	a := &access{host: &host{stdout: &out, stderr: &out}}
	key, err := signing.ParseSecret(listenSecret)
	o.check(err)
	forward, err := newForwarder(o.good.PostURI, key)
	o.check(err)
	e := &heardEvent{body: []byte(observation)}
	e.Type, e.Version = "vitals.observation.created\x1b[2J", "v1"
	(&listenCmd{Body: true}).deliver(t.Context(), a, forward, e)
	if got := out.String(); !strings.Contains(got, "created\uFFFD[2J v1  HTTP 200 in ") || !strings.Contains(got, "\n  \"value\": 72.10,") {
		t.Errorf("%q", got)
	}
}

// record is an item of a list, made at a second.
type record struct {
	id uuid.UUID
	at int
}

func TestATailFindsEachRecordOnce(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(1_700_000_000, 0)
	reads := 0
	list := func(records []record) iter.Seq2[record, error] { // newest first
		return func(yield func(record, error) bool) {
			for _, r := range slices.SortedFunc(slices.Values(records), func(a, b record) int { return b.at - a.at }) {
				if reads++; !yield(r, nil) {
					return
				}
			}
		}
	}
	var follow tail
	look := func(records ...record) (ats []int) {
		reads = 0
		key := func(r record) (uuid.UUID, time.Time) { return r.id, epoch.Add(time.Duration(r.at) * time.Second) }
		found, err := fresh(&follow, list(records), key)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found {
			ats = append(ats, r.at)
		}
		return ats
	}
	all := []record{{uuid.New(), 0}, {uuid.New(), 100}, {uuid.New(), 105}}
	if found := look(all...); found != nil {
		t.Errorf("the first look finds %v", found)
	}
	all = append(all, record{uuid.New(), 107}, record{uuid.New(), 110})
	if found := look(all...); !slices.Equal(found, []int{107, 110}) {
		t.Errorf("found %v", found)
	}
	late := record{uuid.New(), 103}
	all = append(all, late, record{uuid.New(), 300})
	if found := look(all...); !slices.Equal(found, []int{103, 300}) {
		t.Errorf("with one that is visible late: %v", found)
	}
	if found := look(all...); found != nil || reads != 2 {
		t.Errorf("again: %v in %d reads", found, reads)
	}
	for at := range 5000 {
		all = append(all, record{uuid.New(), 301 + at/1000})
	}
	if found := look(all...); len(found) != lookMost {
		t.Errorf("%d records at once, want %d", len(found), lookMost)
	}
}

func TestATailOfAnEmptyListFindsTheFirstRecord(t *testing.T) {
	t.Parallel()
	var follow tail
	for _, records := range [][]uuid.UUID{nil, {uuid.New()}} {
		found, err := fresh(&follow, func(yield func(uuid.UUID, error) bool) {
			for _, id := range records {
				yield(id, nil)
			}
		}, func(id uuid.UUID) (uuid.UUID, time.Time) { return id, time.Unix(1, 0) })
		if err != nil || len(found) != len(records) {
			t.Errorf("%v, %v", found, err)
		}
	}
}
