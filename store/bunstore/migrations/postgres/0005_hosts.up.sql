-- The running dispatchers, see hosts.go. The upper 32 bits of queue.token are a number of these.
CREATE TABLE {}hosts (
  number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  lease_us bigint NOT NULL,
  beat_at timestamptz NOT NULL,
  locked boolean NOT NULL,       -- at the last beat its session held an advisory lock
  judges_at timestamptz NOT NULL, -- before this time it finds no other host dead
  dead boolean NOT NULL DEFAULT false -- its leases are being ended
);
