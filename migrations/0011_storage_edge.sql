-- Since when copies at the edge do not count: of everything (both texts empty), a bucket, or an object; of rendered images only, or of all.
CREATE TABLE "storage.cache_purges" (
  bucket_id   TEXT NOT NULL,
  name        TEXT NOT NULL,
  images_only INTEGER NOT NULL CHECK (images_only IN (0, 1)),
  purged_at   TEXT NOT NULL,
  PRIMARY KEY (bucket_id, name, images_only)
) STRICT, WITHOUT ROWID;

-- Whom events of objects are told: a webhook, or the queue that is bound. A bucket of NULL means all.
CREATE TABLE "storage.event_targets" (
  id         TEXT PRIMARY KEY NOT NULL,
  bucket_id  TEXT REFERENCES "storage.buckets" (id) ON DELETE CASCADE,
  prefix     TEXT NOT NULL DEFAULT '',
  events     TEXT NOT NULL CHECK (json_valid(events)),
  url        TEXT,
  created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox: one row for each event and target, written in the batch that changed the object and gone when it was delivered. Ids
-- may come again, so that a batch without events writes nothing (AUTOINCREMENT would); an event has an id of its own for those it is told.
CREATE TABLE "storage.events" (
  id        INTEGER PRIMARY KEY,
  target_id TEXT NOT NULL REFERENCES "storage.event_targets" (id) ON DELETE CASCADE,
  event     TEXT NOT NULL CHECK (json_valid(event)),
  attempts  INTEGER NOT NULL DEFAULT 0,
  due_at    TEXT NOT NULL
) STRICT;

-- What becomes of old objects by itself; a number of days that is NULL means never.
CREATE TABLE "storage.lifecycle_rules" (
  id                     TEXT PRIMARY KEY NOT NULL,
  bucket_id              TEXT NOT NULL REFERENCES "storage.buckets" (id) ON DELETE CASCADE,
  prefix                 TEXT NOT NULL DEFAULT '',
  expire_days            INTEGER CHECK (expire_days > 0),
  infrequent_access_days INTEGER CHECK (infrequent_access_days > 0),
  created_at             TEXT NOT NULL
) STRICT, WITHOUT ROWID;
