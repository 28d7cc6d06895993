package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// clients is the number of clients that publish over HTTP at the same time.
const clients = 64

// server is a process that takes events over HTTP.
type server struct {
	child
	path  string // that events are posted to
	token string
	part  string // of the receiver's paths, where its deliveries go
	wrap  func(data []byte) []byte
	http  *http.Client
}

func newServer(c child, path, token, part string, wrap func([]byte) []byte) *server {
	return &server{c, path, token, part, wrap, &http.Client{
		Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConns: 4 * clients, MaxIdleConnsPerHost: 4 * clients},
	}}
}

// limitServer serves the limits' pipeline.
func limitServer(b testing.TB, receiver child, fanOut int) *server {
	b.Helper()
	c := role(b, "limits", "BENCH_DSN="+testpg.DSN(b), "BENCH_SCHEMA="+newSchema(b),
		"BENCH_TARGET="+receiver.url+"/limit/", fmt.Sprint("BENCH_FAN_OUT=", fanOut))
	return newServer(c, "/events", "", "limit", func([]byte) []byte { return payload(bodySize) })
}

var hostFolder string // where the host was built

// buildHost builds the sample host, once for all benchmarks.
var buildHost = sync.OnceValues(func() (string, error) {
	var err error
	if hostFolder, err = os.MkdirTemp("", "webhooks-bench"); err != nil {
		return "", err
	}
	path := filepath.Join(hostFolder, "host")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../hostexample").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// hostServer serves the sample host in development mode, on PostgreSQL, with fanOut
// subscriptions to the event type.
func hostServer(b testing.TB, receiver child, fanOut int) *server {
	b.Helper()
	return hostServerWith(b, receiver, fanOut, []string{"WEBHOOKS_DEV=true"})
}

// hostServerWith is hostServer with settings in place of development mode.
func hostServerWith(b testing.TB, receiver child, fanOut int, environ []string) *server {
	b.Helper()
	path, err := buildHost()
	check(b, err)
	folder := b.TempDir()
	environ = append([]string{"WEBHOOKS_STORE=" + testpg.DSN(b), "WEBHOOKS_SCHEMA=" + newSchema(b), "WEBHOOKS_LOG_LEVEL=warn"}, environ...)
	command := func(arguments ...string) *exec.Cmd {
		cmd := exec.Command(path, arguments...)
		cmd.Dir, cmd.Env = folder, append([]string{"HOME=" + folder}, environ...)
		return cmd
	}
	c := start(b, command("serve", "--addr=127.0.0.1:0"))
	token, err := command("token", "--scope=webhooks:admin").Output()
	check(b, err)
	org := "/api/organizations/" + uuid.NewString()
	s := newServer(c, org+"/events", strings.TrimSpace(string(token)), "ours", func(data []byte) []byte {
		return fmt.Appendf(nil, `{"eventType":%q,"data":%s}`, eventType, data)
	})
	category := s.create(b, "/api/webhook-categories", map[string]any{"name": "Bench", "code": "bench"})
	s.create(b, "/api/webhook-categories/"+category+"/webhook-events", map[string]any{"name": "Happened", "code": eventType, "version": "v1"})
	for i := range fanOut {
		s.create(b, org+"/webhook-subscriptions", map[string]any{
			"postUri": fmt.Sprintf("%s/ours/%d", receiver.url, i), "events": []string{eventType}, "isDevelopment": true,
		})
	}
	return s
}

// create posts a resource and returns its id.
func (s *server) create(b testing.TB, path string, thing map[string]any) string {
	b.Helper()
	body, err := json.Marshal(thing)
	check(b, err)
	status, answer, err := s.post(path, body)
	var created struct{ ID string }
	if err != nil || status != http.StatusCreated || json.Unmarshal(answer, &created) != nil {
		b.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
	return created.ID
}

func (s *server) post(path string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequest(http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// publish publishes an event.
func (s *server) publish() {
	status, answer, err := s.post(s.path, s.wrap(payload(bodySize-wrapping)))
	if err != nil || status != http.StatusAccepted {
		panic(fmt.Sprintf("%s: %d %s %v", s.path, status, answer, err))
	}
}

// atPeak lets all clients publish n events, and waits for all deliveries.
func (s *server) atPeak(b testing.TB, receiver child, n, fanOut int) (began time.Time, got Arrivals) {
	b.Helper()
	receiver.ask(b, "", "forget")
	began = time.Now()
	load{clients, 1}.run(n, func(int) { s.publish() })
	return began, receiver.await(b, s.part, n*fanOut)
}

// atRate publishes at an even rate, without waiting for answers, and then waits for all
// deliveries.
func (s *server) atRate(b testing.TB, receiver child, perSecond float64, during time.Duration) Arrivals {
	b.Helper()
	receiver.ask(b, "", "forget")
	n := pace(perSecond, during, func(int) { s.publish() })
	return receiver.await(b, s.part, n)
}
