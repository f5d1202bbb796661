-- Buckets and objects, with upstream's columns, so that policies read the same.
CREATE TABLE "storage.buckets" (
  id                 TEXT PRIMARY KEY NOT NULL,
  name               TEXT NOT NULL UNIQUE,
  owner              TEXT,
  owner_id           TEXT,
  public             INTEGER NOT NULL DEFAULT 0 CHECK (public IN (0, 1)),
  avif_autodetection INTEGER NOT NULL DEFAULT 0 CHECK (avif_autodetection IN (0, 1)),
  file_size_limit    INTEGER,
  allowed_mime_types TEXT CHECK (json_valid(allowed_mime_types)),
  type               TEXT NOT NULL DEFAULT 'STANDARD',
  created_at         TEXT NOT NULL DEFAULT (rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00'),
  updated_at         TEXT NOT NULL DEFAULT (rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00')
) STRICT;

-- The R2 key of an object's bytes is its version, so a move touches this row only.
CREATE TABLE "storage.objects" (
  id               TEXT PRIMARY KEY NOT NULL DEFAULT (
                     lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
                       || '-' || substr('89ab', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2)
                       || '-' || hex(randomblob(6)))
                   ),
  bucket_id        TEXT NOT NULL REFERENCES "storage.buckets" (id),
  name             TEXT NOT NULL,
  owner            TEXT,
  owner_id         TEXT,
  version          TEXT,
  metadata         TEXT CHECK (json_valid(metadata)),
  user_metadata    TEXT CHECK (json_valid(user_metadata)),
  path_tokens      TEXT GENERATED ALWAYS AS (
                     json('["' || replace(replace(replace(name, '\', '\\'), '"', '\"'), '/', '","') || '"]')
                   ) VIRTUAL,
  created_at       TEXT NOT NULL DEFAULT (rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00'),
  updated_at       TEXT NOT NULL DEFAULT (rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00'),
  last_accessed_at TEXT NOT NULL DEFAULT (rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%f', 'now'), '0'), '.') || '+00:00'),
  UNIQUE (bucket_id, name)
) STRICT;

-- Listing a folder: names under a prefix, whatever their case.
CREATE INDEX "storage.objects_bucket_id_lower_name_idx" ON "storage.objects" (bucket_id, lower(name));

-- Bytes in R2 that no object refers to. With a time: an upload under way, garbage if it is not
-- finished by then. Without: an overwritten or removed version, to be deleted at once.
CREATE TABLE "storage.garbage" (
  version           TEXT PRIMARY KEY NOT NULL,
  upload_expires_at TEXT
) STRICT, WITHOUT ROWID;
