-- What SQLite has no triggers for: once for each statement, and instead of writing a view that is no SQLite view.

-- Inserting a trigger's name runs it; an INSTEAD OF trigger of a view gets the row. It has no rows of its own.
CREATE VIEW "edgeward.fired" AS
SELECT NULL AS name, NULL AS new, NULL AS old
WHERE FALSE;

-- The rows that such triggers look at, or give back. Empty between batches.
CREATE TABLE "edgeward.rows" (
  place INTEGER PRIMARY KEY,
  name  TEXT NOT NULL,
  new   TEXT,
  old   TEXT
) STRICT;
