package portal

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/shared"
)

const (
	statisticsAge     = 10 * time.Second // visits share statistics for so long
	statisticsTimeout = 10 * time.Second // bounds the reading of statistics
	maxStatistics     = 2000             // endpoints whose statistics are kept
)

// statisticsKey names statistics of an endpoint. The visitor may see the endpoint.
type statisticsKey struct {
	org      string
	endpoint uuid.UUID
	byDay    bool // of 30 days, otherwise of 24 hours
}

// newStatistics shares the statistics of endpoints between visits, because they are counted from each attempt. Reading goes on when
// the visit that began it has ended, so that a later one shows the result.
func newStatistics(api *client.Client) *shared.ByKey[statisticsKey, client.Stats] {
	return &shared.ByKey[statisticsKey, client.Stats]{
		Config:  shared.Config{Clock: clock.System, Keep: statisticsAge, Timeout: statisticsTimeout, Unavailable: webhooks.ErrUnavailable},
		MaxKeys: maxStatistics,
		Call: func(ctx context.Context, of statisticsKey) (client.Stats, error) {
			ctx = withCaller(ctx, httpapi.Caller{AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeRead}})
			query := client.StatsQuery{}
			if of.byDay {
				query = client.StatsQuery{Bucket: client.ByDay, From: time.Now().AddDate(0, 0, -daysShown)}
			}
			return api.Subscriptions.Stats(ctx, of.org, of.endpoint, query)
		},
	}
}
