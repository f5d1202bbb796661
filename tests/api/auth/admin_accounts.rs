//! `/admin/users`: making, changing and removing accounts.

use http::Method;
use serde_json::{Value, json};

use super::{PASSWORD, assert_error, get_user, refresh, sign_in, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn create(app: &TestApp, body: &Value) -> Answer {
    app.service_role().post("/auth/v1/admin/users").json(body).send()
}

fn change(app: &TestApp, user: &Value, body: &Value) -> Answer {
    app.service_role().put(&path(user)).json(body).send()
}

fn path(user: &Value) -> String {
    format!("/auth/v1/admin/users/{}", text(user, "id"))
}

#[test]
fn only_administrators_may() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let own = path(&session["user"]);
    let rows = [
        (Method::GET, "/auth/v1/admin/users"),
        (Method::POST, "/auth/v1/admin/users"),
        (Method::GET, own.as_str()),
        (Method::PUT, own.as_str()),
        (Method::DELETE, own.as_str()),
    ];
    for (method, path) in rows {
        let call = |token: &str| app.with_token(token).call(method.clone(), path).json(&json!({})).send();
        assert_error(&call(text(&session, "access_token")), 403, "not_admin", "User not allowed");
        assert_error(&call("sb_publishable_test"), 403, "not_admin", "User not allowed");
        assert_error(&app.anon().call(method.clone(), path).send(), 403, "not_admin", "User not allowed");
        let nobody = app.nobody().call(method.clone(), path).header("apikey", "sb_secret_test").send();
        assert_error(&nobody, 401, "no_authorization", "valid Bearer token");
    }
    assert_eq!(get_user(&app, &session).status, 200);
    // Neither a user nor a session stands behind these.
    let supabase_admin = app.token(&json!({"role": "supabase_admin", "sub": "1234567890"}));
    for token in ["sb_secret_test", &supabase_admin] {
        assert_eq!(app.with_token(token).get(&own).send().status, 200);
    }
}

