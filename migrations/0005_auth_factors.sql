-- Second factors. Column names are GoTrue's where it has them, so that policies read the same. A
-- factor is always found through its user, so the key begins there and no other index is paid for.
CREATE TABLE "auth.mfa_factors" (
  id                 TEXT NOT NULL,
  user_id            TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  friendly_name      TEXT NOT NULL DEFAULT '',
  factor_type        TEXT NOT NULL CHECK (factor_type IN ('totp', 'webauthn', 'phone')),
  status             TEXT NOT NULL CHECK (status IN ('unverified', 'verified')),
  secret             TEXT,
  phone              TEXT,
  last_challenged_at TEXT,
  -- The time step of the last code that was accepted: it and earlier ones are spent.
  last_used_step     INTEGER,
  -- Wrong codes since the last right one.
  failed_attempts    INTEGER NOT NULL DEFAULT 0,
  last_failed_at     TEXT,
  created_at         TEXT NOT NULL,
  updated_at         TEXT NOT NULL,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- Questions put to a factor: each is answered once, from the address it was asked from.
CREATE TABLE "auth.mfa_challenges" (
  id          TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  factor_id   TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  verified_at TEXT,
  ip_address  TEXT NOT NULL,
  PRIMARY KEY (user_id, factor_id, id),
  FOREIGN KEY (user_id, factor_id) REFERENCES "auth.mfa_factors" (user_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The factor that raised the session to aal2.
ALTER TABLE "auth.sessions" ADD COLUMN factor_id TEXT;

-- Refresh tokens from before the session was raised to aal2 have lower counters, and give nothing.
ALTER TABLE "auth.sessions" ADD COLUMN refresh_token_floor INTEGER NOT NULL DEFAULT 0;

-- Where the session was last seen: a country of ISO 3166-1, if the platform knows.
ALTER TABLE "auth.sessions" ADD COLUMN country TEXT;
