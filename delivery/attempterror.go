package delivery

import (
	"errors"
	"strconv"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// An ownFaultError is why an attempt failed on our side, before anything was sent.
type ownFaultError string

func (f ownFaultError) Error() string { return string(f) }

// A stuckError is why an attempt failed if the Sender did not return. The receiver may have caused
// that.
type stuckError string

func (s stuckError) Error() string { return string(s) }

// isOwnFault reports that an attempt failed before anything was sent, and not by the endpoint.
func isOwnFault(err error) bool {
	_, ok := errors.AsType[ownFaultError](err)
	return ok || guard.Local(err)
}

// failureExpired is the class of an attempt that was not sent before its deadline.
const failureExpired = "expired"

// failureClass returns the class of a result that is not a success: that of the answer, or of the error.
func failureClass(r guard.Result) string {
	switch r.Status / 100 {
	case 3:
		return "http_3xx"
	case 4:
		return "http_4xx"
	case 5:
		return "http_5xx"
	}
	if _, ok := errors.AsType[stuckError](r.Err); ok {
		return string(guard.ClassTimeout)
	}
	if r.Err == nil || isOwnFault(r.Err) {
		return string(guard.ClassOther)
	}
	return string(guard.Classify(r.Err))
}

// describe returns one line about a result that is not a success, for a person.
func describe(r guard.Result) string {
	if f, ok := errors.AsType[ownFaultError](r.Err); ok {
		return f.Error()
	}
	if s, ok := errors.AsType[stuckError](r.Err); ok {
		return s.Error()
	}
	if r.Status == 0 {
		return guard.Describe(r.Err)
	}
	text := "HTTP " + strconv.Itoa(r.Status)
	if r.Status/100 == 3 {
		text += ": redirects are not followed"
	}
	return text
}
