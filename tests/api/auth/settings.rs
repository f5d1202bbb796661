//! What the auth API says of itself.

use serde_json::json;

use crate::app::TestApp;

#[test]
fn health_names_the_service_clients_look_for() {
    let app = TestApp::new();
    let answer = app.nobody().get("/auth/v1/health").send();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["name"], json!("GoTrue"));
    assert_eq!(answer.json()["version"], json!(env!("CARGO_PKG_VERSION")));
}

#[test]
fn settings_say_what_is_on() {
    let rows = [
        ("DISABLE_SIGNUP", "/disable_signup"),
        ("MAILER_AUTOCONFIRM", "/mailer_autoconfirm"),
        ("EXTERNAL_EMAIL_ENABLED", "/external/email"),
    ];
    for (name, pointer) in rows {
        for on in [true, false] {
            let app = TestApp::with_vars(&[(name, if on { "true" } else { "false" })]);
            let settings = app.nobody().get("/auth/v1/settings").send().json();
            assert_eq!(settings.pointer(pointer), Some(&json!(on)), "{name}");
        }
    }
    let settings = TestApp::new().nobody().get("/auth/v1/settings").send().json();
    let external = settings["external"].as_object().unwrap();
    assert_eq!(external.len(), 26);
    let on: Vec<_> = external.iter().filter(|(_, on)| **on == json!(true)).map(|(name, _)| name).collect();
    assert_eq!(on, ["email"]);
}

#[test]
fn there_is_no_single_sign_on_and_everything_of_it_says_so() {
    let app = TestApp::new();
    let provider = "/auth/v1/admin/sso/providers/2f7d9a4e-6b1c-4f7e-9d27-0c5a4b3e2f10";
    let rows = [
        ("POST", "/auth/v1/sso", "saml_provider_disabled", "SAML 2.0 is disabled"),
        ("POST", "/auth/v1/sso/saml/acs", "saml_provider_disabled", "SAML 2.0 is disabled"),
        ("GET", "/auth/v1/sso/saml/metadata?download=true", "saml_provider_disabled", "SAML 2.0 is disabled"),
        ("POST", "/auth/v1/admin/sso/providers", "saml_provider_disabled", "SAML 2.0 is disabled"),
        ("GET", provider, "sso_provider_not_found", "SSO Identity Provider not found"),
        ("PUT", provider, "sso_provider_not_found", "SSO Identity Provider not found"),
        ("DELETE", provider, "sso_provider_not_found", "SSO Identity Provider not found"),
        (
            "GET",
            "/auth/v1/admin/sso/providers/resource_x",
            "sso_provider_not_found",
            "SSO Identity Provider not found",
        ),
        (
            "GET",
            "/auth/v1/admin/sso/providers/x",
            "sso_provider_not_found",
            "SSO Identity Provider not found",
        ),
    ];
    for (method, path, code, message) in rows {
        let call = || app.service_role().call(method.parse().unwrap(), path);
        let body = json!({"provider_id": "not a uuid", "domain": "example.com"});
        let call = || if method == "GET" { call() } else { call().json(&body) };
        let answer = call().send();
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert_eq!(answer.json(), json!({"code": 404, "error_code": code, "msg": message}));
        let answer = call().header("x-supabase-api-version", "2024-01-01").send();
        assert_eq!((answer.status.as_u16(), answer.json()), (404, json!({"code": code, "message": message})));
        assert_eq!(answer.header("x-sb-error-code"), Some(code));
    }
    let list = |actor: crate::app::Actor<'_>| actor.get("/auth/v1/admin/sso/providers").send();
    assert_eq!(list(app.service_role()).json(), json!({"items": []}));
    assert_eq!(list(app.anon()).status, 403);
}

#[test]
fn a_shared_secret_has_no_public_keys() {
    let answer = TestApp::new().nobody().get("/auth/v1/.well-known/jwks.json").send();
    assert_eq!(answer.json(), json!({"keys": []}));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
}
