//! What an access token says, and what is kept of its session.

use serde_json::json;

use super::{claims, session_id, signed_in, signed_up, text};
use crate::app::TestApp;

#[test]
fn an_access_token_has_gotrues_claims_and_no_others() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let now = app.app.now().seconds();
    let claims = claims(&session);
    let session_id = text(&claims, "session_id");
    assert_eq!(
        claims,
        json!({
            "iss": "http://127.0.0.1:54321/auth/v1",
            "sub": session["user"]["id"],
            "aud": "authenticated",
            "exp": now + 3600,
            "iat": now,
            "email": "ann@example.com",
            "phone": "",
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": session["user"]["user_metadata"],
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now}],
            "session_id": session_id,
            "is_anonymous": false,
        })
    );
    let header = text(&session, "access_token").split('.').next().unwrap();
    let header = edgeward::crypto::from_base64url(header).unwrap();
    assert_eq!(header, br#"{"alg":"HS256","typ":"JWT"}"#);
}

#[test]
fn the_life_of_a_token_is_configured() {
    let app = TestApp::with_vars(&[("JWT_EXPIRY", "120")]);
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(session["expires_in"], json!(120));
    assert_eq!(claims(&session)["exp"], json!(app.app.now().seconds() + 120));
}

#[test]
fn every_sign_in_is_a_session_of_its_own_that_the_edge_need_not_hear_of() {
    let app = TestApp::new();
    let one = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    assert_ne!(session_id(&one), session_id(&other));
    assert_eq!(app.key_value.fault.calls(), 0, "KV is asked nothing and told nothing");
}

#[test]
fn a_session_remembers_where_it_began() {
    let app = TestApp::new();
    let body = json!({"email": "ann@example.com", "password": super::PASSWORD});
    app.anon().post("/auth/v1/signup").header("user-agent", "it's a browser").json(&body).send();
    let read = |column: &str| app.database.value(&format!(r#"SELECT {column} FROM "auth.sessions""#));
    assert_eq!(read("ip").as_deref(), Some("203.0.113.7"));
    assert_eq!(read("user_agent").as_deref(), Some("it's a browser"));
    assert_eq!(read("aal").as_deref(), Some("aal1"));
    assert_eq!(read("typeof(refresh_token_counter)").as_deref(), Some("integer"));
}
