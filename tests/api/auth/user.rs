//! `GET` and `PUT /user`.

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, get_user, refresh, sign_in, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

fn update(app: &TestApp, session: &Value, change: &Value) -> Answer {
    app.with_token(text(session, "access_token")).put("/auth/v1/user").json(change).send()
}

#[test]
fn metadata_merges_key_by_key_and_null_deletes() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let rows = [
        (json!({"a": 1, "b": {"x": 1}}), json!({"a": 1, "b": {"x": 1}})),
        (json!({"b": {"y": 2}}), json!({"a": 1, "b": {"y": 2}})),
        (json!({"a": null, "never": null}), json!({"b": {"y": 2}})),
        (json!({}), json!({"b": {"y": 2}})),
    ];
    for (data, expected) in rows {
        let answer = update(&app, &session, &json!({"data": data}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let metadata = answer.json()["user_metadata"].clone();
        for key in ["a", "b", "never"] {
            assert_eq!(metadata.get(key), expected.get(key), "{key} after {data}");
        }
        assert_eq!(metadata["email"], json!("ann@example.com"), "what sign-up wrote stays");
        assert_eq!(get_user(&app, &session).json()["user_metadata"], metadata);
    }
}

#[test]
fn a_change_writes_one_row_and_no_change_writes_none() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    app.clock.advance(60);
    let before = app.database.rows_written();
    update(&app, &session, &json!({"data": {"a": 1}}));
    assert_eq!(app.database.rows_written() - before, 1);
    let answer = update(&app, &session, &json!({"data": {"a": 1}, "email": "ANN@example.com"}));
    assert_eq!(answer.status, 200);
    assert_eq!(app.database.rows_written() - before, 1);
    assert_eq!(answer.json()["updated_at"], json!("2027-01-15T08:01:00Z"));
}

#[test]
fn two_changes_at_once_both_take_effect() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    app.database.interrupt_at(
        2,
        r#"UPDATE "auth.users" SET raw_user_meta_data = json_set(raw_user_meta_data, '$.theirs', 1)"#,
    );
    let answer = update(&app, &session, &json!({"data": {"ours": 2}}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let metadata = &answer.json()["user_metadata"];
    assert_eq!((&metadata["theirs"], &metadata["ours"]), (&json!(1), &json!(2)));
}

#[test]
fn a_change_that_never_gets_through_does_nothing() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let [one, two] = ["one", "two"].map(|password| bcrypt::hash(password, 4).unwrap());
    app.database.interrupt_always(&format!(
        r#"UPDATE "auth.users"
SET email = 'x' || email, encrypted_password = iif(encrypted_password = '{one}', '{two}', '{one}')"#
    ));
    for change in [json!({"email": "anna@example.com"}), json!({"password": "battery staple"})] {
        assert_error(&update(&app, &session, &change), 409, "conflict", "try again");
    }
    app.database.interruption.mend();
    let user = get_user(&app, &session).json();
    assert_eq!(user["identities"][0]["email"], json!("ann@example.com"));
    assert_eq!(get_user(&app, &other).status, 200);
}

#[test]
fn a_new_password_ends_the_users_other_sessions() {
    let app = TestApp::new();
    let bob = signed_up(&app, "bob@example.com");
    let own = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let answer = update(&app, &own, &json!({"password": "battery staple"}));
    assert_eq!(answer.status, 200, "{}", answer.text());

    assert_error(&sign_in(&app, "ann@example.com", PASSWORD), 400, "invalid_credentials", "");
    assert_eq!(sign_in(&app, "ann@example.com", "battery staple").status, 200);
    for isolate in [&app, &app.another_isolate()] {
        assert_eq!(get_user(isolate, &own).status, 200);
        assert_eq!(get_user(isolate, &bob).status, 200);
        assert_error(&get_user(isolate, &other), 403, "session_not_found", "does not exist");
    }
    assert_eq!(refresh(&app, text(&other, "refresh_token")).status, 400);
    assert_eq!(refresh(&app, text(&own, "refresh_token")).status, 200);
}

#[test]
fn a_password_that_cannot_be_is_refused_and_ends_nothing() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let rows = [
        (
            json!({"password": PASSWORD}),
            422,
            "same_password",
            "New password should be different from the old password.",
        ),
        (json!({"password": "12345"}), 422, "weak_password", "at least 6 characters"),
        (json!({"password": ""}), 422, "weak_password", "at least 6 characters"),
        (json!({"password": "x".repeat(73)}), 400, "validation_failed", "72"),
        (
            json!({"password": "battery staple", "current_password": "wrong"}),
            400,
            "current_password_invalid",
            "current password",
        ),
    ];
    for (change, status, code, message) in rows {
        assert_error(&update(&app, &session, &change), status, code, message);
    }
    assert_eq!(get_user(&app, &other).status, 200);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    let change = json!({"password": "battery staple", "current_password": PASSWORD});
    assert_eq!(update(&app, &session, &change).status, 200);
}

