ALTER TABLE {}health DROP COLUMN stage;