#[test]
fn an_account_is_made_as_asked() {
    let app = TestApp::new();
    let id = "11111111-2222-4333-8444-555555555555";
    let body = json!({
        "id": id, "email": "Ann@example.com", "phone": "+49 151 1234567", "password": PASSWORD, "role": "editor", "aud": "team",
        "email_confirm": true, "phone_confirm": true,
        "user_metadata": {"name": "Ann"}, "app_metadata": {"plan": "pro"}, "ban_duration": "1h",
    });
    let answer = create(&app, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = answer.json();
    let now = json!("2027-01-15T08:00:00Z");
    let rows = [
        ("/id", json!(id)),
        ("/email", json!("ann@example.com")),
        ("/phone", json!("491511234567")),
        ("/role", json!("editor")),
        ("/aud", json!("team")),
        ("/email_confirmed_at", now.clone()),
        ("/phone_confirmed_at", now.clone()),
        ("/confirmed_at", now),
        ("/banned_until", json!("2027-01-15T09:00:00Z")),
        ("/user_metadata", json!({"email_verified": true, "name": "Ann"})),
        ("/app_metadata", json!({"provider": "email", "providers": ["email", "phone"], "plan": "pro"})),
        ("/identities/0/identity_data/sub", json!(id)),
    ];
    for (pointer, expected) in rows {
        assert_eq!(user.pointer(pointer), Some(&expected), "{pointer}");
    }
    let mut providers: Vec<_> =
        user["identities"].as_array().unwrap().iter().map(|identity| text(identity, "provider")).collect();
    providers.sort_unstable();
    assert_eq!(providers, ["email", "phone"]);
    assert!(user.get("last_sign_in_at").is_none());
    assert!(user.get("encrypted_password").is_none());
    assert_eq!(app.service_role().get(&path(&user)).send().json(), user);
    app.clock.advance(3600);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn an_account_is_unconfirmed_unless_asked_even_with_autoconfirm() {
    let app = TestApp::new();
    let user = create(&app, &json!({"email": "ann@example.com", "password": PASSWORD})).json();
    assert!(user.get("email_confirmed_at").is_none());
    assert_error(
        &sign_in(&app, "ann@example.com", PASSWORD),
        400,
        "email_not_confirmed",
        "Email not confirmed",
    );
    assert_eq!(change(&app, &user, &json!({"email_confirm": true})).status, 200);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn what_is_no_account_is_refused() {
    let app = TestApp::new();
    let taken = "11111111-2222-4333-8444-555555555555";
    create(&app, &json!({"id": taken, "email": "bob@example.com", "phone": "1234567"}));
    let rows = [
        (json!({}), 400, "validation_failed", "Cannot create a user without either an email or phone"),
        (json!({"email": "nonsense"}), 400, "validation_failed", "Unable to validate email address"),
        (json!({"phone": "nonsense"}), 400, "validation_failed", "Invalid phone number format"),
        (
            json!({"email": "BOB@example.com"}),
            422,
            "email_exists",
            "A user with this email address has already been registered",
        ),
        (
            json!({"phone": "+1234567"}),
            422,
            "phone_exists",
            "Phone number already registered by another user",
        ),
        (json!({"email": "a@b.c", "id": taken}), 422, "user_already_exists", "id already exists"),
        (json!({"email": "a@b.c", "id": "nonsense"}), 400, "validation_failed", "uuid"),
        (json!({"email": "a@b.c", "password": "x".repeat(73)}), 400, "validation_failed", "72"),
        (
            json!({"email": "a@b.c", "password_hash": "plain"}),
            400,
            "validation_failed",
            "Invalid password hash",
        ),
        (
            json!({"email": "a@b.c", "password": PASSWORD, "password_hash": "$2a$"}),
            400,
            "validation_failed",
            "Only a password or a password hash",
        ),
        (
            json!({"email": "a@b.c", "ban_duration": "forever"}),
            400,
            "validation_failed",
            "invalid format for ban duration",
        ),
        (json!({"email": "a@b.c", "user_metadata": "x"}), 400, "bad_json", "Could not parse"),
    ];
    for (body, status, code, message) in rows {
        assert_error(&create(&app, &body), status, code, message);
    }
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("1"));
}

#[test]
fn an_imported_argon2_hash_signs_in() {
    let app = TestApp::new();
    let salt = [7; edgeward::crypto::password::SALT_LENGTH];
    let hash = edgeward::crypto::password::hash(PASSWORD, &salt).unwrap();
    create(&app, &json!({"email": "ann@example.com", "password_hash": hash, "email_confirm": true}));
    signed_in(&app, "ann@example.com");
}

#[test]
fn a_weak_password_comes_along_with_an_account_and_does_not_come_later() {
    let app = TestApp::with_vars(&[("PASSWORD_HIBP_ENABLED", "true")]);
    let body = json!({"email": "ann@example.com", "password": "12345", "email_confirm": true});
    let user = create(&app, &body).json();
    assert!(app.http_client.requests_to("https://api.pwnedpasswords.com/").is_empty());
    let answer = sign_in(&app, "ann@example.com", "12345");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["weak_password"]["reasons"][0], json!("length"));
    assert_error(&change(&app, &user, &json!({"password": "54321"})), 422, "weak_password", "at least 6");
}

#[test]
fn an_account_changes_as_asked_and_no_further() {
    let app = TestApp::new();
    signed_up(&app, "bob@example.com");
    let session = signed_up(&app, "ann@example.com");
    app.clock.advance(60);
    let body = json!({
        "email": "anna@example.com", "role": "editor", "phone": "1234567",
        "user_metadata": {"name": "Anna", "phone_verified": null}, "app_metadata": {"plan": "pro"},
    });
    let user = change(&app, &session["user"], &body).json();
    assert_eq!(user["email"], json!("anna@example.com"));
    assert_eq!(user["email_confirmed_at"], session["user"]["email_confirmed_at"]);
    assert_eq!(user["role"], json!("editor"));
    assert_eq!(user["phone"], json!("1234567"));
    assert_eq!(user["identities"].as_array().unwrap().len(), 2);
    assert_eq!(user["user_metadata"]["name"], json!("Anna"));
    assert_eq!(user["user_metadata"].get("phone_verified"), None);
    assert_eq!(
        user["app_metadata"],
        json!({"provider": "email", "providers": ["email", "phone"], "plan": "pro"})
    );
    assert_eq!(user["updated_at"], json!("2027-01-15T08:01:00Z"));
    assert_eq!(get_user(&app, &session).json(), user, "the session lives");

    let taken = change(&app, &user, &json!({"email": "bob@example.com"}));
    assert_error(&taken, 422, "email_exists", "already been registered");
}

#[test]
fn an_anonymous_user_becomes_a_permanent_one_by_a_confirmed_contact() {
    let vars = [("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true")];
    let rows = [
        (json!({"email": "ann@example.com"}), true, "email"),
        (json!({"email": "ann@example.com", "email_confirm": true}), false, "email"),
        (json!({"phone": "1234567"}), true, "phone"),
        (json!({"phone": "1234567", "phone_confirm": true}), false, "phone"),
    ];
    for (body, is_anonymous, provider) in rows {
        let app = TestApp::with_vars(&vars);
        let session = app.anon().post("/auth/v1/signup").json(&json!({})).send().json();
        let user = change(&app, &session["user"], &body).json();
        assert_eq!(user["is_anonymous"], json!(is_anonymous), "{body}");
        assert_eq!(user["app_metadata"]["provider"], json!(provider), "{body}");
        let verified = &user["identities"][0]["identity_data"][format!("{provider}_verified")];
        assert_eq!(verified, &json!(!is_anonymous), "{body}");
        assert_eq!(get_user(&app, &session).json()["is_anonymous"], json!(is_anonymous));
    }
}

#[test]
fn the_identity_says_of_an_address_what_the_administrator_said_last() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let told = |body: &Value| {
        app.clock.advance(60);
        let user = change(&app, &session["user"], body).json();
        let data = &user["identities"][0]["identity_data"];
        (data["email"].clone(), data["email_verified"].clone(), user["email_confirmed_at"].clone())
    };
    let [anna, anne] = [json!("anna@example.com"), json!("anne@example.com")];
    let confirmed = told(&json!({"email": "anna@example.com", "email_confirm": true}));
    assert_eq!(confirmed, (anna.clone(), json!(true), json!("2027-01-15T08:01:00Z")));
    let unsaid = told(&json!({"email": "anne@example.com"}));
    assert_eq!(unsaid, (anne.clone(), json!(false), json!("2027-01-15T08:01:00Z")));
    let same = told(&json!({"email": "anne@example.com", "email_confirm": true}));
    assert_eq!(same, (anne, json!(true), json!("2027-01-15T08:03:00Z")));
}

