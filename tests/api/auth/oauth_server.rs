//! The OAuth 2.1 server: other people's apps sign in with accounts of this project.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
fn clients_are_registered_shown_changed_and_removed() {
    let app = app();
    let created = register(
        &app,
        json!({"redirect_uris": [CALLBACK, "http://localhost:3000/cb"], "client_uri": "https://app.example.com"}),
    );
    let secret = text(&created, "client_secret");
    assert_eq!(secret.len(), 43);
    assert_eq!(
        (&created["client_type"], &created["token_endpoint_auth_method"], &created["registration_type"]),
        (&json!("confidential"), &json!("client_secret_basic"), &json!("manual"))
    );
    assert_eq!(created["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(created["response_types"], json!(["code"]));
    let stored =
        app.database.value(r#"SELECT client_secret_hash || settings FROM "auth.oauth_clients""#).unwrap();
    assert!(!stored.contains(secret), "{stored}");
    assert_eq!(public_client(&app).get("client_secret"), None);

    let admin = app.service_role();
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&created, "client_id"));
    let shown = admin.get(&target).send().json();
    assert_eq!(shown.get("client_secret"), None);
    assert_eq!(shown["redirect_uris"], created["redirect_uris"]);
    app.clock.advance(1);
    let updated = admin
        .put(&target)
        .json(&json!({"logo_uri": "https://app.example.com/new.png", "client_uri": ""}))
        .send()
        .json();
    assert_eq!(updated["logo_uri"], json!("https://app.example.com/new.png"));
    assert_eq!(updated["client_name"], json!("Calendar"));
    assert_eq!(updated.get("client_uri"), None);
    assert_ne!(updated["updated_at"], created["updated_at"]);
    assert_eq!(admin.get(&target).send().json(), updated);
    app.clock.advance(1);
    let renewed = admin.post(&format!("{target}/regenerate_secret")).send();
    assert_eq!(renewed.status, 200);
    assert_ne!(text(&renewed.json(), "client_secret"), secret);

    let list = |query: &str| admin.get(&format!("/auth/v1/admin/oauth/clients{query}")).send();
    assert_eq!(list("?page=&per_page=").json()["clients"].as_array().unwrap().len(), 2);
    assert_eq!(list("").header("link"), None);
    let second = list("?page=2&per_page=1");
    assert_eq!(second.json()["clients"].as_array().unwrap().len(), 1);
    assert_eq!(second.header("x-total-count"), Some("2"));
    assert!(second.header("link").unwrap().contains("rel=\"last\""));

    let deleted = admin.delete(&target).send();
    assert_eq!((deleted.status.as_u16(), deleted.text().as_str()), (204, ""));
    assert_error(&admin.get(&target).send(), 404, "oauth_client_not_found", "OAuth client not found");
    assert_error(&admin.delete(&target).send(), 404, "oauth_client_not_found", "OAuth client not found");
    let odd = admin.get("/auth/v1/admin/oauth/clients/odd").send();
    assert_error(&odd, 400, "validation_failed", "invalid client_id format");
    assert_eq!(app.anon().get("/auth/v1/admin/oauth/clients").send().status, 403);
}

#[test]
fn what_no_client_may_be_is_refused() {
    let app = app();
    let uris = |uris: Value| json!({"client_name": "x", "redirect_uris": uris});
    let with = |name: &str, value: Value| json!({"redirect_uris": [CALLBACK], name: value});
    let rows = [
        (json!({"client_name": "x"}), "redirect_uris is required"),
        (uris(json!([])), "redirect_uris is required"),
        (uris(json!(vec![CALLBACK; 11])), "redirect_uris cannot exceed 10 items"),
        (
            uris(json!(["javascript://x/%0aalert(1)"])),
            "scheme 'javascript' is not allowed for security reasons",
        ),
        (uris(json!(["http://app.example.com/"])), "HTTP scheme only allowed for localhost"),
        (uris(json!(["https://app.example.com/#f"])), "fragment not allowed in redirect URI"),
        (uris(json!(["/callback"])), "must have scheme and host"),
        (with("grant_types", json!(["password"])), "grant_types must only contain"),
        (with("client_type", json!("secret")), "client_type must be 'public' or 'confidential'"),
        (
            with("token_endpoint_auth_method", json!("tls")),
            "must be one of: [none client_secret_basic client_secret_post]",
        ),
        (with("client_name", json!("x".repeat(1025))), "client_name cannot exceed 1024 characters"),
        (with("logo_uri", json!("javascript:alert(1)")), "logo_uri must be a valid URL"),
        (
            json!({"redirect_uris": [CALLBACK], "client_type": "public", "token_endpoint_auth_method": "client_secret_post"}),
            "client_type 'public' is inconsistent with token_endpoint_auth_method 'client_secret_post' (expected client_type 'confidential')",
        ),
    ];
    for (body, message) in rows {
        let answer = app.service_role().post("/auth/v1/admin/oauth/clients").json(&body).send();
        assert_error(&answer, 400, "validation_failed", message);
    }
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&public_client(&app), "client_id"));
    let admin = app.service_role();
    let rows = [
        (json!({}), "No fields provided for update"),
        (json!({"redirect_uris": []}), "redirect_uris cannot be empty"),
        (
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            "is not valid for client_type 'public'; valid methods: [none]",
        ),
    ];
    for (body, message) in rows {
        assert_error(&admin.put(&target).json(&body).send(), 400, "validation_failed", message);
    }
    let answer = admin.post(&format!("{target}/regenerate_secret")).send();
    assert_error(&answer, 400, "validation_failed", "Cannot regenerate secret for public client");
}

