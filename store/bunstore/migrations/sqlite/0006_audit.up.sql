-- The audit trail. Changes is a JSON list of names.
CREATE TABLE {}audit (
  id blob PRIMARY KEY,
  at integer NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  resource text NOT NULL,
  resource_id text NOT NULL,
  organization_id blob,        -- NULL for a record of the operator's
  request_id text NOT NULL,
  changes text
);
CREATE INDEX {}audit_at ON {}audit (at, id);
CREATE INDEX {}audit_organization ON {}audit (organization_id, at, id);
CREATE INDEX {}audit_actor ON {}audit (actor, at, id);
CREATE INDEX {}audit_resource ON {}audit (resource, resource_id, at, id);

CREATE TABLE {}erasures (
  id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  state integer NOT NULL,
  attempts integer NOT NULL,
  messages integer NOT NULL,
  subscriptions integer NOT NULL,
  audit_entries integer NOT NULL,
  created_at integer,
  created_by text NOT NULL,
  finished_at integer
);
-- One job of an organization runs at a time.
CREATE UNIQUE INDEX {}erasures_running ON {}erasures (organization_id) WHERE state = 0;
-- A job also finds the subscriptions that were deleted before.
CREATE INDEX {}subscriptions_deleted_organization ON {}subscriptions (organization_id, id) WHERE deleted_at IS NOT NULL;

-- A message without body since this time.
ALTER TABLE {}messages ADD COLUMN expunged_at integer;
ALTER TABLE {}messages ADD COLUMN expunged_by text NOT NULL DEFAULT '';
