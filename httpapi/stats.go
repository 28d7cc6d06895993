package httpapi

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
)

// statsWire sums up the attempts of a bucket of time.
type statsWire struct {
	From        timestamp `json:"from"`
	Attempts    int       `json:"attempts"`
	Succeeded   int       `json:"succeeded"`
	Failed      int       `json:"failed"`
	SuccessRate *float64  `json:"successRate"`
	P50Ms       *int64    `json:"p50Ms"`
	P95Ms       *int64    `json:"p95Ms"`
	P99Ms       *int64    `json:"p99Ms"`
}

type statsList struct {
	Items []statsWire `json:"items"`
	Total statsWire   `json:"total"`
}

func showStats(b webhooks.StatsBucket) statsWire {
	w := statsWire{From: timestamp(b.From), Attempts: b.Attempts, Succeeded: b.Succeeded, Failed: b.Failed}
	if b.Attempts > 0 {
		rate := float64(b.Succeeded) / float64(b.Attempts)
		p50, p95, p99 := b.P50.Milliseconds(), b.P95.Milliseconds(), b.P99.Milliseconds()
		w.SuccessRate, w.P50Ms, w.P95Ms, w.P99Ms = &rate, &p50, &p95, &p99
	}
	return w
}

func (a *api) getStats(c *call) error {
	q := c.query()
	statsQuery := webhooks.StatsQuery{From: q.time("from"), To: q.time("to")}
	switch q.choice("bucket", "hour", "minute", "day") {
	case "minute":
		statsQuery.Bucket = time.Minute
	case "hour":
		statsQuery.Bucket = time.Hour
	case "day":
		statsQuery.Bucket = 24 * time.Hour
	}
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.hooks.Subscriptions.Stats(c.ctx(), c.org, c.id("subscriptionId"), statsQuery)
	if v, ok := errors.AsType[*webhooks.ValidationError](err); ok { // the fields of the query came as parameters
		for _, f := range v.Fields {
			q.addFault(strings.TrimPrefix(f.Pointer, "/"), f.Detail)
		}
		return q.err()
	}
	if err != nil {
		return err
	}
	out := statsList{make([]statsWire, len(found.Items)), showStats(found.Total)}
	for i, b := range found.Items {
		out.Items[i] = showStats(b)
	}
	return c.reply(http.StatusOK, out)
}
