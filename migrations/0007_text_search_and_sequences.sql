-- What Postgres would make of a text for searching it, which SQLite cannot work out: each text with its lexemes,
-- written when a statement first asks for them. Nothing is lost when rows go: they are made again.
CREATE TABLE "edgeward.text_vectors" (
  document TEXT NOT NULL PRIMARY KEY,
  vector   TEXT NOT NULL,
  made_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The number that each of the project's sequences gives next.
CREATE TABLE "edgeward.sequences" (
  name TEXT NOT NULL PRIMARY KEY,
  next INTEGER NOT NULL
) STRICT;
