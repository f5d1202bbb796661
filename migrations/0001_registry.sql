-- What Postgres would know of the project's schema: one row per object, its definition as JSON.
CREATE TABLE "edgeward.catalog" (
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  UNIQUE (kind, name)
) STRICT;

-- Moves with every migration; checked inside every batch that relies on the catalog.
CREATE TABLE "edgeward.catalog_version" (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  version INTEGER NOT NULL
) STRICT;

INSERT INTO "edgeward.catalog_version" (only, version) VALUES (1, 0);

-- The project's migrations that have been applied, in the Supabase CLI's layout.
CREATE TABLE "supabase_migrations.schema_migrations" (
  version    TEXT PRIMARY KEY NOT NULL,
  name       TEXT,
  statements TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(statements))
) STRICT;
