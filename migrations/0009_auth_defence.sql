-- A number the account is to have once a code sent there was entered. Names are GoTrue's.
ALTER TABLE "auth.users" ADD COLUMN phone_change TEXT;
ALTER TABLE "auth.users" ADD COLUMN phone_change_sent_at TEXT;

CREATE INDEX "auth.users_phone_change_idx" ON "auth.users" (phone_change) WHERE phone_change IS NOT NULL;

-- What a challenge that was sent by text message is answered with: a keyed digest of its code.
ALTER TABLE "auth.mfa_challenges" ADD COLUMN code_hash TEXT;

-- Wrong passwords since the last right one, by what was typed in as address or number (a keyed digest),
-- whether anyone has it or not. A right one forgets the row.
CREATE TABLE "auth.sign_in_failures" (
  contact_hash   TEXT PRIMARY KEY NOT NULL,
  failures       INTEGER NOT NULL,
  last_failed_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Codes that stand in for a lost second factor, each once: one set for a user. What is kept of a code
-- is a keyed digest. To the API the set is a factor of the type `recovery_code`.
CREATE TABLE "auth.mfa_recovery_codes" (
  user_id         TEXT PRIMARY KEY NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  factor_id       TEXT NOT NULL,
  friendly_name   TEXT NOT NULL,
  total           INTEGER NOT NULL,
  code_hashes     TEXT NOT NULL CHECK (json_valid(code_hashes)),
  failed_attempts INTEGER NOT NULL DEFAULT 0,
  last_failed_at  TEXT,
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what, where AUDIT_LOG asks for it here. Column names are GoTrue's; in order of time, without an index to pay for.
CREATE TABLE "auth.audit_log_entries" (
  instance_id TEXT,
  id          TEXT NOT NULL,
  payload     TEXT NOT NULL CHECK (json_valid(payload)),
  created_at  TEXT NOT NULL,
  ip_address  TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (created_at, id)
) STRICT, WITHOUT ROWID;
