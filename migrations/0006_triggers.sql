-- What triggers need to know within a batch and SQLite cannot bind or hold. Both are empty between batches.

-- For whom the batch runs. No row: for the system itself.
CREATE TABLE "edgeward.caller" (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  user_id TEXT,
  role    TEXT NOT NULL,
  email   TEXT,
  claims  TEXT NOT NULL
) STRICT;

-- The variables of the functions that are running.
CREATE TABLE "edgeward.frame" (
  name  TEXT PRIMARY KEY NOT NULL,
  value ANY
) STRICT, WITHOUT ROWID;
