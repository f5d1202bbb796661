//! Providers that an administrator adds.

use serde_json::{Value, json};

use super::assert_error;
use super::provider_sign_in::{come_back, fragment, location, member, query, user_of};
use super::signing_keys::{rfc_keys, signed_with};
use crate::app::{Answer, TestApp};
use crate::double::MovableClock;

const ISSUER: &str = "https://id.example.com";

fn app() -> TestApp {
    TestApp::with_vars(&[("MAILER_AUTOCONFIRM", "false")])
}

fn oauth2() -> Value {
    json!({
        "provider_type": "oauth2", "identifier": "custom:forum", "name": "Forum", "client_id": "our-id", "client_secret": "our-secret",
        "scopes": ["profile"], "authorization_url": "https://forum.example.com/authorize?tenant=a",
        "token_url": "https://forum.example.com/token", "userinfo_url": "https://forum.example.com/me",
    })
}

fn oidc() -> Value {
    json!({
        "provider_type": "oidc", "identifier": "custom:work", "name": "Work", "client_id": "our-id", "client_secret": "our-secret",
        "scopes": ["email"], "issuer": ISSUER, "custom_claims_allowlist": ["groups"], "attribute_mapping": {"full_name": "name"},
        "authorization_params": {"prompt": "login"},
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn create(app: &TestApp, body: &Value) -> Answer {
    app.service_role().post("/auth/v1/admin/custom-providers").json(body).send()
}

fn discovery() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": format!("{ISSUER}/authorize"), "token_endpoint": format!("{ISSUER}/token"),
        "userinfo_endpoint": format!("{ISSUER}/me"), "jwks_uri": format!("{ISSUER}/keys"), "scopes_supported": ["openid"], "other": 1,
    })
}

fn prepare_discovery(app: &TestApp, document: &Value) {
    app.http_client.prepare(
        &format!("{ISSUER}/.well-known/openid-configuration"),
        200,
        &document.to_string(),
    );
}

