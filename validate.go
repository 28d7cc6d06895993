package webhooks

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
	"github.com/google/uuid"
)

// isCode reports whether s has the form of the code of a category or event type. Publish checks one
// for each event: a regular expression took 0.7 % of the time of a delivery.
func isCode(s string) bool { return isName(s, 100) && strings.IndexByte("._-", s[0]) < 0 }

// isVersion reports whether s has the form of a version of an event type.
func isVersion(s string) bool { return isName(s, 32) }

// isName reports whether s is 1 to most ASCII letters, digits, dots, underscores and hyphens.
func isName(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// rules is the validator with this package's rules. It is shared because it caches struct types.
var rules = newRules()

func newRules() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("field") })
	for tag, ok := range map[string]func(s, param string) bool{
		"text":    func(s, n string) bool { return fits(s, n) && !hasControl(s, "") },
		"prose":   func(s, n string) bool { return fits(s, n) && !hasControl(s, "\t\n") },
		"code":    func(s, _ string) bool { return isCode(s) },
		"version": func(s, _ string) bool { return isVersion(s) },
	} {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return ok(f.Field().String(), f.Param()) })
		if err != nil {
			panic(err) // a tag above is malformed
		}
	}
	return v
}

// allowed describes the values that the rule of a tag allows.
func allowed(tag, param string) string {
	switch tag {
	case "required":
		return "is required"
	case "text":
		return "must be 1–" + param + " characters, none of them a control character"
	case "prose":
		return "must be at most " + param + " characters, of the control characters only tab and newline"
	case "code":
		return "must be 1–100 of A-Z a-z 0-9 . _ - and start with a letter or digit"
	case "version":
		return "must be 1–32 of A-Z a-z 0-9 . _ -"
	default:
		return "is not allowed (" + strings.TrimSpace(tag+" "+param) + ")"
	}
}

// checkStruct applies the rules in the tags of an input.
func checkStruct(input any) error {
	err := rules.Struct(input)
	if err == nil {
		return nil
	}
	faults, ok := err.(validator.ValidationErrors) //nolint:errorlint // Struct returns it bare
	if !ok {
		return err
	}
	e := &ValidationError{Problem: Invalid}
	for _, f := range faults {
		_, path, _ := strings.Cut(f.Namespace(), ".")
		path = strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
		e.Fields = append(e.Fields, FieldError{"/" + path, allowed(f.Tag(), f.Param())})
	}
	return e
}

// checkOrganization refuses the nil UUID: it is the id of an organization that the host forgot to
// set.
func checkOrganization(org uuid.UUID) error {
	if org == uuid.Nil {
		return wrongField(Invalid, "/organizationId", "must be the id of an organization, not the nil UUID")
	}
	return nil
}

func trim(texts ...*string) {
	for _, t := range texts {
		*t = strings.TrimSpace(*t)
	}
}

func fits(s, limit string) bool {
	n, err := strconv.Atoi(limit)
	return err == nil && utf8.ValidString(s) && utf8.RuneCountInString(s) <= n
}

func hasControl(s, except string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(except, r) })
}
