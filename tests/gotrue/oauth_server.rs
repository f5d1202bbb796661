//! The scene of the OAuth server: apps and their users.

use serde_json::{Value, json};

use crate::step::{Request, Step, delete, get, post, put};

pub const SETTINGS: &[(&str, &str)] = &[
    ("MAILER_AUTOCONFIRM", "true"),
    ("OAUTH_SERVER_ENABLED", "true"),
    ("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", "true"),
    ("OAUTH_SERVER_AUTHORIZATION_PATH", "/oauth/consent"),
];

const CALLBACK: &str = "https://app.example.com/cb?x=1";
const CALLBACK_ENCODED: &str = "https%3A%2F%2Fapp.example.com%2Fcb%3Fx%3D1";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const UNKNOWN: &str = "0f0e0d0c-0b0a-4908-8706-050403020100";
const CLIENTS: &str = "/admin/oauth/clients";

fn client(more: Value) -> Request {
    let mut body = json!({"client_name": "Calendar", "redirect_uris": [CALLBACK]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    post(CLIENTS).admin().json(body)
}

fn authorize(client: &str, more: &str) -> Request {
    get(&format!(
        "/oauth/authorize?client_id={{{client}/client_id}}&redirect_uri={CALLBACK_ENCODED}&state=s%201{more}"
    ))
}

fn challenged(client: &str, more: &str) -> Request {
    authorize(client, &format!("&code_challenge={CHALLENGE}&code_challenge_method=S256{more}"))
}

fn details(asked: &str) -> Request {
    get(&format!("/oauth/authorizations/{{{asked}/query/authorization_id}}"))
}

fn decide(asked: &str, action: &str) -> Request {
    post(&format!("/oauth/authorizations/{{{asked}/query/authorization_id}}/consent"))
        .json(json!({"action": action}))
}

fn exchange(client: &str, code: &str) -> Value {
    json!({
        "grant_type": "authorization_code", "code": format!("{{{code}/query/code}}"), "code_verifier": VERIFIER,
        "client_id": format!("{{{client}/client_id}}"),
    })
}

fn token(body: Value) -> Request {
    post("/oauth/token").json(body)
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// What is wrong with a client, in the registry's eyes.
fn mistakes() -> Vec<Request> {
    let uris = |uris: Value| client(json!({"redirect_uris": uris}));
    vec![
        post(CLIENTS).admin().json(json!({"client_name": "x"})),
        post(CLIENTS).admin().text("nonsense"),
        uris(json!([])),
        uris(json!(vec![CALLBACK; 11])),
        uris(json!([""])),
        uris(json!(["javascript://x/%0aalert(1)"])),
        uris(json!(["http://app.example.com/"])),
        uris(json!(["https://app.example.com/#x"])),
        uris(json!(["/relative"])),
        client(json!({"grant_types": ["password"]})),
        client(json!({"client_type": "odd"})),
        client(json!({"token_endpoint_auth_method": "odd"})),
        client(json!({"client_type": "public", "token_endpoint_auth_method": "client_secret_post"})),
        client(json!({"client_name": "x".repeat(1025)})),
        client(json!({"logo_uri": "not a url"})),
        client(json!({"client_uri": "x".repeat(2049)})),
    ]
}

pub fn steps() -> Vec<Step> {
    let mut requests = mistakes();
    requests.extend([
        get(CLIENTS),
        post("/signup").json(json!({"email": "ann@example.com", "password": "correct horse"})).keep("ann"),
        post("/signup").json(json!({"email": "bob@example.com", "password": "correct horse"})).keep("bob"),
        client(json!({"client_type": "public"})).keep("app"),
        client(json!({"client_uri": "https://app.example.com", "logo_uri": "https://app.example.com/logo.png"})).keep("secret"),
        client(json!({"token_endpoint_auth_method": "client_secret_post", "grant_types": ["authorization_code"]})).keep("post"),
        client(json!({"token_endpoint_auth_method": "none"})).keep("gone"),
        post("/oauth/clients/register").json(json!({"redirect_uris": ["http://localhost:3000/cb"]})),
        post("/oauth/clients/register").json(json!({"redirect_uris": ["myapp://callback"], "token_endpoint_auth_method": "none"})),
        get("/.well-known/oauth-authorization-server"),
        get(CLIENTS).admin(),
        get(&format!("{CLIENTS}/odd")).admin(),
        get(&format!("{CLIENTS}/{UNKNOWN}")).admin(),
        get(&format!("{CLIENTS}/{{secret/client_id}}")).admin(),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({})),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({"redirect_uris": []})),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({"grant_types": []})),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({"token_endpoint_auth_method": "none"})),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({"token_endpoint_auth_method": "odd"})),
        put(&format!("{CLIENTS}/{{secret/client_id}}")).admin().json(json!({"client_name": "Other", "client_uri": ""})),
        post(&format!("{CLIENTS}/{{secret/client_id}}/regenerate_secret")).admin(),
        post(&format!("{CLIENTS}/{{app/client_id}}/regenerate_secret")).admin(),
        delete(&format!("{CLIENTS}/{{gone/client_id}}")).admin(),
        delete(&format!("{CLIENTS}/{{gone/client_id}}")).admin(),
        get("/oauth/authorize"),
        get("/oauth/authorize?client_id=odd"),
        get("/oauth/authorize?client_id=odd&redirect_uri=x"),
        get(&format!("/oauth/authorize?client_id={UNKNOWN}&redirect_uri=x")),
        challenged("gone", ""),
        get("/oauth/authorize?client_id={app/client_id}&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"),
        authorize("app", ""),
        authorize("app", "&code_challenge=short&code_challenge_method=S256"),
        authorize("app", &format!("&code_challenge={CHALLENGE}")),
        authorize("app", &format!("&code_challenge={CHALLENGE}&code_challenge_method=odd")),
        authorize("app", &format!("&code_challenge={VERIFIER}&code_challenge_method=plain")),
        challenged("app", "&response_type=token"),
        challenged("app", "&scope=admin"),
        challenged("app", "&scope=openid"),
        challenged("app", "&resource=%2Frelative"),
        challenged("app", "&resource=https%3A%2F%2Fmcp.example.com%2F%23x"),
        challenged("app", "&resource=https%3A%2F%2Fmcp.example.com%2F%3Fx"),
        challenged("app", "&scope=email%20profile%20phone&resource=https%3A%2F%2Fmcp.example.com%2F").keep("asked"),
        get("/oauth/authorizations/nothing"),
        get("/oauth/authorizations/nothing").as_user("ann"),
        decide("asked", "approve").as_user("ann"),
        details("asked").as_user("ann").header("Origin", "https://evil.example.net"),
        details("asked").as_user("ann"),
        details("asked").as_user("ann").header("Origin", "http://127.0.0.1:3000"),
        details("asked").as_user("bob"),
        decide("asked", "approve").as_user("bob"),
        decide("asked", "maybe").as_user("ann"),
        decide("asked", "approve"),
        decide("asked", "approve").as_user("ann").keep("code"),
        decide("asked", "approve").as_user("ann"),
        details("asked").as_user("ann"),
        token(json!({})),
        token(json!({"client_id": "odd"})),
        token(json!({"client_id": UNKNOWN})),
        token(json!({"client_id": "{app/client_id}"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "password"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "authorization_code"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "refresh_token"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "refresh_token", "refresh_token": "nonsense"})),
        token(json!({"client_id": "{app/client_id}", "client_secret": "x", "grant_type": "refresh_token"})),
        token(json!({"client_id": "{post/client_id}", "client_secret": "x", "grant_type": "authorization_code"})),
        token(json!({"client_id": "{post/client_id}", "client_secret": "{post/client_secret}", "grant_type": "refresh_token"})),
        token(json!({"client_id": "{secret/client_id}", "client_secret": "x", "grant_type": "refresh_token"})),
        post("/oauth/token").header("Authorization", "Basic !").json(json!({})),
        post("/oauth/token").header("Authorization", "Basic bm8=").json(json!({})),
        post("/oauth/token").text("nonsense"),
        token(with(exchange("app", "code"), "code", json!("nonsense"))),
        token(with(exchange("app", "code"), "code_verifier", json!(""))),
        token(with(exchange("app", "code"), "code_verifier", json!(CHALLENGE))),
        token(with(exchange("app", "code"), "redirect_uri", json!("https://app.example.com/"))),
        token(with(exchange("app", "code"), "resource", json!("https://else.example.com/"))),
        token(with(with(exchange("app", "code"), "client_id", json!("{post/client_id}")), "client_secret", json!("{post/client_secret}"))),
        token(with(with(exchange("app", "code"), "redirect_uri", json!(CALLBACK)), "resource", json!("https://mcp.example.com/"))).keep("tokens"),
        token(exchange("app", "code")),
        get("/oauth/userinfo"),
        get("/oauth/userinfo").as_user("ann"),
        get("/oauth/userinfo").as_user("tokens"),
        get("/user").as_user("tokens"),
        post("/token?grant_type=refresh_token").json(json!({"refresh_token": "{tokens/refresh_token}"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "refresh_token", "refresh_token": "{ann/refresh_token}"})),
        token(json!({"client_id": "{app/client_id}", "grant_type": "refresh_token", "refresh_token": "{tokens/refresh_token}"})),
        challenged("app", "").keep("again"),
        details("again").as_user("ann").keep("covered"),
        token(exchange("app", "covered")),
        challenged("secret", "").keep("denied"),
        details("denied").as_user("bob"),
        decide("denied", "deny").as_user("bob"),
        get("/user/oauth/grants"),
        get("/user/oauth/grants").as_user("bob"),
        get("/user/oauth/grants").as_user("ann"),
        delete("/user/oauth/grants").as_user("ann"),
        delete("/user/oauth/grants?client_id=odd").as_user("ann"),
        delete(&format!("/user/oauth/grants?client_id={UNKNOWN}")).as_user("ann"),
        delete("/user/oauth/grants?client_id={app/client_id}").as_user("ann"),
        delete("/user/oauth/grants?client_id={app/client_id}").as_user("ann"),
        get("/user").as_user("tokens"),
        get("/user").as_user("ann"),
    ]);
    requests.into_iter().map(Step::from).collect()
}

/// Of a server that is off.
pub fn off() -> Vec<Step> {
    vec![
        get("/oauth/authorize").into(),
        get("/oauth/userinfo").into(),
        post("/oauth/token").json(json!({})).into(),
        get("/oauth/authorizations/x").into(),
        get("/.well-known/oauth-authorization-server").into(),
        get(CLIENTS).admin().into(),
    ]
}
