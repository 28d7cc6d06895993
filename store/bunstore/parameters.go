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

// column is the values of a column of paramRows, by the number of the row.
type column = pgarray.Elements

// The kinds of columns: optionalUUIDs, optionalTexts and times give NULL for the zero value, blobs for nil.
type (
	uuids         = pgarray.UUIDs
	optionalUUIDs = pgarray.OptionalUUIDs
	times         = pgarray.Times
	texts         = pgarray.Texts
	optionalTexts = pgarray.OptionalTexts
	blobs         = pgarray.Blobs
)

func bigints[T ~int | ~int64](value func(i int) T) column { return pgarray.Bigints[T](value) }

// waits gives the microseconds until a time by the clock of this process, 0 for a past or zero
// time. A statement adds them to the clock of the database, which may show another time.
func waits(value func(i int) time.Time) column {
	return bigints(func(i int) int64 { return max(time.Until(value(i)).Microseconds(), 0) })
}

// idRows returns rows of one column of ids.
func idRows(ids []uuid.UUID) paramRows {
	return paramRows{len(ids), []column{uuids(func(i int) uuid.UUID { return ids[i] })}}
}

// literal returns a column as the text of a PostgreSQL array, which every
// driver can pass.
func literal(c column, from, to int) string {
	b := []byte{'{'}
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, ',')
		}
		switch v := c.Value(i).(type) {
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
