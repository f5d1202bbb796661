//! Seeds that write accounts, as projects on Supabase have them: the people in them sign in.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const ANN: &str = "00000000-0000-4000-8000-00000000000a";

fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.anon().post("/auth/v1/token?grant_type=password").json(&body).send()
}

#[test]
fn a_seeded_person_signs_in_is_listed_and_has_an_identity_and_a_profile() {
    let app = TestApp::new();
    app.rows(
        "create table profiles (id uuid primary key references auth.users (id) on delete cascade, email text, name text);
         create function handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
         begin
           insert into public.profiles (id, email, name) values (new.id, new.email, new.raw_user_meta_data ->> 'name');
           return new;
         end $$;
         create trigger on_auth_user_created after insert on auth.users for each row execute function handle_new_user();",
    );
    app.rows(
        &format!(
            r#"create extension if not exists pgcrypto with schema extensions;
            INSERT INTO auth.users (
              instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, recovery_sent_at,
              last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token,
              email_change, email_change_token_new, email_change_token_current, recovery_token, phone, phone_change,
              phone_change_token, reauthentication_token, is_super_admin, is_sso_user, is_anonymous
            ) VALUES (
              '00000000-0000-0000-0000-000000000000', '{ANN}', 'authenticated', 'authenticated', 'ann@example.com',
              crypt('password123', gen_salt('bf')), now(), now(), null,
              '{{"provider":"email","providers":["email"]}}', '{{"name":"Ann"}}', now(), now(), '', '', '', '', '', null, '', '', '', null, false, false
            );
            INSERT INTO auth.identities (id, user_id, provider_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
            SELECT gen_random_uuid(), id, id::text, format('{{"sub":"%s","email":"%s"}}', id::text, email)::jsonb, 'email', now(), now(), now()
            FROM auth.users WHERE email = 'ann@example.com';"#
        ),
    );
    let wrong = sign_in(&app, "ann@example.com", "password124");
    assert_eq!(
        (wrong.status, wrong.json()["error_code"].clone()),
        (StatusCode::BAD_REQUEST, json!("invalid_credentials"))
    );
    let answer = sign_in(&app, "Ann@example.com", "password123");
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let user = &answer.json()["user"];
    assert_eq!(user["id"], json!(ANN));
    assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email"]}));
    assert_eq!(user["user_metadata"], json!({"name": "Ann"}));
    assert_eq!(user["identities"][0]["identity_data"], json!({"sub": ANN, "email": "ann@example.com"}));
    assert_eq!(user["identities"][0]["email"], json!("ann@example.com"));
    assert_eq!(user.get("new_email"), None);
    assert_eq!(
        app.rows("select id, email, name from profiles"),
        json!([{"id": ANN, "email": "ann@example.com", "name": "Ann"}])
    );
    let token = answer.json()["access_token"].as_str().unwrap().to_string();
    let me = app.with_token(&token).get("/auth/v1/user").send();
    assert_eq!(me.json()["email"], json!("ann@example.com"), "{}", me.text());
    let listed = app.service_role().get("/auth/v1/admin/users").send();
    let users: Vec<Value> = listed.json()["users"].as_array().unwrap().clone();
    assert_eq!(users.len(), 1);
    assert_eq!(users[0]["id"], json!(ANN));
    // The hash is argon2id's from the first sign-in on, and the password the same.
    let hash = app.database.value("SELECT encrypted_password FROM \"auth.users\"").unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert_eq!(sign_in(&app, "ann@example.com", "password123").status, StatusCode::OK);
}

/// The hash that a person has, before anybody signs in.
fn hash_of(app: &TestApp, email: &str) -> String {
    app.database
        .value(&format!("SELECT encrypted_password FROM \"auth.users\" WHERE email = '{email}'"))
        .unwrap_or_default()
}

#[test]
fn each_call_of_crypt_has_a_salt_and_the_cost_it_asks_for() {
    let app = TestApp::new();
    app.rows(
        "insert into auth.users (id, email, encrypted_password) values
           (gen_random_uuid(), 'ann@example.com', crypt('it''s é', gen_salt('bf'))),
           (gen_random_uuid(), 'bob@example.com', extensions.crypt('it''s é', extensions.gen_salt('bf', 4))),
           (gen_random_uuid(), 'eve@example.com', crypt('it''s é'::text, gen_salt('bf', 0)))",
    );
    let hashes = ["ann", "bob", "eve"].map(|name| hash_of(&app, &format!("{name}@example.com")));
    assert!(hashes[0].starts_with("$2a$06$") && hashes[1].starts_with("$2a$04$"), "{hashes:?}");
    assert!(hashes[2].starts_with("$2a$06$") && hashes[0] != hashes[2], "{hashes:?}");
    assert!(hashes.iter().all(|hash| hash.len() == 60), "{hashes:?}");
    let own = app.value("crypt('secret', gen_salt('bf'))");
    assert!(own.as_str().is_some_and(|hash| hash.starts_with("$2a$06$") && hash.len() == 60), "{own}");
    assert_eq!(app.value("crypt(null, gen_salt('bf'))"), json!(null));
    // A variable is one hash wherever it is used.
    app.rows(
        "create table hashes (hash text);
         do $$
         declare password text := 'secret'; hashed text := crypt(password, gen_salt('bf'));
         begin
           insert into hashes values (hashed);
           insert into hashes values (hashed);
         end $$",
    );
    assert_eq!(
        app.rows("select count(distinct hash) as hashes, count(*) as rows from hashes"),
        json!([{"hashes": 1, "rows": 2}])
    );
}

#[test]
fn what_cannot_be_hashed_is_refused() {
    let app = TestApp::new();
    app.rows("create table secrets (id int primary key, word text)");
    for (sql, code, message) in [
        ("select crypt(word, gen_salt('bf')) from secrets", "0A000", "crypt() of anything but a constant is not supported"),
        ("select crypt('a' || 'b', gen_salt('bf'))", "0A000", "crypt() of anything but a constant is not supported"),
        ("select crypt('a', gen_salt('md5'))", "0A000", "gen_salt('md5') is not supported"),
        ("select crypt('a', gen_salt('bf', 3))", "22023", "gen_salt: Incorrect number of rounds"),
        ("select crypt('a', gen_salt('bf', 20))", "0A000", "gen_salt('bf', 20) is not supported"),
        ("select crypt('a', word) from secrets", "0A000", "the function crypt() is not supported"),
        ("select gen_salt('bf')", "0A000", "the function gen_salt() is not supported"),
        ("alter table secrets add column hash text default crypt('a', gen_salt('bf'))", "0A000", "cannot use crypt() in DEFAULT expression"),
        ("create policy p on secrets using (word = crypt('a', gen_salt('bf')))", "0A000", "crypt() here is not supported"),
        (
            "create function t() returns trigger language plpgsql as $$ begin new.word := crypt('a', gen_salt('bf')); return new; end $$;
             create trigger t before insert on secrets for each row execute function t()",
            "0A000",
            "trigger t: crypt() here is not supported (line 1 of the function)",
        ),
    ] {
        assert_eq!(app.refusal(sql), (code.to_string(), message.to_string()), "{sql}");
    }
    // As the app runs nothing is hashed, and what is tried is not hashed either.
    app.rows("create function hashed() returns text language plpgsql as $$ begin return crypt('a', gen_salt('bf')); end $$");
    let answer = app.service_role().post("/rest/v1/rpc/hashed").json(&json!({})).send();
    assert_eq!(answer.json()["code"], json!("0A000"), "{}", answer.text());
    let sql = "insert into secrets values (1, crypt('never shown', gen_salt('bf')))";
    let body = json!({"dry_run": true, "migrations": [{"version": "1", "name": "seed", "sql": sql}]});
    let answer = app.service_role().post("/admin/v1/migrations").json(&body).send();
    let statement = &answer.json()["migrations"][0]["statements"][0];
    assert_eq!(answer.json()["migrations"][0]["error"], json!(null), "{}", answer.text());
    assert!(!statement["sqlite"].to_string().contains("never shown"), "{statement}");
    assert!(statement["sqlite"].to_string().contains("$2a$06$..."), "{statement}");
    app.hasher.fault.fail_always();
    let answer = app.run(sql);
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    assert_eq!(app.rows("select count(*) from secrets"), json!([{"count": 0}]));
}

#[test]
fn functions_and_blocks_make_accounts() {
    let app = TestApp::new();
    app.rows(
        r#"create table members (id uuid primary key references auth.users (id), name text);
        create function seed_user(email text, password text, name text) returns uuid language plpgsql security definer as $$
        declare made uuid := gen_random_uuid();
        begin
          insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_user_meta_data)
          values ('00000000-0000-0000-0000-000000000000', made, 'authenticated', 'authenticated', email,
                  crypt(password, gen_salt('bf', 4)), now(), jsonb_build_object('name', name))
          on conflict (id) do nothing;
          insert into auth.identities (provider_id, user_id, identity_data, provider)
          values (made::text, made, jsonb_build_object('sub', made::text, 'email', email, 'email_verified', true), 'email')
          on conflict (provider, provider_id) do nothing;
          insert into members values (made, name);
          return made;
        end $$;
        create function seed_all() returns void language plpgsql as $$
        begin
          perform seed_user('bob@example.com', 'bobs-password', 'Bob');
        end $$;"#,
    );
    let made = app.rows("select seed_user('ann@example.com', 'anns-password', 'Ann')");
    let id = made[0]["seed_user"].as_str().unwrap().to_string();
    assert_eq!(app.rows("select seed_all()"), json!([{"seed_all": ""}]));
    app.rows(
        "DO $$
         DECLARE eve uuid; word text := 'eves-password';
         BEGIN
           SELECT id INTO eve FROM auth.users WHERE email = 'eve@example.com';
           IF eve IS NULL THEN
             INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, aud, role)
             VALUES (gen_random_uuid(), 'eve@example.com', crypt(word, gen_salt('bf', 4)), now(), 'authenticated', 'authenticated')
             RETURNING id INTO eve;
             RAISE NOTICE 'made %', eve;
           END IF;
           INSERT INTO members VALUES (eve, 'Eve');
         END $$;
         WITH dan AS (
           INSERT INTO auth.users (id, email, encrypted_password, email_confirmed_at, aud, role)
           VALUES (gen_random_uuid(), 'dan@example.com', crypt('dans-password', gen_salt('bf', 4)), now(), 'authenticated', 'authenticated')
           RETURNING id
         )
         INSERT INTO members SELECT id, 'Dan' FROM dan",
    );
    for name in ["ann", "bob", "eve", "dan"] {
        let answer = sign_in(&app, &format!("{name}@example.com"), &format!("{name}s-password"));
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text());
        if name == "ann" {
            assert_eq!(answer.json()["user"]["id"], json!(id));
            assert_eq!(
                answer.json()["user"]["identities"][0]["identity_data"]["email_verified"],
                json!(true)
            );
        }
    }
    assert_eq!(
        app.rows("select name from members order by name"),
        json!([{"name": "Ann"}, {"name": "Bob"}, {"name": "Dan"}, {"name": "Eve"}])
    );
    app.rows(
        "insert into auth.users (id, email, encrypted_password, email_confirmed_at, aud, role)
         select id, email, crypt('another', gen_salt('bf', 4)), now(), aud, role from auth.users where email = 'ann@example.com'
         on conflict (id) do update set encrypted_password = excluded.encrypted_password;
         update auth.users set encrypted_password = crypt('third', gen_salt('bf', 4)), confirmation_token = coalesce(confirmation_token, '')
         where email = 'bob@example.com'",
    );
    assert_eq!(sign_in(&app, "ann@example.com", "another").status, StatusCode::OK);
    assert_eq!(sign_in(&app, "bob@example.com", "third").status, StatusCode::OK);
    assert_eq!(sign_in(&app, "bob@example.com", "bobs-password").status, StatusCode::BAD_REQUEST);
}

