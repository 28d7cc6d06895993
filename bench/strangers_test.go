package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
)

const (
	strangers      = 20
	strangersRun   = time.Minute
	strangersLimit = 512  // greatest memory of the host, in MiB
	halfSentBodies = 600  // number at a time
	idle           = 2000 // connections without a request
)

// BenchmarkStrangers has 20 clients send the requests that take most memory. They publish
// events of 1 MiB, also against schemas that do not match and through filters, save schemas
// that take exponential time, patch with 1 MiB, and read pages of 100 large events, single
// large events and chains, quickly and slowly. Meanwhile 600 bodies are half sent and 2,000
// connections send nothing. The benchmark reports the peak memory of the host. It fails if
// that is over 512 MiB, if an answer is 500, or if the health check fails. On Linux only.
func BenchmarkStrangers(b *testing.B) {
	testpg.DSN(b)
	if postmaster(b) == 0 {
		b.Log("left out: memory is read from /proc, which is Linux's")
		return
	}
	for b.Loop() {
		s := newStrangers(b)
		until := time.Now().Add(strangersRun)
		var all sync.WaitGroup
		for i := range strangers {
			all.Go(func() {
				for n := i; time.Now().Before(until); n++ {
					s.acts[n%len(s.acts)](n)
				}
			})
		}
		all.Go(func() { s.halfSend(until) })
		all.Go(func() { s.sayNothing(until) })
		all.Go(func() { s.watch(until) })
		all.Wait()
		mib := memory(s.pid)
		b.ReportMetric(mib, "MiB")
		b.Logf("%.0f MiB at most; answers by status: %v", mib, s.byStatus())
		if mib > strangersLimit {
			b.Errorf("the host took %.0f MiB, want at most %d", mib, strangersLimit)
		}
	}
}

// hostileLoad runs the hostile clients of a host.
type hostileLoad struct {
	*server
	b           testing.TB
	org         string
	sub         string // a subscription to eventType
	types       string // the path of the event types of a category
	eventType   string // the path of the event type that is patched
	acts        []func(n int)
	zeros, text string // 1 MiB of JSON each
	published   atomic.Pointer[string]

	mu       sync.Mutex
	statuses map[int]int
}

func newStrangers(b testing.TB) *hostileLoad {
	receiver := role(b, "receiver")
	c := &hostileLoad{server: hostServer(b, receiver, 2), b: b, statuses: map[int]int{}}
	c.org, _ = strings.CutSuffix(c.path, "/events")
	const size = 1<<20 - 2000 // the whole body stays below its limit
	c.zeros = "[0" + strings.Repeat(",0", size/2-1) + "]"
	c.text = `"` + strings.Repeat("x", size) + `"`
	c.types = "/api/webhook-categories/" + c.create(b, "/api/webhook-categories", map[string]any{"name": "Strict", "code": "strict"}) +
		"/webhook-events"
	c.eventType = c.types + "/" + c.create(b, c.types, map[string]any{
		"name": "Strict", "code": "strict", "version": "v1",
		"schema": map[string]any{
			"type": "array", "items": map[string]any{"type": "string"},
		},
	})
	c.sub = c.org + "/webhook-subscriptions/" + c.create(b, c.org+"/webhook-subscriptions", map[string]any{
		"events": []string{eventType}, "isDevelopment": true, "postUri": receiver.url + "/ours/filtered",
		"filter": []any{map[string]any{"pointer": "/1", "op": "ne", "value": 1}},
	})
	publish := func(event, data string) func(int) {
		return func(int) {
			answer := c.do(http.MethodPost, c.org+"/events", fmt.Sprintf(`{"eventType":%q,"data":%s}`, event, data), read)
			var made struct{ ID string }
			if json.Unmarshal(answer, &made) == nil && made.ID != "" {
				c.published.Store(&made.ID)
			}
		}
	}
	get := func(path string, how func(io.Reader) []byte) func(int) {
		return func(int) { c.do(http.MethodGet, path, "", how) }
	}
	c.acts = []func(int){
		publish(eventType, c.zeros), publish(eventType, c.text), publish("strict", c.zeros),
		get(c.sub+"/activity?take=100", read), get(c.sub+"/activations?take=100&skip=0", read),
		get(c.sub+"/activity?take=100&include=event", slowly),
		func(int) { c.do(http.MethodPost, c.types, explodes(), read) },
		func(int) {
			c.do(http.MethodPatch, c.eventType, `[{"op":"add","path":"/schema","value":`+c.zeros+`},{"op":"test","path":"/schema/0","value":1}]`,
				read)
		},
		func(int) {
			if id := c.published.Load(); id != nil {
				c.do(http.MethodGet, c.org+"/events/"+*id, "", read)
			}
		},
		func(int) {
			var list struct{ Items []struct{ ID string } }
			if json.Unmarshal(c.do(http.MethodGet, c.sub+"/activity?take=1", "", read), &list) == nil && len(list.Items) == 1 {
				c.do(http.MethodGet, c.sub+"/activity/"+list.Items[0].ID+"?mode=flat", "", read)
				c.do(http.MethodPost, c.sub+"/activity/"+list.Items[0].ID+"/retry", "", read)
			}
		},
		func(int) {
			c.do(http.MethodPost, c.org+"/subscriptions/"+c.sub[strings.LastIndex(c.sub, "/")+1:]+"/validate-hash",
				`{"hash":"00","createdAt":1,"payload":{"x":`+c.zeros+`}}`, read)
		},
		func(int) {
			c.do(http.MethodPost, c.org+"/events/batch", `{"events":`+c.zeros+`}`, read)
		},
	}
	for range 100 { // a page of large events
		c.acts[1](0)
	}
	return c
}

