package schema_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes schemas and values from few names and numbers, so that they match
// about as often as they do not.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) name() string { return g.pick("a", "b", "c", "a/b", "~", "é") }

func (g generator) value(depth int) string {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch g.IntN(kinds) {
	case 0:
		return g.pick("null", "true", "false")
	case 1, 2:
		return g.pick("0", "-0", "1", "1.0", "2", "1e1", "10", "0.5", "-1.5", "1e-2", "123456789012345678901", "0.01")
	case 3, 4, 5:
		return g.pick(`""`, `"a"`, `"b"`, `"\u00e9"`, `"aab"`, `"a\n\"b"`, `"\ud83d\ude00"`, `"0"`)
	case 6:
		return "[" + g.list(4, func() string { return g.value(depth - 1) }) + "]"
	default:
		return "{" + g.members(4, func() string { return g.value(depth - 1) }) + "}"
	}
}

func (g generator) list(most int, item func() string) string {
	items := make([]string, g.IntN(most+1))
	for i := range items {
		items[i] = item()
	}
	return strings.Join(items, ",")
}

func (g generator) members(most int, value func() string) string {
	var all []string
	seen := map[string]bool{}
	for range g.IntN(most + 1) {
		if name := g.name(); !seen[name] {
			seen[name] = true
			all = append(all, fmt.Sprintf("%q:%s", name, value()))
		}
	}
	return strings.Join(all, ",")
}

// anchored is a schema that a $dynamicRef can lead to.
func (g generator) anchored() string {
	return fmt.Sprintf(`{"$id":"urn:c","$dynamicAnchor":"T","properties":{"a":{"$dynamicRef":"#T"},"b":%s},"$defs":{"d":%s}}`, g.schema(1),
		g.schema(0))
}

func (g generator) schema(depth int) string {
	if depth == 0 && g.IntN(3) == 0 || g.IntN(12) == 0 {
		return g.pick("true", "false", "{}")
	}
	below := func() string { return g.schema(max(depth-1, 0)) }
	name := func() string { return `"` + g.name() + `"` }
	keywords := []func() string{
		func() string {
			return `"type":"` + g.pick("object", "array", "string", "number", "integer", "boolean", "null") + `"`
		},
		func() string { return `"type":["object","array","` + g.pick("string", "integer") + `"]` },
		func() string { return `"enum":[` + g.value(1) + "," + g.value(1) + `,"a",1]` },
		func() string { return `"const":` + g.value(1) },
		func() string {
			return fmt.Sprintf(`"%s":%d`, g.pick("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), g.IntN(4))
		},
		func() string {
			return `"pattern":"` + g.pick("^a", "b$", "a+b", "^[ab]{1,2}$", ".", `^\\p{L}*$`, "") + `"`
		},
		func() string {
			return fmt.Sprintf(`"%s":%s`, g.pick("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
				g.pick("0", "1", "1.5", "10", "-1e1"))
		},
		func() string { return `"multipleOf":` + g.pick("1", "0.5", "0.01", "3") },
		func() string { return `"uniqueItems":true` },
		func() string { return `"required":[` + g.pick(`"a"`, `"a","b"`, `"~"`) + `]` },
		func() string { return `"dependentRequired":{` + name() + `:["c"]}` },
		func() string {
			return `"dependencies":{` + name() + `:` + g.pick(`["b"]`, `{"required":["a/b"]}`) + `}`
		},
	}
	if depth > 0 {
		keywords = append(keywords,
			func() string { return `"properties":{` + g.members(3, below) + `}` },
			func() string { return `"patternProperties":{"` + g.pick("^a", "b", "^é$") + `":` + below() + `}` },
			func() string { return `"additionalProperties":` + below() },
			func() string { return `"propertyNames":` + below() },
			func() string { return `"dependentSchemas":{` + name() + `:` + below() + `}` },
			func() string { return `"unevaluatedProperties":` + below() },
			func() string { return `"prefixItems":[` + below() + "," + below() + `]` },
			func() string { return `"items":` + below() },
			func() string { return `"contains":` + below() },
			func() string {
				return fmt.Sprintf(`"contains":%s,"%s":%d`, below(), g.pick("minContains", "maxContains"), g.IntN(3))
			},
			func() string { return `"unevaluatedItems":` + below() },
			func() string { return `"not":` + below() },
			func() string { return `"allOf":[` + below() + "," + below() + `]` },
			func() string { return `"anyOf":[` + below() + "," + below() + "," + below() + `]` },
			func() string { return `"oneOf":[` + below() + "," + below() + "," + below() + `]` },
			func() string { return `"if":` + below() + `,"then":` + below() + `,"else":` + below() },
			func() string { return `"$ref":"` + g.pick("urn:c", "urn:c#/$defs/d", "#/$defs/b") + `"` },
		)
	}
	var all []string
	seen := map[string]bool{}
	for range 1 + g.IntN(4) {
		keyword := keywords[g.IntN(len(keywords))]()
		if name, _, _ := strings.Cut(keyword[1:], `"`); !seen[name] {
			seen[name] = true
			all = append(all, keyword)
		}
	}
	return "{" + strings.Join(all, ",") + "}"
}
