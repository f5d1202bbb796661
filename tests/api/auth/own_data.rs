//! `GET /user/export` and `DELETE /user`.

use serde_json::{Value, json};

use super::authenticator::verified;
use super::{PASSWORD, assert_error, get_user, refresh, session_id, sign_in, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

fn export(app: &TestApp, session: &Value) -> Answer {
    app.with_token(text(session, "access_token")).get("/auth/v1/user/export").send()
}

fn erase(app: &TestApp, session: &Value, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).delete("/auth/v1/user").json(body).send()
}

/// Puts an object into a private bucket of everyone's.
fn upload(app: &TestApp, session: &Value, name: &str) {
    let bucket = json!({"id": "files", "name": "files", "public": false});
    app.service_role().post("/storage/v1/bucket").json(&bucket).send();
    let path = format!("/storage/v1/object/files/{name}");
    let answer = app.service_role().post(&path).header("content-type", "text/plain").body("mine").send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = text(&session["user"], "id");
    app.database.execute(&format!(
        r#"UPDATE "storage.objects" SET owner = '{id}', owner_id = '{id}' WHERE name = '{name}'"#
    ));
}

fn count(app: &TestApp, table: &str) -> String {
    app.database.value(&format!(r#"SELECT count(*) FROM "{table}""#)).unwrap()
}

#[test]
fn an_export_has_all_that_is_kept_of_a_person_and_nothing_that_opens_doors() {
    let app = TestApp::new();
    let bob = signed_up(&app, "bob@example.com");
    upload(&app, &bob, "bobs.txt");
    let (phone, session) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    upload(&app, &session, "anns.txt");
    let answer = export(&app, &session);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"user.json\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let export = answer.json();
    assert_eq!(export["exported_at"], json!("2027-01-15T08:01:00Z"));
    assert_eq!(export["user"], get_user(&app, &session).json());
    assert_eq!(export["user"]["identities"][0]["email"], json!("ann@example.com"));
    assert_eq!(export["user"]["factors"][0]["id"], json!(phone.factor_id));
    assert_eq!(export["sessions"][0]["ip"], json!("203.0.113.7"));
    assert_eq!(export["sessions"][0]["current"], json!(true));
    assert_eq!(export["objects"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&export["objects"][0]["bucket_id"], &export["objects"][0]["name"]),
        (&json!("files"), &json!("anns.txt"))
    );
    assert_eq!(export["objects"][0]["metadata"]["size"], json!(4));

    let hash =
        app.database.value(r#"SELECT group_concat(encrypted_password, ' ') FROM "auth.users""#).unwrap();
    let key = app
        .database
        .value(r#"SELECT group_concat(refresh_token_hmac_key, ' ') FROM "auth.sessions""#)
        .unwrap();
    for secret in hash.split(' ').chain(key.split(' ')).chain([phone.secret.as_str(), "bob"]) {
        assert!(!export.to_string().contains(secret), "{secret}");
    }

    let path = format!("/auth/v1/admin/users/{}/export", text(&session["user"], "id"));
    let by_admin = app.service_role().get(&path).send().json();
    assert_eq!((&by_admin["user"], &by_admin["objects"]), (&export["user"], &export["objects"]));
    assert_eq!(by_admin["sessions"][0]["current"], json!(false));
    let by_user = app.with_token(text(&session, "access_token")).get(&path).send();
    assert_error(&by_user, 403, "not_admin", "User not allowed");
}

#[test]
fn an_erased_account_leaves_nothing_of_the_person() {
    let app = TestApp::new();
    let bob = signed_up(&app, "bob@example.com");
    upload(&app, &bob, "bobs.txt");
    let session = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    upload(&app, &session, "anns.txt");
    let version = app.database.value(r#"SELECT version FROM "storage.objects" WHERE name = 'anns.txt'"#);
    app.database.execute(r#"CREATE TABLE notes (owner TEXT REFERENCES "auth.users" (id) ON DELETE CASCADE)"#);
    app.database.execute(r#"INSERT INTO notes (owner) SELECT id FROM "auth.users""#);

    let answer = erase(&app, &session, &json!({"password": PASSWORD}));
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{}", answer.text());
    for table in ["auth.users", "auth.identities", "auth.sessions", "storage.objects", "notes"] {
        assert_eq!(count(&app, table), "1", "{table} has bob's row only");
    }
    let garbage =
        app.database.value(r#"SELECT version FROM "storage.garbage" WHERE upload_expires_at IS NULL"#);
    assert_eq!(garbage, version, "the sweep deletes the bytes");
    for isolate in [&app, &app.another_isolate()] {
        for session in [&session, &other] {
            assert_error(&get_user(isolate, session), 403, "user_not_found", "does not exist");
        }
        assert_eq!(get_user(isolate, &bob).status, 200);
    }
    for session in [&session, &other] {
        let record = app.key_value.value(&format!("session:{}", session_id(session)));
        assert_eq!(record.as_deref(), Some("revoked"), "the data and storage APIs hear of it");
    }
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 400);
    assert_error(&sign_in(&app, "ann@example.com", PASSWORD), 400, "invalid_credentials", "");
    signed_up(&app, "ann@example.com");
}

#[test]
fn a_token_alone_erases_nothing_once_the_sign_in_is_old() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    app.clock.advance(300);
    let rows = [
        (json!({}), 400, "reauthentication_needed", "within the last five minutes"),
        (json!({"password": ""}), 400, "reauthentication_needed", "within the last five minutes"),
        (json!({"password": "wrong"}), 400, "current_password_invalid", "The current password is wrong"),
        (json!({"password": 5}), 400, "bad_json", "Could not parse"),
    ];
    for (body, status, code, message) in rows {
        assert_error(&erase(&app, &session, &body), status, code, message);
    }
    let refreshed = refresh(&app, text(&session, "refresh_token")).json();
    assert_error(&erase(&app, &refreshed, &json!({})), 400, "reauthentication_needed", "");
    let without_session = app.user(text(&session["user"], "id")).delete("/auth/v1/user").send();
    assert_error(&without_session, 400, "reauthentication_needed", "");
    assert_eq!(get_user(&app, &session).status, 200);

    let fresh = signed_in(&app, "ann@example.com");
    app.clock.advance(299);
    // As fetch sends it when nothing is said: no body at all.
    let answer = app.with_token(text(&fresh, "access_token")).delete("/auth/v1/user").send();
    assert_eq!(answer.status, 204, "{}", answer.text());
}

#[test]
fn a_wrong_password_does_not_fall_back_on_the_recent_sign_in() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_error(&erase(&app, &session, &json!({"password": "wrong"})), 400, "current_password_invalid", "");
    assert_eq!(get_user(&app, &session).status, 200);
}

#[test]
fn an_account_with_a_second_factor_needs_it_to_be_erased() {
    let app = TestApp::new();
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let low = signed_in(&app, "ann@example.com");
    let refused = erase(&app, &low, &json!({"password": PASSWORD}));
    assert_error(&refused, 401, "insufficient_aal", "AAL2 session is required to delete the account");
    app.clock.advance(600);
    let recent = phone.verify(&raised).json();
    assert_eq!(erase(&app, &recent, &json!({})).status, 204, "a code is a proof of identity, too");
    assert_eq!(
        (count(&app, "auth.mfa_factors"), count(&app, "auth.mfa_challenges")),
        ("0".into(), "0".into())
    );
}

#[test]
fn an_account_that_other_tables_need_is_not_erased_in_part() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    upload(&app, &session, "anns.txt");
    app.database.execute(r#"CREATE TABLE invoices (owner TEXT REFERENCES "auth.users" (id))"#);
    app.database.execute(r#"INSERT INTO invoices (owner) SELECT id FROM "auth.users""#);
    let answer = erase(&app, &session, &json!({"password": PASSWORD}));
    assert_error(&answer, 409, "conflict", "rows of other tables still refer to it");
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!((count(&app, "storage.objects"), count(&app, "storage.garbage")), ("1".into(), "0".into()));
}

#[test]
fn an_erasure_that_was_overtaken_does_nothing() {
    let rows = [
        r#"DELETE FROM "auth.sessions""#,
        r#"UPDATE "auth.users" SET encrypted_password = 'changed'"#,
        r#"UPDATE "auth.sessions" SET aal = 'aal2'"#,
    ];
    for race in rows {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        upload(&app, &session, "anns.txt");
        app.database.interrupt_at(2, race);
        assert_error(&erase(&app, &session, &json!({"password": PASSWORD})), 409, "conflict", "try again");
        assert_eq!(
            (count(&app, "auth.users"), count(&app, "storage.objects")),
            ("1".into(), "1".into()),
            "{race}"
        );
    }
}

#[test]
fn an_erasure_that_fails_erases_nothing_and_can_be_tried_again() {
    for step in [1, 2] {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        upload(&app, &session, "anns.txt");
        app.database.fault.fail_at(step);
        assert_error(&erase(&app, &session, &json!({"password": PASSWORD})), 500, "unexpected_failure", "");
        assert_eq!((count(&app, "auth.users"), count(&app, "storage.objects")), ("1".into(), "1".into()));
        assert_eq!(erase(&app, &session, &json!({"password": PASSWORD})).status, 204);
    }
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    app.hasher.fault.fail_always();
    assert_error(&erase(&app, &session, &json!({"password": PASSWORD})), 500, "unexpected_failure", "");
    assert_eq!(get_user(&app, &session).status, 200);
}

#[test]
fn own_data_is_for_users() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    for actor in [app.service_role(), app.anon()] {
        assert_error(&actor.get("/auth/v1/user/export").send(), 403, "bad_jwt", "missing sub claim");
        assert_error(&actor.delete("/auth/v1/user").send(), 403, "bad_jwt", "missing sub claim");
    }
    assert_error(&app.nobody().get("/auth/v1/user/export").send(), 401, "no_authorization", "");
    assert_error(&app.nobody().delete("/auth/v1/user").send(), 401, "no_authorization", "");
    assert_eq!(count(&app, "auth.users"), "1");
}
