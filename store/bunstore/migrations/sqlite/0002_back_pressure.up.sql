-- See store.Health.
ALTER TABLE {}health ADD COLUMN counted_until integer;
ALTER TABLE {}health ADD COLUMN probe_until integer;
ALTER TABLE {}health ADD COLUMN back_pressure_since integer;
ALTER TABLE {}health ADD COLUMN back_pressure_until integer;
