package httpapi

import (
	"errors"
	"net/http"
	"slices"

	"github.com/ecg-api/webhooks/measure"
)

// methods are the methods that have a series of their own. A client may send any other word.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// statusClasses are the classes of statuses by their first digit. An answer has no status of 1xx.
var statusClasses = []string{measure.None, measure.None, "2xx", "3xx", "4xx", "5xx"}

// measureRequest counts a request that was answered.
func measureRequest(sink measure.Sink, info *RequestInfo) {
	method, route, status := info.Method, info.Route, measure.None
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	if route == "" {
		route = measure.None
	}
	if class := info.Status / 100; class < len(statusClasses) {
		status = statusClasses[class]
	}
	measure.RequestDuration.Record(sink, info.Duration.Seconds(), method, route, status)
	switch {
	case errors.Is(info.Err, ErrUnauthorized):
		measure.AuthenticationFailures.Add(sink, 1, "unauthorized")
	case errors.Is(info.Err, errForbidden):
		measure.AuthenticationFailures.Add(sink, 1, "forbidden")
	case errors.Is(info.Err, errAuthDown):
		measure.AuthenticationFailures.Add(sink, 1, measure.Unavailable)
	}
}