#[test]
fn changes_that_cannot_be_are_refused_whole() {
    let app = TestApp::new();
    signed_up(&app, "bob@example.com");
    let session = signed_up(&app, "ann@example.com");
    let rows = [
        (
            json!({"email": "bob@example.com", "data": {"half": "done"}}),
            422,
            "email_exists",
            "A user with this email address has already been registered",
        ),
        (json!({"phone": "+491511234567"}), 422, "phone_provider_disabled", "SMS"),
        (json!({"email": "nonsense"}), 400, "validation_failed", "Unable to validate email address"),
        (json!({"phone": "nonsense"}), 400, "validation_failed", "Invalid phone number format"),
        (json!({"app_metadata": {"plan": "pro"}}), 403, "not_admin", "requires admin privileges"),
        (json!({"app_metadata": {}, "password": "a"}), 422, "weak_password", "at least 6 characters"),
        (
            json!({"email": "anna@example.com", "password": PASSWORD}),
            422,
            "same_password",
            "should be different",
        ),
        (
            json!({"email": "anna@example.com", "code_challenge": "x"}),
            400,
            "validation_failed",
            "PKCE flow requires",
        ),
    ];
    let before = get_user(&app, &session).json();
    for (change, status, code, message) in rows {
        assert_error(&update(&app, &session, &change), status, code, message);
    }
    assert_eq!(get_user(&app, &session).json(), before);
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.mailbox""#).as_deref(), Some("0"));
    let same = update(&app, &session, &json!({"email": "Ann@example.com", "phone": "", "data": {"a": 1}}));
    assert_eq!(same.json()["user_metadata"]["a"], json!(1), "the address one has is no change");
}

#[test]
fn a_change_needs_a_users_token() {
    let app = TestApp::new();
    let change = json!({"data": {"a": 1}});
    let nobody = app.nobody().put("/auth/v1/user").json(&change).send();
    assert_error(&nobody, 401, "no_authorization", "valid Bearer token");
    let service = app.service_role().put("/auth/v1/user").json(&change).send();
    assert_error(&service, 403, "bad_jwt", "missing sub claim");
}

/// Both write the same account, one in the database and one here.
#[track_caller]
fn assert_shown_alike(app: &TestApp, session: &Value, batches: u64, state: &str) {
    let before = app.database.batches();
    let own = get_user(app, session);
    assert_eq!(own.status, 200, "{state}: {}", own.text());
    assert_eq!(app.database.batches() - before, batches, "{state}");
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    assert_eq!(own.text(), app.service_role().get(&path).send().text(), "{state}");
    assert_eq!(own.header("content-type"), Some("application/json; charset=utf-8"));
}

#[test]
fn the_database_shows_a_user_as_everyone_else_does() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let id = text(&session["user"], "id").to_string();
    assert_shown_alike(&app, &session, 1, "as signed up");
    let moment = "2026-01-02T03:04:05.12+00:00";
    let states = [
        format!("UPDATE \"auth.users\" SET raw_user_meta_data = '{}'", r#"{"a":null,"b":{"c":null,"é\"\\":[1.5,null,{}]},"d":"\u00e9''\n}"}"#.replace("\\u00e9", "é")),
        "UPDATE \"auth.users\" SET raw_app_meta_data = '{}', role = NULL, aud = 'a\"}'".into(),
        format!("UPDATE \"auth.users\" SET phone = '15550001111', phone_confirmed_at = '{moment}', confirmation_sent_at = '{moment}', recovery_sent_at = '{moment}'"),
        format!("UPDATE \"auth.users\" SET email_change = 'b@example.com', email_change_sent_at = '{moment}', phone_change = '1', phone_change_sent_at = '{moment}', reauthentication_sent_at = '{moment}', invited_at = '{moment}'"),
        "UPDATE \"auth.users\" SET email = NULL, email_confirmed_at = NULL, phone_confirmed_at = NULL, last_sign_in_at = NULL, is_anonymous = 1".into(),
        format!("INSERT INTO \"auth.identities\" (id, user_id, provider, provider_id, identity_data, created_at, updated_at) VALUES ('i2', '{id}', 'github', '7', '{{ \"sub\": \"7\", \"n\": null }}', '2020-01-02T03:04:05+00:00', '{moment}')"),
        format!("INSERT INTO \"auth.mfa_recovery_codes\" (user_id, factor_id, friendly_name, total, code_hashes, created_at, updated_at) VALUES ('{id}', 'r', 'codes \"of\" Ann', 10, '[]', '{moment}', '{moment}')"),
        format!("INSERT INTO \"auth.mfa_factors\" (id, user_id, factor_type, status, phone, last_challenged_at, created_at, updated_at) VALUES ('f', '{id}', 'phone', 'verified', '1555', '{moment}', '2020-01-02T03:04:05+00:00', '{moment}')"),
        format!("DELETE FROM \"auth.identities\" WHERE user_id = '{id}'"),
    ];
    for state in &states {
        app.database.execute(state);
        assert_shown_alike(&app, &session, 1, state);
    }
    for times in ["2026-01-02 03:04:05+00", "2026-01-02T03:04:05.120+00:00", "2026-01-02T03:04:05+02:00"] {
        for column in
            ["users\" SET updated_at", "users\" SET recovery_sent_at", "mfa_factors\" SET updated_at"]
        {
            app.database.execute(&format!("UPDATE \"auth.{column} = '{times}'"));
            assert_shown_alike(&app, &session, 2, times);
            app.database.execute(&format!("UPDATE \"auth.{column} = '{moment}'"));
        }
    }
    for metadata in [" {}", "[1]"] {
        app.database.execute(&format!("UPDATE \"auth.users\" SET raw_user_meta_data = '{metadata}'"));
        assert_shown_alike(&app, &session, 2, metadata);
    }
}
