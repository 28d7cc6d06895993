ALTER TABLE {}health DROP COLUMN counted_until;
ALTER TABLE {}health DROP COLUMN probe_until;
ALTER TABLE {}health DROP COLUMN back_pressure_since;
ALTER TABLE {}health DROP COLUMN back_pressure_until;
