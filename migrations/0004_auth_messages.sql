-- What was sent to an account and waits for an answer. Names are GoTrue's.
ALTER TABLE "auth.users" ADD COLUMN confirmation_sent_at TEXT;
ALTER TABLE "auth.users" ADD COLUMN recovery_sent_at TEXT;
ALTER TABLE "auth.users" ADD COLUMN email_change TEXT;
ALTER TABLE "auth.users" ADD COLUMN email_change_sent_at TEXT;
ALTER TABLE "auth.users" ADD COLUMN email_change_confirm_status INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "auth.users" ADD COLUMN reauthentication_sent_at TEXT;

CREATE INDEX "auth.users_email_change_idx" ON "auth.users" (email_change) WHERE email_change IS NOT NULL;

-- Codes and links that work once: at most one of each kind for an account. The hash is of what only
-- the mail has (a keyed digest), so that a copy of this table opens nothing. A link names its user,
-- so nothing is ever looked up by the hash.
CREATE TABLE "auth.one_time_tokens" (
  user_id               TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  token_type            TEXT NOT NULL CHECK (token_type IN (
                          'confirmation_token', 'recovery_token', 'email_change_token_new',
                          'email_change_token_current', 'phone_change_token', 'reauthentication_token'
                        )),
  token_hash            TEXT NOT NULL,
  relates_to            TEXT NOT NULL,
  attempts              INTEGER NOT NULL DEFAULT 0,
  code_challenge        TEXT,
  code_challenge_method TEXT CHECK (code_challenge_method IN ('s256', 'plain')),
  created_at            TEXT NOT NULL,
  expires_at            TEXT NOT NULL,
  PRIMARY KEY (user_id, token_type)
) STRICT, WITHOUT ROWID;

-- Codes that a followed link handed to a browser, for it to exchange with its PKCE verifier. The id
-- is a hash of the code.
CREATE TABLE "auth.flow_state" (
  id                    TEXT PRIMARY KEY NOT NULL,
  user_id               TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  authentication_method TEXT NOT NULL,
  code_challenge        TEXT NOT NULL,
  code_challenge_method TEXT NOT NULL CHECK (code_challenge_method IN ('s256', 'plain')),
  created_at            TEXT NOT NULL,
  expires_at            TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Mails that no provider carries, for a developer to read. They go after a week.
CREATE TABLE "auth.mailbox" (
  id         TEXT PRIMARY KEY NOT NULL,
  sender     TEXT NOT NULL,
  recipient  TEXT NOT NULL,
  subject    TEXT NOT NULL,
  html       TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
