-- With sending and held in the index, the metrics count the queue without its rows. The entries are no longer than before,
-- because PostgreSQL pads them to 8 bytes. Each update of these columns changes due_at, too.
DROP INDEX {}queue_due;
CREATE INDEX queue_due ON {}queue (due_at, uuid_send(attempt_id)) INCLUDE (sending, held);