#[test]
fn an_app_signs_in_refreshes_and_learns_what_its_scopes_say() {
    let app = app_with_key_pair();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let asked = [("scope", "openid email profile"), ("nonce", "n-1")];
    let id = authorization_id(&app, &client, &asked);
    let seen = details(&app, &session, &id).json();
    assert_eq!(
        seen["client"],
        json!({"id": client["client_id"], "name": "Calendar", "logo_uri": "https://app.example.com/logo.png"})
    );
    assert_eq!(seen["user"], json!({"id": session["user"]["id"], "email": "ann@example.com"}));
    assert_eq!(
        (&seen["authorization_id"], &seen["scope"], &seen["redirect_uri"]),
        (&json!(id), &json!("openid email profile"), &json!(CALLBACK))
    );
    assert_eq!(details(&app, &session, &id).json(), seen, "a page may be loaded twice");

    let answer = exchange(&app, &client, &code(&app, &client, &session, &asked));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(tokens.get("user"), None);
    let access = claims(&tokens);
    assert_eq!(access["client_id"], client["client_id"]);
    assert_eq!(access["scope"], json!("openid email profile"));
    assert_eq!(access["amr"][0]["method"], json!("oauth_provider/authorization_code"));
    assert_eq!((&access["sub"], &access["role"]), (&session["user"]["id"], &json!("authenticated")));
    let id_token = claims(&json!({"access_token": tokens["id_token"]}));
    assert_eq!(id_token["aud"], client["client_id"]);
    assert_eq!(
        (&id_token["nonce"], &id_token["iss"]),
        (&json!("n-1"), &json!("http://127.0.0.1:54321/auth/v1"))
    );
    assert_eq!((&id_token["email"], &id_token["email_verified"]), (&json!("ann@example.com"), &json!(true)));
    assert_eq!(
        (&id_token["name"], &id_token["phone_number_verified"]),
        (&json!("ann@example.com"), &json!(false))
    );
    let userinfo = |tokens: &Value| {
        app.with_token(text(tokens, "access_token")).get("/auth/v1/oauth/userinfo").send().json()
    };
    let known = userinfo(&tokens);
    assert_eq!(
        (&known["sub"], &known["email"], &known["email_verified"]),
        (&access["sub"], &json!("ann@example.com"), &json!(true))
    );
    assert_eq!(known["user_metadata"]["email"], json!("ann@example.com"));
    assert_eq!(userinfo(&session), json!({"sub": access["sub"]}), "a user's own token has no scopes");

    let client_id = text(&client, "client_id");
    let grant = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
    let refreshed = ask_tokens(&app, &[&grant[..], &[("client_id", client_id)]].concat());
    assert_eq!(refreshed.status, 200, "{}", refreshed.text());
    assert_eq!(claims(&refreshed.json())["client_id"], client["client_id"]);
    assert_eq!(session_id(&refreshed.json()), session_id(&tokens));
}

