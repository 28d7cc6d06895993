package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/http/httpguts"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

func (s *Subscriptions) checkURI(in SubscriptionInput) (string, error) {
	if in.PostURI == "" {
		return "", nil
	}
	allowHTTP := in.IsDevelopment && s.cfg.AllowHTTP
	u, err := s.policy.ParseURL(in.PostURI, allowHTTP)
	if blocked, ok := errors.AsType[*guard.BlockedError](err); ok {
		return "", wrongField(AddressBlocked, "/postUri", "must not lead to a "+blocked.Error())
	}
	if malformed, ok := errors.AsType[*guard.URLError](err); ok {
		return "", wrongField(Invalid, "/postUri", malformed.Reason+s.whyHTTPS(in, allowHTTP))
	}
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// whyHTTPS explains why a refused URL must not be http. It returns "" if the URL is refused for
// another reason.
func (s *Subscriptions) whyHTTPS(in SubscriptionInput, allowHTTP bool) string {
	if _, err := s.policy.ParseURL(in.PostURI, true); allowHTTP || errors.As(err, new(*guard.URLError)) {
		return ""
	}
	if s.cfg.AllowHTTP {
		return "; http:// is for subscriptions marked isDevelopment"
	}
	return "; this host does not allow http://"
}

// resolve turns ids, codes and patterns into selectors, without duplicates. A new event type must be
// active; one of the present selectors may have become inactive.
func (s *Subscriptions) resolve(ctx context.Context, in SubscriptionInput, present []Selector) ([]Selector, error) {
	var selectors []Selector
	for i, event := range in.Events {
		pointer := "/events/" + strconv.Itoa(i)
		sel, err := s.selector(ctx, strings.TrimSpace(event), in.Version, pointer, present)
		if err != nil {
			return nil, err
		}
		same := func(o Selector) bool { return o.EventTypeID == sel.EventTypeID && o.Pattern == sel.Pattern }
		if !slices.ContainsFunc(selectors, same) {
			selectors = append(selectors, sel)
		}
	}
	return selectors, nil
}

var patternForm = regexp.MustCompile(`^(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,97}\.\*)$`)

func (s *Subscriptions) selector(ctx context.Context, event, version, pointer string, present []Selector) (Selector, error) {
	if patternForm.MatchString(event) {
		return Selector{Pattern: event}, nil
	}
	var t EventType
	id, err := uuid.Parse(event)
	switch {
	case err == nil && len(event) == 36:
		if i := slices.IndexFunc(present, func(p Selector) bool { return p.EventTypeID == id }); i >= 0 {
			return present[i], nil
		}
		t, err = s.store.EventType(ctx, id)
	case isCode(event):
		t, err = s.store.EventTypeByCode(ctx, nil, event, version)
	default:
		return Selector{}, wrongField(Invalid, pointer, "must be the id or the code of an event type, or a pattern such as * or vitals.*")
	}
	if errors.Is(err, ErrNotFound) {
		return Selector{}, wrongField(UnknownReference, pointer, "names no event type (a code means the one of the subscription's version)")
	}
	if err != nil {
		return Selector{}, err
	}
	sel := Selector{EventTypeID: t.ID, EventType: store.EventTypeRef{Name: t.Name, Code: t.Code, Version: t.Version}}
	if !t.Publishable() && !slices.Contains(present, sel) {
		return Selector{}, ErrEventInactive
	}
	return sel, nil
}

// eventTypeDeleted returns a ValidationError if an event type was deleted between the check of an
// input and its write.
func eventTypeDeleted(err error) error {
	if errors.Is(err, store.ErrBadReference) {
		return wrongField(UnknownReference, "/events", "names an event type that was deleted")
	}
	return err
}

// forbiddenHeaders are request headers that a subscription must not set, beside Content-*, Webhook-*
// and X-Webhook-*: HTTP or the dispatcher sets them, they change the meaning of the connection, or
// a cloud's metadata service answers to them.
var forbiddenHeaders = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Http2-Settings": true, "Expect": true, "Proxy-Authorization": true,
	"Proxy-Authenticate": true, "Host": true, "Idempotency-Key": true, "X-Idempotency-Key": true, "Accept-Encoding": true,
	"User-Agent": true, "Traceparent": true, "Tracestate": true, "Cookie": true,
	"Metadata": true, "Metadata-Flavor": true, "X-Google-Metadata-Request": true, "X-Metadata-Token": true,
	"X-Aws-Ec2-Metadata-Token": true, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": true,
}

