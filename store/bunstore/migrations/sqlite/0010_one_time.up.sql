-- Ids that can be used once: links to the portal, and its ended sessions.
CREATE TABLE {}one_time (
  id blob PRIMARY KEY,
  kept_until integer NOT NULL
);
CREATE INDEX {}one_time_kept_until ON {}one_time (kept_until);
