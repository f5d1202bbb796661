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
fn a_shared_secret_has_no_public_keys() {
    let answer = TestApp::new().nobody().get("/auth/v1/.well-known/jwks.json").send();
    assert_eq!(answer.json(), json!({"keys": []}));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
}
