-- See store.Health.
ALTER TABLE {}health ADD COLUMN stage integer NOT NULL DEFAULT 0;
