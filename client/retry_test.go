package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/client"
)

const published = `{"id": "0195d3a0-5a3e-7000-8000-000000000001", "deliveries": 1, "duplicate": false}`

func TestPublishIsRepeatedUnderOneKey(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]client.Event{
		"OwnKey":    {Type: "a", Data: 1, IdempotencyKey: "order-1"},
		"RandomKey": {Type: "a", Data: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, host := scripted(t, client.Config{}, answering(503, ""), refusing, breaking, answering(202, published))
				var made client.Published
				var err error
				took := elapsed(func() { made, err = c.Dispatcher.Publish(t.Context(), "acme", event) })
				if err != nil || made.Deliveries != 1 || len(host.bodies) != 4 {
					t.Fatalf("%+v, %v after %d requests", made, err, len(host.bodies))
				}
				if took < 700*time.Millisecond || took > 1400*time.Millisecond {
					t.Errorf("the waits were %v, want half to the whole of 200 ms, 400 ms and 800 ms", took)
				}
				var first struct{ IdempotencyKey string }
				if err := json.Unmarshal([]byte(host.bodies[0]), &first); err != nil || first.IdempotencyKey == "" {
					t.Fatalf("the request has no key: %s", host.bodies[0])
				}
				if event.IdempotencyKey != "" && first.IdempotencyKey != event.IdempotencyKey {
					t.Errorf("the key is %s", first.IdempotencyKey)
				}
				if len(slices.Compact(host.bodies)) != 1 {
					t.Errorf("the requests differ: %q", host.bodies)
				}
			})
		})
	}
}

func TestEveryEventOfABatchHasAKey(t *testing.T) {
	t.Parallel()
	c, host := scripted(t, client.Config{}, answering(202, `{"items": []}`))
	events := []client.Event{{Type: "a", Data: 1}, {Type: "a", Data: 2, IdempotencyKey: "mine"}, {Type: "a", Data: 3}}
	for range 2 {
		if _, err := c.Dispatcher.PublishBatch(t.Context(), "acme", events); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]int{}
	for _, body := range host.bodies {
		var sent struct {
			Events []struct{ IdempotencyKey string }
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatal(err)
		}
		for _, e := range sent.Events {
			keys[e.IdempotencyKey]++
		}
	}
	if len(keys) != 5 || keys["mine"] != 2 || keys[""] != 0 {
		t.Errorf("the keys of two batches are %v", keys)
	}
	if events[0].IdempotencyKey != "" {
		t.Error("the events of the caller were changed")
	}
}

// repeated are the operations, beside reads, of which two requests do what one does.
var repeated = []string{
	"deleteCategory", "activateCategory", "deactivateCategory", "archiveCategory", "restoreCategory",
	"deleteEvent", "activateEvent", "deactivateEvent", "archiveEvent", "restoreEvent", "deleteSamplePayload",
	"eraseOrganization", "removePayload",
	"deleteSubscription", "activateSubscription", "deactivateSubscription", "archiveSubscription", "restoreSubscription",
	"removeEvent", "stopRecovery", "saveOutcome", "validateHash", "testFilter", "publishEvent", "publishEvents",
}

// A call without an idempotency key that would do something twice is sent once.
func TestOnlyCallsThatDoNothingTwiceAreRepeated(t *testing.T) {
	t.Parallel()
	for id, o := range readDocument(t).operations(t) {
		for name, fault := range map[string]func(*http.Request) (*http.Response, error){
			"429": answering(429, ""), "502": answering(502, ""), "503": answering(503, ""), "504": answering(504, ""), "Connection": refusing,
			"Body": breaking,
		} {
			t.Run(id+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c, host := scripted(t, client.Config{Retry: client.Retry{MaxAttempts: 3}}, fault)
					if err := callByName(t.Context(), c, methods[id]); err == nil {
						t.Fatal("no error")
					}
					want := 1
					if id != "getHealth" && (o.method == http.MethodGet || slices.Contains(repeated, id)) {
						want = 3
					}
					if len(host.bodies) != want {
						t.Errorf("%d requests, want %d", len(host.bodies), want)
					}
				})
			})
		}
	}
}

