-- The OAuth 2.1 server: other people's apps, which sign in with accounts of this project. Names are GoTrue's where it has them.

-- An app. The secret is kept as its SHA-256; a public client has none. The settings are one JSON object, as the API shows them.
CREATE TABLE "auth.oauth_clients" (
  id                 TEXT PRIMARY KEY NOT NULL,
  client_secret_hash TEXT,
  settings           TEXT NOT NULL CHECK (json_valid(settings)),
  created_at         TEXT NOT NULL,
  updated_at         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What an app asked for and a user decides. Once approved it holds the SHA-256 of the code, once that was exchanged the session it
-- began, so that a code that comes again ends it.
CREATE TABLE "auth.oauth_authorizations" (
  id             TEXT PRIMARY KEY NOT NULL,
  client_id      TEXT NOT NULL REFERENCES "auth.oauth_clients" (id) ON DELETE CASCADE,
  user_id        TEXT REFERENCES "auth.users" (id) ON DELETE CASCADE,
  redirect_uri   TEXT NOT NULL,
  scope          TEXT NOT NULL,
  state          TEXT,
  resource       TEXT,
  nonce          TEXT,
  code_challenge TEXT NOT NULL,
  status         TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'used')),
  code_hash      TEXT,
  session_id     TEXT,
  expires_at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a user lets an app have.
CREATE TABLE "auth.oauth_consents" (
  user_id    TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  client_id  TEXT NOT NULL REFERENCES "auth.oauth_clients" (id) ON DELETE CASCADE,
  scopes     TEXT NOT NULL,
  granted_at TEXT NOT NULL,
  PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;

-- An app's sessions. People's own have no entry in the index.
ALTER TABLE "auth.sessions" ADD COLUMN oauth_client_id TEXT REFERENCES "auth.oauth_clients" (id) ON DELETE CASCADE;
ALTER TABLE "auth.sessions" ADD COLUMN scopes TEXT;
CREATE INDEX "auth.sessions_oauth_client_id_idx" ON "auth.sessions" (oauth_client_id) WHERE oauth_client_id IS NOT NULL;