#[test]
fn less_scope_tells_less_and_a_second_consent_is_not_asked_for() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[("scope", "phone email")])).json();
    assert_eq!(tokens.get("id_token"), None);
    let again = details(&app, &session, &authorization_id(&app, &client, &[]));
    let url = text(&again.json(), "redirect_url").to_string();
    assert!(query(&url).contains_key("code"), "the default scope is covered: {url}");
    assert_eq!(again.json().as_object().unwrap().len(), 1);
    assert_eq!(exchange(&app, &client, &query(&url)["code"]).status, 200);
    let more = details(&app, &session, &authorization_id(&app, &client, &[("scope", "profile")]));
    assert_eq!(more.json()["scope"], json!("profile"), "more has to be asked for");
    let bob = signed_up(&app, "bob@example.com");
    let other = details(&app, &bob, &authorization_id(&app, &client, &[])).json();
    assert_eq!(other["user"]["email"], json!("bob@example.com"), "a consent is one user's");
}

#[test]
fn a_request_that_is_wrong_goes_back_to_the_app_only_when_that_is_right() {
    let app = app();
    let client = public_client(&app);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let rows: [(&str, &str, &str, &str); 6] = [
        ("client_id", "", "validation_failed", "client_id is required"),
        ("redirect_uri", "", "validation_failed", "redirect_uri is required"),
        ("client_id", "odd", "oauth_client_not_found", "invalid client_id format"),
        ("client_id", nobody, "oauth_client_not_found", "invalid client_id"),
        ("redirect_uri", "https://app.example.com/callback", "validation_failed", "invalid redirect_uri"),
        (
            "redirect_uri",
            "https://app.example.com/callback?tenant=a&x",
            "validation_failed",
            "invalid redirect_uri",
        ),
    ];
    for (name, value, code, message) in rows {
        let answer = authorize(&app, &client, &[(name, value)]);
        assert_error(&answer, 400, code, message);
        assert_eq!(answer.header("location"), None);
    }
    let rows: [(&str, &str, &str, &str); 9] = [
        ("response_type", "token", "invalid_request", "only response_type=code is supported"),
        ("scope", "email admin", "invalid_request", "unsupported scope: admin"),
        ("scope", "openid", "invalid_scope", "asymmetric signing key"),
        ("resource", "/mcp", "invalid_request", "resource must be an absolute URI"),
        ("resource", "https://mcp.example.com/#x", "invalid_request", "must not include a fragment"),
        ("code_challenge", "", "invalid_request", "requires both code_challenge and code_challenge_method"),
        (
            "code_challenge_method",
            "",
            "invalid_request",
            "requires both code_challenge and code_challenge_method",
        ),
        ("code_challenge_method", "plain", "invalid_request", "code_challenge_method must be 'S256'"),
        ("code_challenge", "short", "invalid_request", "between 43 and 128 characters"),
    ];
    for (name, value, error, description) in rows {
        let answer = authorize(&app, &client, &[(name, value)]);
        assert_eq!(answer.status, 302, "{}", answer.text());
        let url = location(&answer);
        assert!(url.starts_with("https://app.example.com/callback?tenant=a&"), "{url}");
        let said = query(&url);
        assert_eq!((said["error"].as_str(), said["state"].as_str()), (error, "xyz & co"));
        assert!(said["error_description"].contains(description), "{said:?}");
    }
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.oauth_authorizations""#).unwrap(), "0");
}

