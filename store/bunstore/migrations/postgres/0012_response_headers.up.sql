-- See store.HeaderLines. NULL for none.
ALTER TABLE {}attempts ADD COLUMN response_headers text;