#[test]
fn providers_are_added_shown_changed_and_removed() {
    let app = app();
    prepare_discovery(&app, &discovery());
    let created = create(&app, &oidc());
    assert_eq!(created.status, 201, "{}", created.text());
    let created = created.json();
    assert_eq!(created["scopes"], json!(["openid", "email"]));
    assert_eq!(
        (&created["pkce_enabled"], &created["enabled"], &created["email_optional"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(created["discovery_document"]["jwks_uri"], json!(format!("{ISSUER}/keys")));
    assert_eq!(created["discovery_document"].get("other"), None);
    assert!(!created.to_string().contains("our-secret"), "{created}");
    assert_eq!(create(&app, &oauth2()).status, 201);
    assert_error(&create(&app, &oauth2()), 400, "conflict", "already exists");

    let admin = app.service_role();
    let list = |query: &str| {
        let answer = admin.get(&format!("/auth/v1/admin/custom-providers{query}")).send();
        let found = answer.json()["providers"].as_array().unwrap().clone();
        found.iter().map(|provider| provider["identifier"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list("?type=oidc"), ["custom:work"]);
    assert_eq!(list("").len(), 2);
    assert_error(
        &admin.get("/auth/v1/admin/custom-providers?type=saml").send(),
        400,
        "validation_failed",
        "type must be either",
    );

    let target = "/auth/v1/admin/custom-providers/custom:work";
    let updated = admin
        .put(target)
        .json(&json!({"name": "Office", "enabled": false, "scopes": ["profile"]}))
        .send()
        .json();
    assert_eq!(
        (&updated["name"], &updated["enabled"], &updated["issuer"]),
        (&json!("Office"), &json!(false), &json!(ISSUER))
    );
    assert_eq!(updated["scopes"], json!(["openid", "profile"]));
    assert_eq!(admin.get(target).send().json(), updated);
    let nowhere = admin.put(target).json(&json!({"issuer": "", "name": "Nowhere"})).send();
    assert_eq!(nowhere.status, 200, "one that did not move is not asked: {}", nowhere.text());
    assert_eq!(admin.delete(target).send().status, 204);
    assert_error(
        &admin.delete(target).send(),
        404,
        "custom_provider_not_found",
        "Custom OAuth provider not found",
    );
    assert_error(
        &admin.get(target).send(),
        404,
        "custom_provider_not_found",
        "Custom OAuth provider not found",
    );
    assert_error(&admin.put(target).json(&json!({})).send(), 404, "custom_provider_not_found", "not found");
    let answer = admin.get("/auth/v1/admin/custom-providers/work").send();
    assert_error(
        &answer,
        400,
        "validation_failed",
        "identifier must start with 'custom:' prefix, e.g. 'custom:work'",
    );
    assert_eq!(app.anon().get("/auth/v1/admin/custom-providers").send().status, 403);
}

#[test]
fn what_could_not_work_or_does_harm_is_refused() {
    let app = app();
    let rows = [
        (with(oauth2(), "provider_type", json!("saml")), "provider_type must be either 'oauth2' or 'oidc'"),
        (with(oauth2(), "identifier", json!("")), "identifier is required"),
        (with(oauth2(), "identifier", json!("github")), "identifier must start with 'custom:' prefix"),
        (with(oauth2(), "name", Value::Null), "name is required"),
        (with(oauth2(), "client_id", json!("")), "client_id is required"),
        (with(oauth2(), "client_secret", json!("")), "client_secret is required"),
        (with(oauth2(), "userinfo_url", Value::Null), "userinfo_url is required for OAuth2 providers"),
        (with(oidc(), "issuer", Value::Null), "issuer is required for OIDC providers"),
        (
            with(oauth2(), "authorization_params", json!({"state": "x"})),
            "Cannot override reserved OAuth parameter: state",
        ),
        (
            with(oauth2(), "authorization_params", json!({"prompt": 1})),
            "Authorization parameter \"prompt\" must be a string",
        ),
        (
            with(oauth2(), "attribute_mapping", json!({"role": "x"})),
            "Cannot map to protected system field: role",
        ),
        (
            with(oauth2(), "custom_claims_allowlist", json!([" "])),
            "custom_claims_allowlist entries must be non-empty strings",
        ),
        (with(oauth2(), "token_url", json!("http://forum.example.com")), "URL must use HTTPS"),
        (with(oauth2(), "token_url", json!("https://127.0.0.1/")), "URL cannot point to localhost"),
        (with(oidc(), "discovery_url", json!("https://169.254.169.254/latest")), "private network addresses"),
    ];
    for (body, message) in rows {
        assert_error(&create(&app, &body), 400, "validation_failed", message);
    }
    assert_eq!(app.http_client.requests.borrow().len(), 0, "nothing was asked");
    for (document, message) in [
        (with(discovery(), "issuer", json!("https://evil.net")), "issuer mismatch"),
        (
            with(discovery(), "jwks_uri", Value::Null),
            "OIDC discovery document is missing required fields: jwks_uri",
        ),
    ] {
        app.clock.advance(61);
        prepare_discovery(&app, &document);
        assert_error(&create(&app, &oidc()), 400, "validation_failed", message);
    }
    app.clock.advance(61);
    app.http_client.status.set(500);
    assert_error(&create(&app, &oidc()), 400, "validation_failed", "OIDC discovery from");

    let app = TestApp::with_vars(&[("CUSTOM_OAUTH_MAX_PROVIDERS", "1")]);
    assert_eq!(create(&app, &oauth2()).status, 201);
    let second = with(oauth2(), "identifier", json!("custom:second"));
    assert_error(&create(&app, &second), 400, "over_custom_provider_quota", "Maximum number");
}

#[test]
fn an_oauth2_provider_signs_people_in() {
    let app = app();
    let body =
        with(oauth2(), "attribute_mapping", json!({"sub": "id", "email": "mail", "nickname": "login"}));
    assert_eq!(create(&app, &with(body, "email_optional", json!(true))).status, 201);
    let answer = app.nobody().get("/auth/v1/authorize?provider=custom:forum").send();
    let url = location(&answer);
    assert!(url.starts_with("https://forum.example.com/authorize?tenant=a&"), "{url}");
    let members = query(&url);
    assert_eq!(
        (member(&members, "scope").as_str(), member(&members, "code_challenge_method").as_str()),
        ("profile", "S256")
    );
    app.http_client.prepare("https://forum.example.com/token", 200, r#"{"access_token":"t"}"#);
    app.http_client.prepare(
        "https://forum.example.com/me",
        200,
        r#"{"id":7,"login":"ann","name":"Ann","mail":"ann@x.dev","role":"admin"}"#,
    );
    let url = location(&come_back(&app, &member(&members, "state")));
    let members = query(&url);
    // Nobody vouches for the address.
    assert_eq!(member(&members, "error_code"), "provider_email_needs_verification");

    let target = "/auth/v1/admin/custom-providers/custom:forum";
    let mapping = json!({"attribute_mapping": {"sub": "id", "nickname": "login"}});
    assert_eq!(app.service_role().put(target).json(&mapping).send().status, 200);
    let answer = app.nobody().get("/auth/v1/authorize?provider=custom:forum").send();
    let state = member(&query(&location(&answer)), "state");
    app.http_client.prepare("https://forum.example.com/token", 200, r#"{"access_token":"t"}"#);
    app.http_client.prepare(
        "https://forum.example.com/me",
        200,
        r#"{"id":8,"login":"bob","name":"Bob","role":"admin"}"#,
    );
    let user = user_of(&app, &location(&come_back(&app, &state)));
    let data = &user["identities"][0]["identity_data"];
    assert_eq!(
        *data,
        json!({"sub": "8", "name": "Bob", "nickname": "bob", "email_verified": false, "phone_verified": false})
    );
    assert_eq!((&user["role"], &user["email"]), (&json!("authenticated"), &json!("")));

    app.service_role().put(target).json(&json!({"enabled": false})).send();
    let answer = app.nobody().get("/auth/v1/authorize?provider=custom:forum").send();
    assert_error(
        &answer,
        400,
        "validation_failed",
        "Unsupported provider: custom provider custom:forum is disabled",
    );
}

#[test]
fn an_openid_provider_signs_people_in() {
    let app = app();
    prepare_discovery(&app, &discovery());
    assert_eq!(create(&app, &oidc()).status, 201);
    let answer = app.nobody().get("/auth/v1/authorize?provider=custom:work&scopes=email+profile").send();
    let members = query(&location(&answer));
    assert!(location(&answer).starts_with(&format!("{ISSUER}/authorize?")));
    assert_eq!(
        (member(&members, "scope").as_str(), member(&members, "prompt").as_str()),
        ("openid email profile", "login")
    );
    let key = rfc_keys()[1].clone();
    let now = MovableClock::START.seconds();
    let token = |changes: &[(&str, Value)]| {
        let mut claims = json!({
            "iss": ISSUER, "sub": "7", "aud": ["our-id"], "iat": now, "exp": now + 60, "email": "ann@x.dev", "email_verified": true,
            "name": "Ann", "groups": ["staff"], "secret": "s",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        signed_with(&key, &claims)
    };
    let public =
        json!({"keys": [{"kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "kid": key["kid"]}]});
    app.http_client.prepare(&format!("{ISSUER}/keys"), 200, &public.to_string());
    let tokens = |id_token: String| json!({"access_token": "t", "id_token": id_token}).to_string();
    app.http_client.prepare(&format!("{ISSUER}/token"), 200, &tokens(token(&[])));
    let user = user_of(&app, &location(&come_back(&app, &member(&members, "state"))));
    let data = &user["identities"][0]["identity_data"];
    assert_eq!((&data["full_name"], &data["custom_claims"]), (&json!("Ann"), &json!({"groups": ["staff"]})));
    assert_eq!((&user["email"], data.get("secret")), (&json!("ann@x.dev"), None));
    assert_eq!(user["app_metadata"]["provider"], json!("custom:work"));

    let answer = app.nobody().get("/auth/v1/authorize?provider=custom:work").send();
    let state = member(&query(&location(&answer)), "state");
    app.http_client.prepare(&format!("{ISSUER}/token"), 200, &tokens(token(&[("aud", json!("other"))])));
    assert_eq!(member(&fragment(&location(&come_back(&app, &state))), "error_code"), "unexpected_failure");

    let body = json!({"provider": "custom:work", "id_token": token(&[])});
    let answer = app.anon().post("/auth/v1/token?grant_type=id_token").json(&body).send();
    assert_eq!(answer.json()["user"]["id"], user["id"]);
}
