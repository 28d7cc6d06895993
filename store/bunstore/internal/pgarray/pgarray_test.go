package pgarray_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ecg-api/webhooks/store/bunstore/internal/pgarray"
)

// of is elements, and the array of pgx with the same elements.
type of struct {
	name     string
	oid      uint32
	elements pgarray.Elements
	pgx      any
}

func arrays(n int) []of {
	ids, numbers := make(pgtype.FlatArray[pgtype.UUID], n), make(pgtype.FlatArray[int64], n)
	times, texts := make(pgtype.FlatArray[pgtype.Timestamptz], n), make(pgtype.FlatArray[string], n)
	optional := make(pgtype.FlatArray[pgtype.Text], n)
	blobs := make(pgtype.FlatArray[[]byte], n)
	all := make(pgtype.FlatArray[pgtype.UUID], n)
	for i := range n {
		all[i] = pgtype.UUID{Bytes: ids[i].Bytes, Valid: true}
		if i%3 > 0 {
			ids[i] = pgtype.UUID{Bytes: uuid.New(), Valid: true}
			times[i] = pgtype.Timestamptz{Time: time.Unix(int64(i-3)*1e9, 123456789), Valid: true}
			blobs[i] = bytes.Repeat([]byte{byte(i)}, (i-1)*10)
		}
		numbers[i] = int64(i-2) << 40
		texts[i] = string(bytes.Repeat([]byte(`ä"\,`), i))
		optional[i] = pgtype.Text{String: texts[i], Valid: i > 0}
	}
	return []of{
		{"UUIDs", pgtype.UUIDArrayOID, pgarray.UUIDs(func(i int) uuid.UUID { return all[i].Bytes }), all},
		{"OptionalUUIDs", pgtype.UUIDArrayOID, pgarray.OptionalUUIDs(func(i int) uuid.UUID { return ids[i].Bytes }), ids},
		{"Bigints", pgtype.Int8ArrayOID, pgarray.Bigints[int64](func(i int) int64 { return numbers[i] }), numbers},
		{"Times", pgtype.TimestamptzArrayOID, pgarray.Times(func(i int) time.Time { return times[i].Time }), times},
		{"Texts", pgtype.TextArrayOID, pgarray.Texts(func(i int) string { return texts[i] }), texts},
		{"OptionalTexts", pgtype.TextArrayOID, pgarray.OptionalTexts(func(i int) string { return optional[i].String }), optional},
		{"Blobs", pgtype.ByteaArrayOID, pgarray.Blobs(func(i int) []byte { return blobs[i] }), blobs},
	}
}

func whole(e pgarray.Elements, n int) *pgarray.Array {
	a := pgarray.Of(e, 0, n)
	return &a
}

func encode(t *testing.T, m *pgtype.Map, oid uint32, format int16, value any) []byte {
	t.Helper()
	out, err := m.Encode(oid, format, value, []byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// An array is encoded as pgx encodes one with these elements.
func TestArrays(t *testing.T) {
	t.Parallel()
	plain, m := pgtype.NewMap(), pgtype.NewMap()
	pgarray.Register(m)
	for _, n := range []int{0, 1, 2, 3, 7, 100} {
		for _, a := range arrays(n) {
			want := encode(t, plain, a.oid, pgtype.BinaryFormatCode, a.pgx)
			if got := encode(t, m, a.oid, pgtype.BinaryFormatCode, a.pgx); !bytes.Equal(got, want) {
				t.Errorf("%d %s: pgx's own: got\n%x, want\n%x", n, a.name, got, want)
			}
			for _, format := range []int16{pgtype.BinaryFormatCode, pgtype.TextFormatCode} {
				want := encode(t, plain, a.oid, format, a.pgx)
				for name, m := range map[string]*pgtype.Map{"registered": m, "not registered": plain} {
					if got := encode(t, m, a.oid, format, whole(a.elements, n)); !bytes.Equal(got, want) {
						t.Errorf("%d %s, %s, format %d: got\n%x, want\n%x", n, a.name, name, format, got, want)
					}
				}
			}
		}
	}
}

// An array of some of the elements is encoded as pgx encodes these elements.
func TestAPartOfTheElements(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	pgarray.Register(m)
	numbers := pgtype.FlatArray[int64]{10, 11, 12, 13, 14}
	part := pgarray.Of(pgarray.Bigints[int64](func(i int) int64 { return numbers[i] }), 1, 4)
	for _, m := range []*pgtype.Map{m, pgtype.NewMap()} {
		want := encode(t, m, pgtype.Int8ArrayOID, pgtype.BinaryFormatCode, numbers[1:4])
		if got := encode(t, m, pgtype.Int8ArrayOID, pgtype.BinaryFormatCode, &part); !bytes.Equal(got, want) {
			t.Errorf("got\n%x, want\n%x", got, want)
		}
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	m := pgtype.NewMap()
	pgarray.Register(m)
	args, oids := []any{"other"}, []uint32{0}
	for _, a := range arrays(50) {
		args, oids = append(args, whole(a.elements, 50), 7), append(oids, a.oid, 0)
	}
	pgarray.Reserve(args)
	var buf []byte
	for i, arg := range args {
		if oids[i] == 0 {
			continue
		}
		room := cap(buf)
		out, err := m.Encode(oids[i], pgtype.BinaryFormatCode, arg, buf)
		if err != nil {
			t.Fatal(err)
		}
		if i > 1 && cap(out) != room {
			t.Errorf("argument %d: there was no room", i)
		}
		buf = out
	}
}

func TestAnArrayTakesNoAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	m := pgtype.NewMap()
	pgarray.Register(m)
	buf := make([]byte, 0, 100_000)
	for _, a := range arrays(50) {
		array := whole(a.elements, 50)
		plan := m.PlanEncode(a.oid, m.FormatCodeForOID(a.oid), array)
		if n := testing.AllocsPerRun(10, func() { _, _ = plan.Encode(array, buf) }); n > 0 {
			t.Errorf("%s: %v allocations", a.name, n)
		}
	}
}

// BenchmarkEncode compares an Array with the array of pgx, which has to be filled first.
func BenchmarkEncode(b *testing.B) {
	const n = 100
	m, plain := pgtype.NewMap(), pgtype.NewMap()
	pgarray.Register(m)
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	buf := make([]byte, 0, 10_000)
	b.Run("Array", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = m.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, whole(pgarray.UUIDs(func(i int) uuid.UUID { return ids[i] }), n), buf)
		}
	})
	b.Run("Pgx", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			array := make(pgtype.FlatArray[pgtype.UUID], n)
			for i := range array {
				array[i] = pgtype.UUID{Bytes: ids[i], Valid: true}
			}
			_, _ = plain.Encode(pgtype.UUIDArrayOID, pgtype.BinaryFormatCode, array, buf)
		}
	})
}
