//! Passkeys: registering, signing in, keeping; and what an authenticator that lies comes to.

use serde_json::{Value, json};

use super::security_key::SecurityKey;
use super::{assert_error, claims, get_user, signed_up, text};
use crate::app::{Answer, TestApp, at_once};

const ON: &[(&str, &str)] = &[
    ("PASSKEY_ENABLED", "true"),
    ("WEBAUTHN_RP_ID", "localhost"),
    ("WEBAUTHN_RP_DISPLAY_NAME", "The tests"),
    ("WEBAUTHN_RP_ORIGINS", "http://localhost:5173"),
    ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
];

fn app() -> TestApp {
    TestApp::with_vars(ON)
}

fn post(app: &TestApp, session: &Value, path: &str, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).post(&format!("/auth/v1/passkeys/{path}")).json(body).send()
}

fn registration(app: &TestApp, session: &Value) -> Value {
    let answer = post(app, session, "registration/options", &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn register(app: &TestApp, session: &Value, key: &mut SecurityKey) -> Answer {
    let asked = registration(app, session);
    let body = json!({"challenge_id": asked["challenge_id"], "credential": key.create(&asked["options"])});
    post(app, session, "registration/verify", &body)
}

fn registered(app: &TestApp, session: &Value, key: &mut SecurityKey) -> String {
    let answer = register(app, session, key);
    assert_eq!(answer.status, 200, "{}", answer.text());
    text(&answer.json(), "id").to_string()
}

fn question(app: &TestApp) -> Value {
    let answer = app.anon().post("/auth/v1/passkeys/authentication/options").json(&json!({})).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn answer(app: &TestApp, challenge_id: &Value, credential: &Value) -> Answer {
    let body = json!({"challenge_id": challenge_id, "credential": credential});
    app.anon().post("/auth/v1/passkeys/authentication/verify").json(&body).send()
}

fn sign_in(app: &TestApp, key: &mut SecurityKey) -> Answer {
    let asked = question(app);
    answer(app, &asked["challenge_id"], &key.get(&asked["options"]))
}

fn list(app: &TestApp, session: &Value) -> Value {
    app.with_token(text(session, "access_token")).get("/auth/v1/passkeys").send().json()
}

#[test]
fn a_passkey_of_every_kind_signs_in_by_itself() {
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let app = app();
        let ann = signed_up(&app, "ann@example.com");
        let mut key = SecurityKey::new(algorithm);
        let id = registered(&app, &ann, &mut key);
        app.clock.advance(5);
        let answer = sign_in(&app, &mut key);
        assert_eq!(answer.status, 200, "{algorithm}: {}", answer.text());
        let session = answer.json();
        assert_eq!(session["user"]["id"], ann["user"]["id"]);
        assert_eq!(
            (&claims(&session)["amr"][0]["method"], &claims(&session)["aal"]),
            (&json!("passkey"), &json!("aal1"))
        );
        assert_eq!(get_user(&app, &session).status, 200);
        assert_eq!(session["user"]["last_sign_in_at"], json!("2027-01-15T08:00:05Z"));
        let shown = json!([{"id": id, "friendly_name": "Passkey", "created_at": "2027-01-15T08:00:00Z", "last_used_at": "2027-01-15T08:00:05Z"}]);
        assert_eq!(list(&app, &ann), shown);
        assert_eq!(sign_in(&app, &mut key).status, 200, "{algorithm}");
    }
}

#[test]
fn the_options_say_who_asks_and_what_for() {
    let app = app();
    let body = json!({"email": "ann@example.com", "password": super::PASSWORD, "data": {"name": "Ann"}});
    let ann = app.anon().post("/auth/v1/signup").json(&body).send().json();
    let mut key = SecurityKey::new("ES256");
    registered(&app, &ann, &mut key);
    let asked = registration(&app, &ann);
    assert_eq!(asked["expires_at"], json!(crate::double::MovableClock::START.seconds() + 300));
    let options = &asked["options"];
    assert_eq!(options["rp"], json!({"name": "The tests", "id": "localhost"}));
    assert_eq!(
        (&options["user"]["name"], &options["user"]["displayName"]),
        (&json!("ann@example.com"), &json!("Ann"))
    );
    assert_eq!(
        options["user"]["id"],
        json!(edgeward::crypto::base64url(text(&ann["user"], "id").as_bytes()))
    );
    assert_eq!(options["pubKeyCredParams"][0], json!({"type": "public-key", "alg": -7}));
    assert_eq!(options["pubKeyCredParams"].as_array().unwrap().len(), 10);
    assert_eq!(
        (&options["authenticatorSelection"]["residentKey"], &options["attestation"]),
        (&json!("required"), &json!("none"))
    );
    let known = json!([{"type": "public-key", "id": edgeward::crypto::base64url(&key.credential_id)}]);
    assert_eq!(options["excludeCredentials"], known);
    let asked = question(&app);
    assert_eq!(
        (&asked["options"]["rpId"], asked["options"].get("allowCredentials")),
        (&json!("localhost"), None)
    );
    let settings = app.nobody().get("/auth/v1/settings").send().json();
    assert_eq!(settings["passkeys_enabled"], json!(true));
}

#[test]
fn they_are_off_unless_switched_on_and_for_people_with_accounts() {
    let off = TestApp::new();
    let ann = signed_up(&off, "ann@example.com");
    for answer in [
        post(&off, &ann, "registration/options", &json!({})),
        off.nobody().get("/auth/v1/passkeys").send(),
        off.anon().post("/auth/v1/passkeys/authentication/options").json(&json!({})).send(),
    ] {
        assert_error(&answer, 404, "passkey_disabled", "Passkeys are disabled");
    }
    let app = app();
    let answer = app.nobody().post("/auth/v1/passkeys/registration/options").json(&json!({})).send();
    assert_error(&answer, 401, "no_authorization", "This endpoint requires a valid Bearer token");
    let anonymous = app.anon().post("/auth/v1/signup").json(&json!({})).send().json();
    let answer = post(&app, &anonymous, "registration/options", &json!({}));
    assert_error(&answer, 403, "no_authorization", "Anonymous user not allowed");
}

#[test]
fn a_challenge_is_answered_once_in_time_and_by_whom_it_was_put_to() {
    let app = app();
    let (ann, bob) = (signed_up(&app, "ann@example.com"), signed_up(&app, "bob@example.com"));
    let mut key = SecurityKey::new("ES256");
    let asked = registration(&app, &ann);
    let body = json!({"challenge_id": asked["challenge_id"], "credential": key.create(&asked["options"])});
    let of_bob = post(&app, &bob, "registration/verify", &body);
    assert_error(&of_bob, 400, "webauthn_challenge_not_found", "Challenge not found or already used");
    assert_eq!(post(&app, &ann, "registration/verify", &body).status, 200);
    let again = post(&app, &ann, "registration/verify", &body);
    assert_error(&again, 400, "webauthn_challenge_not_found", "Challenge not found or already used");

    let asked = question(&app);
    let credential = key.get(&asked["options"]);
    assert_eq!(answer(&app, &asked["challenge_id"], &credential).status, 200);
    let replayed = answer(&app, &asked["challenge_id"], &credential);
    assert_error(&replayed, 400, "webauthn_challenge_not_found", "Challenge not found or already used");
    let asked = question(&app);
    app.clock.advance(301);
    let late = answer(&app, &asked["challenge_id"], &key.get(&asked["options"]));
    assert_error(&late, 400, "webauthn_challenge_expired", "Challenge has expired");
    // A challenge to register with signs nobody in.
    let asked = registration(&app, &super::signed_in(&app, "ann@example.com"));
    let crossed = answer(&app, &asked["challenge_id"], &key.get(&asked["options"]));
    assert_error(&crossed, 400, "webauthn_challenge_not_found", "Challenge not found or already used");
}

#[test]
fn an_authenticator_that_lies_registers_nothing() {
    let app = app();
    let ann = signed_up(&app, "ann@example.com");
    let lies: [(&str, fn(&mut SecurityKey)); 5] = [
        ("another site", |key| key.rp_id = "evil.net".into()),
        ("another page", |key| key.origin = "https://evil.net".into()),
        ("nobody there", |key| key.flags = 0),
        ("a backup that cannot be", |key| key.flags = 0x11),
        ("no id", |key| key.credential_id = Vec::new()),
    ];
    for (lie, tell) in lies {
        let mut key = SecurityKey::new("ES256");
        tell(&mut key);
        let answer = register(&app, &ann, &mut key);
        assert_error(&answer, 400, "webauthn_verification_failed", "Credential verification failed");
        assert_eq!(list(&app, &ann), json!([]), "{lie}");
    }
    let asked = registration(&app, &ann);
    let mut other = asked["options"].clone();
    other["challenge"] = json!("AAAA");
    let body = json!({"challenge_id": asked["challenge_id"], "credential": SecurityKey::new("ES256").create(&other)});
    assert_error(
        &post(&app, &ann, "registration/verify", &body),
        400,
        "webauthn_verification_failed",
        "Credential",
    );
    for (credential, message) in [
        (json!({}), "Invalid credential response"),
        (json!("x"), "Invalid credential response"),
        (
            json!({"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "!", "attestationObject": "AA"}}),
            "Credential verification failed",
        ),
    ] {
        let asked = registration(&app, &ann);
        let body = json!({"challenge_id": asked["challenge_id"], "credential": credential});
        assert_error(
            &post(&app, &ann, "registration/verify", &body),
            400,
            "webauthn_verification_failed",
            message,
        );
    }
    for (body, message) in [
        (json!({}), "challenge_id is required"),
        (json!({"challenge_id": "x"}), "credential is required"),
        (json!({"challenge_id": "x", "credential": {}}), "challenge_id must be a valid UUID"),
    ] {
        assert_error(&post(&app, &ann, "registration/verify", &body), 400, "validation_failed", message);
    }
}

#[test]
fn an_authenticator_that_lies_signs_nobody_in() {
    let app = app();
    let ann = signed_up(&app, "ann@example.com");
    let bob = signed_up(&app, "bob@example.com");
    let mut key = SecurityKey::new("ES256");
    registered(&app, &ann, &mut key);
    assert_eq!(sign_in(&app, &mut key).status, 200);
    let bobs_handle = text(&bob["user"], "id").as_bytes().to_vec();
    let lies: [(&str, &dyn Fn(&mut SecurityKey)); 6] = [
        ("another site", &|key| key.rp_id = "evil.net".into()),
        ("another page", &|key| key.origin = "http://localhost:5174".into()),
        ("nobody there", &|key| key.flags = 0x04),
        ("another user", &|key| key.user_handle = bobs_handle.clone()),
        ("another credential", &|key| key.credential_id = vec![1; 32]),
        ("a copy from before", &|key| key.sign_count = 0),
    ];
    for (lie, tell) in lies {
        let mut liar = key.clone();
        tell(&mut liar);
        let answer = sign_in(&app, &mut liar);
        assert_eq!(answer.status, 400, "{lie}");
        assert_error(&answer, 400, "webauthn_verification_failed", "Credential verification failed");
    }
    let mut stranger = SecurityKey::new("RS256");
    stranger.credential_id = key.credential_id.clone();
    stranger.user_handle = key.user_handle.clone();
    stranger.sign_count = 9;
    assert_error(
        &sign_in(&app, &mut stranger),
        400,
        "webauthn_verification_failed",
        "Credential verification failed",
    );
    assert_eq!(sign_in(&app, &mut key).status, 200, "the right one still does");
}

#[test]
fn passkeys_are_named_given_up_and_counted() {
    let app = TestApp::with_vars(&[ON, &[("PASSKEY_MAX_PASSKEYS_PER_USER", "2")]].concat());
    let ann = signed_up(&app, "ann@example.com");
    let mut key = SecurityKey::new("ES256");
    key.aaguid = *uuid::Uuid::parse_str("d548826e-79b4-db40-a3d8-11116f7e8349").unwrap().as_bytes();
    let id = registered(&app, &ann, &mut key);
    assert_eq!(list(&app, &ann)[0]["friendly_name"], json!("Bitwarden"));
    assert_error(
        &register(&app, &ann, &mut key),
        422,
        "webauthn_credential_exists",
        "This credential is already registered",
    );
    registered(&app, &ann, &mut SecurityKey::new("EdDSA"));
    let answer = post(&app, &ann, "registration/options", &json!({}));
    assert_error(&answer, 422, "too_many_passkeys", "Maximum number of passkeys reached");

    let actor = app.with_token(text(&ann, "access_token"));
    let target = format!("/auth/v1/passkeys/{id}");
    let renamed = actor.patch(&target).json(&json!({"friendly_name": "Mine"})).send();
    assert_eq!(renamed.json()["friendly_name"], json!("Mine"));
    assert_error(
        &actor.patch(&target).json(&json!({})).send(),
        400,
        "validation_failed",
        "friendly_name is required",
    );
    let long = json!({"friendly_name": "x".repeat(121)});
    assert_error(
        &actor.patch(&target).json(&long).send(),
        400,
        "validation_failed",
        "must be 120 characters or less",
    );
    let bob = app.with_token(text(&signed_up(&app, "bob@example.com"), "access_token"));
    for answer in [
        bob.patch(&target).json(&json!({"friendly_name": "His"})).send(),
        bob.delete(&target).send(),
        actor.delete("/auth/v1/passkeys/x").send(),
    ] {
        assert_error(&answer, 404, "validation_failed", "Passkey not found");
    }
    assert_eq!(actor.delete(&target).send().status, 204);
    assert_error(
        &sign_in(&app, &mut key),
        400,
        "webauthn_verification_failed",
        "Credential verification failed",
    );

    let user = text(&ann["user"], "id");
    let admin = app.service_role();
    let left = admin.get(&format!("/auth/v1/admin/users/{user}/passkeys")).send().json();
    assert_eq!(left.as_array().unwrap().len(), 1);
    let target = format!("/auth/v1/admin/users/{user}/passkeys/{}", text(&left[0], "id"));
    assert_eq!(admin.delete(&target).send().status, 204);
    assert_error(&admin.delete(&target).send(), 404, "validation_failed", "Passkey not found");
    let nobody = "/auth/v1/admin/users/00000000-0000-4000-8000-000000000000/passkeys";
    assert_error(&admin.get(nobody).send(), 404, "user_not_found", "User not found");
    assert_eq!(app.anon().get(nobody).send().status, 403);
}

#[test]
fn a_banned_or_unconfirmed_user_has_no_use_for_a_passkey() {
    let app = app();
    let ann = signed_up(&app, "ann@example.com");
    let mut key = SecurityKey::new("ES256");
    registered(&app, &ann, &mut key);
    let target = format!("/auth/v1/admin/users/{}", text(&ann["user"], "id"));
    app.service_role().put(&target).json(&json!({"ban_duration": "1h"})).send();
    assert_error(&sign_in(&app, &mut key), 403, "user_banned", "User is banned");
    app.database.execute("UPDATE \"auth.users\" SET banned_until = NULL, email_confirmed_at = NULL");
    assert_error(&sign_in(&app, &mut key), 403, "email_not_confirmed", "Email not confirmed");
}

#[test]
fn of_twenty_answers_to_one_challenge_one_signs_in() {
    let app = app();
    let mut key = SecurityKey::new("ES256");
    registered(&app, &signed_up(&app, "ann@example.com"), &mut key);
    let asked = question(&app);
    let body = json!({"challenge_id": asked["challenge_id"], "credential": key.get(&asked["options"])});
    app.database.take_turns();
    let calls =
        (0..20).map(|_| app.anon().post("/auth/v1/passkeys/authentication/verify").json(&body)).collect();
    let answers = at_once(calls, 0);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 400));
}

#[test]
fn passkeys_that_come_change_and_go_are_in_the_audit_log() {
    let app = TestApp::with_vars(&[ON, &[("AUDIT_LOG", "database")]].concat());
    let ann = signed_up(&app, "ann@example.com");
    let (mut key, mut other) = (SecurityKey::new("ES256"), SecurityKey::new("RS256"));
    let (id, second) = (registered(&app, &ann, &mut key), registered(&app, &ann, &mut other));
    assert_eq!(sign_in(&app, &mut key).status, 200);
    let log = app.service_role().get("/auth/v1/admin/audit?query=action:login").send().json();
    assert!(log.as_array().unwrap().iter().any(|entry| entry["payload"]["traits"]["passkey_id"] == *id));
    let path = format!("/auth/v1/passkeys/{id}");
    let actor = || app.with_token(text(&ann, "access_token"));
    assert_eq!(actor().patch(&path).json(&json!({"friendly_name": "Desk"})).send().status, 200);
    assert_eq!(actor().delete(&path).send().status, 204);
    let path = format!("/auth/v1/admin/users/{}/passkeys/{second}", text(&ann["user"], "id"));
    assert_eq!(app.service_role().delete(&path).send().status, 204);
    let found = app.service_role().get("/auth/v1/admin/audit?query=action:passkey").send().json();
    let mut seen: Vec<(&str, &str, &str)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["payload"])
        .map(|it| (text(it, "action"), text(it, "actor_username"), text(&it["traits"], "passkey_id")))
        .collect();
    seen.sort_unstable();
    let mut expected = vec![
        ("passkey_created", "ann@example.com", id.as_str()),
        ("passkey_created", "ann@example.com", second.as_str()),
        ("passkey_deleted", "ann@example.com", id.as_str()),
        ("passkey_deleted", "service_role", second.as_str()),
        ("passkey_updated", "ann@example.com", id.as_str()),
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

#[test]
fn a_soft_deleted_account_keeps_no_passkey() {
    let app = app();
    let ann = signed_up(&app, "ann@example.com");
    let mut key = SecurityKey::new("ES256");
    registered(&app, &ann, &mut key);
    let path = format!("/auth/v1/admin/users/{}", text(&ann["user"], "id"));
    assert_eq!(
        app.service_role().delete(&path).json(&json!({"should_soft_delete": true})).send().status,
        200
    );
    assert_eq!(
        app.database.value(r#"SELECT count(*) FROM "auth.webauthn_credentials""#).as_deref(),
        Some("0")
    );
    assert!(sign_in(&app, &mut key).status.is_client_error());
}
