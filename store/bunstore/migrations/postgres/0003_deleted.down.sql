DROP INDEX {}recoveries_subscription;
DROP INDEX {}subscriptions_deleted;
