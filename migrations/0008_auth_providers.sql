-- Signing in with someone else's account, and with passkeys. Names are GoTrue's where it has them.

-- An identity is also found by the address its provider vouches for. E-mail identities have their account's
-- own address, which has an index already, so a sign-up by mail pays for no entry here.
CREATE INDEX "auth.identities_email_idx" ON "auth.identities" (email) WHERE provider <> 'email';

-- Sign-ins that went off to a provider. The id is a hash of the `state` that comes back; it is used once.
CREATE TABLE "auth.oauth_states" (
  id                    TEXT PRIMARY KEY NOT NULL,
  provider              TEXT NOT NULL,
  redirect_to           TEXT NOT NULL,
  code_challenge        TEXT,
  code_challenge_method TEXT CHECK (code_challenge_method IN ('s256', 'plain')),
  -- Of the provider, where it asks for PKCE itself.
  code_verifier         TEXT,
  linking_user_id       TEXT REFERENCES "auth.users" (id) ON DELETE CASCADE,
  used_at               TEXT,
  expires_at            TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the provider gave, until the browser has exchanged its code.
ALTER TABLE "auth.flow_state" ADD COLUMN provider_access_token TEXT;
ALTER TABLE "auth.flow_state" ADD COLUMN provider_refresh_token TEXT;

-- Providers that an administrator added. The settings are one JSON object, as the admin API shows them.
CREATE TABLE "auth.custom_oauth_providers" (
  identifier    TEXT PRIMARY KEY NOT NULL,
  client_secret TEXT NOT NULL,
  settings      TEXT NOT NULL CHECK (json_valid(settings)),
  created_at    TEXT NOT NULL,
  updated_at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Passkeys. The public key is a JSON Web Key.
CREATE TABLE "auth.webauthn_credentials" (
  id              TEXT NOT NULL,
  user_id         TEXT NOT NULL REFERENCES "auth.users" (id) ON DELETE CASCADE,
  credential_id   TEXT NOT NULL UNIQUE,
  public_key      TEXT NOT NULL CHECK (json_valid(public_key)),
  aaguid          TEXT NOT NULL,
  sign_count      INTEGER NOT NULL,
  transports      TEXT NOT NULL CHECK (json_valid(transports)),
  backup_eligible INTEGER NOT NULL,
  backed_up       INTEGER NOT NULL,
  friendly_name   TEXT NOT NULL DEFAULT '',
  created_at      TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  last_used_at    TEXT,
  PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- Questions to an authenticator, each answered once.
CREATE TABLE "auth.webauthn_challenges" (
  id             TEXT PRIMARY KEY NOT NULL,
  -- Whose passkey is registered; nobody's yet when someone signs in.
  user_id        TEXT REFERENCES "auth.users" (id) ON DELETE CASCADE,
  challenge_type TEXT NOT NULL CHECK (challenge_type IN ('registration', 'authentication')),
  challenge      TEXT NOT NULL,
  expires_at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A second factor that is an authenticator: its credential as JSON, and what it is asked.
ALTER TABLE "auth.mfa_factors" ADD COLUMN web_authn_credential TEXT;
ALTER TABLE "auth.mfa_challenges" ADD COLUMN web_authn_challenge TEXT;
