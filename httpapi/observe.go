package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"
)

// RequestInfo describes a request and its answer. It holds nothing that a client can choose freely
// besides the method, the id and the subject: no path, query, header or body.
type RequestInfo struct {
	ID             string        // the X-Request-Id of the answer
	Method         string        // as the client sent it
	Route          string        // the path of the operation, such as /api/webhook-categories/{categoryId}; "" if no operation has the path
	Status         int           // of the answer; 0 if the connection ended without one
	Duration       time.Duration // from the headers of the request to the last byte of the answer
	Subject        string        // of the caller; "" if it is not authenticated
	OrganizationID uuid.UUID     // of the path; zero if it has none, or none of the caller's
	ClientAddr     netip.Addr    // see the function ClientAddr; zero if it is unknown
	Err            error         // the reason of an answer of 400 or more; nil if there is none
}

type requestInfoKey struct{}

// infoOf returns the description of a request, which the layers below ServeHTTP complete.
func infoOf(ctx context.Context) *RequestInfo {
	info, ok := ctx.Value(requestInfoKey{}).(*RequestInfo)
	if !ok {
		panic("httpapi: the request did not pass ServeHTTP")
	}
	return info
}

// recorder notes the status of an answer, and drops the body of an answer to HEAD.
type recorder struct {
	http.ResponseWriter
	info *RequestInfo
}

// WriteHeader implements [http.ResponseWriter].
func (r recorder) WriteHeader(status int) {
	if r.info.Status == 0 && status >= http.StatusOK {
		r.info.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r recorder) Write(b []byte) (int, error) {
	if r.info.Status == 0 {
		r.info.Status = http.StatusOK
	}
	if r.info.Method == http.MethodHead {
		return len(b), nil
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (r recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
