-- Ids are 16 bytes, times are microseconds since 1970.

CREATE TABLE IF NOT EXISTS {}migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at integer NOT NULL
);

-- What a subscriber may still see in old history is marked as deleted, not removed.

CREATE TABLE {}categories (
  id blob PRIMARY KEY,
  name text NOT NULL,
  code text NOT NULL,
  description text NOT NULL,
  active integer NOT NULL,
  active_changed_at integer,
  archived integer NOT NULL,
  archived_changed_at integer,
  created_at integer,
  created_by text NOT NULL,
  updated_at integer,
  updated_by text NOT NULL,
  revision integer NOT NULL,
  deleted_at integer
);
CREATE UNIQUE INDEX {}categories_code ON {}categories (code) WHERE deleted_at IS NULL;

CREATE TABLE {}event_types (
  id blob PRIMARY KEY,
  category_id blob NOT NULL REFERENCES {}categories,
  name text NOT NULL,
  code text NOT NULL,
  version text NOT NULL,
  description text NOT NULL,
  schema blob,
  active integer NOT NULL,
  active_changed_at integer,
  archived integer NOT NULL,
  archived_changed_at integer,
  created_at integer,
  created_by text NOT NULL,
  updated_at integer,
  updated_by text NOT NULL,
  revision integer NOT NULL,
  deleted_at integer
);
CREATE UNIQUE INDEX {}event_types_code ON {}event_types (code, version) WHERE deleted_at IS NULL;
CREATE INDEX {}event_types_category ON {}event_types (category_id, id) WHERE deleted_at IS NULL;

CREATE TABLE {}samples (
  id blob PRIMARY KEY,
  event_type_id blob NOT NULL REFERENCES {}event_types,
  version text NOT NULL,
  payload blob,
  created_at integer,
  created_by text NOT NULL,
  updated_at integer,
  updated_by text NOT NULL,
  revision integer NOT NULL
);
CREATE UNIQUE INDEX {}samples_version ON {}samples (event_type_id, version);

CREATE TABLE {}seeds (
  position integer PRIMARY KEY AUTOINCREMENT,
  version text NOT NULL UNIQUE,
  description text NOT NULL,
  checksum text NOT NULL,
  applied_at integer
);

CREATE TABLE {}subscriptions (
  id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  post_uri text NOT NULL,
  version text NOT NULL,
  selectors text,
  is_development integer NOT NULL,
  description text NOT NULL,
  headers text,
  timeout_ns integer NOT NULL,
  retry_schedule text,
  rate_limit real NOT NULL,
  ordered integer NOT NULL,
  filter text,
  inactive_reason text NOT NULL,
  active integer NOT NULL,
  active_changed_at integer,
  archived integer NOT NULL,
  archived_changed_at integer,
  created_at integer,
  created_by text NOT NULL,
  updated_at integer,
  updated_by text NOT NULL,
  revision integer NOT NULL,
  deleted_at integer
);
CREATE INDEX {}subscriptions_organization ON {}subscriptions (organization_id, id) WHERE deleted_at IS NULL;

-- What store.Subscription.Topics returns, for all that are not deleted: publish looks here.
CREATE TABLE {}subscription_topics (
  topic text NOT NULL,
  organization_id blob NOT NULL,
  subscription_id blob NOT NULL REFERENCES {}subscriptions,
  PRIMARY KEY (topic, organization_id, subscription_id)
);
CREATE INDEX {}subscription_topics_subscription ON {}subscription_topics (subscription_id);

CREATE TABLE {}secrets (
  id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  subscription_id blob NOT NULL REFERENCES {}subscriptions,
  key blob,
  valid_from integer,
  valid_to integer,
  created_at integer,
  created_by text NOT NULL,
  updated_at integer,
  updated_by text NOT NULL
);
CREATE INDEX {}secrets_subscription ON {}secrets (subscription_id, id);

-- Rows are never updated.
CREATE TABLE {}messages (
  id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  event_type_id blob NOT NULL,
  type text NOT NULL,
  version text NOT NULL,
  body blob,
  source blob,
  ordering_key text NOT NULL,
  subscription_id blob,        -- the one it was made for; NULL if it was published
  created_at integer,
  created_by text NOT NULL
);
CREATE INDEX {}messages_published ON {}messages (organization_id, id) WHERE subscription_id IS NULL;
CREATE INDEX {}messages_created ON {}messages (created_at);

