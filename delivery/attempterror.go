package delivery

import (
	"errors"
	"strconv"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// fault is why an attempt failed on our side, before anything was sent.
type fault string

func (f fault) Error() string { return string(f) }

// stuck is why an attempt failed whose Sender did not return. The receiver may have had a part
// in that.
type stuck string

func (s stuck) Error() string { return string(s) }

// isOurs reports that an attempt failed before anything was sent, and not by the endpoint.
func isOurs(err error) bool {
	_, ok := errors.AsType[fault](err)
	return ok || guard.Local(err)
}

func describe(r guard.Result) string {
	if f, ok := errors.AsType[fault](r.Err); ok {
		return f.Error()
	}
	if s, ok := errors.AsType[stuck](r.Err); ok {
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
