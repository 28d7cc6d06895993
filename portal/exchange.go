package portal

import (
	"bytes"
	"encoding/json"

	"github.com/ecg-api/webhooks/client"
)

// requestView is the request of an attempt.
type requestView struct {
	Headers []client.Header // empty: unknown
	Waits   bool            // it will be sent, and gets its headers then
	Body    string          // byte for byte
	Shown   string          // Body, or the same tokens with line breaks
	Pretty  bool
	Toggle  string // address of the page with the body in the other form
	Hidden  bool   // Body has characters that are not seen
	Source  string // the message from which the caller made the body; "": none
	Unknown string // key of the reason why there is no body; "": there is one
}

// requestView returns the request of an attempt. The parameter body=pretty adds line breaks and indentation to the body; literals stay
// as they are.
func (v *visit) requestView(a client.AttemptDetail) requestView {
	r := requestView{Headers: a.RequestHeaders, Waits: waits(a), Body: a.RequestBody, Pretty: v.r.FormValue("body") == "pretty"}
	if r.Body == "" {
		r.Body = string(a.RawMessage)
	} else {
		r.Source = string(a.RawMessage)
	}
	r.Shown, r.Toggle = r.Body, v.with("body", "pretty")+"#request"
	if r.Pretty {
		r.Shown, r.Toggle = indent(r.Body), v.with("body", "")+"#request"
	}
	r.Hidden = visible(r.Body, true) != r.Body
	switch {
	case a.Expunged != nil:
		r.Unknown = "expunged"
	case a.Truncated:
		r.Unknown = "large"
	case r.Body == "" || r.Body == "null":
		r.Body, r.Shown, r.Unknown = "", "", "damaged"
	}
	return r
}

// waits reports whether the dispatcher will send an attempt.
func waits(a client.AttemptDetail) bool {
	return a.PostedAt.IsZero() && !a.External && (a.Status == client.Pending || a.Status == client.Sending)
}

// indent adds line breaks between the tokens of a JSON text. It does not decode numbers and strings.
func indent(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// eventTypeOf returns the code in the body of a request.
func eventTypeOf(a client.AttemptDetail) string {
	var body struct {
		Type string `json:"type"`
	}
	text := []byte(a.RequestBody)
	if len(text) == 0 {
		text = a.RawMessage
	}
	_ = json.Unmarshal(text, &body) // a body that cannot be read has no code
	return body.Type
}

// keptResponse is the part of a response that is kept, in bytes.
const keptResponse = 16 << 10

// responseView is the response to an attempt.
type responseView struct {
	Headers []client.Header // empty: unknown
	Omitted bool            // the response had more headers
	Body    string
	Base64  bool   // Body is base64 of bytes that are no text
	Cut     bool   // the response may have been longer
	None    string // key of the reason why there is no body; "": there is one
}

func responseOf(a client.AttemptDetail) responseView {
	r := responseView{
		Headers: a.ResponseHeaders, Omitted: a.HeadersTruncated, Body: a.RawResponse, Base64: a.RawResponseEncoding == "base64",
	}
	length := len(r.Body)
	if r.Base64 {
		length = length / 4 * 3
	}
	r.Cut = length >= keptResponse
	switch {
	case r.Body != "":
	case a.Expunged != nil:
		r.None = "expunged"
	case a.Truncated:
		r.None = "large"
	case waits(a):
		r.None = "waits"
	case a.PostedAt.IsZero():
		r.None = "not_sent"
	case a.Success == nil:
		r.None = "not_yet"
	case a.HTTPStatusCode == 0:
		r.None = "no_answer"
	default:
		r.None = "empty"
	}
	return r
}
