-- Buckets of which the edge may hold answers that it gives without asking (EDGE_CACHE_ORIGIN). Only their changes are noted, so who
-- does without that pays nothing for it.
CREATE TABLE "storage.edge_buckets" (
  bucket_id TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;

-- What the edge has to be told: an object changed, a bucket (the name is empty) or everything (both are). Written in the transaction of
-- the change, whoever makes it, and gone when the edge was told. Ids never come again: telling of one change must not remove another's row.
CREATE TABLE "storage.edge_changes" (
  id        TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16)))),
  bucket_id TEXT NOT NULL,
  name      TEXT NOT NULL,
  attempts  INTEGER NOT NULL DEFAULT 0,
  due_at    TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TRIGGER "edgeward.edge object changed"
AFTER UPDATE OF bucket_id, name, version, metadata ON "storage.objects"
WHEN EXISTS (SELECT 1 FROM "storage.edge_buckets" AS kept WHERE kept.bucket_id = OLD.bucket_id)
BEGIN
  INSERT INTO "storage.edge_changes" (bucket_id, name) VALUES (OLD.bucket_id, OLD.name);
END;

CREATE TRIGGER "edgeward.edge object removed"
AFTER DELETE ON "storage.objects"
WHEN EXISTS (SELECT 1 FROM "storage.edge_buckets" AS kept WHERE kept.bucket_id = OLD.bucket_id)
BEGIN
  INSERT INTO "storage.edge_changes" (bucket_id, name) VALUES (OLD.bucket_id, OLD.name);
END;

CREATE TRIGGER "edgeward.edge bucket closed"
AFTER UPDATE OF public ON "storage.buckets"
WHEN OLD.public = 1 AND NEW.public = 0
  AND EXISTS (SELECT 1 FROM "storage.edge_buckets" AS kept WHERE kept.bucket_id = OLD.id)
BEGIN
  INSERT INTO "storage.edge_changes" (bucket_id, name) VALUES (OLD.id, '');
  DELETE FROM "storage.edge_buckets" WHERE bucket_id = OLD.id;
END;

CREATE TRIGGER "edgeward.edge bucket removed"
AFTER DELETE ON "storage.buckets"
WHEN EXISTS (SELECT 1 FROM "storage.edge_buckets" AS kept WHERE kept.bucket_id = OLD.id)
BEGIN
  INSERT INTO "storage.edge_changes" (bucket_id, name) VALUES (OLD.id, '');
  DELETE FROM "storage.edge_buckets" WHERE bucket_id = OLD.id;
END;
