package client

import (
	"fmt"
	"net/url"
	"reflect"
	"time"
)

// encodeQuery returns the parameters of a struct, and of the structs that it embeds, by the
// query tags of their fields. A zero field is left out.
func encodeQuery(query any) url.Values {
	values := url.Values{}
	if query != nil {
		addQuery(values, reflect.ValueOf(query))
	}
	return values
}

func addQuery(values url.Values, v reflect.Value) {
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Tag.Get("query")
		switch {
		case v.Type().Field(i).Anonymous:
			addQuery(values, field)
		case field.IsZero():
		case field.Kind() == reflect.Slice:
			for j := range field.Len() {
				values.Add(name, fmt.Sprint(field.Index(j)))
			}
		default:
			values.Set(name, queryText(field.Interface()))
		}
	}
}

func queryText(v any) string {
	if at, ok := v.(time.Time); ok {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