#[test]
fn only_the_user_who_looked_first_decides_once_and_in_time() {
    let app = app();
    let client = public_client(&app);
    let (ann, bob) = (signed_up(&app, "ann@example.com"), signed_up(&app, "bob@example.com"));
    let missing = |answer: Answer| {
        assert_error(&answer, 404, "oauth_authorization_not_found", "authorization not found")
    };
    let id = authorization_id(&app, &client, &[]);
    missing(decide(&app, &ann, &id, "approve"));
    assert_eq!(details(&app, &ann, &id).status, 200);
    missing(details(&app, &bob, &id));
    missing(decide(&app, &bob, &id, "approve"));
    assert_error(
        &decide(&app, &ann, &id, "maybe"),
        400,
        "validation_failed",
        "action must be 'approve' or 'deny'",
    );
    let denied = decide(&app, &ann, &id, "deny").json();
    let said = query(text(&denied, "redirect_url"));
    assert_eq!(
        (said["error"].as_str(), said["error_description"].as_str()),
        ("access_denied", "User denied the request")
    );
    assert_error(&decide(&app, &ann, &id, "approve"), 400, "validation_failed", "no longer pending");
    assert_error(&details(&app, &ann, &id), 400, "validation_failed", "cannot be processed");

    let late = authorization_id(&app, &client, &[]);
    assert_eq!(details(&app, &ann, &late).status, 200);
    app.clock.advance(601);
    missing(decide(&app, &ann, &late, "approve"));
    missing(details(&app, &ann, "nothing"));

    let id = authorization_id(&app, &client, &[]);
    let target = format!("/auth/v1/oauth/authorizations/{id}");
    let from = |origin: &str| {
        app.with_token(text(&ann, "access_token")).get(&target).header("origin", origin).send()
    };
    assert_error(&from("https://evil.net"), 400, "validation_failed", "unauthorized request origin");
    assert_eq!(from("https://site.example.com").status, 200);
    assert_eq!(app.nobody().get(&target).send().status, 401);
}

#[test]
fn a_code_is_good_once_for_its_app_with_its_verifier_for_a_minute() {
    let app = app();
    let (client, other) = (public_client(&app), public_client(&app));
    let session = signed_up(&app, "ann@example.com");
    let new_code = || code(&app, &client, &session, &[("resource", "https://mcp.example.com/")]);
    let stored = app
        .database
        .value(r#"SELECT coalesce(max(code_hash), '') FROM "auth.oauth_authorizations""#)
        .unwrap();
    assert_eq!(stored, "");
    let one = new_code();
    let id = text(&client, "client_id");
    let ask = |code: &str, other: &[(&str, &str)]| {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("client_id", id),
        ];
        let kept = usual.iter().filter(|(name, _)| !other.iter().any(|(of, _)| of == name));
        let members: Vec<(&str, &str)> =
            kept.chain(other).filter(|(_, value)| !value.is_empty()).copied().collect();
        ask_tokens(&app, &members)
    };
    let foreign = text(&other, "client_id");
    let rows: [(&[(&str, &str)], &str, &str); 8] = [
        (&[("code", "")], "invalid_request", "code is required"),
        (&[("code", "odd")], "invalid_grant", "Invalid authorization code"),
        (&[("code", &one[..one.len() - 1])], "invalid_grant", "Invalid authorization code"),
        (&[("client_id", foreign)], "invalid_grant", "not issued for this client"),
        (&[("redirect_uri", "https://app.example.com/")], "invalid_grant", "Invalid redirect_uri"),
        (&[("resource", "https://else.example.com/")], "invalid_grant", "resource does not match"),
        (&[("code_verifier", "")], "invalid_grant", "code_verifier is required"),
        (&[("code_verifier", CHALLENGE)], "invalid_grant", "does not match"),
    ];
    for (changed, error, description) in rows {
        assert_oauth_error(&ask(&one, changed), error, description);
    }
    let tokens = ask(&one, &[("redirect_uri", CALLBACK), ("resource", "https://mcp.example.com/")]).json();
    assert_eq!(get_user(&app, &tokens).status, 200);
    assert_oauth_error(&ask(&one, &[]), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &tokens).status, 200, "a page that loads twice loses nothing");
    app.clock.advance(11);
    assert_oauth_error(&ask(&one, &[]), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &tokens).status, 403, "a code that comes back later was stolen");

    let late = new_code();
    app.clock.advance(60);
    assert_oauth_error(&ask(&late, &[]), "invalid_grant", "Authorization code has expired");
    assert_oauth_error(&ask_tokens(&app, &[("client_id", id)]), "invalid_request", "grant_type is required");
    assert_oauth_error(
        &ask_tokens(&app, &[("client_id", id), ("grant_type", "password")]),
        "unsupported_grant_type",
        "Client is not allowed to use grant type: password",
    );
}

