package bunstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store/bunstore/internal/pgarray"
)

// paramRows is a table of values as an argument of a statement. On PostgreSQL it is unnest of an
// array for each column, so that text and number of parameters do not depend on the number of
// rows. On SQLite it is VALUES with a parameter for each value.
type paramRows struct {
	n       int
	columns []column
}

// column is a column of paramRows. Its functions return the value of a row by number.
type column struct {
	kind  string                 // the PostgreSQL type
	value func(i int) any        // nil, uuid.UUID, int64, time.Time, string or []byte
	array func(from, to int) any // the same for pgx
}

func uuids(value func(i int) uuid.UUID) column {
	return column{
		kind:  "uuid",
		value: func(i int) any { return value(i) },
		array: func(from, to int) any {
			return pgarray.UUIDs(to-from, func(i int) uuid.UUID { return value(from + i) })
		},
	}
}

// optionalUUIDs gives NULL for the zero id.
func optionalUUIDs(value func(i int) uuid.UUID) column {
	return column{
		kind: "uuid",
		value: func(i int) any {
			if v := value(i); v != uuid.Nil {
				return v
			}
			return nil
		},
		array: func(from, to int) any {
			return pgarray.OptionalUUIDs(to-from, func(i int) uuid.UUID { return value(from + i) })
		},
	}
}

func bigints[T ~int | ~int64](value func(i int) T) column {
	return column{
		kind:  "bigint",
		value: func(i int) any { return int64(value(i)) },
		array: func(from, to int) any {
			return pgarray.Bigints(to-from, func(i int) int64 { return int64(value(from + i)) })
		},
	}
}

// times gives NULL for the zero time.
func times(value func(i int) time.Time) column {
	return column{
		kind: "timestamptz",
		value: func(i int) any {
			if t := value(i); !t.IsZero() {
				return t
			}
			return nil
		},
		array: func(from, to int) any {
			return pgarray.Times(to-from, func(i int) time.Time { return value(from + i) })
		},
	}
}

// waits gives the microseconds until a time by the clock of this process, 0 for a past or zero
// time. A statement adds them to the clock of the database, which may show another time.
func waits(value func(i int) time.Time) column {
	return bigints(func(i int) int64 { return max(time.Until(value(i)).Microseconds(), 0) })
}

func texts(value func(i int) string) column {
	return column{
		kind:  "text",
		value: func(i int) any { return value(i) },
		array: func(from, to int) any { return pgarray.Texts(to-from, func(i int) string { return value(from + i) }) },
	}
}

// blobs gives NULL for nil.
func blobs(value func(i int) []byte) column {
	return column{
		kind: "bytea",
		value: func(i int) any {
			if b := value(i); b != nil {
				return b
			}
			return nil
		},
		array: func(from, to int) any { return pgarray.Blobs(to-from, func(i int) []byte { return value(from + i) }) },
	}
}

// idRows returns rows of one column of ids.
func idRows(ids []uuid.UUID) paramRows {
	return paramRows{len(ids), []column{uuids(func(i int) uuid.UUID { return ids[i] })}}
}

// literal returns the column as the text of a PostgreSQL array, which every
// driver can pass.
func (c column) literal(from, to int) string {
	b := []byte{'{'}
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		switch v := c.value(i).(type) {
		case nil:
			b = append(b, "NULL"...)
		case uuid.UUID:
			b = append(b, v.String()...)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case time.Time:
			b = append(v.UTC().AppendFormat(append(b, '"'), "2006-01-02 15:04:05.999999Z07:00"), '"')
		case string:
			b = append(append(append(b, '"'), literalEscapes.Replace(v)...), '"')
		case []byte:
			b = append(b, `"\\x`...)
			for _, octet := range v {
				b = append(b, hexDigits[octet>>4], hexDigits[octet&15])
			}
			b = append(b, '"')
		}
	}
	return string(append(b, '}'))
}

const hexDigits = "0123456789abcdef"

var literalEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// parameter converts a value for SQLite.
func parameter(v any) any {
	switch v := v.(type) {
	case uuid.UUID:
		return v[:]
	case time.Time:
		return v.UnixMicro()
	default:
		return v
	}
}
