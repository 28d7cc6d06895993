package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks"
)

const (
	maxOperations = 100
	maxPatched    = 1 << 20 // bytes of a document while it is patched
)

// patch is a JSON Patch (RFC 6902).
type patch []operation

type operation struct {
	place      string // pointer to the operation in the request
	op         string
	path, from pointer
	value      json.RawMessage
}

// operationInput describes an operation in the OpenAPI document.
type operationInput struct {
	Op    string `json:"op" wire:"required" schema:"is=PatchOp"`
	Path  string `json:"path" wire:"required"`
	From  string `json:"from"`
	Value any    `json:"value"`
}

// pointer is a JSON Pointer (RFC 6901).
type pointer struct {
	text   string
	tokens []string // unescaped
}

// patch reads the request's body as a JSON Patch.
func (c *call) patch() (patch, error) {
	text, err := c.read("application/json", "application/json-patch+json")
	if err != nil {
		return nil, err
	}
	var raw items
	if err := json.Unmarshal(text, &raw); err != nil || raw == nil {
		return nil, invalid("", "must be an array of operations")
	}
	if len(raw) > maxOperations {
		return nil, invalid("", fmt.Sprintf("must have at most %d operations", maxOperations))
	}
	p := make(patch, len(raw))
	for i, text := range raw {
		if p[i], err = parseOperation("/"+strconv.Itoa(i), text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parseOperation reads one operation. Members that its op does not define are
// ignored (RFC 6902, section 4).
func parseOperation(place string, text json.RawMessage) (operation, error) {
	o := operation{place: place}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		return o, invalid(place, "must be an object")
	}
	var path, from *string
	if json.Unmarshal(members["op"], &o.op) != nil || !slices.Contains([]string{"add", "remove", "replace", "move", "copy", "test"}, o.op) {
		return o, invalid(place+"/op", "must be add, remove, replace, move, copy or test")
	}
	if json.Unmarshal(members["path"], &path) != nil || path == nil || !o.path.parse(*path) {
		return o, invalid(place+"/path", "must be a JSON Pointer")
	}
	switch o.op {
	case "add", "replace", "test":
		if o.value = members["value"]; o.value == nil {
			return o, invalid(place+"/value", "is required")
		}
	case "move", "copy":
		if json.Unmarshal(members["from"], &from) != nil || from == nil || !o.from.parse(*from) {
			return o, invalid(place+"/from", "must be a JSON Pointer")
		}
	}
	return o, nil
}

// The escapes of a JSON Pointer (RFC 6901, section 3).
var (
	pointerEscapes   = strings.NewReplacer("~0", "", "~1", "")
	pointerUnescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// parse reports whether the text is a pointer.
func (p *pointer) parse(text string) bool {
	p.text = text
	if text == "" {
		return true
	}
	tokens := strings.Split(text, "/")
	if tokens[0] != "" {
		return false
	}
	p.tokens = tokens[1:]
	for i, token := range p.tokens {
		if strings.Contains(pointerEscapes.Replace(token), "~") {
			return false
		}
		p.tokens[i] = pointerUnescaper.Replace(token)
	}
	return true
}

// apply patches doc, the answer of a resource, and decodes the result into a pointer to the
// resource's input. A patch may write the members that the input has. It may not even test
// secretKey.
func (p patch) apply(doc, into any) error {
	text, err := encode(doc)
	if err != nil {
		return err
	}
	d := document{root: node{text: text}, writable: fieldNames(into), size: len(text)}
	for _, o := range p {
		if err := d.apply(o); err != nil {
			return err
		}
	}
	kept := make(map[string]json.RawMessage, len(d.writable))
	for _, name := range d.writable {
		if member := d.root.child(name); member != nil {
			kept[name] = member.appendTo(nil)
		}
	}
	if text, err = encode(kept); err != nil {
		return err
	}
	if err := checkJSON(text); err != nil { // deeper than 64 levels
		return asUnprocessable(err)
	}
	return asUnprocessable(decode(text, "", into))
}

func fieldNames(into any) []string {
	t := reflect.TypeOf(into).Elem()
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("json")
	}
	return names
}

// unprocessable turns the 400 of an invalid input into a 422: the request was valid, the result of
// the patch is not.
func unprocessable(err error) error {
	v, ok := errors.AsType[*webhooks.ValidationError](err)
	if !ok {
		return asUnprocessable(err)
	}
	p := validationProblem(v, "")
	return asUnprocessable(p)
}

func asUnprocessable(err error) error {
	p, ok := errors.AsType[*problem](err)
	if !ok || p.Status != http.StatusBadRequest {
		return err
	}
	return newProblem(http.StatusUnprocessableEntity, "validation_failed", "The result of the patch is not valid.", p.Errors...)
}

// document is a resource that is being patched, an object. Its own members are never removed: a
// "remove" sets them to null.
type document struct {
	root     node
	writable []string
	size     int // approximate, in bytes
}

func (d *document) apply(o operation) error {
	if o.op == "move" || o.op == "copy" {
		if err := d.mayWrite(o, o.from); err != nil {
			return err
		}
	}
	if o.op == "test" {
		return d.test(o)
	}
	if err := d.mayWrite(o, o.path); err != nil {
		return err
	}
	switch o.op {
	case "add":
		return d.put(o, node{text: o.value})
	case "replace":
		found, err := d.get(o, o.path)
		if err != nil {
			return err
		}
		return d.set(found, node{text: o.value})
	case "remove":
		return d.remove(o, o.path)
	case "copy":
		found, err := d.get(o, o.from)
		if err != nil {
			return err
		}
		return d.put(o, node{text: found.appendTo(nil)})
	default: // move
		return d.move(o)
	}
}

func (d *document) move(o operation) error {
	found, err := d.get(o, o.from)
	if err != nil {
		return err
	}
	if o.from.text == o.path.text {
		return nil
	}
	if strings.HasPrefix(o.path.text, o.from.text+"/") {
		return d.refuse(o, http.StatusUnprocessableEntity, "path_not_found", "A value cannot be moved into itself.")
	}
	value := *found
	if err := d.remove(o, o.from); err != nil {
		return err
	}
	return d.put(o, value)
}

func (d *document) refuse(o operation, status int, code, detail string) error {
	return newProblem(status, code, detail, faultAt(o.place, detail))
}

// mayWrite returns an error if the operation may not change the value at the pointer.
func (d *document) mayWrite(o operation, p pointer) error {
	if len(p.tokens) > 0 && slices.Contains(d.writable, p.tokens[0]) {
		return nil
	}
	if len(p.tokens) > 0 && d.root.child(p.tokens[0]) == nil {
		return d.missing(o)
	}
	return d.refuse(o, http.StatusForbidden, "read_only", "The member is read-only.")
}

func (d *document) missing(o operation) error {
	return d.refuse(o, http.StatusUnprocessableEntity, "path_not_found", "The operation names a place that does not exist.")
}

func (d *document) test(o operation) error {
	if d.root.child("secretKey") != nil && (len(o.path.tokens) == 0 || o.path.tokens[0] == "secretKey") {
		return d.refuse(o, http.StatusForbidden, "read_only", "The secret cannot be tested.")
	}
	found, err := d.get(o, o.path)
	if err != nil {
		return err
	}
	if !found.equal(&node{text: o.value}) {
		return errTestFailed
	}
	return nil
}

// get returns the value at the pointer. The node is valid until the document changes.
func (d *document) get(o operation, p pointer) (*node, error) {
	found := &d.root
	for _, token := range p.tokens {
		if found = found.child(token); found == nil {
			return nil, d.missing(o)
		}
	}
	return found, nil
}

// index reads the index of an array: digits without leading zeros.
func index(token string) (int, bool) {
	i, err := strconv.Atoi(token)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == token
}

// put adds a value: a member, or an item before the index or at the end.
func (d *document) put(o operation, value node) error {
	last := len(o.path.tokens) - 1
	parent, err := d.get(o, pointer{tokens: o.path.tokens[:last]})
	if err != nil {
		return err
	}
	token := o.path.tokens[last]
	if c := parent.split(); c != nil && c.object {
		if found := parent.child(token); found != nil {
			return d.set(found, value)
		}
	}
	if !parent.add(token, value) {
		return d.missing(o)
	}
	return d.grow(len(token) + value.size())
}

// set replaces a value.
func (d *document) set(found *node, value node) error {
	delta := value.size() - found.size()
	*found = value
	return d.grow(delta)
}

func (d *document) remove(o operation, p pointer) error {
	found, err := d.get(o, p)
	if err != nil {
		return err
	}
	last := len(p.tokens) - 1
	if last == 0 {
		return d.set(found, node{text: json.RawMessage("null")})
	}
	removed := found.size()
	parent, err := d.get(o, pointer{tokens: p.tokens[:last]})
	if err != nil {
		return err
	}
	parent.remove(p.tokens[last])
	return d.grow(-removed)
}

// grow counts the bytes of the document. Copies can double it with each operation.
func (d *document) grow(delta int) error {
	if d.size += delta; d.size > maxPatched {
		return errTooLarge
	}
	return nil
}

// quoted returns a text as a JSON string.
func quoted(text string) *json.RawMessage {
	raw, err := encode(text)
	if err != nil {
		panic(err)
	}
	return (*json.RawMessage)(&raw)
}
