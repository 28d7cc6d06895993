package delivery

import (
	"errors"
	"strconv"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// fault is why an attempt failed on our side, before anything was sent.
type ownFault string

func (f ownFault) Error() string { return string(f) }

// stuck is why an attempt failed whose Sender did not return. The receiver may have had a part
// in that.
type stuckError string

func (s stuckError) Error() string { return string(s) }

// isOurs reports that an attempt failed before anything was sent, and not by the endpoint.
func isOwnFault(err error) bool {
	_, ok := errors.AsType[ownFault](err)
	return ok || guard.Local(err)
}

func describe(r guard.Result) string {
	if f, ok := errors.AsType[ownFault](r.Err); ok {
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
