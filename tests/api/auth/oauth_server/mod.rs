//! The OAuth 2.1 server: other people's apps sign in with accounts of this project.

mod clients;
mod consent;
mod tokens;

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::hooks::with_claims;
use super::provider_sign_in::location;
use super::signing_keys::rfc_keys;
use super::{assert_error, claims, get_user, refresh, session_id, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "https://app.example.com/callback?tenant=a";
const VARS: [(&str, &str); 3] = [
    ("OAUTH_SERVER_ENABLED", "true"),
    ("OAUTH_SERVER_AUTHORIZATION_PATH", "/oauth/consent"),
    ("SITE_URL", "https://site.example.com"),
];

fn app() -> TestApp {
    TestApp::with_vars(&VARS)
}

/// The same with a key pair that signs, which id tokens need.
fn app_with_key_pair() -> TestApp {
    let mut key = rfc_keys().into_iter().find(|key| key["alg"] == json!("ES256")).unwrap();
    key["key_ops"] = json!(["sign", "verify"]);
    TestApp::with_vars(&[&VARS[..], &[("JWT_KEYS", json!([key]).to_string().as_str())]].concat())
}

fn register(app: &TestApp, more: Value) -> Value {
    let mut body = json!({"client_name": "Calendar", "redirect_uris": [CALLBACK], "logo_uri": "https://app.example.com/logo.png"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = app.service_role().post("/auth/v1/admin/oauth/clients").json(&body).send();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn public_client(app: &TestApp) -> Value {
    register(app, json!({"client_type": "public"}))
}

/// The members of an address' query.
fn query(url: &str) -> HashMap<String, String> {
    super::provider_sign_in::query(url).into_iter().collect()
}

/// Asks for an authorization with the usual parameters, some of them other ones; an empty one is left out.
fn authorize(app: &TestApp, client: &Value, other: &[(&str, &str)]) -> Answer {
    let usual = [
        ("client_id", text(client, "client_id")),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "xyz & co"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let mut parameters: Vec<(&str, &str)> =
        usual.into_iter().filter(|(name, _)| !other.iter().any(|(of, _)| of == name)).collect();
    parameters.extend(other.iter().filter(|(_, value)| !value.is_empty()));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    app.nobody().get(&format!("/auth/v1/oauth/authorize?{query}")).send()
}

fn authorization_id(app: &TestApp, client: &Value, other: &[(&str, &str)]) -> String {
    let answer = authorize(app, client, other);
    assert_eq!(answer.status, 302, "{}", answer.text());
    let location = location(&answer);
    assert!(location.starts_with("https://site.example.com/oauth/consent?authorization_id="), "{location}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    query(&location)["authorization_id"].clone()
}

fn details(app: &TestApp, session: &Value, id: &str) -> Answer {
    let token = text(session, "access_token");
    app.with_token(token).get(&format!("/auth/v1/oauth/authorizations/{id}")).send()
}

fn decide(app: &TestApp, session: &Value, id: &str, action: &str) -> Answer {
    let target = format!("/auth/v1/oauth/authorizations/{id}/consent");
    app.with_token(text(session, "access_token")).post(&target).json(&json!({"action": action})).send()
}

/// The code that an app gets when the user says yes to what it asks.
fn code(app: &TestApp, client: &Value, session: &Value, other: &[(&str, &str)]) -> String {
    let id = authorization_id(app, client, other);
    let seen = details(app, session, &id);
    assert_eq!(seen.status, 200, "{}", seen.text());
    let answer =
        if seen.json().get("redirect_url").is_some() { seen } else { decide(app, session, &id, "approve") };
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = text(&answer.json(), "redirect_url").to_string();
    assert!(url.starts_with("https://app.example.com/callback?tenant=a&code="), "{url}");
    assert_eq!(query(&url)["state"], "xyz & co");
    query(&url)["code"].clone()
}

fn form(members: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(members).finish()
}

fn ask_tokens(app: &TestApp, members: &[(&str, &str)]) -> Answer {
    let call = app.nobody().post("/auth/v1/oauth/token");
    call.body(form(members)).header("content-type", "application/x-www-form-urlencoded").send()
}

fn exchange(app: &TestApp, client: &Value, code: &str) -> Answer {
    let id = text(client, "client_id");
    ask_tokens(
        app,
        &[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("client_id", id),
        ],
    )
}

/// The error is one of RFC 6749.
#[track_caller]
fn assert_oauth_error(answer: &Answer, error: &str, description: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["error"], json!(error), "{body}");
    assert!(text(&body, "error_description").contains(description), "{body}");
}

#[test]
fn nothing_of_it_is_there_when_it_is_off() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let user = || app.with_token(text(&session, "access_token"));
    let admin = || app.service_role();
    let id = "00000000-0000-4000-8000-000000000000";
    let answers = [
        app.nobody().get("/auth/v1/oauth/authorize").send(),
        app.nobody().get("/auth/v1/oauth/authorizations/x").send(),
        app.nobody().post("/auth/v1/oauth/authorizations/x/consent").send(),
        app.nobody().post("/auth/v1/oauth/token").send(),
        app.nobody().get("/auth/v1/oauth/userinfo").send(),
        app.nobody().post("/auth/v1/oauth/clients/register").send(),
        app.nobody().get("/auth/v1/.well-known/oauth-authorization-server").send(),
        user().get("/auth/v1/user/oauth/grants").send(),
        user().delete("/auth/v1/user/oauth/grants").send(),
        admin().get("/auth/v1/admin/oauth/clients").send(),
        admin().post("/auth/v1/admin/oauth/clients").send(),
        admin().get(&format!("/auth/v1/admin/oauth/clients/{id}")).send(),
        admin().put(&format!("/auth/v1/admin/oauth/clients/{id}")).send(),
        admin().delete(&format!("/auth/v1/admin/oauth/clients/{id}")).send(),
        admin().post(&format!("/auth/v1/admin/oauth/clients/{id}/regenerate_secret")).send(),
    ];
    for answer in &answers {
        assert_error(answer, 404, "feature_disabled", "OAuth server is disabled");
    }
    assert_eq!(signed_in(&app, "ann@example.com")["token_type"], json!("bearer"));
}
