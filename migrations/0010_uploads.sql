-- Uploads of several requests, by TUS, as S3's multipart or directly to R2, until they are finished or given up. `version` is the R2 key
-- of the bytes to come; it stands in "storage.garbage" too, with the same end. `parts_id` is R2's own name of the multipart upload;
-- a TUS upload that fits into one part has none. From `size` on the columns are TUS's.
CREATE TABLE "storage.uploads" (
  version       TEXT PRIMARY KEY NOT NULL,
  protocol      TEXT NOT NULL CHECK (protocol IN ('tus', 's3', 'direct')),
  state         TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'finished', 'given up')),
  bucket_id     TEXT NOT NULL,
  name          TEXT NOT NULL,
  owner_id      TEXT,
  metadata      TEXT NOT NULL CHECK (json_valid(metadata)),
  user_metadata TEXT CHECK (json_valid(user_metadata)),
  parts_id      TEXT,
  etag          TEXT,
  created_at    TEXT NOT NULL,
  expires_at    TEXT NOT NULL,
  size          INTEGER,
  "offset"      INTEGER NOT NULL DEFAULT 0,
  part_size     INTEGER NOT NULL DEFAULT 0,
  next_part     INTEGER NOT NULL DEFAULT 1,
  tail          TEXT,
  tail_size     INTEGER NOT NULL DEFAULT 0,
  upsert        INTEGER NOT NULL DEFAULT 0,
  header        TEXT,
  lock          TEXT,
  locked_until  TEXT
) STRICT, WITHOUT ROWID;

-- S3 lists a bucket's open uploads by name.
CREATE INDEX "storage.uploads_bucket_id_name_idx" ON "storage.uploads" (bucket_id, name) WHERE protocol = 's3' AND state = 'open';

-- Parts in R2. Their etags are R2's own tokens; `md5` is what S3's clients know a part by.
CREATE TABLE "storage.upload_parts" (
  version    TEXT NOT NULL,
  number     INTEGER NOT NULL,
  etag       TEXT NOT NULL,
  size       INTEGER NOT NULL,
  md5        TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (version, number)
) STRICT, WITHOUT ROWID;
