//! Second factors that are authenticators.

use serde_json::{Value, json};

use super::security_key::SecurityKey;
use super::{assert_error, claims, signed_up, text};
use crate::app::{Answer, TestApp};

const ON: &[(&str, &str)] = &[
    ("MFA_WEB_AUTHN_ENROLL_ENABLED", "true"),
    ("MFA_WEB_AUTHN_VERIFY_ENABLED", "true"),
    ("PASSKEY_ENABLED", "true"),
    ("WEBAUTHN_RP_ID", "localhost"),
    ("WEBAUTHN_RP_ORIGINS", "http://localhost:5173"),
];

fn post(app: &TestApp, session: &Value, path: &str, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).post(&format!("/auth/v1/factors{path}")).json(body).send()
}

fn enrolled(app: &TestApp, session: &Value, name: &str) -> String {
    let answer = post(app, session, "", &json!({"factor_type": "webauthn", "friendly_name": name}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let factor = answer.json();
    assert_eq!(factor, json!({"id": factor["id"], "type": "webauthn", "friendly_name": name}));
    text(&factor, "id").to_string()
}

fn challenge(app: &TestApp, session: &Value, factor: &str) -> Value {
    let body = json!({"webauthn": {"rpId": "localhost", "rpOrigins": ["http://localhost:5173"]}});
    let answer = post(app, session, &format!("/{factor}/challenge"), &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn verify(
    app: &TestApp,
    session: &Value,
    factor: &str,
    asked: &Value,
    kind: &str,
    credential: Value,
) -> Answer {
    let body = json!({"challenge_id": asked["id"], "webauthn": {"type": kind, "rpId": "localhost", "credential_response": credential}});
    post(app, session, &format!("/{factor}/verify"), &body)
}

fn options(asked: &Value) -> &Value {
    &asked["webauthn"]["credential_options"]["publicKey"]
}

#[test]
fn a_security_key_raises_the_session() {
    let app = TestApp::with_vars(ON);
    let ann = signed_up(&app, "ann@example.com");
    let other = super::signed_in(&app, "ann@example.com");
    let factor = enrolled(&app, &ann, "key");
    let mut key = SecurityKey::new("ES256");
    let asked = challenge(&app, &ann, &factor);
    assert_eq!((&asked["type"], &asked["webauthn"]["type"]), (&json!("webauthn"), &json!("create")));
    assert_eq!(options(&asked)["authenticatorSelection"].get("residentKey"), None);
    let answer = verify(&app, &ann, &factor, &asked, "create", key.create(options(&asked)));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.json();
    assert_eq!(session["user"]["factors"][0]["status"], json!("verified"));
    assert_eq!(
        (&claims(&session)["aal"], &claims(&session)["amr"][0]["method"]),
        (&json!("aal2"), &json!("mfa/webauthn"))
    );
    assert_eq!(claims(&session)["session_id"], claims(&ann)["session_id"]);
    assert_eq!(super::get_user(&app, &other).status, 403, "sessions below it end");

    let next = super::signed_in(&app, "ann@example.com");
    let asked = challenge(&app, &next, &factor);
    assert_eq!(asked["webauthn"]["type"], json!("request"));
    let allowed = json!([{"type": "public-key", "id": edgeward::crypto::base64url(&key.credential_id)}]);
    assert_eq!(options(&asked)["allowCredentials"], allowed);
    let answer = verify(&app, &next, &factor, &asked, "request", key.get(options(&asked)));
    assert_eq!(claims(&answer.json())["aal"], json!("aal2"));
}

#[test]
fn making_another_credential_proves_nothing() {
    let app = TestApp::with_vars(ON);
    let ann = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &ann, "key");
    let mut key = SecurityKey::new("ES256");
    let asked = challenge(&app, &ann, &factor);
    let wrong = verify(&app, &ann, &factor, &asked, "request", key.get(options(&asked)));
    assert_error(&wrong, 422, "mfa_verification_failed", "Invalid WebAuthn response");
    verify(&app, &ann, &factor, &asked, "create", key.create(options(&asked)));

    // Someone with the password and a key of their own.
    let thief = super::signed_in(&app, "ann@example.com");
    let mut own = SecurityKey::new("EdDSA");
    let asked = challenge(&app, &thief, &factor);
    let mut as_for_creation = options(&asked).clone();
    as_for_creation["user"] = json!({"id": "AA"});
    let answer = verify(&app, &thief, &factor, &asked, "create", own.create(&as_for_creation));
    assert_error(&answer, 422, "mfa_verification_failed", "Invalid WebAuthn response");
    let answer = verify(&app, &thief, &factor, &asked, "request", own.get(options(&asked)));
    assert_error(&answer, 422, "mfa_verification_failed", "Invalid WebAuthn response");
    own.credential_id = key.credential_id.clone();
    let answer = verify(&app, &thief, &factor, &asked, "request", own.get(options(&asked)));
    assert_error(&answer, 422, "mfa_verification_failed", "Invalid WebAuthn response");
    // Nor may they add a passkey, or enrol another factor.
    let token = app.with_token(text(&thief, "access_token"));
    let answer = token.post("/auth/v1/passkeys/registration/options").json(&json!({})).send();
    assert_error(&answer, 403, "insufficient_aal", "AAL2 session is required to manage passkeys");
    let answer = post(&app, &thief, "", &json!({"factor_type": "webauthn", "friendly_name": "mine"}));
    assert_error(&answer, 403, "insufficient_aal", "AAL2 required to enroll a new factor");
    let good = key.get(options(&asked));
    assert_eq!(verify(&app, &thief, &factor, &asked, "request", good.clone()).status, 200);
    let replayed = verify(&app, &thief, &factor, &asked, "request", good);
    assert_eq!(replayed.status, 422, "{}", replayed.text());
}

#[test]
fn what_is_no_answer_is_refused() {
    let app = TestApp::with_vars(ON);
    let ann = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &ann, "key");
    let asked = challenge(&app, &ann, &factor);
    let rows = [
        (json!({"challenge_id": asked["id"]}), "Code needs to be non-empty"),
        (json!({"challenge_id": asked["id"], "webauthn": {}}), "WebAuthn type must be create or request"),
        (
            json!({"challenge_id": asked["id"], "webauthn": {"type": "create"}}),
            "credential_response required",
        ),
        (
            json!({"challenge_id": asked["id"], "webauthn": {"type": "create", "credential_response": {}}}),
            "Invalid credential_response",
        ),
    ];
    for (body, message) in rows {
        assert_error(
            &post(&app, &ann, &format!("/{factor}/verify"), &body),
            400,
            "validation_failed",
            message,
        );
    }
    let off = TestApp::new();
    let ann = signed_up(&off, "ann@example.com");
    let answer = post(&off, &ann, "", &json!({"factor_type": "webauthn"}));
    assert_error(&answer, 422, "mfa_webauthn_enroll_not_enabled", "MFA enroll is disabled for WebAuthn");
}
