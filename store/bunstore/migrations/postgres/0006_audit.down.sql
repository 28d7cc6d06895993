ALTER TABLE {}messages DROP COLUMN expunged_at, DROP COLUMN expunged_by;
DROP INDEX {}subscriptions_deleted_organization;
DROP TABLE {}erasures;
DROP TABLE {}audit;
