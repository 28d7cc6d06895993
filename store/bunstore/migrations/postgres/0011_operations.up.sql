-- Lists over all organizations, see store.Operations.
CREATE INDEX subscriptions_paused ON {}subscriptions (id)
  WHERE NOT active AND NOT archived AND inactive_reason = '' AND deleted_at IS NULL;
CREATE INDEX subscriptions_disabled ON {}subscriptions (id)
  WHERE NOT active AND NOT archived AND inactive_reason <> '' AND deleted_at IS NULL;
CREATE INDEX recoveries_state ON {}recoveries (state, id);
-- The first bytes of an encrypted key name the key that it is encrypted with: store.KeyPrefix.
CREATE INDEX secrets_key ON {}secrets (substr(key, 1, 9));
