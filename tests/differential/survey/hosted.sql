-- What a hosted project starts with besides what the fixtures' tests lay out, in as far as migrations name it: roles,
-- columns of the accounts, and stand-ins for the extensions that a plain PostgreSQL comes without. They do nothing;
-- they are there so that PostgreSQL takes the statements that name them.

DO $$
DECLARE
  missing text;
BEGIN
  FOREACH missing IN ARRAY ARRAY[
    'authenticator', 'dashboard_user', 'pgbouncer', 'supabase_admin', 'supabase_auth_admin', 'supabase_functions_admin',
    'supabase_read_only_user', 'supabase_realtime_admin', 'supabase_replication_admin', 'supabase_storage_admin'
  ] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = missing) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', missing);
    END IF;
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA auth TO postgres;
ALTER TABLE auth.users
  ADD COLUMN instance_id uuid,
  ADD COLUMN aud text,
  ADD COLUMN role text,
  ADD COLUMN encrypted_password text,
  ADD COLUMN email_confirmed_at timestamptz,
  ADD COLUMN invited_at timestamptz,
  ADD COLUMN confirmation_token text,
  ADD COLUMN confirmation_sent_at timestamptz,
  ADD COLUMN recovery_token text,
  ADD COLUMN recovery_sent_at timestamptz,
  ADD COLUMN email_change_token_new text,
  ADD COLUMN email_change text,
  ADD COLUMN email_change_sent_at timestamptz,
  ADD COLUMN last_sign_in_at timestamptz,
  ADD COLUMN is_super_admin boolean,
  ADD COLUMN phone text UNIQUE,
  ADD COLUMN phone_confirmed_at timestamptz,
  ADD COLUMN phone_change text,
  ADD COLUMN phone_change_token text,
  ADD COLUMN confirmed_at timestamptz GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
  ADD COLUMN email_change_token_current text,
  ADD COLUMN email_change_confirm_status smallint,
  ADD COLUMN banned_until timestamptz,
  ADD COLUMN reauthentication_token text,
  ADD COLUMN reauthentication_sent_at timestamptz,
  ADD COLUMN is_sso_user boolean NOT NULL DEFAULT false,
  ADD COLUMN deleted_at timestamptz,
  ADD COLUMN is_anonymous boolean NOT NULL DEFAULT false;
CREATE TABLE auth.identities (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  provider_id text NOT NULL,
  user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
  identity_data jsonb NOT NULL,
  provider text NOT NULL,
  last_sign_in_at timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  email text GENERATED ALWAYS AS (lower(identity_data ->> 'email')) STORED,
  UNIQUE (provider_id, provider)
);
CREATE TABLE auth.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
  created_at timestamptz,
  updated_at timestamptz,
  aal text,
  not_after timestamptz,
  user_agent text,
  ip inet
);

ALTER TABLE storage.buckets
  ADD COLUMN created_at timestamptz DEFAULT now(),
  ADD COLUMN updated_at timestamptz DEFAULT now(),
  ADD COLUMN avif_autodetection boolean DEFAULT false;
ALTER TABLE storage.objects
  ADD COLUMN created_at timestamptz DEFAULT now(),
  ADD COLUMN updated_at timestamptz DEFAULT now(),
  ADD COLUMN last_accessed_at timestamptz DEFAULT now(),
  ADD COLUMN metadata jsonb,
  ADD COLUMN user_metadata jsonb,
  ADD COLUMN path_tokens text[] GENERATED ALWAYS AS (string_to_array(name, '/')) STORED;

CREATE PUBLICATION supabase_realtime;
CREATE SCHEMA realtime;
GRANT USAGE ON SCHEMA realtime TO anon, authenticated, service_role;
CREATE TABLE realtime.messages (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  topic text NOT NULL,
  extension text NOT NULL,
  payload jsonb,
  event text,
  private boolean DEFAULT false,
  inserted_at timestamp NOT NULL DEFAULT now(),
  updated_at timestamp NOT NULL DEFAULT now()
);
ALTER TABLE realtime.messages ENABLE ROW LEVEL SECURITY;
CREATE FUNCTION realtime.topic() RETURNS text LANGUAGE sql STABLE AS $$
  SELECT nullif(current_setting('realtime.topic', true), '')
$$;
CREATE FUNCTION realtime.send(payload jsonb, event text, topic text, private boolean DEFAULT true) RETURNS void
  LANGUAGE sql AS $$ $$;
CREATE FUNCTION realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text,
  table_schema text, new record, old record, level text DEFAULT 'ROW') RETURNS void
  LANGUAGE plpgsql AS $$ BEGIN END $$;

CREATE SCHEMA vault;
CREATE TABLE vault.secrets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, description text NOT NULL DEFAULT '', secret text NOT NULL
);
CREATE VIEW vault.decrypted_secrets AS SELECT *, secret AS decrypted_secret FROM vault.secrets;
CREATE FUNCTION vault.create_secret(new_secret text, new_name text DEFAULT NULL, new_description text DEFAULT '')
  RETURNS uuid LANGUAGE sql AS $$
  INSERT INTO vault.secrets (secret, name, description) VALUES ($1, $2, $3) RETURNING id
$$;

CREATE SCHEMA cron;
CREATE TABLE cron.job (
  jobid bigserial PRIMARY KEY, schedule text NOT NULL, command text NOT NULL, jobname text UNIQUE, active boolean DEFAULT true
);
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO cron.job (jobname, schedule, command) VALUES ($1, $2, $3)
  ON CONFLICT (jobname) DO UPDATE SET schedule = EXCLUDED.schedule, command = EXCLUDED.command RETURNING jobid
$$;
CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE sql AS $$
  DELETE FROM cron.job WHERE jobname = $1; SELECT true
$$;
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql AS $$
  DELETE FROM cron.job WHERE jobid = $1; SELECT true
$$;

CREATE SCHEMA net;
CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}',
  timeout_milliseconds int DEFAULT 5000) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$;
CREATE FUNCTION net.http_get(url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}',
  timeout_milliseconds int DEFAULT 5000) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$;

-- pgvector's type, as text: a number of dimensions is taken and not looked at.
CREATE TYPE extensions.vector;
CREATE FUNCTION extensions.vector_in(cstring) RETURNS extensions.vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION extensions.vector_out(extensions.vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION extensions.vector_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT
  AS 'varchartypmodin';
CREATE TYPE extensions.vector (
  INPUT = extensions.vector_in, OUTPUT = extensions.vector_out, TYPMOD_IN = extensions.vector_typmod_in,
  INTERNALLENGTH = VARIABLE, STORAGE = extended
);
CREATE FUNCTION extensions.vector_distance(extensions.vector, extensions.vector) RETURNS float8 LANGUAGE sql IMMUTABLE
  AS $$ SELECT 0::float8 $$;
CREATE OPERATOR extensions.<=> (LEFTARG = extensions.vector, RIGHTARG = extensions.vector, FUNCTION = extensions.vector_distance);
CREATE OPERATOR extensions.<-> (LEFTARG = extensions.vector, RIGHTARG = extensions.vector, FUNCTION = extensions.vector_distance);
CREATE OPERATOR extensions.<#> (LEFTARG = extensions.vector, RIGHTARG = extensions.vector, FUNCTION = extensions.vector_distance);
