//! `POST /signup`.

use serde_json::json;

use super::{PASSWORD, assert_error, claims, get_user, sign_in, signed_up, text};
use crate::app::TestApp;

const CONFIRM: &[(&str, &str)] = &[("MAILER_AUTOCONFIRM", "false")];

#[test]
fn a_confirmed_sign_up_answers_a_session() {
    let app = TestApp::new();
    let body =
        json!({"email": "Ann@Example.com", "password": PASSWORD, "data": {"name": "Ann", "sub": "forged"}});
    let session = app.anon().post("/auth/v1/signup").json(&body).send().json();

    assert_eq!(session["token_type"], json!("bearer"));
    assert_eq!(session["expires_in"], json!(3600));
    assert_eq!(session["expires_at"], json!(app.app.now().seconds() + 3600));
    assert!(session.get("weak_password").is_none());

    let user = &session["user"];
    let id = text(user, "id");
    let now = "2027-01-15T08:00:00Z";
    let identity_id = &user["identities"][0]["identity_id"];
    assert_eq!(
        *user,
        json!({
            "id": id,
            "aud": "authenticated",
            "role": "authenticated",
            "email": "ann@example.com",
            "email_confirmed_at": now,
            "phone": "",
            "confirmed_at": now,
            "last_sign_in_at": now,
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {
                "name": "Ann", "sub": id, "email": "ann@example.com", "email_verified": true, "phone_verified": false,
            },
            "identities": [{
                "identity_id": identity_id,
                "id": id,
                "user_id": id,
                "identity_data": {
                    "name": "Ann", "sub": id, "email": "ann@example.com", "email_verified": false, "phone_verified": false,
                },
                "provider": "email",
                "last_sign_in_at": now,
                "created_at": now,
                "updated_at": now,
                "email": "ann@example.com",
            }],
            "created_at": now,
            "updated_at": now,
            "is_anonymous": false,
        })
    );
    assert_eq!(get_user(&app, &session).json(), *user);
    assert_eq!(sign_in(&app, " ANN@example.com", PASSWORD).status, 200);
}

#[test]
fn a_taken_address_is_said_when_addresses_confirm_themselves() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    let body = json!({"email": "ANN@example.com", "password": "another one"});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 422, "user_already_exists", "User already registered");
    assert_eq!(sign_in(&app, "ann@example.com", "another one").status, 400);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn an_unconfirmed_account_is_not_handed_to_whoever_signs_up_next() {
    let app = TestApp::new();
    let body = json!({"email": "ann@example.com"});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 422, "user_already_exists", "User already registered");
}

#[test]
fn an_address_to_be_confirmed_gives_a_bare_user_and_no_sign_in() {
    let app = TestApp::with_vars(CONFIRM);
    let user = signed_up(&app, "ann@example.com");
    assert_eq!(user["email"], json!("ann@example.com"));
    assert_eq!(user["role"], json!("authenticated"));
    assert_eq!(user["identities"].as_array().unwrap().len(), 1);
    assert_eq!(user["user_metadata"]["email_verified"], json!(false));
    for absent in ["access_token", "confirmed_at", "email_confirmed_at", "last_sign_in_at"] {
        assert!(user.get(absent).is_none(), "{absent}");
    }
    assert_error(
        &sign_in(&app, "ann@example.com", PASSWORD),
        400,
        "email_not_confirmed",
        "Email not confirmed",
    );

    app.clock.advance(60);
    let again = app
        .anon()
        .post("/auth/v1/signup")
        .json(&json!({"email": "ann@example.com", "password": "another one"}))
        .send();
    let mut expected = user.clone();
    expected["confirmation_sent_at"] = json!("2027-01-15T08:01:00Z");
    assert_eq!(again.json(), expected, "an unconfirmed account is answered unchanged");
    assert_error(&sign_in(&app, "ann@example.com", PASSWORD), 400, "email_not_confirmed", "");
}

#[test]
fn a_confirmed_address_is_answered_by_a_user_that_exists_nowhere() {
    let app = TestApp::with_vars(CONFIRM);
    let body =
        json!({"email": "ann@example.com", "email_confirm": true, "user_metadata": {"secret": "of ann"}});
    let ann = app.service_role().post("/auth/v1/admin/users").json(&body).send().json();

    let body = json!({"email": "ann@example.com", "password": "another one", "data": {"name": "Eve"}});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_eq!(answer.status, 200);
    let fake = answer.json();
    assert_ne!(fake["id"], ann["id"]);
    assert_eq!(fake["email"], json!("ann@example.com"));
    assert_eq!(fake["identities"], json!([]));
    assert_eq!(fake["role"], json!(""));
    assert_eq!(fake["user_metadata"], json!({"name": "Eve"}));
    assert!(fake.get("email_confirmed_at").is_none());
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("1"));
}

