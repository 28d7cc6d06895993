package httpapi_test

import (
	"encoding/binary"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

const (
	ofOrgA    = "/api/organizations/" + orgA + "/webhook-subscriptions"
	ofOrgB    = "/api/organizations/" + orgB + "/webhook-subscriptions"
	ofCatalog = "/api/webhook-categories"
	ofSinks   = "/api/webhook-processors/success-response"
)

// limited runs a test in a bubble, against the interface with a limit of 5 requests per second, so with
// bursts of 10.
func limited(t *testing.T, run func(t *testing.T, send func(as, from, method, path string) *httptest.ResponseRecorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := httpapi.New(hooks, httpapi.Config{Authenticator: tokens{}, RateLimit: 5})
		if err != nil {
			t.Fatal(err)
		}
		run(t, func(as, from, method, path string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
			r.RemoteAddr = from
			if as != "" {
				r.Header.Set("Authorization", "Bearer "+as)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w
		})
	})
}

const home = "198.51.100.7:4711"

func TestRateLimit(t *testing.T) {
	t.Parallel()
	type call struct{ as, from, method, path string }
	read := call{"read", home, http.MethodGet, ofOrgA}
	for rule, tt := range map[string]struct {
		spent call // sent until the bucket is empty
		other call
		free  bool // the other request is not limited
	}{
		"OfAnOrganizationHoldsForAllItsCallers":   {read, call{"write", "192.0.2.1:1", http.MethodGet, ofOrgA}, false},
		"OfAnOrganizationHoldsForItsAdmin":        {read, call{"admin", home, http.MethodGet, ofOrgA}, false},
		"OfAnOrganizationHoldsForItsCatalogReads": {read, call{"read", home, http.MethodGet, ofCatalog}, false},
		"OfAnOrganizationHoldsForUnknownIds":      {read, call{"read", home, http.MethodGet, ofOrgA + "/nothing"}, false},
		"OfAnOrganizationHoldsForForbiddenWrites": {read, call{"read", home, http.MethodPost, ofOrgA}, false},
		"OfAnOrganizationHoldsForOtherPaths":      {read, call{"read", home, http.MethodGet, ofOrgB}, false},
		"OfAnOrganizationLeavesOthersAlone":       {read, call{"other", home, http.MethodGet, ofOrgB}, true},
		"OfAnOrganizationLeavesStrangersAlone":    {read, call{"", home, http.MethodGet, ofOrgA}, true},
		"OfForbiddenRequestsHolds": {
			call{"nothing", home, http.MethodGet, ofOrgA}, call{"read", home, http.MethodGet, ofOrgA}, false,
		},
		"OfACallerOfAllOrganizationsIsItsOwn": {
			call{"admin", home, http.MethodGet, ofCatalog}, call{"everywhere", home, http.MethodGet, ofCatalog}, true,
		},
		"OfACallerOfAllOrganizationsIsNotThatOfOne": {call{"admin", home, http.MethodGet, ofCatalog}, read, true},
		"OfStrangersHoldsForWrongTokens":            {call{"", home, http.MethodGet, ofOrgA}, call{"x", home, http.MethodGet, ofCatalog}, false},
		"OfStrangersHoldsForSinks":                  {call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodPost, ofSinks}, false},
		"OfStrangersIsOfAnAddress": {
			call{"", home, http.MethodGet, ofOrgA}, call{"", "198.51.100.8:1", http.MethodGet, ofOrgA}, true,
		},
		"OfStrangersIsNotOfAPort": {
			call{"", home, http.MethodGet, ofOrgA}, call{"", "198.51.100.7:1", http.MethodGet, ofOrgA}, false,
		},
		"OfStrangersSeesMappedAddresses": {
			call{"", home, http.MethodGet, ofOrgA}, call{"", "[::ffff:198.51.100.7]:1", http.MethodGet, ofOrgA}, false,
		},
		"OfStrangersIsOfANetworkOfIPv6": {
			call{"", "[2001:db8::1]:1", http.MethodGet, ofOrgA}, call{"", "[2001:db8::ffff:2%eth0]:1", http.MethodGet, ofOrgA}, false,
		},
		"OfStrangersIsNotOfALargerNetwork": {
			call{"", "[2001:db8::1]:1", http.MethodGet, ofOrgA}, call{"", "[2001:db8:0:1::1]:1", http.MethodGet, ofOrgA}, true,
		},
		"OfStrangersWithoutAnAddressHolds": {call{"", "@", http.MethodGet, ofOrgA}, call{"", "", http.MethodGet, ofOrgA}, false},
		"OfStrangersLeavesCallersAlone":    {call{"", home, http.MethodGet, ofOrgA}, read, true},
		"OfStrangersLeavesHealthAlone":     {call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodGet, "/healthcheck"}, true},
		"OfStrangersLeavesDocsAlone":       {call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodGet, "/docs"}, true},
		"OfStrangersLeavesTheDocumentAlone": {
			call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodGet, "/api/openapi.json"}, true,
		},
		"OfStrangersLeavesUnknownPathsAlone":  {call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodGet, "/nothing"}, true},
		"OfStrangersLeavesWrongMethodsAlone":  {call{"", home, http.MethodGet, ofOrgA}, call{"", home, http.MethodPut, ofCatalog}, true},
		"OfAnOutageOfTheAuthenticatorIsNone":  {call{"", home, http.MethodGet, ofOrgA}, call{"broken", home, http.MethodGet, ofCatalog}, true},
		"OfAnOrganizationLeavesPreflightFree": {read, call{"", home, http.MethodOptions, ofOrgA}, true},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			limited(t, func(t *testing.T, send func(as, from, method, path string) *httptest.ResponseRecorder) {
				for i := range 11 {
					got := send(tt.spent.as, tt.spent.from, tt.spent.method, tt.spent.path).Code
					if (got == http.StatusTooManyRequests) != (i == 10) {
						t.Fatalf("request %d is answered with %d", i, got)
					}
				}
				got := send(tt.other.as, tt.other.from, tt.other.method, tt.other.path)
				if (got.Code != http.StatusTooManyRequests) != tt.free {
					t.Errorf("the other request is answered with %d", got.Code)
				}
				if !tt.free && (got.Header().Get("Retry-After") != "1" || !strings.Contains(got.Body.String(), `"code":"rate_limited"`)) {
					t.Errorf("%v %s", got.Header(), got.Body)
				}
			})
		})
	}
}

