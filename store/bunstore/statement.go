package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ecg-api/webhooks/store/bunstore/internal/pgarray"
)

// conn runs the statements of the hot paths, on the pool or in a transaction.
//
// One text serves both databases. These placeholders are replaced at each call:
//
//	?           the next argument: a value, or paramRows
//	{}          the schema or prefix of a table's name
//	{partition} the suffix of the partitions of messages and attempts, see inPartition
//	{now}       the present
//	{us}        turns a number of microseconds into an interval to add to {now}
type conn struct {
	querier querier
	*syntax
	prefix    string
	partition string // suffix of a day, "" for the tables as a whole
	native    bool
	session   *sql.Conn // set outside of a transaction, if the sessions lack the planner settings

	// checkIdentity is called with the identity of the database. Nil: it is the store's.
	checkIdentity func(found uuid.UUID) error
}

// on returns a conn for the store's own handle or a transaction on it.
func (s *Store) on(handle queryHandle) conn {
	c := conn{querier: sqlQuerier{handle}, prefix: s.prefix, syntax: s.syntax, native: s.native}
	if session, ok := handle.(*sql.Conn); ok && s.plansLocally() {
		c.session = session
	}
	return c
}

// each runs a statement whose first argument is rows, once for each maxRows of them, and calls
// scan with each row of the results.
func (c conn) each(ctx context.Context, text string, r paramRows, scan func(scanner) error, more ...any) error {
	for from := 0; from < r.n; {
		part := paramSlice{r, from, from + min(c.maxRows, r.n-from)}
		if err := c.query(ctx, text, scan, append([]any{part}, more...)...); err != nil {
			return err
		}
		from = part.to
	}
	return nil
}

// lock runs a statement that locks rows and does nothing else.
func (c conn) lock(ctx context.Context, text string, r paramRows) error {
	if !c.rowLocks {
		return nil
	}
	return c.each(ctx, text, r, nil)
}

// paramSlice is a part of paramRows as an argument.
type paramSlice struct {
	paramRows
	from, to int
}

// whole is all of the rows as an argument.
func (r paramRows) whole() paramSlice { return paramSlice{r, 0, r.n} }

// query runs a statement and calls scan with each row of the result. Scan may be nil if the
// statement returns no rows.
func (c conn) query(ctx context.Context, text string, scan func(scanner) error, args ...any) error {
	text, args = c.render(text, args)
	found, err := c.querier.query(ctx, text, args)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }() // Err returns its error
	for found.Next() {
		if scan == nil {
			continue
		}
		if err := scan(found); err != nil {
			return err
		}
	}
	return found.Err()
}

func (c conn) render(text string, args []any) (string, []any) {
	var b strings.Builder
	b.Grow(len(text) + 512)
	out := make([]any, 0, 16)
	if c.native {
		out = append(out, pgx.QueryExecModeCacheStatement)
	}
	placeholder := func(v any) {
		out = append(out, v)
		if c.arrays {
			b.WriteString("$" + strconv.Itoa(len(out)-btoi(c.native)))
		} else {
			b.WriteByte('?')
		}
	}
	for text != "" {
		i := strings.IndexAny(text, "?{")
		if i < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		text = text[i:]
		if text[0] == '{' {
			text = c.renderName(&b, text)
			continue
		}
		text = text[1:]
		switch arg := args[0].(type) {
		case paramSlice:
			c.renderRows(&b, arg, placeholder)
		case time.Time:
			placeholder(c.optionalTime(arg))
		default:
			placeholder(arg)
		}
		args = args[1:]
	}
	pgarray.Reserve(out)
	return b.String(), out
}

// renderName replaces the named placeholder at the beginning of the text, and returns the text
// behind it.
func (c conn) renderName(b *strings.Builder, text string) string {
	name, rest, _ := strings.Cut(text, "}")
	switch name {
	case "{":
		b.WriteString(c.prefix)
	case "{partition":
		b.WriteString(c.partition)
	case "{now":
		b.WriteString(c.now())
	case "{us":
		b.WriteString(c.interval)
	default:
		panic(fmt.Sprintf("bunstore: unknown placeholder in %.20q", text))
	}
	return rest
}

func (c conn) renderRows(b *strings.Builder, s paramSlice, placeholder func(any)) {
	if c.arrays {
		c.unnestRows(b, s, placeholder)
	} else {
		valuesRows(b, s, placeholder)
	}
}

// unnestRows writes rows as one array for each column. PostgreSQL takes arrays in the select
// list apart row by row. It writes each array in FROM to a table first, which cost 5 % of the
// time of a delivery.
func (c conn) unnestRows(b *strings.Builder, s paramSlice, placeholder func(any)) {
	b.WriteString("SELECT ")
	arrays := make([]pgarray.Array, len(s.columns))
	for i, col := range s.columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("unnest(")
		if c.native {
			arrays[i] = pgarray.Of(col, s.from, s.to)
			placeholder(&arrays[i])
		} else {
			placeholder(literal(col, s.from, s.to))
		}
		b.WriteString("::" + col.Type() + "[])")
	}
}

// valuesRows writes rows as VALUES with a parameter for each value.
func valuesRows(b *strings.Builder, s paramSlice, placeholder func(any)) {
	b.WriteString("VALUES ")
	for row := s.from; row < s.to; row++ {
		if row > s.from {
			b.WriteByte(',')
		}
		for i, col := range s.columns {
			b.WriteByte("(,"[min(i, 1)])
			placeholder(parameter(col.Value(row)))
		}
		b.WriteByte(')')
	}
}

// optionalTime is a time as a single parameter, NULL for the zero time.
func (c conn) optionalTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return c.time(t)
}

// array is a list of ids as a single argument, on PostgreSQL.
func (c conn) array(ids []uuid.UUID) any {
	column := uuids(func(i int) uuid.UUID { return ids[i] })
	if !c.native {
		return literal(column, 0, len(ids))
	}
	array := pgarray.Of(column, 0, len(ids))
	return &array
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