// explodes returns an event type with a schema that takes exponential time.
func explodes() string {
	defs := map[string]any{}
	for i := range 60 {
		next := map[string]any{"$ref": fmt.Sprint("#/$defs/", i+1)}
		defs[fmt.Sprint(i)] = map[string]any{"allOf": []any{next, next}}
	}
	defs["60"] = true
	text, err := json.Marshal(map[string]any{
		"name": "n", "code": "explodes", "version": "v1", "schema": map[string]any{"$defs": defs, "$ref": "#/$defs/0"},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func read(r io.Reader) []byte {
	answer, _ := io.ReadAll(r) // as far as it comes
	return answer
}

// slowly reads 1,000 bytes of an answer and then waits 2 s.
func slowly(r io.Reader) []byte {
	_, _ = io.CopyN(io.Discard, r, 1000)
	time.Sleep(2 * time.Second)
	return nil
}

// do sends a request, which may be answered with anything but a fault of the host.
func (c *hostileLoad) do(method, path, body string, how func(io.Reader) []byte) []byte {
	req, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		c.count(0)
		return nil
	}
	defer resp.Body.Close()
	c.count(resp.StatusCode)
	answer := how(resp.Body)
	if resp.StatusCode == http.StatusInternalServerError || resp.StatusCode == http.StatusServiceUnavailable &&
		!bytes.Contains(answer, []byte(`"overloaded"`)) && answer != nil {
		c.b.Errorf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return answer
}

func (c *hostileLoad) count(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[status]++
}

func (c *hostileLoad) byStatus() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.statuses)
}

// halfSend keeps bodies half sent.
func (c *hostileLoad) halfSend(until time.Time) {
	var all sync.WaitGroup
	neighbour := uuid.NewString() // another organization: its bodies leave half of the memory to the clients
	for range halfSentBodies {
		all.Go(func() {
			for time.Now().Before(until) {
				conn := c.connect()
				fmt.Fprintf(conn, "POST /api/organizations/%s/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n",
					neighbour, c.token, 1<<20)
				_, _ = io.WriteString(conn, c.text[:1<<19])
				_ = conn.SetReadDeadline(until)
				_, _ = io.Copy(io.Discard, conn) // until the host ends it
				_ = conn.Close()
			}
		})
	}
	all.Wait()
}

// sayNothing keeps connections open.
func (c *hostileLoad) sayNothing(until time.Time) {
	for time.Now().Before(until) {
		var conns []net.Conn
		for range idle {
			conns = append(conns, c.connect())
		}
		time.Sleep(min(time.Until(until), 4*time.Second))
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
}

// watch asks for health.
func (c *hostileLoad) watch(until time.Time) {
	for ; time.Now().Before(until); time.Sleep(time.Second) {
		resp, err := c.http.Get(c.url + "/healthcheck")
		if err != nil {
			c.b.Errorf("no health: %v", err)
			continue
		}
		if resp.StatusCode != http.StatusOK {
			c.b.Errorf("health: %d %s", resp.StatusCode, read(resp.Body))
		}
		_ = resp.Body.Close()
	}
}

func (c *hostileLoad) connect() net.Conn {
	u, err := url.Parse(c.url)
	if err != nil {
		panic(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		panic(err)
	}
	return conn
}
