-- See store.Message.TraceContext.
ALTER TABLE {}messages ADD COLUMN trace_context text;
