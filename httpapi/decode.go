package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/strictjson"
)

// maxDepth is how deep a request's JSON may nest.
const maxDepth = 64

// body reads the request's body into a pointer to a struct of wire types.
func (c *call) body(into any) error {
	text, err := c.read("application/json")
	if err != nil {
		return err
	}
	return decode(text, "", into)
}

// optionalBody is body for requests with an optional body.
func (c *call) optionalBody(into any) error {
	if c.r.ContentLength == 0 {
		return c.reserve(c.minWork)
	}
	return c.body(into)
}

// read returns the request's body, a JSON text by the strict rules, if it comes as
// one of the media types.
func (c *call) read(mediaTypes ...string) ([]byte, error) {
	if given := c.r.Header.Values("Content-Type"); len(given) > 0 {
		mediaType, _, err := mime.ParseMediaType(given[0])
		if err != nil || len(given) > 1 || !slices.Contains(mediaTypes, mediaType) {
			return nil, errMediaType
		}
	}
	text, err := c.readAll()
	if err != nil {
		return nil, err
	}
	if err := c.reserve(max(c.minWork, workPerBody*int64(len(text)))); err != nil {
		return nil, err
	}
	return text, checkJSON(text)
}

// readAll reads the body into memory that is reserved before.
func (c *call) readAll() ([]byte, error) {
	most, length := c.api.cfg.MaxBody, c.r.ContentLength
	if length > most {
		return nil, errTooLarge
	}
	if c.r.Body == nil { // the request does not come from a server
		return nil, nil
	}
	reserved := length
	if length < 0 {
		reserved = 2 * most // a buffer that grows
	}
	if err := c.bodyMemory.resize(c.r.Context(), reserved); err != nil {
		return nil, err
	}
	into := bytes.NewBuffer(make([]byte, 0, max(length, 0)+bytes.MinRead))
	_, err := into.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, most))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, malformed("", "The body could not be read to its end.")
	}
	c.bodyMemory.shrink(int64(into.Len()))
	return into.Bytes(), nil
}

func checkJSON(text []byte) error {
	err := strictjson.Check(text, maxDepth)
	if bad, ok := errors.AsType[*strictjson.Error](err); ok {
		return malformed(bad.Pointer, fmt.Sprintf("%s (byte %d)", bad.Reason, bad.Offset))
	}
	return err
}

func malformed(pointer, detail string) *problem {
	return newProblem(http.StatusBadRequest, "malformed_json", "The request body is not the JSON that is asked for.", faultAt(pointer, detail))
}

// decode puts the members of a JSON object into the fields of a struct, by the exact
// names in their json tags. A member without a field is refused, and so is the
// absence, or null, of one tagged required. A field of type json.RawMessage takes
// any value as it is written, null too. The text was checked before; pointer is its
// place in the request.
func decode(text []byte, pointer string, into any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return invalid(pointer, "must be an object")
	}
	v := reflect.ValueOf(into).Elem()
	var faults []fault
	for i := range v.NumField() {
		field, target := v.Type().Field(i), v.Field(i).Addr().Interface()
		name := field.Tag.Get("json")
		raw, given := members[name]
		delete(members, name)
		if keep, ok := target.(*json.RawMessage); ok {
			*keep = raw
		} else if given = given && string(raw) != "null"; given {
			if err := json.Unmarshal(raw, target); err != nil {
				faults = append(faults, faultAt(pointer+"/"+name, mustBe(err, field.Type)))
			}
		}
		if !given && field.Tag.Get("wire") == "required" {
			faults = append(faults, faultAt(pointer+"/"+name, "is required"))
		}
	}
	for name := range members {
		faults = append(faults, faultAt(pointer+"/"+escapePointer(name), "is not known"))
	}
	if faults == nil {
		return nil
	}
	slices.SortFunc(faults, func(a, b fault) int { return strings.Compare(*a.Pointer, *b.Pointer) })
	return newProblem(http.StatusBadRequest, "validation_failed", "The request is not valid.", faults...)
}

// items are the first items of an array. maxItems is more than any array may have, and to decode
// 500,000 items would take 90 MB.
type items []json.RawMessage

const maxItems = webhooks.MaxBatch + 1

// UnmarshalJSON implements [json.Unmarshaler].
func (i *items) UnmarshalJSON(text []byte) error {
	if text[0] != '[' {
		return &json.UnmarshalTypeError{Value: "value", Type: reflect.TypeFor[items]()}
	}
	*i = items{}
	for s := (splitter{text: text}); len(*i) < maxItems && s.more(']'); {
		*i = append(*i, s.value())
	}
	return nil
}

// mustBe describes the type that a member must have, from the error of a value of another type. The
// value may be nested in an array or an object.
func mustBe(err error, want reflect.Type) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return "must be " + err.Error()
	case want == reflect.TypeFor[[]string]() && wrong.Type.Kind() == reflect.String:
		return "must be an array of strings"
	case want == reflect.TypeFor[map[string]*string]() && wrong.Type.Kind() == reflect.String:
		return "must be an object of strings"
	}
	place := ""
	if wrong.Field != "" {
		place = " at " + wrong.Field
	}
	switch wrong.Type.Kind() {
	case reflect.String:
		return "must be a string" + place
	case reflect.Bool:
		return "must be true or false" + place
	case reflect.Int, reflect.Int64:
		return "must be an integer" + place
	case reflect.Float64:
		return "must be a number" + place
	case reflect.Slice:
		return "must be an array" + place
	default:
		return "must be an object" + place
	}
}

func escapePointer(token string) string {
	const most = 100 // bytes of a name that the client chose
	if len(token) > most {
		token = strings.ToValidUTF8(token[:most], "") + "…"
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

// timeIn reads a time in a body; empty means none.
func timeIn(pointer, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, ok := parseTime(text)
	if !ok {
		return t, invalid(pointer, timeAllowed)
	}
	return t, nil
}
