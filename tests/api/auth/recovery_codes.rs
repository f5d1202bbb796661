//! Codes that stand in for a lost second factor.

use serde_json::{Value, json};

use super::{assert_error, authenticator, claims, get_user, signed_in, signed_up, text};
use crate::app::{Answer, TestApp, at_once};

const PATH: &str = "/auth/v1/factors/recovery-codes";

fn call<'a>(app: &'a TestApp, session: &Value) -> crate::app::Actor<'a> {
    app.with_token(text(session, "access_token"))
}

fn generate(app: &TestApp, session: &Value) -> Answer {
    call(app, session).post(PATH).json(&json!({"friendly_name": "Backup"})).send()
}

fn verify(app: &TestApp, session: &Value, code: &str) -> Answer {
    call(app, session).post(&format!("{PATH}/verify")).json(&json!({"code": code})).send()
}

/// Somebody with an authenticator app: a session of aal2 and the codes.
fn with_codes(app: &TestApp) -> (Value, Vec<String>) {
    let session = signed_up(app, "ann@example.com");
    let (_, raised) = authenticator::verified(app, &session, "mine");
    let answer = generate(app, &raised);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let codes =
        answer.json()["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().into()).collect();
    (raised, codes)
}

#[test]
fn a_code_raises_a_session_once() {
    let app = TestApp::new();
    let (_, codes) = with_codes(&app);
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 16));
    let low = signed_in(&app, "ann@example.com");
    let typed = format!("{}-{} {}", codes[0][..4].to_uppercase(), &codes[0][4..8], &codes[0][8..]);
    let answer = verify(&app, &low, &typed);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let raised = answer.json();
    assert_eq!(claims(&raised)["aal"], json!("aal2"));
    assert_eq!(claims(&raised)["amr"][0]["method"], json!("mfa/recovery_code"));
    let factors = raised["user"]["factors"].as_array().unwrap();
    assert_eq!(factors.len(), 2);
    assert_eq!(factors[1]["factor_type"], json!("recovery_code"));
    let status = call(&app, &raised).get(PATH).send().json();
    assert_eq!(
        (&status["total"], &status["remaining"], &status["type"]),
        (&json!(10), &json!(9), &json!("recovery_code"))
    );
    let low = signed_in(&app, "ann@example.com");
    assert_error(&verify(&app, &low, &codes[0]), 422, "mfa_verification_failed", "Invalid recovery code");
    let stored = app.database.value(r#"SELECT code_hashes FROM "auth.mfa_recovery_codes""#).unwrap();
    assert!(codes.iter().all(|code| !stored.contains(code.as_str())));
}

#[test]
fn who_may_have_codes_and_who_not() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_error(&call(&app, &session).get(PATH).send(), 404, "mfa_factor_not_found", "");
    assert_error(&generate(&app, &session), 422, "mfa_recovery_codes_sole_factor", "");
    let (_, raised) = authenticator::verified(&app, &session, "mine");
    let low = signed_in(&app, "ann@example.com");
    assert_error(&generate(&app, &low), 403, "insufficient_aal", "");
    assert_eq!(generate(&app, &raised).status, 200);
    assert_error(&generate(&app, &raised), 422, "mfa_verified_factor_exists", "");
    let regenerate = format!("{PATH}/regenerate");
    assert_error(&call(&app, &low).post(&regenerate).send(), 403, "insufficient_aal", "");
    assert_error(&call(&app, &low).delete(PATH).send(), 422, "insufficient_aal", "");
    let off = TestApp::with_vars(&[
        ("MFA_RECOVERY_CODES_ENROLL_ENABLED", "false"),
        ("MFA_RECOVERY_CODES_VERIFY_ENABLED", "false"),
    ]);
    let session = signed_up(&off, "ann@example.com");
    assert_error(&generate(&off, &session), 422, "mfa_recovery_codes_enroll_not_enabled", "");
    assert_error(&verify(&off, &session, "x"), 422, "mfa_recovery_codes_verify_not_enabled", "");
}

#[test]
fn another_set_replaces_the_old_and_all_go_with_the_last_factor() {
    let app = TestApp::new();
    let (raised, codes) = with_codes(&app);
    let again = call(&app, &raised).post(&format!("{PATH}/regenerate")).send().json();
    assert_eq!(again["friendly_name"], json!("Backup"));
    let low = signed_in(&app, "ann@example.com");
    assert_error(&verify(&app, &low, &codes[0]), 422, "mfa_verification_failed", "");
    let high = verify(&app, &low, again["codes"][0].as_str().unwrap()).json();
    let totp = high["user"]["factors"][0]["id"].as_str().unwrap().to_string();
    assert_eq!(call(&app, &high).delete(&format!("/auth/v1/factors/{totp}")).send().status, 200);
    let user = get_user(&app, &high).json();
    assert!(user.get("factors").is_none(), "{user}");
    let (raised, _) = {
        let session = signed_in(&app, "ann@example.com");
        authenticator::verified(&app, &session, "again")
    };
    let session = signed_in(&app, "ann@example.com");
    let _ = raised;
    assert_error(&verify(&app, &session, "x"), 422, "mfa_verification_failed", "");
}

#[test]
fn the_set_is_given_up_by_its_own_path_alone() {
    let app = TestApp::new();
    let (raised, codes) = with_codes(&app);
    let low = signed_in(&app, "ann@example.com");
    let high = verify(&app, &low, &codes[0]).json();
    let id = high["user"]["factors"][1]["id"].as_str().unwrap().to_string();
    let challenge =
        call(&app, &raised).post(&format!("/auth/v1/factors/{id}/challenge")).json(&json!({})).send();
    assert_error(&challenge, 404, "mfa_factor_not_found", "");
    assert_eq!(call(&app, &raised).delete(PATH).send().json(), json!({"id": id}));
    assert_error(&call(&app, &raised).get(PATH).send(), 404, "mfa_factor_not_found", "");
    let lowered = app
        .anon()
        .post("/auth/v1/token?grant_type=refresh_token")
        .json(&json!({"refresh_token": high["refresh_token"]}))
        .send();
    assert_eq!(claims(&lowered.json())["aal"], json!("aal1"), "what it raised is aal1 again");
}

#[test]
fn guesses_are_counted_and_wait_and_one_code_opens_once() {
    let app = TestApp::new();
    let (_, codes) = with_codes(&app);
    let low = signed_in(&app, "ann@example.com");
    for _ in 0..10 {
        assert_error(&verify(&app, &low, "wrong"), 422, "mfa_verification_failed", "");
    }
    assert_error(&verify(&app, &low, &codes[0]), 429, "mfa_recovery_codes_locked", "after 30 seconds");
    app.clock.advance(30);
    app.database.take_turns();
    let sessions: Vec<Value> = vec![low.clone(); 5];
    let calls = sessions
        .iter()
        .map(|session| call(&app, session).post(&format!("{PATH}/verify")).json(&json!({"code": codes[0]})))
        .collect();
    let answers = at_once(calls, 0);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}
