-- A transaction of the caller's that finds another id here belongs to another file.
CREATE TABLE {}identity (
  one integer PRIMARY KEY DEFAULT 1 CHECK (one = 1),
  id blob NOT NULL
);
INSERT INTO {}identity (id) VALUES (randomblob(16));
