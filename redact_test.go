package webhooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// silent are the names of fields that must not be printed, in every type.
var silent = map[string]bool{
	"Key": true, "Secret": true, "SecretKeys": true, "PrivateKey": true, "JWKS": true, "From": true, "To": true, // secrets
	"Body": true, "Data": true, "Source": true, "Response": true, // payloads
	"PostURI": true, "URL": true, "Headers": true, "Header": true, // of a customer
}

// printed are the public types that have such fields, or that hold one that does.
var printed = []any{
	webhooks.Config{},
	webhooks.Secret{},
	webhooks.Event{},
	webhooks.PostInput{},
	webhooks.ReportInput{},
	webhooks.SubscriptionInput{},
	webhooks.UnhealthySubscription{},
	store.Subscription{},
	store.Target{},
	store.Secret{},
	store.KeyChange{},
	store.SubscriptionHeaders{},
	store.Message{},
	store.NewMessage{},
	store.MessageSummary{},
	store.Attempt{},
	store.Delivery{},
	store.NewAttempt{},
	store.Report{},
	store.Job{},
	store.Outcome{},
	httpapi.JWTConfig{},
	guard.Request{},
	guard.Result{},
	signing.Message{},
}

const canary = "CanaryOfThePrinter"

// plant puts the canary wherever a silent field can hold it.
func plant(v reflect.Value) (n int) {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		if field.Kind() == reflect.Struct && v.Type().Field(i).Anonymous {
			n += plant(field)
		}
		if field.Type() == reflect.TypeFor[*store.Message]() {
			field.Set(reflect.ValueOf(&store.Message{Body: []byte(canary)}))
		}
		if !silent[name] {
			continue
		}
		for _, value := range []any{
			canary, []byte(canary),
			[][]byte{[]byte(canary)},
			map[string]string{"X-Key": canary},
			http.Header{"X-Key": {canary}},
			&url.URL{Scheme: "https", Host: "example.com", Path: "/" + canary, RawQuery: canary, User: url.UserPassword("me", canary)},
		} {
			if name == "PostURI" {
				value = "https://example.com/" + canary + "?" + canary
			}
			if reflect.TypeOf(value).AssignableTo(field.Type()) {
				field.Set(reflect.ValueOf(value))
				n++
				break
			}
		}
	}
	return n
}

func TestNothingPrintsASecretOrAPayload(t *testing.T) {
	t.Parallel()
	for _, zero := range printed {
		of := reflect.New(reflect.TypeOf(zero)).Elem()
		name := of.Type().String()
		if plant(of) == 0 && name != "store.NewAttempt" {
			t.Errorf("%s: nothing was planted", name)
		}
		value := of.Interface()
		forms := map[string]string{}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			forms[verb] = fmt.Sprintf(verb, value)
			forms[verb+" of a pointer"] = fmt.Sprintf(verb, of.Addr().Interface())
			forms[verb+" of a field"] = fmt.Sprintf(verb, struct{ Any any }{value})
			forms[verb+" of a list"] = fmt.Sprintf(verb, []any{value})
		}
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("it", "is", value)
		forms["slog"] = text.String()
		for how, form := range forms {
			if shows(form) || form == "" {
				t.Errorf("%s by %s: %s", name, how, form)
			}
		}
	}
}

// shows reports whether a text has the canary, as text, numbers or hex.
func shows(text string) bool {
	return slices.ContainsFunc([]string{"%s", "%x", "%X", "%d", "%#v"}, func(verb string) bool {
		return strings.Contains(text, strings.Trim(fmt.Sprintf(verb, []byte(canary)), "[]"))
	})
}

func TestPrintedTypesShowHarmlessFields(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		"PostURI:https://example.com/…":   webhooks.Subscription{PostURI: "https://example.com/hook?key=1"},
		"Headers:[A X-Key]":               webhooks.Subscription{Headers: map[string]string{"X-Key": "1", "A": "2"}},
		"Body:[3 bytes]":                  webhooks.Message{Body: []byte("abc")},
		"HTTPStatus:503":                  webhooks.Attempt{HTTPStatus: 503},
		"Attempts:2":                      webhooks.Delivery{Attempts: 2},
		"Deliveries:{Total:7":             webhooks.MessageSummary{Deliveries: webhooks.Tally{Total: 7}},
		"Key:[redacted]":                  webhooks.Secret{Key: "secret"},
		"SecretKeys:[redacted]":           webhooks.Config{SecretKeys: [][]byte{key(1)}},
		"PrivateKey: OperationalEvents:":  webhooks.Config{},
		"Message:{ID:00000000-0000-0000-": store.NewAttempt{Message: &store.Message{}},
	} {
		if got := fmt.Sprintf("%+v", value); !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

func TestJSONLeavesTheSigningSecretOut(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(map[string]any{"secret": webhooks.Secret{Key: canary}, "list": []webhooks.Secret{{Key: canary}}})
	if err != nil || strings.Contains(string(text), canary) || !strings.Contains(string(text), "ValidFrom") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAnAuthenticatorDoesNotPrintItsSecret(t *testing.T) {
	t.Parallel()
	j, err := httpapi.NewJWT(httpapi.JWTConfig{Secret: []byte(canary + canary)})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, j); shows(text) {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

// A new type with such a field has to be in the list above.
func TestNoPrintedTypeIsForgotten(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, v := range printed {
		listed[reflect.TypeOf(v).String()] = true
	}
	seen := 0
	for _, folder := range []string{".", "store", "delivery", "delivery/guard", "signing", "httpapi"} {
		eachType(t, folder, func(pkg, name string, s *ast.StructType) {
			if full := pkg + "." + name; ast.IsExported(name) && holds(s) {
				if seen++; !listed[full] {
					t.Errorf("%s has a field that must not be printed: give it a Format, and list it here", full)
				}
			}
		})
	}
	if seen < 15 {
		t.Errorf("only %d types were found", seen)
	}
}

// holds reports whether a struct has a silent field of a kind that could hold text.
func holds(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		for _, name := range field.Names {
			switch field.Type.(type) {
			case *ast.FuncType:
			case *ast.SelectorExpr: // time.Time and the like
			default:
				if silent[name.Name] {
					return true
				}
			}
		}
	}
	return false
}

func eachType(t *testing.T, folder string, see func(pkg, name string, s *ast.StructType)) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), path.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					see(file.Name.Name, spec.Name.Name, s)
				}
			}
			return true
		})
	}
}
