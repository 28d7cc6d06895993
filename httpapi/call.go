package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// call is a request that passed authentication and authorization.
type call struct {
	api    *api
	w      http.ResponseWriter
	r      *http.Request
	caller Caller
	org    uuid.UUID                      // of the path; checked
	names  map[uuid.UUID]organizationName // of org, and of other organizations in the answer
	ids    map[string]uuid.UUID
	text   map[string]string  // the parameters of the path that are not ids
	cancel context.CancelFunc // of ctx; nil before its first call

	bodyMemory, workMemory *reservation // memory for the body and for work; nil for an open route
	minWork                int64        // bytes of workMemory, for any body
}

// ctx returns the context of the store's work. Its time-out begins with the first call,
// which is after the body was read, so that a slow client does not use it up.
func (c *call) ctx() context.Context {
	if c.cancel == nil {
		ctx, cancel := context.WithTimeout(c.r.Context(), c.api.cfg.Timeout)
		c.r, c.cancel = c.r.WithContext(ctx), cancel
	}
	return c.r.Context()
}

// end releases the context and the memory.
func (c *call) end() {
	if c.cancel != nil {
		c.cancel()
	}
	if c.workMemory != nil {
		c.bodyMemory.release()
		c.workMemory.release()
	}
}

// id returns an id of the path. A name that the route lacks is a mistake here.
func (c *call) id(name string) uuid.UUID {
	id, ok := c.ids[name]
	if !ok {
		panic("httpapi: the route has no " + name)
	}
	return id
}

// doneWire is the answer of commands.
type doneWire struct {
	Value bool `json:"value"`
}

// done answers a command: {"value": true}, or the error.
func (c *call) done(err error) error {
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, doneWire{true})
}

// reply answers with JSON.
func (c *call) reply(status int, body any) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	return c.send(status, text)
}

// send answers with a text in parts. While the client reads, the request keeps memory for
// the text alone.
func (c *call) send(status int, text ...[]byte) error {
	length := 0
	for _, part := range text {
		length += len(part)
	}
	if c.workMemory != nil {
		c.workMemory.shrink(int64(length))
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(length))
	c.w.WriteHeader(status)
	for _, part := range text {
		c.w.Write(part)
	}
	return nil
}

// resource answers with a single resource and its revision as entity tag.
func (c *call) resource(status int, revision int64, body any) error {
	c.w.Header().Set("ETag", entityTag(revision))
	return c.reply(status, body)
}

// record answers with a single resource that has no revision: the tag is of its
// content.
func (c *call) record(status int, body any) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	c.w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	return c.send(status, text)
}

// ifMatch returns errPrecondition if the request has an If-Match that does not name
// the revision (RFC 9110, section 13.1.1: a strong comparison).
func (c *call) ifMatch(revision int64) error {
	given := c.r.Header.Values("If-Match")
	if len(given) == 0 {
		return nil
	}
	for _, tag := range strings.Split(strings.Join(given, ","), ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == entityTag(revision) {
			return nil
		}
	}
	return errPrecondition
}

func entityTag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// encode returns JSON without HTML escapes, so that the publisher's data stay as they are written.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