// callByName calls a method with values that are zero, or a text.
func callByName(ctx context.Context, c *client.Client, name string) error {
	service, name, _ := strings.Cut(name, ".")
	of := reflect.ValueOf(c)
	if service != "Client" {
		of = of.Elem().FieldByName(service)
	}
	method := of.MethodByName(name)
	arguments := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < method.Type().NumIn(); i++ {
		typ := method.Type().In(i)
		switch {
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
		case typ.Kind() == reflect.String:
			arguments = append(arguments, reflect.ValueOf("text").Convert(typ))
		default:
			arguments = append(arguments, reflect.Zero(typ))
		}
	}
	results := method.Call(arguments)
	err, _ := results[len(results)-1].Interface().(error)
	return err
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header func() string
		want   time.Duration
	}{
		"Seconds":      {func() string { return "7" }, 7 * time.Second},
		"Date":         {func() string { return time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat) }, 9 * time.Second},
		"LessThanWait": {func() string { return "0" }, 0},
		"PastDate":     {func() string { return "Fri, 31 Dec 1999 15:04:05 GMT" }, 0},
		"Malformed":    {func() string { return "soon" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, host := scripted(t, client.Config{}, answering(429, "", "Retry-After: "+tt.header()), answering(200, `[]`))
				var err error
				took := elapsed(func() { _, err = c.Registry.SeedVersions(t.Context()) })
				if err != nil || len(host.bodies) != 2 {
					t.Fatalf("%v after %d requests", err, len(host.bodies))
				}
				if took < tt.want || took > max(tt.want, 200*time.Millisecond) {
					t.Errorf("it waited %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestALongRetryAfterEndsTheRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, host := scripted(t, client.Config{}, answering(503, "", "Retry-After: 31"))
		_, err := c.Registry.SeedVersions(t.Context())
		e, ok := errors.AsType[*client.Error](err)
		if !ok || e.RetryAfter != 31*time.Second || len(host.bodies) != 1 {
			t.Errorf("%v after %d requests", err, len(host.bodies))
		}
	})
}

func TestTheContextBoundsAllAttempts(t *testing.T) {
	t.Parallel()
	t.Run("DeadlineInAnAttempt", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, host := scripted(t, client.Config{}, hanging)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var err error
			took := elapsed(func() { _, err = c.Registry.SeedVersions(ctx) })
			if !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second || len(host.bodies) != 1 {
				t.Errorf("%v after %v and %d requests", err, took, len(host.bodies))
			}
		})
	})
	t.Run("NoTimeForAnotherAttempt", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, _ := scripted(t, client.Config{}, answering(429, "", "Retry-After: 7"))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			var err error
			took := elapsed(func() { _, err = c.Registry.SeedVersions(ctx) })
			if !errors.Is(err, client.ErrRateLimited) || took != 0 {
				t.Errorf("%v after %v", err, took)
			}
		})
	})
	t.Run("CancelledWhileWaiting", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c, _ := scripted(t, client.Config{}, answering(429, "", "Retry-After: 7"))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			var err error
			took := elapsed(func() { _, err = c.Registry.SeedVersions(ctx) })
			if !errors.Is(err, client.ErrRateLimited) || !errors.Is(err, context.Canceled) || took != time.Second {
				t.Errorf("%v after %v", err, took)
			}
		})
	})
}

func TestAnAttemptThatHangsIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, host := scripted(t, client.Config{AttemptTimeout: 2 * time.Second}, hanging, answering(200, `[]`))
		var err error
		took := elapsed(func() { _, err = c.Registry.SeedVersions(t.Context()) })
		if err != nil || len(host.bodies) != 2 || took < 2*time.Second || took > 2200*time.Millisecond {
			t.Errorf("%v after %d requests and %v", err, len(host.bodies), took)
		}
	})
}

func TestEachAttemptAsksForItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		source := func(context.Context) (string, error) { n++; return fmt.Sprint("token-", n), nil }
		c, host := scripted(t, client.Config{Token: source}, answering(503, ""), answering(200, `[]`))
		if _, err := c.Registry.SeedVersions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := []string{"Bearer token-1", "Bearer token-2"}; !slices.Equal(host.tokens, want) {
			t.Errorf("the tokens were %q", host.tokens)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "7", "-1", "+7", "1.5", "99999999999999999999", "Mon, 02 Jan 2006 15:04:05 GMT", "9223372036854775807"} {
		f.Add(text)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got := client.RetryAfter(http.Header{"Retry-After": {text}}, now)
		if got < 0 || got > 365*24*time.Hour {
			t.Errorf("%q is %v", text, got)
		}
		if got != client.RetryAfter(http.Header{"Retry-After": {" " + text + " "}}, now) {
			t.Errorf("%q with blanks around it is another wait", text)
		}
	})
}