CREATE TABLE {}idempotency_keys (
  organization_id blob NOT NULL,
  key text NOT NULL,
  message_id blob NOT NULL,
  fingerprint blob,
  deliveries integer NOT NULL,
  created_at integer,
  PRIMARY KEY (organization_id, key)
);
CREATE INDEX {}idempotency_keys_created ON {}idempotency_keys (created_at);

-- A delivery is the chain of the attempts that share a delivery_id, the id of the first one.
-- One that is queued has a row in queue, too, which says when it is due and who sends it; one that
-- somebody else posts (external) never has. The first row keeps the summary of a chain of several: chain_status, chain_attempts, outcome_id.
CREATE TABLE {}attempts (
  id blob PRIMARY KEY,
  delivery_id blob NOT NULL,
  message_id blob NOT NULL,
  organization_id blob NOT NULL,
  subscription_id blob NOT NULL,
  event_type_id blob NOT NULL,
  line blob,                   -- see queue
  expires_at integer,
  created_at integer,
  updated_at integer,
  posted_at integer,
  next_retry_at integer,
  duration_ms integer NOT NULL DEFAULT 0,
  number integer NOT NULL,
  step integer NOT NULL,
  http_status integer NOT NULL DEFAULT 0,
  type integer NOT NULL,
  status integer NOT NULL,
  external integer NOT NULL DEFAULT false,
  chain_status integer,       -- NULL while the chain has one attempt: then it is that one's
  chain_attempts integer NOT NULL DEFAULT 1,
  outcome_id blob,             -- the latest finished attempt of the chain; NULL for this one
  retry_of blob,
  created_by text NOT NULL,
  updated_by text NOT NULL,
  error text NOT NULL DEFAULT '',
  response blob
);
-- The number lets deliveries, the first attempts, be counted in the index alone.
CREATE INDEX {}attempts_subscription ON {}attempts (subscription_id, id, number);
CREATE INDEX {}attempts_message ON {}attempts (message_id);
CREATE INDEX {}attempts_chain ON {}attempts (delivery_id, number) WHERE number > 1;

-- What is to be sent, and what is being sent. Rows are few, narrow and short-lived.
CREATE TABLE {}queue (
  attempt_id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  subscription_id blob NOT NULL,
  line blob,                   -- of several attempts in a line only the first is claimed; NULL for none
  position blob,               -- in the line: the delivery
  token integer NOT NULL,      -- of the latest claim; 0 before the first
  due_at integer NOT NULL,     -- when it may be claimed next: for a claimed one the end of its lease
  number integer NOT NULL,
  sending integer NOT NULL,
  held integer NOT NULL DEFAULT false -- until due_at, or until its subscription's endpoint works again
) WITHOUT ROWID;
CREATE INDEX {}queue_due ON {}queue (due_at, attempt_id);
CREATE INDEX {}queue_line ON {}queue (line, position) WHERE line IS NOT NULL;
CREATE INDEX {}queue_held ON {}queue (subscription_id) WHERE held;

-- The subscriptions whose endpoints fail.
CREATE TABLE {}health (
  subscription_id blob PRIMARY KEY REFERENCES {}subscriptions,
  failures integer NOT NULL,
  since integer,
  probes integer NOT NULL,
  probe_at integer             -- NULL while the circuit is closed
);

CREATE TABLE {}recoveries (
  id blob PRIMARY KEY,
  organization_id blob NOT NULL,
  subscription_id blob NOT NULL REFERENCES {}subscriptions,
  scope integer NOT NULL,
  since_at integer,
  until_at integer,
  rate integer NOT NULL,
  state integer NOT NULL,
  matched integer NOT NULL,
  queued integer NOT NULL,
  created_at integer,
  created_by text NOT NULL,
  finished_at integer,
  due_at integer,              -- when it may go on
  missed integer NOT NULL,     -- it is through with what failed
  position blob                -- the last delivery, or message, that it dealt with
);
CREATE INDEX {}recoveries_due ON {}recoveries (due_at) WHERE state = 0;
