-- What SQL of a project's own writes of accounts besides: all of GoTrue's columns. Tokens are kept as keyed digests in
-- "auth.one_time_tokens", so their columns are empty, and a text in one of them, which would sign somebody in, is refused.
ALTER TABLE "auth.users" ADD COLUMN instance_id TEXT DEFAULT '00000000-0000-0000-0000-000000000000';
ALTER TABLE "auth.users" ADD COLUMN is_super_admin INTEGER;
ALTER TABLE "auth.users" ADD COLUMN confirmation_token TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.confirmation_token is not supported" CHECK (confirmation_token = '');
ALTER TABLE "auth.users" ADD COLUMN recovery_token TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.recovery_token is not supported" CHECK (recovery_token = '');
ALTER TABLE "auth.users" ADD COLUMN email_change_token_new TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.email_change_token_new is not supported" CHECK (email_change_token_new = '');
ALTER TABLE "auth.users" ADD COLUMN email_change_token_current TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.email_change_token_current is not supported" CHECK (email_change_token_current = '');
ALTER TABLE "auth.users" ADD COLUMN phone_change_token TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.phone_change_token is not supported" CHECK (phone_change_token = '');
ALTER TABLE "auth.users" ADD COLUMN reauthentication_token TEXT DEFAULT ''
  CONSTRAINT "edgeward!0A000:a token in auth.users.reauthentication_token is not supported" CHECK (reauthentication_token = '');

-- GoTrue's, which has no rows on a hosted project either.
CREATE TABLE "auth.instances" (
  id              TEXT PRIMARY KEY NOT NULL,
  uuid            TEXT,
  raw_base_config TEXT,
  created_at      TEXT,
  updated_at      TEXT
) STRICT, WITHOUT ROWID;