func checkHeaders(headers map[string]string) (map[string]string, error) {
	if len(headers) > 20 {
		return nil, wrongField(Invalid, "/headers", "must have at most 20 members")
	}
	if len(headers) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		pointer := "/headers/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		canonical := http.CanonicalHeaderKey(name)
		withDashes := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")) // many servers treat both as the same
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, wrongField(Invalid, "/headers", "must have names that HTTP allows: letters, digits and !#$%&'*+-.^_`|~")
		case forbiddenHeaders[withDashes], strings.HasPrefix(withDashes, "Content-"),
			strings.HasPrefix(withDashes, "Webhook-"), strings.HasPrefix(withDashes, "X-Webhook-"):
			return nil, wrongField(Invalid, pointer, "is set by HTTP or the dispatcher, or opens a metadata service, and must not be set")
		case len(name)+len(value) > 4<<10:
			return nil, wrongField(Invalid, pointer, "must be at most 4096 bytes, name and value together")
		case !httpguts.ValidHeaderFieldValue(value):
			return nil, wrongField(Invalid, pointer, "must have a value without control characters")
		}
		if _, twice := out[canonical]; twice {
			return nil, wrongField(Invalid, pointer, "is there twice, in two spellings")
		}
		out[canonical] = value
	}
	return out, nil
}

func checkTimes(in SubscriptionInput) error {
	if in.Timeout != 0 && (in.Timeout < time.Second || in.Timeout > delivery.MaxTimeout) {
		return wrongField(Invalid, "/timeoutMs", fmt.Sprintf("must be 1000–%d", delivery.MaxTimeout.Milliseconds()))
	}
	if in.RetrySchedule != nil && (len(in.RetrySchedule) == 0 || len(in.RetrySchedule) > 20) {
		return wrongField(Invalid, "/retrySchedule", "must have 1–20 waits")
	}
	if in.RateLimit != 0 && !(in.RateLimit > 0 && in.RateLimit <= 10_000) { // refuses NaN too
		return wrongField(Invalid, "/rateLimit", "must be more than 0 and at most 10000, in requests per second")
	}
	for i, wait := range in.RetrySchedule {
		if wait <= 0 || wait > 48*time.Hour {
			return wrongField(Invalid, "/retrySchedule/"+strconv.Itoa(i), "must be more than 0 and at most 48h")
		}
	}
	return nil
}

const maxConditions = 20

// checkFilter returns the stored form of a filter, or a ValidationError.
func checkFilter(f Filter) (Filter, error) {
	if len(f) > maxConditions {
		return nil, wrongField(Invalid, "/filter", fmt.Sprintf("must have at most %d conditions", maxConditions))
	}
	var out Filter
	for i, c := range f {
		at := "/filter/" + strconv.Itoa(i)
		if !pointerForm.MatchString(c.Pointer) || len(c.Pointer) > 500 {
			return nil, wrongField(Invalid, at+"/pointer", "must be a JSON Pointer (RFC 6901) of at most 500 bytes, such as /patient/ward")
		}
		value, err := compact(at+"/value", c.Value, 4<<10)
		if err != nil {
			return nil, err
		}
		c.Value = value
		if want, known := filterValues[c.Op]; !known {
			return nil, wrongField(Invalid, at+"/op", "must be eq, ne, in, prefix, exists, lt or gt")
		} else if !strings.ContainsRune(want.begins, rune(value[0])) {
			return nil, wrongField(Invalid, at+"/value", want.allowed)
		}
		out = append(out, c)
	}
	return out, nil
}

var pointerForm = regexp.MustCompile(`^(/([^/~]|~[01])*)*$`)

// filterValues lists for each comparison the characters with which its JSON value may begin.
var filterValues = map[store.Op]struct{ begins, allowed string }{
	store.OpEqual:    {anyValue, ""},
	store.OpNotEqual: {anyValue, ""},
	store.OpIn:       {"[", "must be an array for in"},
	store.OpPrefix:   {`"`, "must be a string for prefix"},
	store.OpExists:   {"tf", "must be true or false for exists"},
	store.OpLess:     {`"-0123456789`, "must be a number or a string for lt"},
	store.OpGreater:  {`"-0123456789`, "must be a number or a string for gt"},
}

const anyValue = `"{[tfn-0123456789`
