-- Of a deleted subscription only its ids stay, until Prune finds none of its attempts.
DELETE FROM {}secrets WHERE subscription_id IN (SELECT id FROM {}subscriptions WHERE deleted_at IS NOT NULL);
DELETE FROM {}health WHERE subscription_id IN (SELECT id FROM {}subscriptions WHERE deleted_at IS NOT NULL);
UPDATE {}subscriptions SET post_uri = '', version = '', selectors = NULL, headers = NULL, is_development = false, description = '',
  timeout_ns = 0, retry_schedule = NULL, rate_limit = 0, ordered = false, filter = NULL, inactive_reason = '',
  active = false, active_changed_at = NULL, archived = false, archived_changed_at = NULL,
  created_at = NULL, created_by = '', updated_at = NULL, updated_by = ''
WHERE deleted_at IS NOT NULL;
CREATE INDEX subscriptions_deleted ON {}subscriptions (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX recoveries_subscription ON {}recoveries (subscription_id);
