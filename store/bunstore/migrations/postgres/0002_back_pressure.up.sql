-- See store.Health.
ALTER TABLE {}health
  ADD COLUMN counted_until timestamptz,
  ADD COLUMN probe_until timestamptz,
  ADD COLUMN back_pressure_since timestamptz,
  ADD COLUMN back_pressure_until timestamptz;
