package bunstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	bundialect "github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/schema"
)

// id is a UUID in a column: a uuid on PostgreSQL, 16 bytes on SQLite.
type id uuid.UUID

// AppendQuery writes the id into the text of a query.
func (v id) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if gen.Dialect().Name() == bundialect.SQLite {
		return gen.Dialect().AppendBytes(b, v[:]), nil
	}
	return gen.Dialect().AppendString(b, uuid.UUID(v).String()), nil
}

// Scan reads the id from a column. NULL gives zero, as does a value that is no id, so that
// a damaged row does not hide its neighbours.
func (v *id) Scan(src any) error {
	*v = id{}
	if err := (*uuid.UUID)(v).Scan(src); err != nil {
		*v = id{}
	}
	return nil
}

// optionalID is an id for which zero means NULL.
type optionalID uuid.UUID

// AppendQuery writes the id into the text of a query.
func (v optionalID) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	if uuid.UUID(v) == uuid.Nil {
		return append(b, "NULL"...), nil
	}
	return id(v).AppendQuery(gen, b)
}

// Scan reads the id from a column.
func (v *optionalID) Scan(src any) error { return (*id)(v).Scan(src) }

// instant is a time in a column: a timestamptz on PostgreSQL, microseconds since
// 1970 on SQLite. The zero time is NULL.
type instant time.Time

// AppendQuery writes the time into the text of a query.
func (v instant) AppendQuery(gen schema.QueryGen, b []byte) ([]byte, error) {
	t := time.Time(v)
	if t.IsZero() {
		return append(b, "NULL"...), nil
	}
	if gen.Dialect().Name() == bundialect.SQLite {
		return fmt.Append(b, t.UnixMicro()), nil
	}
	return gen.Dialect().AppendTime(b, t), nil
}

// Scan reads the time from a column; NULL gives zero. A value that is no time which RFC
// 3339 can write (PostgreSQL's infinity, a text in SQLite) gives the beginning of 1970, so
// that a damaged row does not hide its neighbours.
func (v *instant) Scan(src any) error {
	t := time.Unix(0, 0)
	switch src := src.(type) {
	case nil:
		*v = instant{}
		return nil
	case int64:
		t = time.UnixMicro(src)
	case time.Time:
		t = src
	}
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		t = time.Unix(0, 0).UTC()
	}
	*v = instant(t)
	return nil
}

// ids converts ids for bun.
func ids(in []uuid.UUID) []id {
	out := make([]id, len(in))
	for i, v := range in {
		out[i] = id(v)
	}
	return out
}

// encode returns the JSON text of a list or map for a column: nil, which is
// NULL, for an absent one.
func encode(v any, absent bool) (*string, error) {
	if absent {
		return nil, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	s := string(text)
	return &s, nil
}

// decode is the reverse of encode.
func decode(text *string, v any) error {
	if text == nil {
		return nil
	}
	return json.Unmarshal([]byte(*text), v)
}
