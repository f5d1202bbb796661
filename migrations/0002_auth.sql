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
  phone                 TEXT UNIQUE,
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
CREATE INDEX "auth.users_created_at_idx" ON "auth.users" (created_at);