#[test]
fn what_was_sent_before_an_administrator_confirmed_an_address_is_worth_nothing() {
    let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", "false")]);
    let link = json!({"type": "signup", "email": "ann@example.com", "password": PASSWORD});
    let link = app.service_role().post("/auth/v1/admin/generate_link").json(&link).send().json();
    assert_eq!(change(&app, &link, &json!({"email_confirm": true})).status, 200);
    let body = json!({"type": "signup", "token_hash": link["hashed_token"]});
    assert_error(&app.anon().post("/auth/v1/verify").json(&body).send(), 403, "otp_expired", "");
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn no_password_at_all_is_no_new_password_and_no_time_at_all_no_ban() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let refused = change(&app, &session["user"], &json!({"password": ""}));
    assert_error(&refused, 422, "weak_password", "at least 6");
    assert_eq!(get_user(&app, &session).status, 200);
    change(&app, &session["user"], &json!({"ban_duration": "1h"}));
    let lifted = change(&app, &session["user"], &json!({"ban_duration": "0s"})).json();
    assert_eq!(lifted.get("banned_until"), None);
    assert_eq!(create(&app, &json!({"email": "bob@example.com", "password": ""})).status, 200);
}

#[test]
fn a_new_password_from_an_administrator_ends_all_sessions() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(change(&app, &session["user"], &json!({"password": "battery staple"})).status, 200);
    assert_eq!(get_user(&app, &session).status, 403);
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 400);
    assert_eq!(sign_in(&app, "ann@example.com", "battery staple").status, 200);
}

