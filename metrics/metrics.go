// Package metrics counts the dispatcher's attempts and notices, for Prometheus. It is
// a package of its own so that only programs that import it link the Prometheus client.
//
//	registry := prometheus.NewRegistry()
//	observer, err := metrics.New(registry)
//	hooks, err := webhooks.New(store, webhooks.Config{Observer: observer})
//	mux.Handle("GET /metrics", metrics.Handler(registry))
//
// No metric has a label for an organization or a subscription, so the number of series
// does not grow with traffic. The history has the attempts of each subscription.
package metrics

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ecg-api/webhooks"
)

// Observer is a [webhooks.Observer] that counts. Make one with [New].
type Observer struct {
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
	notices  *prometheus.CounterVec
	up       prometheus.Gauge
}

var _ webhooks.Observer = (*Observer)(nil)

// counted are the kinds of notice that have a series each.
var counted = []webhooks.NoticeKind{
	webhooks.FirstFailure, webhooks.Recovered, webhooks.Exhausted, webhooks.CircuitOpened, webhooks.CircuitClosed,
	webhooks.SubscriptionDeactivated, webhooks.LeaseLost, webhooks.SenderStuck,
}

// New returns an observer and registers its metrics with r. It returns an error if
// they are registered with r already.
func New(r prometheus.Registerer) (*Observer, error) {
	o := &Observer{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "webhooks_attempts_total",
			Help: "Attempts that ended, by outcome and by class of the HTTP status (none if no response came).",
		}, []string{"outcome", "http"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "webhooks_attempt_duration_seconds",
			Help:    "Duration of attempts, from the look-up of the name to the last byte.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "webhooks_notices_total",
			Help: "Notices to the operator, by kind: first_failure, recovered, exhausted, circuit_opened, circuit_closed, " +
				"subscription_deactivated, lease_lost, sender_stuck.",
		}, []string{"kind"}),
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "webhooks_store_up",
			Help: "1 if the store answered the dispatcher when it was last asked, else 0.",
		}),
	}
	o.up.Set(1)
	for _, kind := range counted { // from the start, so that rates are right
		o.notices.WithLabelValues(string(kind))
	}
	var errs []error
	for _, c := range []prometheus.Collector{o.attempts, o.seconds, o.notices, o.up} {
		errs = append(errs, r.Register(c))
	}
	return o, errors.Join(errs...)
}

// Observe implements [webhooks.Observer].
func (o *Observer) Observe(n webhooks.Notice) {
	switch n.Kind {
	case webhooks.AttemptEnded:
		o.attempts.WithLabelValues(n.Status.String(), class(n.HTTPStatus)).Inc()
		if n.Status != webhooks.Cancelled {
			o.seconds.Observe(n.Duration.Seconds())
		}
	case webhooks.StoreDown:
		o.up.Set(0)
	case webhooks.StoreUp:
		o.up.Set(1)
	default:
		o.notices.WithLabelValues(string(n.Kind)).Inc()
	}
}

// class returns 2xx for 204, and none for 0.
func class(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Handler serves the metrics that g gathers, to at most 4 callers at a time.
func Handler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
