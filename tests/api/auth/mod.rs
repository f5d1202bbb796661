//! Signing up, in and out, and what people do with their accounts.

mod admin_accounts;
mod admin_factors;
mod admin_list;
mod audit;
mod authenticator;
mod costs;
mod custom_providers;
mod defence;
mod every_fault;
mod factor_attacks;
mod factors;
mod fault_flows;
mod faults;
mod hooks;
mod id_tokens;
mod identities;
mod input;
mod messages;
mod oauth_server;
mod own_data;
mod own_sessions;
mod passkeys;
mod phone_factors;
mod provider_sign_in;
mod provider_table;
mod races;
mod recovery_codes;
mod refresh;
mod security_key;
mod session_claims;
mod session_limits;
mod settings;
mod sign_in;
mod sign_out;
mod sign_up;
mod signing_keys;
mod tokens;
mod user;
mod webauthn_factors;

use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const PASSWORD: &str = "correct horse";

/// Signs up with [`PASSWORD`] and gives the session.
fn signed_up(app: &TestApp, email: &str) -> Value {
    let answer =
        app.anon().post("/auth/v1/signup").json(&json!({"email": email, "password": PASSWORD})).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    app.anon().post("/auth/v1/token?grant_type=password").json(&body).send()
}

/// Signs in with [`PASSWORD`] and gives the session.
fn signed_in(app: &TestApp, email: &str) -> Value {
    let answer = sign_in(app, email, PASSWORD);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn refresh(app: &TestApp, refresh_token: &str) -> Answer {
    let body = json!({"refresh_token": refresh_token});
    app.anon().post("/auth/v1/token?grant_type=refresh_token").json(&body).send()
}

/// Asks who the session's access token speaks for.
fn get_user(app: &TestApp, session: &Value) -> Answer {
    app.with_token(text(session, "access_token")).get("/auth/v1/user").send()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} is no text in {value}"))
}

fn session_id(session: &Value) -> String {
    claims(session)["session_id"].as_str().unwrap().to_string()
}

fn claims(session: &Value) -> Value {
    let token = text(session, "access_token");
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&edgeward::crypto::from_base64url(payload).unwrap()).unwrap()
}

/// The answer is this error, in the older format.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("x-sb-error-code"), Some(code), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], json!(status), "{body}");
    assert_eq!(body["error_code"], json!(code), "{body}");
    assert!(text(&body, "msg").contains(message), "{body}");
}