#[test]
fn what_is_no_registration_is_refused_with_its_reason() {
    let long = "é".repeat(37);
    let rows = [
        (
            json!({"password": PASSWORD}),
            422,
            "anonymous_provider_disabled",
            "Anonymous sign-ins are disabled",
        ),
        (json!({}), 422, "anonymous_provider_disabled", "Anonymous"),
        (json!({"email": null, "data": null}), 422, "anonymous_provider_disabled", "Anonymous"),
        (
            json!({"phone": "+491511234567", "password": PASSWORD}),
            400,
            "phone_provider_disabled",
            "Phone signups are disabled",
        ),
        (
            json!({"email": "a@b.c", "phone": "1", "password": PASSWORD}),
            400,
            "validation_failed",
            "Only an email address or phone",
        ),
        (json!({"email": "a@b.c"}), 400, "validation_failed", "Signup requires a valid password"),
        (
            json!({"email": "a@b.c", "password": ""}),
            400,
            "validation_failed",
            "Signup requires a valid password",
        ),
        (
            json!({"email": "nonsense", "password": PASSWORD}),
            400,
            "validation_failed",
            "Unable to validate email address: invalid format",
        ),
        (json!({"email": "a@b.c", "password": long}), 400, "validation_failed", "72"),
        (
            json!({"email": "a@b.c", "password": "12345"}),
            422,
            "weak_password",
            "Password should be at least 6 characters",
        ),
        (json!({"email": 5, "password": PASSWORD}), 400, "bad_json", "Could not parse request body as JSON"),
        (json!({"email": "a@b.c", "password": PASSWORD, "data": []}), 400, "bad_json", "Could not parse"),
    ];
    let app = TestApp::new();
    for (body, status, code, message) in rows {
        let answer = app.anon().post("/auth/v1/signup").json(&body).send();
        assert_error(&answer, status, code, message);
    }
    assert_eq!(app.database.rows_written(), 0);
}

#[test]
fn a_weak_password_names_its_reasons_in_both_formats() {
    let app = TestApp::new();
    let body = json!({"email": "a@b.c", "password": "12345"});
    let older = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_eq!(
        older.json(),
        json!({
            "code": 422, "error_code": "weak_password", "msg": "Password should be at least 6 characters.",
            "weak_password": {"reasons": ["length"]},
        })
    );
    assert_eq!(older.header("x-supabase-api-version"), None);
    let newer =
        app.anon().post("/auth/v1/signup").header("x-supabase-api-version", "2024-01-01").json(&body).send();
    assert_eq!(newer.status, 422);
    assert_eq!(
        newer.json(),
        json!({
            "code": "weak_password", "message": "Password should be at least 6 characters.",
            "weak_password": {"reasons": ["length"]},
        })
    );
    assert_eq!(newer.header("x-supabase-api-version"), Some("2024-01-01"));
    assert_eq!(newer.header("x-sb-error-code"), Some("weak_password"));
}

#[test]
fn sign_up_can_be_switched_off() {
    let body = json!({"email": "a@b.c", "password": PASSWORD});
    let app = TestApp::with_vars(&[("DISABLE_SIGNUP", "true")]);
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 422, "signup_disabled", "Signups not allowed for this instance");

    let app = TestApp::with_vars(&[("EXTERNAL_EMAIL_ENABLED", "false")]);
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 400, "email_provider_disabled", "Email signups are disabled");
}

#[test]
fn sign_up_is_limited_per_address() {
    let app = TestApp::new();
    app.limits.answer.set(Some(12));
    let body = json!({"email": "a@b.c", "password": PASSWORD});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 429, "over_request_rate_limit", "rate limit");
    assert_eq!(answer.header("retry-after"), Some("12"));
}

#[test]
fn the_session_of_a_sign_up_carries_the_users_metadata() {
    let app = TestApp::new();
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "data": {"name": "Ann"}});
    let session = app.anon().post("/auth/v1/signup").json(&body).send().json();
    assert_eq!(claims(&session)["user_metadata"]["name"], json!("Ann"));
}