func TestRateLimitIsARate(t *testing.T) {
	t.Parallel()
	limited(t, func(t *testing.T, send func(as, from, method, path string) *httptest.ResponseRecorder) {
		for _, tt := range []struct {
			pause time.Duration
			pass  int
		}{{0, 10}, {time.Second, 5}, {200 * time.Millisecond, 1}, {time.Hour, 10}} {
			time.Sleep(tt.pause)
			passed := 0
			for range 20 { // a refused request takes no token
				if send("read", home, http.MethodGet, ofOrgA).Code == http.StatusOK {
					passed++
				}
			}
			if passed != tt.pass {
				t.Errorf("after %v %d requests pass, want %d", tt.pause, passed, tt.pass)
			}
		}
	})
}

func TestRateLimitRemembersABoundedNumberOfBuckets(t *testing.T) {
	t.Parallel()
	take, now := httpapi.NewLimiter(5), time.Now()
	key := func(n int) (key [16]byte) {
		binary.BigEndian.PutUint64(key[:], uint64(n))
		return key
	}
	for range 10 {
		if _, err := take(key(0), now); err != nil {
			t.Fatal(err)
		}
	}
	most := 0
	for n := 1; n < 5*httpapi.MaxBuckets; n++ {
		buckets, err := take(key(n), now)
		if most = max(most, buckets); err != nil {
			t.Fatal(err)
		}
		if n%(httpapi.MaxBuckets/2) == 0 {
			if _, err := take(key(0), now); err == nil {
				t.Fatalf("the bucket of a key in use is forgotten after %d other keys", n)
			}
		}
	}
	if most > 2*httpapi.MaxBuckets {
		t.Errorf("%d buckets are remembered", most)
	}
}

func TestRateLimitIsInTheDocumentWhereItIsSet(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0, 5} {
		doc := openAPIOf(t, answers(t, httpapi.Config{RateLimit: rate}))
		for path, limited := range map[string]bool{ofCatalog: true, "/healthcheck": false, "/api/openapi.json": false} {
			response := doc.Paths.Value(path).Get.Responses.Value("429")
			if (response != nil) != (limited && rate > 0) {
				t.Errorf("with %v per second %s documents a 429: %v", rate, path, response != nil)
			}
			if response != nil && response.Value.Headers["Retry-After"] == nil {
				t.Errorf("%s documents no Retry-After", path)
			}
		}
	}
}

func TestNewRefusesARateThatIsNone(t *testing.T) {
	t.Parallel()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, rate := range []float64{-1, 0.0001, 1e7, math.NaN(), math.Inf(1)} {
		_, err := httpapi.New(hooks, httpapi.Config{Authenticator: tokens{}, RateLimit: rate})
		if err == nil || !strings.HasPrefix(err.Error(), "httpapi: Config.RateLimit is") {
			t.Errorf("%v: %v", rate, err)
		}
	}
}
