-- Accounts. Column names are GoTrue's, so that policies, foreign keys and exports read the same.
CREATE TABLE "auth.users" (
  id                    TEXT PRIMARY KEY NOT NULL,
  aud                   TEXT,
  role                  TEXT,
  email                 TEXT,
  encrypted_password    TEXT,
  email_confirmed_at    TEXT,
  invited_at            TEXT,
  last_sign_in_at       TEXT,
  raw_app_meta_data     TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(raw_app_meta_data)),
  raw_user_meta_data    TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(raw_user_meta_data)),
  phone                 TEXT,
  phone_confirmed_at    TEXT,
  confirmed_at          TEXT GENERATED ALWAYS AS (
                          CASE
                            WHEN email_confirmed_at IS NULL THEN phone_confirmed_at
                            WHEN phone_confirmed_at IS NULL THEN email_confirmed_at
                            ELSE min(email_confirmed_at, phone_confirmed_at)
                          END
                        ) STORED,
  banned_until          TEXT,
  is_sso_user           INTEGER NOT NULL DEFAULT 0,
  is_anonymous          INTEGER NOT NULL DEFAULT 0,
  created_at            TEXT NOT NULL,
  updated_at            TEXT NOT NULL,
  deleted_at            TEXT
) STRICT;

CREATE UNIQUE INDEX "auth.users_email_key" ON "auth.users" (email) WHERE is_sso_user = 0;
CREATE UNIQUE INDEX "auth.users_phone_key" ON "auth.users" (phone) WHERE phone IS NOT NULL;
CREATE INDEX "auth.users_created_at_idx" ON "auth.users" (created_at);

-- How a user can prove who they are: one row for each provider. An identity is found by its user or
-- by its provider's id, never by its own id alone, so that one has no index to pay for.
CREATE TABLE "auth.identities" (
  id              TEXT NOT NULL,
  user_id         TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  provider        TEXT NOT NULL,
  provider_id     TEXT NOT NULL,
  identity_data   TEXT NOT NULL CHECK (json_valid(identity_data)),
  email           TEXT GENERATED ALWAYS AS (lower(json_extract(identity_data, '$.email'))) VIRTUAL,
  last_sign_in_at TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  PRIMARY KEY (provider, provider_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX "auth.identities_user_id_idx" ON "auth.identities" (user_id);

-- Who is signed in. A refresh writes this one row: the counter says which refresh token is the
-- current one, the key signs all of the session's. Without a rowid, so that a sign-in writes no
-- second entry for the primary key.
CREATE TABLE "auth.sessions" (
  id                     TEXT PRIMARY KEY NOT NULL,
  user_id                TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  aal                    TEXT NOT NULL CHECK (aal IN ('aal1', 'aal2', 'aal3')),
  amr                    TEXT NOT NULL CHECK (json_valid(amr)),
  user_agent             TEXT,
  ip                     TEXT,
  refresh_token_hmac_key TEXT NOT NULL,
  refresh_token_counter  INTEGER NOT NULL,
  refreshed_at           TEXT,
  created_at             TEXT NOT NULL,
  updated_at             TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX "auth.sessions_user_id_idx" ON "auth.sessions" (user_id);
