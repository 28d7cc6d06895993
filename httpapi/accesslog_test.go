package httpapi_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

// accessLine is a request, and its line in the log.
type accessLine struct {
	rule string
	info httpapi.RequestInfo
	want string
}

func accessLines() []accessLine {
	org := uuid.MustParse(orgA)
	whole := httpapi.RequestInfo{
		ID: "r1", Method: "GET", Route: "/api/x/{id}", Status: 200, Duration: time.Second, Subject: "ann", OrganizationID: org,
		ClientAddr: netip.MustParseAddr("203.0.113.7"),
	}
	of := func(change func(*httpapi.RequestInfo)) httpapi.RequestInfo {
		info := whole
		change(&info)
		return info
	}
	const attrs = ` subject=ann organizationId=` + orgA + " clientAddress=203.0.113.7\n"
	return []accessLine{
		{
			"SuccessIsDebug", whole,
			`level=DEBUG msg="webhooks: request" method=GET route=/api/x/{id} status=200 duration=1s requestId=r1` + attrs,
		},
		{
			"SlowIsInfo", of(func(i *httpapi.RequestInfo) { i.Duration++ }),
			`level=INFO msg="webhooks: request" method=GET route=/api/x/{id} status=200 duration=1.000000001s requestId=r1` + attrs,
		},
		{
			"FailureIsInfoWithItsCode", of(func(i *httpapi.RequestInfo) { i.Status, i.Err = 500, errors.New("secret") }),
			`level=INFO msg="webhooks: request" method=GET route=/api/x/{id} status=500 duration=1s requestId=r1 code=internal_error` + attrs,
		},
		{
			"NoAnswerIsInfo", of(func(i *httpapi.RequestInfo) { i.Status = 0 }),
			`level=INFO msg="webhooks: request" method=GET route=/api/x/{id} status=0 duration=1s requestId=r1` + attrs,
		},
		{
			"UnknownAttributesAreLeftOut",
			httpapi.RequestInfo{ID: "r2", Method: strings.Repeat("x", 1000), Status: 404},
			`level=INFO msg="webhooks: request" method=xxxxxxxxxxxxxxxx… route="" status=404 duration=0s requestId=r2` + "\n",
		},
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	for _, c := range accessLines() {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
			httpapi.AccessLog(logger)(t.Context(), c.info)
			if out.String() != c.want {
				t.Errorf("logged\n%swant\n%s", &out, c.want)
			}
		})
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
