ALTER TABLE {}messages DROP COLUMN trace_context;
