DROP INDEX {}secrets_key;
DROP INDEX {}recoveries_state;
DROP INDEX {}subscriptions_disabled;
DROP INDEX {}subscriptions_paused;
