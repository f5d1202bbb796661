//! The realistic projects of `tests/fixtures`: their expectations are those of a real PostgreSQL.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::postgres::{Failure, Postgres};
use crate::report::{Report, Verdict};
use crate::scenario::{Expected, Fixture, Request, Scenario, Step, filled};

/// What a project relies on besides `public`: accounts and files as Supabase has them.
pub const PLATFORM: &str = r#"
DROP SCHEMA IF EXISTS storage, audit CASCADE;
DROP TABLE IF EXISTS auth.users CASCADE;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supabase_auth_admin') THEN
    CREATE ROLE supabase_auth_admin NOLOGIN NOINHERIT;
  END IF;
END $$;
ALTER DATABASE postgres SET search_path = "$user", public, extensions;
SET search_path = "$user", public, extensions;
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE TABLE auth.users (
  id uuid PRIMARY KEY,
  email text,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE SCHEMA storage;
GRANT USAGE ON SCHEMA storage TO anon, authenticated, service_role;
CREATE TABLE storage.buckets (
  id text PRIMARY KEY, name text NOT NULL UNIQUE, public boolean DEFAULT false, file_size_limit bigint,
  allowed_mime_types text[], owner uuid, owner_id text
);
CREATE TABLE storage.objects (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), bucket_id text REFERENCES storage.buckets, name text, owner uuid,
  owner_id text, version text, UNIQUE (bucket_id, name)
);
ALTER TABLE storage.buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE storage.objects ENABLE ROW LEVEL SECURITY;
GRANT ALL ON ALL TABLES IN SCHEMA storage TO anon, authenticated, service_role;
CREATE FUNCTION storage.foldername(name text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;
CREATE FUNCTION storage.filename(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]
$$;
CREATE FUNCTION storage.extension(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT reverse(split_part(reverse(storage.filename(name)), '.', 1))
$$;
"#;

/// Goes through the scenarios; a seed's last digits choose the project.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let names = Fixture::names();
    for (seed, name) in seeds.zip(&names) {
        let fixture = Fixture::load(name);
        if let Err(failure) = apply(postgres, &fixture) {
            report.add(seed, Verdict::Disagreed(format!("{name}: {}: {}", failure.code, failure.message)));
            continue;
        }
        let scenario = fixture.scenario();
        let cast = sign_up(postgres, &scenario);
        for step in &scenario.steps {
            let verdict = match play(postgres, &scenario, &cast, step) {
                Ok(()) => Verdict::Agreed,
                Err(what) => Verdict::Disagreed(format!("{name}/scenario.txt:{}: {what}", step.line)),
            };
            report.add(seed, verdict);
        }
    }
    postgres
        .client
        .batch_execute("DROP SCHEMA IF EXISTS storage, audit CASCADE; DROP TABLE auth.users CASCADE;")
        .unwrap();
}

fn apply(postgres: &mut Postgres, fixture: &Fixture) -> Result<(), Failure> {
    postgres.migrate(PLATFORM)?;
    let files = fixture.migrations.iter().map(|(_, _, sql)| sql);
    files.chain(&fixture.seed).try_for_each(|sql| postgres.execute(sql))
}

fn sign_up(postgres: &mut Postgres, scenario: &Scenario) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for (index, user) in scenario.users.iter().enumerate() {
        let id = format!("00000000-0000-4000-a000-{index:012}");
        let metadata = user.metadata.to_string().replace('\'', "''");
        let sql = format!(
            "INSERT INTO auth.users (id, email, raw_user_meta_data) VALUES ('{id}', '{}@example.com', '{metadata}')",
            user.name
        );
        postgres.execute(&sql).unwrap();
        ids.insert(user.name.clone(), id);
    }
    ids
}

fn play(
    postgres: &mut Postgres,
    scenario: &Scenario,
    ids: &BTreeMap<String, String>,
    step: &Step,
) -> Result<(), String> {
    let sql = filled(&step.sql, ids);
    let outcome = match &step.request {
        Request::Sql => postgres.value(&as_rows(&sql)),
        Request::Http { .. } => postgres.run(&claims(scenario, ids, &step.actor), &as_rows(&sql)),
    };
    let expected = step.expected.with(ids);
    let told = || format!("{} {sql}\n    expected {expected:?}\n    answered {outcome:?}", step.actor);
    let rows = match (&expected, &outcome) {
        (Expected::Error(code), Err(failure)) if failure.code == *code => return Ok(()),
        (Expected::Refused, Err(_)) | (Expected::Success, Ok(_)) => return Ok(()),
        (Expected::Error(_) | Expected::Refused, _) | (_, Err(_)) => return Err(told()),
        (_, Ok(rows)) => serde_json::from_str::<Value>(rows).map_err(|_| told())?,
    };
    let values: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_object().unwrap().values().next().unwrap())
        .collect();
    let same = match &expected {
        Expected::Rows(expected) => rows == *expected,
        Expected::Row(row) => rows == json!([row]),
        Expected::Value(value) => values == [value],
        Expected::Names(names) => json!(values) == *names,
        Expected::Success | Expected::Error(_) | Expected::Refused => true,
    };
    if same { Ok(()) } else { Err(told()) }
}

/// The rows of a statement as one JSON array; a statement without rows as it is.
fn as_rows(sql: &str) -> String {
    let gives_rows = sql.starts_with("select") || sql.contains(" returning ");
    if !gives_rows || sql.starts_with("with ") {
        return sql.to_string();
    }
    format!("with r as ({sql}) select coalesce(json_agg(r), '[]') from r")
}

fn claims(scenario: &Scenario, ids: &BTreeMap<String, String>, actor: &str) -> Value {
    let signed_in = |user: &str| json!({"role": "authenticated", "sub": ids[user], "email": format!("{user}@example.com")});
    match actor {
        "anon" => json!({"role": "anon"}),
        "service" => json!({"role": "service_role"}),
        name => match scenario.tokens.iter().find(|token| token.name == name) {
            None => signed_in(name),
            Some(token) => {
                let mut claims = signed_in(&token.user);
                claims.as_object_mut().unwrap().extend(token.claims.as_object().cloned().unwrap_or_default());
                claims
            }
        },
    }
}