#[test]
fn a_confidential_client_shows_its_secret_in_the_way_it_is_registered_for() {
    let app = app();
    let session = signed_up(&app, "ann@example.com");
    let basic = register(&app, json!({}));
    let post = register(&app, json!({"token_endpoint_auth_method": "client_secret_post"}));
    let header = |client: &Value, secret: &str| {
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", text(client, "client_id"))))
    };
    let with_header = |header: &str, code: &str| {
        let body = json!({"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER});
        app.nobody().post("/auth/v1/oauth/token").header("authorization", header).json(&body).send()
    };
    let one = code(&app, &basic, &session, &[]);
    let secret = text(&basic, "client_secret");
    let refused = |answer: &Answer, message: &str| {
        assert_error(answer, 400, "invalid_credentials", message);
        assert_oauth_error(answer, "invalid_client", message);
    };
    refused(&with_header(&header(&basic, "wrong"), &one), "invalid client credentials");
    refused(&with_header(&header(&basic, ""), &one), "invalid client credentials");
    refused(&with_header("Basic !", &one), "invalid basic auth encoding");
    refused(&with_header("Basic bm8=", &one), "invalid basic auth format");
    refused(
        &with_header(&header(&post, text(&post, "client_secret")), &one),
        "registered for 'client_secret_post' but 'client_secret_basic' was used",
    );
    refused(&exchange(&app, &basic, &one), "registered for 'client_secret_basic' but 'none' was used");
    refused(&ask_tokens(&app, &[("grant_type", "refresh_token")]), "client_id is required");
    refused(&ask_tokens(&app, &[("client_id", "odd")]), "Invalid client_id format");
    let nobody = json!({"client_id": "00000000-0000-4000-8000-000000000000"});
    refused(&exchange(&app, &nobody, &one), "Invalid client credentials");
    refused(
        &app.nobody()
            .post("/auth/v1/oauth/token")
            .body("{")
            .header("content-type", "application/json")
            .send(),
        "failed to parse JSON body",
    );
    assert_eq!(with_header(&header(&basic, secret), &one).status, 200);

    let two = code(&app, &post, &session, &[]);
    let members = [
        ("grant_type", "authorization_code"),
        ("code", two.as_str()),
        ("code_verifier", VERIFIER),
        ("client_id", text(&post, "client_id")),
        ("client_secret", text(&post, "client_secret")),
    ];
    assert_eq!(ask_tokens(&app, &members).status, 200);

    let three = code(&app, &basic, &session, &[]);
    app.clock.advance(1);
    let target = format!("/auth/v1/admin/oauth/clients/{}/regenerate_secret", text(&basic, "client_id"));
    let renewed = app.service_role().post(&target).send().json();
    refused(&with_header(&header(&basic, secret), &three), "invalid client credentials");
    assert_eq!(with_header(&header(&basic, text(&renewed, "client_secret")), &three).status, 200);
}

#[test]
fn a_refresh_token_is_good_for_its_app_alone() {
    let app = app();
    let (client, other) = (public_client(&app), public_client(&app));
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let by = |client: &Value, tokens: &Value| {
        let token = text(tokens, "refresh_token");
        ask_tokens(
            &app,
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("client_id", text(client, "client_id")),
            ],
        )
    };
    assert_oauth_error(
        &refresh(&app, text(&tokens, "refresh_token")),
        "invalid_client",
        "Client authentication required for OAuth session",
    );
    assert_oauth_error(
        &by(&other, &tokens),
        "invalid_client",
        "Client does not match the session's OAuth client",
    );
    assert_oauth_error(&by(&client, &session), "invalid_client", "not allowed for non-OAuth session");
    assert_eq!(by(&client, &tokens).status, 200, "none of that used it");

    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&client, "client_id"));
    app.clock.advance(1);
    app.service_role().put(&target).json(&json!({"grant_types": ["authorization_code"]})).send();
    assert_oauth_error(&by(&client, &tokens), "unsupported_grant_type", "refresh_token");
}

