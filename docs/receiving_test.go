// Package docs_test runs the snippets of the pages for customers.
package docs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store/memstore"
)

// page is a page with snippets: a fenced block behind a comment with the name of the snippet.
type page struct {
	text     string
	snippets map[string]string
}

var snippetForm = regexp.MustCompile("(?s)<!-- snippet: ([a-z-]+) -->\n+```\\w*\n(.*?)```")

func readPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile("receiving.md")
	if err != nil {
		t.Fatal(err)
	}
	p := page{string(text), map[string]string{}}
	for _, found := range snippetForm.FindAllStringSubmatch(p.text, -1) {
		p.snippets[found[1]] = found[2]
	}
	return p
}

// delivered is a request as an endpoint gets it.
type delivered struct {
	header http.Header
	body   string
}

// attempt is a request with the verdict that a receiver has to come to.
type attempt struct {
	name   string
	secret string
	delivered
	accepted bool
}

// line returns the attempt as the programs of the snippets read it: a line of base64 texts.
func (a attempt) line() string {
	var fields []string
	for _, text := range []string{
		a.secret, a.header.Get(signing.HeaderID), a.header.Get(signing.HeaderTimestamp), a.header.Get(signing.HeaderSignature), a.body,
		a.header.Get(signing.HeaderCreatedAt), a.header.Get(signing.HeaderHash),
	} {
		fields = append(fields, base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return strings.Join(fields, "\t") + "\n"
}

// product sends two webhooks from a dispatcher, with a rotation of the secret between them.
func product(t *testing.T) (before, after delivered, first, second string) {
	t.Helper()
	requests := make(chan delivered, 2)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- delivered{r.Header.Clone(), string(body)}
	}))
	t.Cleanup(endpoint.Close)
	hooks := must(webhooks.New(memstore.New(), webhooks.Config{
		AllowHTTP: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}))
	ctx, org := t.Context(), uuid.New()
	if err := hooks.Dispatcher.Start(ctx); err != nil {
		t.Fatal(err)
	}
	category := must(hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Vital signs", Code: "vitals"}))
	must(hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{
		Name: "Observation created", Code: "vitals.observation.created", Version: "v1",
	}))
	subscription, first, err := hooks.Subscriptions.Create(ctx, org, webhooks.SubscriptionInput{
		PostURI: endpoint.URL, Events: []string{"*"}, IsDevelopment: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func() delivered {
		must(hooks.Dispatcher.Publish(ctx, org, webhooks.Event{
			Type: "vitals.observation.created", Data: json.RawMessage(`{"code": "8867-4", "value": 72, "unit": "/min", "note": "größer <b>"}`),
		}))
		return <-requests
	}
	before = send()
	second = must(hooks.Subscriptions.RotateSecret(ctx, org, subscription.ID, nil)).Key
	after = send()
	if err := hooks.Dispatcher.Stop(ctx); err != nil {
		t.Error(err)
	}
	return before, after, first, second
}

// attempts are requests of the product, and changes of them.
func attempts(t *testing.T) []attempt {
	t.Helper()
	before, after, first, second := product(t)
	changed := func(d delivered, name, value string) delivered {
		d.header = d.header.Clone()
		d.header.Set(name, value)
		return d
	}
	at := func(wait time.Duration) delivered {
		d := delivered{http.Header{}, before.body}
		signer := must(signing.NewKeySet([]signing.Key{must(signing.ParseSecret(first))}, signing.PrivateKey{}))
		if err := signer.Sign(d.header, signing.Message{ID: "msg", At: time.Now().Add(wait), Body: []byte(d.body)}); err != nil {
			t.Fatal(err)
		}
		return d
	}
	return []attempt{
		{"valid", first, before, true},
		{"valid after a rotation", second, after, true},
		{"valid by the former secret", first, after, true},
		{"four minutes old", first, at(-4 * time.Minute), true},
		{"another secret", second, before, false},
		{"another body", first, delivered{before.header, strings.Replace(before.body, "72", "73", 1)}, false},
		{"another id", first, changed(before, signing.HeaderID, "other"), false},
		{"six minutes old", first, at(-6 * time.Minute), false},
		{"six minutes ahead", first, at(6 * time.Minute), false},
		{"another time", first, changed(before, signing.HeaderTimestamp, fmt.Sprint(time.Now().Unix()-30)), false},
		{"no signature", first, changed(before, signing.HeaderSignature, ""), false},
		{"another version", first, changed(before, signing.HeaderSignature, "v9"+before.header.Get(signing.HeaderSignature)[2:]), false},
		{"no time", first, changed(before, signing.HeaderTimestamp, ""), false},
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The request that the page shows is one that the secret of the page verifies.
func TestTheRequestOfThePageIsSigned(t *testing.T) {
	t.Parallel()
	p := readPage(t)
	head, body, ok := strings.Cut(p.snippets["request"], "\n\n")
	if !ok {
		t.Fatal("the page shows no request")
	}
	lines := strings.SplitN(head, "\n", 2)
	raw := lines[0] + "\r\n" + strings.ReplaceAll(lines[1], "\n", "\r\n") + "\r\n\r\n"
	header := http.Header{}
	for line := range strings.Lines(raw) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			header.Add(name, value)
		}
	}
	keys := must(signing.ParseKeys(strings.TrimSpace(p.snippets["secret"])))
	body = strings.TrimSuffix(body, "\n")
	var seconds int64
	if _, err := fmt.Sscan(header.Get(signing.HeaderTimestamp), &seconds); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(seconds, 0)
	if err := signing.Verify(header, []byte(body), keys, now, 0); err != nil {
		t.Error(err)
	}
	var millis int64
	if _, err := fmt.Sscan(header.Get(signing.HeaderCreatedAt), &millis); err != nil {
		t.Fatal(err)
	}
	if !signing.VerifyHash(keys.Secrets[0], millis, []byte(body), header.Get(signing.HeaderHash)) {
		t.Error("the hash does not match")
	}
	if header.Get("Content-Length") != fmt.Sprint(len(body)) {
		t.Errorf("the body has %d bytes", len(body))
	}
	before, _, _, _ := product(t)
	for name := range before.header {
		if header.Get(name) == "" {
			t.Errorf("the request of the page lacks the header %s", name)
		}
	}
}

// The page names the waits of the product.
func TestThePageNamesTheDefaultSchedule(t *testing.T) {
	t.Parallel()
	var waits []string
	for _, wait := range webhooks.DefaultRetrySchedule() {
		text := strings.NewReplacer("h0m0s", " h", "m0s", " min").Replace(wait.String())
		if strings.HasSuffix(text, "s") {
			text = strings.TrimSuffix(text, "s") + " s"
		}
		waits = append(waits, text)
	}
	if text := strings.Join(waits, ", "); !strings.Contains(readPage(t).text, text) {
		t.Errorf("the page does not name the waits %s", text)
	}
}

// judge runs a program, which answers each attempt with a line: accepted or refused.
func judge(t *testing.T, all []attempt, run func(input io.Reader) ([]byte, error)) {
	t.Helper()
	var input bytes.Buffer
	for _, a := range all {
		input.WriteString(a.line())
	}
	out, err := run(&input)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verdicts := strings.Fields(string(out))
	if len(verdicts) != len(all) {
		t.Fatalf("%d verdicts of %d attempts:\n%s", len(verdicts), len(all), out)
	}
	for i, a := range all {
		if want := map[bool]string{true: "accepted", false: "refused"}[a.accepted]; verdicts[i] != want {
			t.Errorf("%s: %s, want %s", a.name, verdicts[i], want)
		}
	}
}
