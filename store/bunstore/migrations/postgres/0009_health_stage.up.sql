-- See store.Health.
ALTER TABLE {}health ADD COLUMN stage smallint NOT NULL DEFAULT 0;
