-- A transaction of the caller's that finds another id here belongs to another database.
CREATE TABLE {}identity (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  id uuid NOT NULL
);
INSERT INTO {}identity (id) VALUES (pg_catalog.gen_random_uuid());