#[test]
fn an_apps_token_does_not_act_for_the_account() {
    let more = [
        ("SECURITY_MANUAL_LINKING_ENABLED", "true"),
        ("PASSKEY_ENABLED", "true"),
        ("EXTERNAL_GOOGLE_ENABLED", "true"),
        ("EXTERNAL_GOOGLE_CLIENT_ID", "our-id"),
        ("EXTERNAL_GOOGLE_SECRET", "our-secret"),
    ];
    let app = TestApp::with_vars(&[&VARS[..], &more].concat());
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let actor = || app.with_token(text(&tokens, "access_token"));
    let waiting = authorization_id(&app, &client, &[("scope", "phone")]);
    let put = |body: Value| actor().put("/auth/v1/user").json(&body).send();
    let refused: Vec<Answer> = vec![
        put(json!({"password": "another password"})),
        put(json!({"email": "eve@example.com"})),
        actor().post("/auth/v1/factors").json(&json!({"factor_type": "totp"})).send(),
        actor().post("/auth/v1/passkeys/registration/options").json(&json!({})).send(),
        actor().get("/auth/v1/user/identities/authorize?provider=google").send(),
        actor().get("/auth/v1/sessions").send(),
        actor().get("/auth/v1/user/export").send(),
        actor().delete("/auth/v1/user").json(&json!({})).send(),
        actor().get("/auth/v1/user/oauth/grants").send(),
        details(&app, &tokens, &waiting),
        decide(&app, &tokens, &waiting, "approve"),
    ];
    for answer in &refused {
        assert_error(answer, 403, "no_authorization", "An OAuth client's token may not do this");
    }
    assert_eq!(
        put(json!({"data": {"theme": "dark"}})).status,
        200,
        "what signs nobody in is the user's to let"
    );
    assert_eq!(get_user(&app, &tokens).status, 200);
    assert_eq!(actor().get("/rest/v1/nothing").send().status, 404, "the data is the policies' matter");
    assert_eq!(actor().post("/auth/v1/logout?scope=global").send().status, 204);
    assert_eq!(get_user(&app, &tokens).status, 403);
    assert_eq!(get_user(&app, &session).status, 200, "the user is not signed out elsewhere");
}

#[test]
fn grants_are_listed_and_taken_back_with_all_that_came_of_them() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[("scope", "email  phone")])).json();
    let open = code(&app, &client, &session, &[]);
    let actor = || app.with_token(text(&session, "access_token"));
    let grants = actor().get("/auth/v1/user/oauth/grants").send().json();
    assert_eq!(grants[0]["client"]["name"], json!("Calendar"));
    assert_eq!(grants[0]["scopes"], json!(["email", "phone"]));
    assert!(text(&grants[0], "granted_at").ends_with('Z'));
    let revoke = |query: &str| actor().delete(&format!("/auth/v1/user/oauth/grants{query}")).send();
    assert_error(&revoke(""), 400, "validation_failed", "client_id query parameter is required");
    assert_error(&revoke("?client_id=odd"), 400, "validation_failed", "invalid client_id format");
    let this = format!("?client_id={}", text(&client, "client_id"));
    let done = revoke(&this);
    assert_eq!((done.status.as_u16(), done.text().as_str()), (204, ""));
    assert_error(&revoke(&this), 404, "oauth_consent_not_found", "No active grant found for this client");
    assert_eq!(actor().get("/auth/v1/user/oauth/grants").send().json(), json!([]));
    assert_eq!(get_user(&app, &tokens).status, 403);
    assert_eq!(
        app.with_token(text(&tokens, "access_token")).get("/rest/v1/nothing").send().status,
        401,
        "nor the data"
    );
    assert_oauth_error(&exchange(&app, &client, &open), "invalid_grant", "Invalid authorization code");
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!(
        details(&app, &session, &authorization_id(&app, &client, &[])).json()["scope"],
        json!("email")
    );
}

