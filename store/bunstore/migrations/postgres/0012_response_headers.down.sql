ALTER TABLE {}attempts DROP COLUMN response_headers;
