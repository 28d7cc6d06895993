DROP INDEX {}queue_due;
CREATE INDEX queue_due ON {}queue (due_at, uuid_send(attempt_id));
