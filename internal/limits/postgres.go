package limits

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// uuids encode without reflection. An array of [uuid.UUID] goes through
// driver.Valuer, a string for each, and that alone is a quarter of the CPU.
type uuids = pgtype.FlatArray[pgtype.UUID]

type postgres struct {
	pool   *pgxpool.Pool
	schema string
}

const postgresTables = `
CREATE SCHEMA {};
CREATE TABLE {}.events (id uuid PRIMARY KEY, organization integer NOT NULL, type text NOT NULL, body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE {}.deliveries (id uuid PRIMARY KEY, event_id uuid NOT NULL, endpoint integer NOT NULL,
  state smallint NOT NULL DEFAULT 0, claims smallint NOT NULL, due_at timestamptz NOT NULL,
  status smallint, finished_at timestamptz) WITH (fillfactor = 70);
CREATE TABLE {}.attempts (id uuid PRIMARY KEY, delivery_id uuid NOT NULL, at timestamptz NOT NULL, ms integer, status smallint);
CREATE INDEX ON {}.deliveries (due_at) WHERE state = 0;
CREATE INDEX ON {}.events (organization, id);
CREATE INDEX ON {}.deliveries (endpoint, id);
CREATE INDEX ON {}.deliveries (event_id);
CREATE INDEX ON {}.attempts (delivery_id)`

// OpenPostgres makes a store in a new schema. It does not drop it.
func OpenPostgres(dsn, schema string) Store {
	s := JoinPostgres(dsn, schema).(*postgres)
	_, err := s.pool.Exec(context.Background(), s.sql(postgresTables), pgx.QueryExecModeSimpleProtocol)
	must(err)
	return s
}

// JoinPostgres returns a store in a schema that OpenPostgres has made.
func JoinPostgres(dsn, schema string) Store {
	config, err := pgxpool.ParseConfig(dsn)
	must(err)
	config.MaxConns = 2*writers + 1
	// While the tables are small, plans with sequential scans are the cheapest, and a
	// connection may keep them.
	config.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	config.ConnConfig.RuntimeParams["enable_bitmapscan"] = "off"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	must(err)
	return &postgres{pool, schema}
}

func (s *postgres) sql(text string) string { return strings.ReplaceAll(text, "{}", s.schema) }

func (s *postgres) Close() { s.pool.Close() }

func (s *postgres) Insert(events []Event, deliveries []*Delivery, leased bool) {
	n, bodies := len(deliveries), make(pgtype.FlatArray[[]byte], len(events))
	ids, eventIDs, endpoints := make(uuids, n), make(uuids, n), make(pgtype.FlatArray[int32], n)
	for i, d := range deliveries {
		ids[i], eventIDs[i], endpoints[i] = pgUUID(d.ID), pgUUID(d.Event), int32(d.Endpoint)
	}
	keys := make(uuids, len(events))
	for i, e := range events {
		keys[i], bodies[i] = pgUUID(e.ID), e.Body
	}
	var b pgx.Batch // one round trip, and one transaction by itself
	b.Queue(s.sql(`INSERT INTO {}.events (id, organization, type, body)
SELECT id, 1, 'bench.happened', body FROM unnest($1::uuid[], $2::bytea[]) AS r(id, body)`), keys, bodies)
	b.Queue(s.sql(`INSERT INTO {}.deliveries (id, event_id, endpoint, claims, due_at)
SELECT id, event, endpoint, $4::int, now() + $4::int * interval '60 s'
FROM unnest($1::uuid[], $2::uuid[], $3::int[]) AS r(id, event, endpoint)`),
		ids, eventIDs, endpoints, number(leased))
	must(s.pool.SendBatch(context.Background(), &b).Close())
}

// A claim is a due time moved to the end of the lease.
const claim = `
WITH c AS (
  UPDATE {}.deliveries AS d SET due_at = now() + interval '60 s', claims = claims + 1
  FROM (SELECT id FROM {}.deliveries WHERE state = 0 AND due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS due
  WHERE d.id = due.id RETURNING d.id, d.event_id, d.endpoint
)
SELECT c.id, c.event_id, c.endpoint, e.body FROM c JOIN {}.events AS e ON e.id = c.event_id`

func (s *postgres) Claim(most int) []*Delivery {
	rows, err := s.pool.Query(context.Background(), s.sql(claim), most)
	must(err)
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Delivery, error) {
		d := new(Delivery)
		return d, row.Scan((*[16]byte)(&d.ID), (*[16]byte)(&d.Event), &d.Endpoint, &d.Body)
	})
	must(err)
	return claimed
}

func (s *postgres) Finish(deliveries []*Delivery) {
	n := len(deliveries)
	ids, attempts, times := make(uuids, n), make(uuids, n), make(pgtype.FlatArray[time.Time], n)
	took, status := make(pgtype.FlatArray[int32], n), make(pgtype.FlatArray[int16], n)
	for i, d := range deliveries {
		ids[i], attempts[i], times[i] = pgUUID(d.ID), pgUUID(newID()), d.At
		took[i], status[i] = int32(d.Took.Milliseconds()), int16(d.Status)
	}
	var b pgx.Batch
	b.Queue(s.sql(`INSERT INTO {}.attempts (id, delivery_id, at, ms, status)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::int[], $5::smallint[])`), attempts, ids, times, took, status)
	b.Queue(s.sql(`UPDATE {}.deliveries AS d SET state = 2, status = r.status, finished_at = now()
FROM unnest($1::uuid[], $2::smallint[]) AS r(id, status) WHERE d.id = r.id`), ids, status)
	must(s.pool.SendBatch(context.Background(), &b).Close())
}

func pgUUID(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
