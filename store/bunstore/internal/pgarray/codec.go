package pgarray

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// Register makes a connection encode each [Array] in one piece. Other values it encodes
// as before.
func Register(m *pgtype.Map) {
	for _, oid := range []uint32{
		pgtype.UUIDArrayOID, pgtype.Int8ArrayOID, pgtype.TimestamptzArrayOID, pgtype.TextArrayOID, pgtype.ByteaArrayOID,
	} {
		if t, ok := m.TypeForOID(oid); ok {
			m.RegisterType(&pgtype.Type{Name: t.Name, OID: oid, Codec: codec{t.Codec}})
		}
	}
}

// Reserve makes the first array among the arguments of a statement make room for all.
func Reserve(args []any) {
	var first *Array
	for _, arg := range args {
		a, ok := arg.(*Array)
		switch {
		case !ok:
		case first == nil:
			first = a
			a.ahead = 0
		default:
			first.ahead += a.bytes()
		}
	}
}

type codec struct{ pgtype.Codec }

// PreferredFormat implements [pgtype.Codec]. Of texts pgx prefers the other one.
func (c codec) PreferredFormat() int16 { return pgtype.BinaryFormatCode }

// PlanEncode implements [pgtype.Codec].
func (c codec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(*Array); ok && format == pgtype.BinaryFormatCode {
		return plan{}
	}
	return c.Codec.PlanEncode(m, oid, format, value)
}

type plan struct{}

// Encode implements [pgtype.EncodePlan].
func (plan) Encode(value any, buf []byte) ([]byte, error) { return value.(*Array).append(buf), nil }

const header = 20 // bytes, of an array with one dimension

func (a *Array) bytes() int {
	bytes := header
	for i := a.from; i < a.from+a.n; i++ {
		bytes += 4 + max(a.elements.size(i), 0)
	}
	return bytes
}

// append appends the array as array_recv takes it.
func (a *Array) append(dst []byte) []byte {
	dst = slices.Grow(dst, a.bytes()+a.ahead)
	number := func(n int) { dst = binary.BigEndian.AppendUint32(dst, uint32(n)) }
	number(1) // dimension
	nulls := len(dst)
	number(0)
	number(int(a.elements.oid()))
	number(a.n)
	number(1) // the first index
	for i := a.from; i < a.from+a.n; i++ {
		size := a.elements.size(i)
		number(size)
		if size == null {
			dst[nulls+3] = 1
		} else {
			dst = a.elements.put(dst, i)
		}
	}
	return dst
}
