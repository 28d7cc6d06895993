package guard

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// A Request is one POST.
type Request struct {
	// URL as [Policy.ParseURL] returned it. It is only read.
	URL *url.URL `log:"host"`
	// Header is sent as it is, and only read: it may be shared between requests.
	Header http.Header `log:"names"`
	// Body is only read; maybe still after Post has returned, so do not change it
	// then either. An empty one is sent too, chunked.
	Body []byte `log:"size"`
	// Timeout replaces [Options.Timeout] for this request if it is not zero.
	Timeout time.Duration
	// Group is the organization, or whatever shall not hold up its neighbours: for the
	// requests of one group certificates are verified one at a time. Default: "", a
	// group as well.
	Group string
}

// A Result is the response. With an Err the exchange did not come to its end:
// the other members then hold the part that arrived before it, if any.
type Result struct {
	// Status is the HTTP status, 200–999; 0 if none arrived. Of a response of HTTP/1 with headers
	// that net/http refuses, it is the status if that is a 2xx.
	Status int
	// Body holds the first 16 KiB of the response, as it was sent; nil if empty.
	Body []byte `log:"size"`
	// Truncated reports that there was more, which was not read.
	Truncated bool
	// Header has the headers of the response, with names as [http.CanonicalHeaderKey] writes them; nil if
	// none arrived.
	Header http.Header `log:"names"`
	// RetryAfter is the header of that name, as it was sent; several lines are a list.
	RetryAfter string
	// SentAt is when a connection was ready for the request, which was written at once, by Options.Clock; zero if none was.
	SentAt time.Time
	// Duration is the time from the call to the end of the response or the error.
	Duration time.Duration
	// Err says why the exchange failed. [Describe] words it for a person. It is, or
	// wraps, a *[BlockedError] if the policy refused the address, a *[TimeoutError]
	// if the time was over, and ctx's error if ctx ended first.
	Err error
}

// Post sends a request and reads the response. Any status is a result; errors
// are in [Result.Err]. One deadline holds from the DNS lookup to the last byte;
// an earlier deadline of ctx holds as well. Should net/http not return, Post does not
// either; but 1.5 s after the deadline its connections are given to no other request anymore.
//
// Post never repeats a request that the receiver may have processed. It repeats,
// at most three times and within the same deadline, a request of which no byte
// was written, or that the receiver says it did not process (HTTP/2: GOAWAY or
// REFUSED_STREAM, RFC 9113 section 8.7).
func (c *Client) Post(ctx context.Context, r Request) Result {
	start := c.clock.Now()
	timeout := cmp.Or(r.Timeout, c.timeout)
	bounded, cancel := clock.WithTimeout(ctx, c.clock, timeout)
	defer cancel()
	transport := c.transport.Load()
	defer c.watch(bounded, transport, timeout).Stop()
	trace, answered := &writeTrace{Context: bounded, group: r.Group, clock: c.clock}, c.proxy.answers()
	res := exchange(trace, transport, r)
	if res.Err != nil && bounded.Err() != nil {
		// Whatever the transport made of it: a read error, a canceled stream.
		res.Err = cmp.Or(ctx.Err(), error(&TimeoutError{timeout}))
		if ctx.Err() == nil && trace.conn == nil && c.proxy.silentSince(answered) {
			res.Err = &ProxyError{Reason: "timeout", Ours: true, Err: res.Err}
		}
	}
	res.SentAt, res.Duration = trace.sentAt, c.clock.Now().Sub(start)
	return res
}

func exchange(trace *writeTrace, transport *http.Transport, r Request) (res Result) {
	resp, err := send(trace, transport, r)
	if err != nil {
		return Result{Status: accepted(err, trace), Err: err}
	}
	// If the body was read to its end the connection is kept; closing it earlier
	// closes the connection too (HTTP/1) or resets the stream (HTTP/2).
	defer func() { _ = resp.Body.Close() }()
	res.Status, res.Header = resp.StatusCode, resp.Header
	res.RetryAfter = strings.Join(resp.Header.Values("Retry-After"), ", ")
	res.Body, res.Truncated, res.Err = readBody(resp.Body)
	return res
}

// send sends a request until the receiver may have processed it, maxTries times at most. Each
// repetition takes another connection: after a GOAWAY a shared one, since net/http uses the
// former no more, and else one of its own.
func send(trace *writeTrace, transport *http.Transport, r Request) (resp *http.Response, err error) {
	ctx := trace.watched()
	for range maxTries {
		trace.conn = nil
		if resp, err = roundTrip(transport, newRequest(ctx, r)); err == nil {
			return resp, nil
		}
		reason := unprocessed(err, trace)
		if reason == "" || ctx.Err() != nil {
			return nil, err
		}
		err = &unprocessedError{reason, err}
		if reason != reasonGoAway {
			transport = unshared(transport)
		}
	}
	return nil, err
}

// accepted returns the 2xx of a response with headers that net/http refused, and 0 if there is none:
// the receiver has taken the request, so it is not to be sent again. Of a failure, the text of the
// error tells the receiver more than its status.
func accepted(err error, trace *writeTrace) int {
	status := trace.status()
	if text := Describe(err); status/100 == 2 && (text == badResponse || text == largeHeaders) {
		return status
	}
	return 0
}

// newRequest builds a request that net/http does not send again by itself: it has a body, and no
// way to rewind the body (GetBody, which http.NewRequest sets). Otherwise net/http would repeat
// more than send does: a request with the header Idempotency-Key after its connection ended, and a
// stream of HTTP/2 that was reset with PROTOCOL_ERROR. It would also repeat without a bound, or
// seven times with pauses of up to a minute. That the body is a bytes.Reader in a NopCloser lets
// net/http put header and body into one write.
func newRequest(ctx context.Context, r Request) *http.Request {
	header := r.Header
	if header == nil {
		header = http.Header{}
	}
	return (&http.Request{
		Method:        http.MethodPost,
		URL:           r.URL,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(r.Body)),
		ContentLength: int64(len(r.Body)),
	}).WithContext(ctx)
}

var buffers = sync.Pool{New: func() any { return new([maxBody + 1]byte) }}

// readBody reads up to maxBody bytes, and one more to see whether there is one.
func readBody(r io.Reader) (body []byte, truncated bool, err error) {
	if r == http.NoBody {
		return nil, false, nil
	}
	buf := buffers.Get().(*[maxBody + 1]byte)
	defer buffers.Put(buf)
	n := 0
	for err == nil && n < len(buf) {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	if err == io.EOF { // itself, never wrapped: the end that io.Reader means
		err = nil
	}
	return append([]byte(nil), buf[:min(n, maxBody)]...), n > maxBody, err
}
