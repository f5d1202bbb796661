//! `handle_new_user`: the trigger on `auth.users` that every other Supabase project has.

use http::StatusCode;
use serde_json::json;

use super::{assert_clean, project, run};
use crate::app::TestApp;

const PROFILES: &str = "
    create table public.profiles (
      id uuid not null references auth.users on delete cascade primary key,
      email text,
      username text unique check (char_length(username) >= 3),
      full_name text,
      created_at timestamptz not null default now()
    );
    create function public.handle_new_user() returns trigger
    language plpgsql security definer set search_path = public as $$
    begin
      insert into public.profiles (id, email, username, full_name)
      values (new.id, new.email, new.raw_user_meta_data ->> 'username', coalesce(new.raw_user_meta_data->>'full_name', ''));
      return new;
    end;
    $$;
    create trigger on_auth_user_created after insert on auth.users
      for each row execute procedure public.handle_new_user();
    create function sync_email() returns trigger language plpgsql security definer as $$
    begin
      update profiles set email = new.email where id = new.id;
      return new;
    end $$;
    create trigger on_email after update of email on auth.users for each row
      when (old.email is distinct from new.email) execute function sync_email();
";

/// The status that signing up with this address answers.
fn status_of_sign_up(app: &TestApp, email: &str) -> StatusCode {
    app.anon().post("/auth/v1/signup").json(&json!({"email": email, "password": "password1"})).send().status
}

#[test]
fn a_sign_up_makes_a_profile() {
    let app = project(PROFILES);
    let body = json!({"email": "ann@example.com", "password": "password1", "data": {"username": "ann", "full_name": "Ann A"}});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        run(&app, "select email, username, full_name from profiles"),
        json!([{"email": "ann@example.com", "username": "ann", "full_name": "Ann A"}])
    );
    let id = app.database.value("SELECT id FROM \"auth.users\"").unwrap();
    let changed = json!({"email": "anna@example.com", "email_confirm": true});
    let answer = app.service_role().put(&format!("/auth/v1/admin/users/{id}")).json(&changed).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(run(&app, "select email from profiles"), json!([{"email": "anna@example.com"}]));
    assert_clean(&app);
}

#[test]
fn a_trigger_that_fails_leaves_no_account() {
    let app = project(PROFILES);
    let sign_up = |email: &str, username: &str| {
        let body = json!({"email": email, "password": "password1", "data": {"username": username}});
        app.anon().post("/auth/v1/signup").json(&body).send()
    };
    assert_eq!(sign_up("ann@example.com", "ann").status, StatusCode::OK);
    for username in ["ann", "x"] {
        let answer = sign_up("bob@example.com", username);
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
        let body = answer.json();
        assert_eq!(body["error_code"], json!("unexpected_failure"), "{body}");
        assert_eq!(body["msg"], json!("Database error saving new user"), "{body}");
    }
    let answer = app
        .service_role()
        .post("/auth/v1/admin/users")
        .json(&json!({"email": "bob@example.com", "password": "password1", "user_metadata": {"username": "ann"}}))
        .send();
    assert_eq!(answer.json()["msg"], json!("Database error creating new user"), "{}", answer.text());
    assert_eq!(app.database.value("SELECT count(*) FROM \"auth.users\"").as_deref(), Some("1"));
    assert_eq!(
        sign_up("ann@example.com", "other").status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "an address that is taken"
    );
    assert_eq!(sign_up("bob@example.com", "bob").status, StatusCode::OK);
}

#[test]
fn an_allow_list_can_refuse_a_sign_up() {
    let app = project(
        "create function allow() returns trigger language plpgsql security definer as $$
         begin
           if split_part(new.email, '@', 2) <> 'example.com' then
             raise exception 'Only example.com';
           end if;
           return new;
         end $$;
         create trigger allow before insert on auth.users for each row execute function allow();",
    );
    assert_eq!(status_of_sign_up(&app, "ann@example.org"), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(status_of_sign_up(&app, "ann@example.com"), StatusCode::OK);
}

#[test]
fn a_reset_takes_the_triggers_of_accounts_and_files_along() {
    let app = project(&format!(
        "{PROFILES}
         create table uploads (name text);
         create function uploaded() returns trigger language plpgsql security definer as $$
         begin insert into public.uploads values (new.bucket_id || '/' || new.name); return new; end $$;
         create trigger uploaded after insert on storage.objects for each row execute function uploaded();"
    ));
    app.database.execute(
        "INSERT INTO \"storage.buckets\" (id, name) VALUES ('b', 'b');
         INSERT INTO \"storage.objects\" (bucket_id, name) VALUES ('b', 'a.txt')",
    );
    assert_eq!(run(&app, "select name from uploads"), json!([{"name": "b/a.txt"}]));
    let answer = app.service_role().post("/admin/v1/reset").json(&json!({"confirm": "localhost"})).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let left = app.database.value(
        "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'edgeward.%'",
    );
    assert_eq!(left, None);
    let body = json!({"email": "ann@example.com", "password": "password1"});
    assert_eq!(app.anon().post("/auth/v1/signup").json(&body).send().status, StatusCode::OK);
}

#[test]
fn a_function_without_security_definer_may_not_touch_the_projects_tables() {
    let schema = |rights: &str| {
        format!(
            "create table profiles (id uuid primary key references auth.users on delete cascade, email text, by text);
             {rights}
             create function handle_new_user() returns trigger language plpgsql as $$
             begin insert into public.profiles values (new.id, new.email, current_user); return new; end $$;
             create trigger made after insert on auth.users for each row execute function handle_new_user();"
        )
    };
    let app = project(&schema(""));
    let sign_up = |app: &crate::app::TestApp, email: &str| {
        app.anon().post("/auth/v1/signup").json(&json!({"email": email, "password": "password1"})).send()
    };
    let answer = sign_up(&app, "ann@example.com");
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    let body = answer.json();
    assert_eq!(
        (body["error_code"].clone(), body["msg"].clone()),
        (json!("unexpected_failure"), json!("Database error saving new user"))
    );
    let made = json!({"email": "ann@example.com", "password": "password1"});
    let answer = app.service_role().post("/auth/v1/admin/users").json(&made).send();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    assert_eq!(app.database.value("SELECT count(*) FROM \"auth.users\"").as_deref(), Some("0"));
    // SQL of the owner's is another matter.
    run(
        &app,
        "insert into auth.users (id, email, created_at, updated_at) values ('00000000-0000-4000-8000-00000000000c', 'seed@example.com', now(), now())",
    );
    assert_eq!(
        run(&app, "select email, by from profiles"),
        json!([{"email": "seed@example.com", "by": "postgres"}])
    );
    assert_clean(&app);

    let granted =
        "alter table profiles disable row level security; grant insert on profiles to supabase_auth_admin;";
    let app = project(&schema(granted));
    assert_eq!(sign_up(&app, "bob@example.com").status, StatusCode::OK);
    assert_eq!(
        run(&app, "select email, by from profiles"),
        json!([{"email": "bob@example.com", "by": "supabase_auth_admin"}])
    );
}

#[test]
fn a_guard_that_touches_no_table_needs_no_rights() {
    let app = project(
        "create function allow() returns trigger language plpgsql as $$
         begin
           if new.email like '%.test' then raise exception 'no'; end if;
           return new;
         end $$;
         create trigger allow before insert on auth.users for each row execute function allow();",
    );
    assert_eq!(status_of_sign_up(&app, "ann@example.test"), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(status_of_sign_up(&app, "ann@example.com"), StatusCode::OK);
}
