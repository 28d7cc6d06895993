ALTER TABLE {}health
  DROP COLUMN counted_until,
  DROP COLUMN probe_until,
  DROP COLUMN back_pressure_since,
  DROP COLUMN back_pressure_until;
