package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/signing"
)

// codeView is a program that repeats the request of a delivery, or that verifies its signature.
type codeView struct {
	Tools   []codeTool
	Tool    string // curl, go, javascript or python
	Text    string
	Secret  bool   // the program needs the secret, and the caller may see it
	Shown   bool   // the program has the secret
	Unknown string // key of the reason why there is no program; "": there is one
}

// codeTool is a link to the page with another program.
type codeTool struct {
	Name, URL string
	Selected  bool
}

// codeTools are the names of the programs. The first is the default.
var codeTools = []string{"curl", "go", "javascript", "python"}

// codeView returns the program that the address names.
func (v *visit) codeView(endpoint client.Subscription, r requestView) codeView {
	c := codeView{Tool: codeTools[0], Unknown: r.Unknown}
	for _, name := range codeTools {
		selected := name == v.r.FormValue("code")
		if selected {
			c.Tool = name
		}
		c.Tools = append(c.Tools, codeTool{name, v.with("code", name) + "#code", selected})
	}
	c.Tools[0].Selected = c.Tool == codeTools[0]
	switch {
	case c.Unknown != "":
	case r.Waits:
		c.Unknown = "waits"
	case len(r.Headers) == 0:
		c.Unknown = "not_sent"
	case c.Tool != "curl":
		c.Secret = may(v.caller, httpapi.ScopeSecrets)
		c.Text = verifyProgram(c.Tool, secretPlaceholder, r)
	case endpoint.PostURI == "":
		c.Unknown = "no_url"
	default:
		c.Text = curlCommand(endpoint.PostURI, r)
	}
	return c
}

// secretPlaceholder stands for the secret in a program.
const secretPlaceholder = "whsec_..."

// showSecret shows a delivery with the secret in the program. It is a form, so that no address and no reload shows a secret.
func (p *portal) showSecret(v *visit) error {
	if _, err := v.form(); err != nil {
		return err
	}
	view, err := p.readDelivery(v)
	if err != nil || view == nil {
		return err
	}
	if view.Code.Text != "" && view.Code.Tool != "curl" {
		secret, err := p.api.Subscriptions.Secret(v.ctx, v.org, view.Endpoint.ID, view.Chosen.PostedAt)
		if err != nil {
			return err
		}
		view.Code.Text, view.Code.Shown = verifyProgram(view.Code.Tool, string(secret.SecretKey), view.Request), true
	}
	return v.render(http.StatusOK, "delivery", view)
}

// curlCommand returns a command for a POSIX shell that sends the request again. Masked values of headers are placeholders.
func curlCommand(url string, r requestView) string {
	var b strings.Builder
	if r.Hidden {
		b.WriteString("printf '%b' " + shellEscapes(r.Body))
	} else {
		b.WriteString("printf '%s' " + shellQuote(r.Body))
	}
	b.WriteString(" | curl --globoff --request POST " + shellWord(url))
	for _, h := range r.Headers {
		line := h.Name + ": " + h.Value
		switch {
		case strings.Contains(h.Value, maskedPart):
			line = h.Name + ": YOUR-VALUE"
		case h.Value == "":
			line = h.Name + ";" // curl's form of an empty header
		}
		b.WriteString(" \\\n  --header " + shellWord(line))
	}
	b.WriteString(" \\\n  --data-binary @-\n")
	return b.String()
}

// maskedPart is in each value that the REST interface masks.
var maskedPart = signing.Mask("")

// shellWord returns a text as one word of a command. A text with characters that are not seen is written with escapes: a terminal could
// act on them.
func shellWord(text string) string {
	if visible(text, false) == text {
		return shellQuote(text)
	}
	return `"$(printf '%b' ` + shellEscapes(text) + `)"`
}

func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// shellEscapes returns a text in the form that printf %b of POSIX reads, with octal escapes for bytes that are not seen.
func shellEscapes(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		switch seen := text[:n]; {
		case r == '\\':
			b.WriteString(`\\`)
		case visible(seen, false) == seen:
			b.WriteString(seen)
		default:
			for _, c := range []byte(seen) {
				fmt.Fprintf(&b, `\0%03o`, c)
			}
		}
		text = text[n:]
	}
	return shellQuote(b.String())
}

// verifyProgram returns a program that verifies the signature of a request.
func verifyProgram(tool, secret string, r requestView) string {
	headers := http.Header{}
	for _, h := range r.Headers {
		headers.Add(h.Name, h.Value)
	}
	quote := strconv.QuoteToASCII // its escapes of valid UTF-8 are the same in Go and in Python
	if tool == "javascript" {
		quote = quoteJavaScript
	}
	return strings.NewReplacer(
		"<secret>", quote(secret), "<id>", quote(headers.Get(signing.HeaderID)), "<timestamp>", quote(headers.Get(signing.HeaderTimestamp)),
		"<signatures>", quote(headers.Get(signing.HeaderSignature)), "<body>", quote(r.Body),
	).Replace(verifyPrograms[tool])
}

// quoteJavaScript returns a literal of ASCII characters.
func quoteJavaScript(text string) string {
	encoded, _ := json.Marshal(text) // a string has no error
	var b strings.Builder
	for _, r := range string(encoded) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
