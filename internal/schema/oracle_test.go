package schema_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/ecg-api/webhooks/internal/schema"
)

// The library that compiles the schemas validates, too. This package has the same verdicts
// and the same faults.
func TestValidate_AgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		agree(t, seed)
	}
}

func FuzzValidate(f *testing.F) {
	f.Add(uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64) { agree(t, seed) })
}

// agree compares both on a random schema and ten random values.
func agree(t *testing.T, seed uint64) {
	t.Helper()
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	text := fmt.Sprintf(`{"$defs":{"a":%s,"b":%s,"c":%s},"$ref":"#/$defs/a"}`, g.schema(3), g.schema(2), g.anchored())
	own, err := schema.Compile([]byte(text))
	oracle, oracleErr := compile(text)
	if err != nil {
		if oracleErr == nil && !strings.Contains(err.Error(), "refer to itself") {
			t.Errorf("seed %d: refused %s: %v", seed, text, err)
		}
		return
	}
	for range 10 {
		value := g.value(3)
		faults, err := own.Validate(t.Context(), schema.NewBudget(), []byte(value), 1<<20)
		if err != nil {
			t.Fatalf("seed %d: %s of %s: %v", seed, value, text, err)
		}
		want := oracleFaults(oracle, value)
		places := !strings.Contains(text, "propertyNames") // the library gives these faults no place
		if got, want := lines(faults, places), lines(want, places); !slices.Equal(got, want) {
			t.Errorf("seed %d: %s of %s\n\tgot  %q\n\twant %q", seed, value, text, got, want)
		}
		first, err := own.Validate(t.Context(), schema.NewBudget(), []byte(value), 1)
		if err != nil || len(first) != min(len(faults), 1) || len(first) == 1 && first[0] != faults[0] {
			t.Errorf("seed %d: %s of %s: the first fault is %v, %v; all are %v", seed, value, text, first, err, faults)
		}
	}
}

func compile(text string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("urn:oracle", doc); err != nil {
		return nil, err
	}
	return c.Compile("urn:oracle")
}

// oracleFaults returns the leaves of the library's error.
func oracleFaults(s *jsonschema.Schema, value string) (all []schema.Fault) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(value)))
	if err != nil {
		return []schema.Fault{{Detail: err.Error()}}
	}
	if mismatch, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(doc)); ok {
		collect(&all, mismatch)
	}
	return all
}

var english = message.NewPrinter(language.English)

func collect(all *[]schema.Fault, e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		collect(all, cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	f := schema.Fault{Detail: e.ErrorKind.LocalizedString(english)}
	for _, token := range e.InstanceLocation {
		f.Pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	if p, ok := e.ErrorKind.(*kind.Pattern); ok {
		f.Detail = "does not match pattern '" + p.Want + "'" // it quotes the value
	}
	*all = append(*all, f)
}

// lines sorts faults, and the words of each: the library's come in the order of a map.
func lines(faults []schema.Fault, places bool) []string {
	all := make([]string, len(faults))
	for i, f := range faults {
		words := strings.Fields(strings.ReplaceAll(f.Detail, ",", ""))
		slices.Sort(words)
		all[i] = strings.Join(words, " ")
		if places {
			all[i] = f.Pointer + " " + all[i]
		}
	}
	slices.Sort(all)
	return all
}