#[test]
fn a_client_that_is_removed_takes_its_sessions_along() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let tokens = exchange(&app, &client, &code(&app, &client, &session, &[])).json();
    let target = format!("/auth/v1/admin/oauth/clients/{}", text(&client, "client_id"));
    assert_eq!(app.service_role().delete(&target).send().status, 204);
    assert_eq!(get_user(&app, &tokens).status, 403);
    assert_eq!(get_user(&app, &session).status, 200);
    for table in ["oauth_consents", "oauth_authorizations"] {
        assert_eq!(app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#)).unwrap(), "0");
    }
}

#[test]
fn a_banned_users_code_gives_nothing_and_stays() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let code = code(&app, &client, &session, &[]);
    let user = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    app.service_role().put(&user).json(&json!({"ban_duration": "1h"})).send();
    assert_oauth_error(&exchange(&app, &client, &code), "access_denied", "User is banned");
    app.service_role().put(&user).json(&json!({"ban_duration": "none"})).send();
    assert_eq!(exchange(&app, &client, &code).status, 200);
}

#[test]
fn fifty_exchanges_of_one_code_at_once_give_one_session() {
    let app = app();
    let client = public_client(&app);
    let session = signed_up(&app, "ann@example.com");
    let code = code(&app, &client, &session, &[]);
    let members = form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("client_id", text(&client, "client_id")),
    ]);
    app.database.take_turns();
    let calls = (0..50).map(|_| app.nobody().post("/auth/v1/oauth/token").body(members.clone())).collect();
    let answers = crate::app::at_once(calls, 0);
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 49));
    assert!(lost.iter().all(|answer| answer.json()["error"] == json!("invalid_grant")));
    assert_eq!(get_user(&app, &won[0].json()).status, 200);
}

#[test]
fn apps_register_themselves_only_where_the_settings_allow_it() {
    let closed = app();
    let body = json!({"redirect_uris": ["http://127.0.0.1:8080/cb"], "client_name": "Agent"});
    let register = |app: &TestApp| app.nobody().post("/auth/v1/oauth/clients/register").json(&body).send();
    assert_error(
        &register(&closed),
        403,
        "oauth_dynamic_client_registration_disabled",
        "Dynamic client registration is not enabled",
    );
    let discovery = |app: &TestApp, path: &str| app.nobody().get(path).send();
    let known = discovery(&closed, "/auth/v1/.well-known/oauth-authorization-server").json();
    assert_eq!(known.get("registration_endpoint"), None);
    assert_eq!(known["code_challenge_methods_supported"], json!(["S256"]));
    let open =
        TestApp::with_vars(&[&VARS[..], &[("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", "true")]].concat());
    let answer = register(&open);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let client = answer.json();
    assert_eq!(
        (&client["registration_type"], &client["client_secret_expires_at"]),
        (&json!("dynamic"), &json!(0))
    );
    let known = discovery(&open, "/.well-known/oauth-authorization-server/auth/v1").json();
    assert_eq!(
        known["registration_endpoint"],
        json!("http://127.0.0.1:54321/auth/v1/oauth/clients/register")
    );
    assert_eq!(known["issuer"], json!("http://127.0.0.1:54321/auth/v1"));
    open.limits.refuse("ClientRegistration", 60);
    assert_eq!(register(&open).status, 429);
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
