-- Days after which a bucket's uploads of several requests are given up.
ALTER TABLE "storage.lifecycle_rules" ADD COLUMN abort_uploads_days INTEGER CHECK (abort_uploads_days > 0);
