-- The audit trail. Changes is a JSON list of names.
CREATE TABLE {}audit (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  resource_id text COLLATE "C" NOT NULL,
  organization_id uuid,        -- NULL for a record of the operator's
  request_id text NOT NULL,
  changes text
);
CREATE INDEX audit_at ON {}audit (at, id);
CREATE INDEX audit_organization ON {}audit (organization_id, at, id);
CREATE INDEX audit_actor ON {}audit (actor, at, id);
CREATE INDEX audit_resource ON {}audit (resource, resource_id, at, id);

CREATE TABLE {}erasures (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  state smallint NOT NULL,
  attempts bigint NOT NULL,
  messages bigint NOT NULL,
  subscriptions bigint NOT NULL,
  audit_entries bigint NOT NULL,
  created_at timestamptz,
  created_by text NOT NULL,
  finished_at timestamptz
);
-- One job of an organization runs at a time.
CREATE UNIQUE INDEX erasures_running ON {}erasures (organization_id) WHERE state = 0;
-- A job also finds the subscriptions that were deleted before.
CREATE INDEX subscriptions_deleted_organization ON {}subscriptions (organization_id, id) WHERE deleted_at IS NOT NULL;

-- A message without body since this time.
ALTER TABLE {}messages ADD COLUMN expunged_at timestamptz, ADD COLUMN expunged_by text NOT NULL DEFAULT '';