#[test]
fn what_accounts_cannot_keep_is_refused_and_what_is_missing_is_filled_in() {
    let app = TestApp::new();
    let made = |columns: &str, values: &str| {
        format!(
            "insert into auth.users (id, email, {columns}) values (gen_random_uuid(), 'ann@example.com', {values})"
        )
    };
    for (sql, code, message) in [
        (
            made("confirmation_token", "'abc'"),
            "0A000",
            "a token in auth.users.confirmation_token is not supported",
        ),
        (
            made("recovery_token", "encode(gen_random_bytes(8), 'hex')"),
            "0A000",
            "a token in auth.users.recovery_token is not supported",
        ),
        (
            made("phone_change_token", "'abc'"),
            "0A000",
            "a token in auth.users.phone_change_token is not supported",
        ),
        (
            "insert into auth.users (id, email) values (gen_random_uuid(), 'Ann@example.com')".to_string(),
            "0A000",
            "an address with capital letters in auth.users.email is not supported: accounts are found by lower case",
        ),
        (
            made("confirmed_at", "now()"),
            "428C9",
            "cannot insert a non-DEFAULT value into column \"confirmed_at\"",
        ),
        (
            made("email_change_confirm_status", "3"),
            "23514",
            "new row for relation \"users\" violates check constraint \"users_email_change_confirm_status_check\"",
        ),
        (made("nickname", "'x'"), "42703", "column \"nickname\" of relation \"users\" does not exist"),
        (
            format!(
                "insert into auth.identities (user_id, provider, identity_data) values ('{ANN}', 'email', '{{}}')"
            ),
            "23502",
            "null value in column \"provider_id\" of relation \"identities\" violates not-null constraint",
        ),
        (
            format!(
                "insert into auth.identities (id, user_id, provider, provider_id, identity_data) values ('{ANN}', '{ANN}', 'email', '{ANN}', '{{}}') on conflict (id) do nothing"
            ),
            "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ),
        (
            "alter table auth.identities add column a int".to_string(),
            "42501",
            "must be owner of table identities",
        ),
        (
            "create function t() returns trigger language plpgsql as $$ begin return new; end $$;
             create trigger t after insert on auth.identities for each row execute function t()"
                .to_string(),
            "0A000",
            "a trigger on auth.identities is not supported",
        ),
    ] {
        assert_eq!(app.refusal(&sql), (code.to_string(), message.to_string()), "{sql}");
    }
    app.rows(&format!(
        "insert into auth.users (id, email, encrypted_password, phone, email_change, raw_app_meta_data, raw_user_meta_data)
         values ('{ANN}', 'ann@example.com', '', '', '', null, null);
         insert into auth.users (id, email, phone, encrypted_password, email_confirmed_at)
         values (gen_random_uuid(), 'bob@example.com', '', '$2a$10$no.hash.of.anything', now())"
    ));
    assert_eq!(
        app.rows(
            "select instance_id, aud, confirmation_token, phone, email_change, raw_app_meta_data, is_super_admin, is_anonymous,
               created_at is not null and updated_at is not null as timed
             from auth.users where email = 'ann@example.com'"
        ),
        json!([{
            "instance_id": "00000000-0000-0000-0000-000000000000", "aud": null, "confirmation_token": "",
            "phone": null, "email_change": null, "raw_app_meta_data": {}, "is_super_admin": null, "is_anonymous": false, "timed": true,
        }])
    );
    // Whoever may run SQL may set a password, and read none.
    assert_eq!(app.refusal("select encrypted_password from auth.users").0, "42703");
    assert_eq!(
        app.rows("select * from auth.users where email = 'ann@example.com'")[0].as_object().unwrap().len(),
        34
    );
    assert!(!app.rows("select to_jsonb(u) from auth.users u").to_string().contains("encrypted_password"));
    assert_eq!(hash_of(&app, "ann@example.com"), "");
    assert_eq!(app.rows("select count(*) from auth.instances"), json!([{"count": 0}]));
    for email in ["ann@example.com", "bob@example.com"] {
        let answer = sign_in(&app, email, "");
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        let answer = sign_in(&app, email, "password");
        assert_eq!(answer.json()["error_code"], json!("invalid_credentials"), "{}", answer.text());
    }
}

#[test]
fn a_dump_of_accounts_is_taken_whole() {
    let app = TestApp::new();
    let hash = "$2a$10$6gPtvpqCAiwavx1EOnjIgOykKMgzRdiBuejUQGIRRjvUi/ZgMh.9C";
    app.rows(&format!(
        r#"INSERT INTO "auth"."users" VALUES (
          '00000000-0000-0000-0000-000000000000', '{ANN}', 'authenticated', 'authenticated', 'ann@example.com', '{hash}',
          '2024-01-02 03:04:05.678+00', NULL, '', NULL, '', NULL, '', '', NULL, '2024-01-02 03:04:05.678+00',
          '{{"provider": "email", "providers": ["email"]}}', '{{"sub": "{ANN}"}}', NULL, '2024-01-02 03:04:05+00', '2024-01-02 03:04:05+00',
          NULL, NULL, '', '', NULL, DEFAULT, '', 0, NULL, '', NULL, false, NULL, false
        );
        INSERT INTO "auth"."identities" ("provider_id", "user_id", "identity_data", "provider", "last_sign_in_at", "created_at", "updated_at", "id") VALUES
          ('{ANN}', '{ANN}', '{{"sub": "{ANN}", "email": "ann@example.com"}}', 'email', '2024-01-02 03:04:05+00', '2024-01-02 03:04:05+00', '2024-01-02 03:04:05+00', '34e3957d-8ca2-4a0d-8ac0-3dbbd2ac0b2f');"#
    ));
    let listed = app.service_role().get(&format!("/auth/v1/admin/users/{ANN}")).send().json();
    assert_eq!(listed["confirmed_at"], json!("2024-01-02T03:04:05.678Z"), "{listed}");
    assert_eq!(
        listed["identities"][0]["identity_id"],
        json!("34e3957d-8ca2-4a0d-8ac0-3dbbd2ac0b2f"),
        "{listed}"
    );
    assert_eq!(hash_of(&app, "ann@example.com"), hash);
}