#[test]
fn two_changes_at_once_both_take_effect() {
    let app = TestApp::new();
    let user = create(&app, &json!({"email": "ann@example.com"})).json();
    app.database.interrupt_at(
        2,
        r#"UPDATE "auth.users" SET raw_app_meta_data = json_set(raw_app_meta_data, '$.theirs', 1)"#,
    );
    let user = change(&app, &user, &json!({"app_metadata": {"ours": 2}})).json();
    assert_eq!((&user["app_metadata"]["theirs"], &user["app_metadata"]["ours"]), (&json!(1), &json!(2)));
}

#[test]
fn a_removed_account_leaves_nothing() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let bob = signed_up(&app, "bob@example.com");
    // As supabase-js sends it when nothing is asked: a content type and no body.
    let answer =
        app.service_role().delete(&path(&session["user"])).header("content-type", "application/json").send();
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    for table in ["auth.users", "auth.identities", "auth.sessions"] {
        let left = app.database.value(&format!(r#"SELECT count(*) FROM "{table}""#));
        assert_eq!(left.as_deref(), Some("1"), "{table} has bob's row only");
    }
    assert_eq!(get_user(&app, &session).status, 403);
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 400);
    assert_eq!(get_user(&app, &bob).status, 200);
    let again = app.service_role().delete(&path(&session["user"])).send();
    assert_error(&again, 404, "user_not_found", "User not found");
    signed_up(&app, "ann@example.com");
}

#[test]
fn an_account_that_other_tables_need_is_not_removed() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    app.database.execute(r#"CREATE TABLE notes (owner TEXT REFERENCES "auth.users" (id))"#);
    app.database.execute(r#"INSERT INTO notes (owner) SELECT id FROM "auth.users""#);
    let answer = app.service_role().delete(&path(&session["user"])).send();
    assert_error(&answer, 409, "conflict", "Database error deleting user");
    assert_eq!(get_user(&app, &session).status, 200, "nothing is half removed");
}

#[test]
fn a_soft_deleted_account_keeps_its_row_and_nothing_of_the_person() {
    let app = TestApp::new();
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "data": {"name": "Ann"}});
    let session = app.anon().post("/auth/v1/signup").json(&body).send().json();
    let delete = || {
        let body = json!({"should_soft_delete": true});
        app.service_role().delete(&path(&session["user"])).json(&body).send()
    };
    assert_eq!((delete().status.as_u16(), delete().status.as_u16()), (200, 200), "once is enough");

    let user = app.service_role().get(&path(&session["user"])).send();
    assert!(!user.text().to_lowercase().contains("ann@example.com"), "{}", user.text());
    let user = user.json();
    assert_eq!(user["deleted_at"], json!("2027-01-15T08:00:00Z"));
    assert_eq!((&user["user_metadata"], &user["app_metadata"]), (&json!({}), &json!({})));
    assert_eq!(user["identities"][0]["identity_data"], json!({}));

    assert_eq!(get_user(&app, &session).status, 403);
    let without_session = app.user(text(&user, "id")).get("/auth/v1/user").send();
    assert_error(&without_session, 403, "user_not_found", "User from sub claim in JWT does not exist");
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 400);
    for email in ["ann@example.com", text(&user, "email")] {
        assert_error(&sign_in(&app, email, PASSWORD), 400, "invalid_credentials", "");
    }
    assert_ne!(signed_up(&app, "ann@example.com")["user"]["id"], user["id"], "the address is free again");
}

#[test]
fn ids_that_are_none_and_ids_of_nobody_are_told_apart() {
    let app = TestApp::new();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let call = |id: &str| {
            let path = format!("/auth/v1/admin/users/{id}");
            app.service_role().call(method.clone(), &path).json(&json!({"email_confirm": true})).send()
        };
        assert_error(&call("nonsense"), 404, "validation_failed", "user_id must be an UUID");
        assert_error(&call("'%20OR%201=1%20--"), 404, "validation_failed", "user_id must be an UUID");
        assert_error(&call(NOBODY), 404, "user_not_found", "User not found");
    }
}
