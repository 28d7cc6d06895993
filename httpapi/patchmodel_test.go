package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
)

type op map[string]any

// apply applies the operations to the document, or returns the code of the refusal.
func (p patchable) apply(doc map[string]any, ops []op) string {
	for _, o := range ops {
		path := pointerTokens(o["path"].(string))
		from := pointerTokens("")
		if f, ok := o["from"].(string); ok {
			from = pointerTokens(f)
			if code := p.access(doc, from); code != "" {
				return code
			}
		}
		if o["op"] == "test" {
			if _, secret := doc["secretKey"]; secret && path[0] == "secretKey" {
				return "read_only"
			}
			found, ok := lookUp(doc, path)
			if !ok {
				return "path_not_found"
			}
			if !same(found, o["value"]) {
				return "test_failed"
			}
			continue
		}
		if code := p.access(doc, path); code != "" {
			return code
		}
		var done bool
		switch o["op"] {
		case "add":
			done = insert(doc, path, o["value"])
		case "replace":
			if _, done = lookUp(doc, path); done {
				done = erase(doc, path) && insert(doc, path, o["value"])
			}
		case "remove":
			done = erase(doc, path)
		case "copy":
			var found any
			if found, done = lookUp(doc, from); done {
				done = insert(doc, path, clone(found))
			}
		case "move":
			var found any
			found, done = lookUp(doc, from)
			if !done || slices.Equal(from, path) {
				break
			}
			if len(path) > len(from) && slices.Equal(path[:len(from)], from) {
				return "path_not_found"
			}
			done = erase(doc, from) && insert(doc, path, found)
		}
		if !done {
			return "path_not_found"
		}
	}
	return ""
}

// access refuses members that may not be written.
func (p patchable) access(doc map[string]any, path []string) string {
	if slices.Contains(p.writable, path[0]) {
		return ""
	}
	if _, ok := doc[path[0]]; ok {
		return "read_only"
	}
	return "path_not_found"
}

func pointerTokens(pointer string) []string {
	out := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range out {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(out[i], "~1", "/"), "~0", "~")
	}
	return out
}

func place(token string, length int) (int, bool) {
	i, err := strconv.Atoi(token)
	return i, err == nil && i >= 0 && i < length && fmt.Sprint(i) == token
}

func lookUp(v any, path []string) (any, bool) {
	for _, token := range path {
		switch in := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = in[token]; !ok {
				return nil, false
			}
		case []any:
			i, ok := place(token, len(in))
			if !ok {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// insert adds a value where the parent is.
func insert(doc map[string]any, path []string, value any) bool {
	last := len(path) - 1
	parent, ok := lookUp(doc, path[:last])
	if !ok {
		return false
	}
	switch in := parent.(type) {
	case map[string]any:
		in[path[last]] = value
		return true
	case []any:
		i, ok := place(path[last], len(in)+1)
		if path[last] == "-" {
			i, ok = len(in), true
		}
		return ok && assign(doc, path[:last], slices.Insert(slices.Clone(in), i, value))
	}
	return false
}

// erase removes a value that is there. A member of the document itself becomes null.
func erase(doc map[string]any, path []string) bool {
	last := len(path) - 1
	if _, ok := lookUp(doc, path); !ok {
		return false
	}
	if last == 0 {
		doc[path[0]] = nil
		return true
	}
	parent, _ := lookUp(doc, path[:last])
	switch in := parent.(type) {
	case map[string]any:
		delete(in, path[last])
	case []any:
		i, _ := place(path[last], len(in))
		return assign(doc, path[:last], slices.Delete(slices.Clone(in), i, i+1))
	}
	return true
}

// assign replaces a list by another one.
func assign(doc map[string]any, path []string, list []any) bool {
	last := len(path) - 1
	parent, _ := lookUp(doc, path[:last])
	switch in := parent.(type) {
	case map[string]any:
		in[path[last]] = list
	case []any:
		i, _ := place(path[last], len(in))
		in[i] = list
	}
	return true
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			out[k] = clone(m)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = clone(m)
		}
		return out
	}
	return v
}

// same compares JSON values, numbers by value.
func same(a, b any) bool {
	return cmp.Equal(a, b, cmp.Comparer(func(x, y json.Number) bool {
		p, okP := new(big.Rat).SetString(x.String())
		q, okQ := new(big.Rat).SetString(y.String())
		return okP && okQ && p.Cmp(q) == 0
	}))
}
