//! Id tokens: of a provider's token response, and those an app brings itself. The issuers' keys are the examples of RFC 7515.

use serde_json::{Value, json};

use super::provider_sign_in::{depart, fragment, location, member, user_of};
use super::signing_keys::{rfc_keys, signed_with};
use super::{assert_error, get_user, signed_up, text};
use crate::app::{Answer, TestApp};
use crate::double::MovableClock;

pub const GOOGLE: &str = "https://accounts.google.com";
const APPLE: &str = "https://appleid.apple.com";

fn app(vars: &[(&str, &str)]) -> TestApp {
    let on = [
        ("EXTERNAL_GOOGLE_ENABLED", "true"),
        ("EXTERNAL_GOOGLE_CLIENT_ID", "web-id,phone-id"),
        ("EXTERNAL_GOOGLE_SECRET", "secret"),
        ("EXTERNAL_APPLE_ENABLED", "true"),
        ("EXTERNAL_APPLE_CLIENT_ID", "web-id"),
        ("EXTERNAL_APPLE_SECRET", "secret"),
        ("EXTERNAL_IOS_BUNDLE_ID", "com.example.app"),
        ("EXTERNAL_AZURE_ENABLED", "true"),
        ("EXTERNAL_AZURE_CLIENT_ID", "web-id"),
        ("EXTERNAL_AZURE_SECRET", "secret"),
        ("SECURITY_MANUAL_LINKING_ENABLED", "true"),
        ("MAILER_AUTOCONFIRM", "false"),
        ("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true"),
    ];
    TestApp::with_vars(&[vars, &on[..]].concat())
}

/// The issuer describes itself and publishes the public halves of those keys.
pub fn publish(app: &TestApp, issuer: &str, keys: &[&Value]) {
    let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "token_endpoint": "x", "authorization_endpoint": "x"});
    app.http_client.prepare(
        &format!("{issuer}/.well-known/openid-configuration"),
        200,
        &document.to_string(),
    );
    publish_keys(app, issuer, keys);
}

fn publish_keys(app: &TestApp, issuer: &str, keys: &[&Value]) {
    let public = |key: &&Value| {
        let mut key = (*key).clone();
        for secret in ["d", "p", "q", "dp", "dq", "qi", "key_ops"] {
            key.as_object_mut().unwrap().remove(secret);
        }
        key
    };
    let keys: Vec<Value> = keys.iter().map(public).collect();
    let headers = [("content-type", "application/json"), ("cache-control", "public, max-age=600")];
    app.http_client.prepare_with(
        &format!("{issuer}/keys"),
        200,
        &headers,
        &json!({"keys": keys}).to_string(),
    );
}

pub fn rsa() -> Value {
    rfc_keys()[0].clone()
}

/// Google's claims, with some changed.
fn claims(changes: Value) -> Value {
    let now = MovableClock::START.seconds();
    let mut claims = json!({
        "iss": GOOGLE, "sub": "7", "aud": "web-id", "iat": now, "exp": now + 3600, "email": "ann@example.com",
        "email_verified": true, "name": "Ann", "picture": "https://i/a", "hd": "example.com",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

pub fn google_token(changes: Value) -> String {
    signed_with(&rsa(), &claims(changes))
}

fn grant(app: &TestApp, body: &Value) -> Answer {
    app.anon().post("/auth/v1/token?grant_type=id_token").json(body).send()
}

#[track_caller]
fn assert_oauth_error(answer: &Answer, error: &str, description: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.json(), json!({"error": error, "error_description": description}));
}

#[test]
fn a_phone_app_signs_in_with_the_token_it_has() {
    let app = app(&[]);
    publish(&app, GOOGLE, &[&rsa()]);
    let answer =
        grant(&app, &json!({"provider": "google", "id_token": google_token(json!({"aud": "phone-id"}))}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = &answer.json()["user"];
    assert_eq!(user["email"], json!("ann@example.com"));
    let data = &user["identities"][0]["identity_data"];
    let expected = json!({
        "iss": GOOGLE, "sub": "7", "provider_id": "7", "name": "Ann", "full_name": "Ann", "picture": "https://i/a",
        "avatar_url": "https://i/a", "custom_claims": {"hd": "example.com"}, "email": "ann@example.com",
        "email_verified": true, "phone_verified": false,
    });
    assert_eq!(*data, expected);
    let again =
        grant(&app, &json!({"issuer": GOOGLE, "client_id": "x", "id_token": google_token(json!({}))}));
    assert_eq!(again.json()["user"]["id"], user["id"]);
    // One look at the discovery document and the keys, for as long as they are good.
    assert_eq!(app.http_client.requests.borrow().len(), 2);
}

#[test]
fn keys_are_asked_for_again_when_they_age_or_one_is_missing() {
    let app = app(&[]);
    let (rsa, ec) = (rsa(), rfc_keys()[1].clone());
    publish(&app, GOOGLE, &[&rsa]);
    let token =
        |key: &Value| signed_with(key, &claims(json!({"exp": MovableClock::START.seconds() + 100_000})));
    let signs_in =
        |key: &Value| grant(&app, &json!({"provider": "google", "id_token": token(key)})).status == 200;
    assert!(signs_in(&rsa));
    // A forger with keys of their own does not make us ask each time.
    assert!(!signs_in(&ec));
    assert_eq!(app.http_client.requests_to(&format!("{GOOGLE}/keys")).len(), 1);
    app.clock.advance(61);
    publish_keys(&app, GOOGLE, &[&rsa, &ec]);
    assert!(signs_in(&ec), "the issuer has another key by now");
    assert_eq!(app.http_client.requests_to(&format!("{GOOGLE}/keys")).len(), 2);
    app.clock.advance(601);
    publish_keys(&app, GOOGLE, &[&ec]);
    assert!(!signs_in(&rsa), "the issuer took the key back");
}

#[test]
fn a_token_that_is_not_quite_right_is_refused() {
    let app = app(&[]);
    publish(&app, GOOGLE, &[&rsa()]);
    let now = MovableClock::START.seconds();
    let bad = "Bad ID token";
    let hs256 =
        edgeward::jwt::sign(&claims(json!({})), b"a secret of the forger's own, long enough").unwrap();
    let none = format!(
        "{}.{}.",
        edgeward::crypto::base64url(br#"{"alg":"none"}"#),
        google_token(json!({})).split('.').nth(1).unwrap()
    );
    let mut tampered = google_token(json!({}));
    tampered.replace_range(60..61, if &tampered[60..61] == "A" { "B" } else { "A" });
    let rows = [
        (json!({"provider": "google"}), "invalid request", "id_token required"),
        (json!({"id_token": "x"}), "invalid request", "provider or client_id and issuer required"),
        (json!({"provider": "google", "id_token": "garbage"}), "invalid request", bad),
        (json!({"provider": "google", "id_token": hs256}), "invalid request", bad),
        (json!({"provider": "google", "id_token": none}), "invalid request", bad),
        (json!({"provider": "google", "id_token": tampered}), "invalid request", bad),
        (
            json!({"provider": "google", "id_token": google_token(json!({"exp": now}))}),
            "invalid request",
            bad,
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"exp": null}))}),
            "invalid request",
            bad,
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"iss": "https://evil.net"}))}),
            "invalid request",
            bad,
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"sub": ""}))}),
            "invalid request",
            "Missing sub claim in id_token",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"aud": "other"}))}),
            "invalid request",
            "Unacceptable audience in id_token: [other]",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"aud": ["a", "b"]}))}),
            "invalid request",
            "Unacceptable audience in id_token: [a b]",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({})), "nonce": "n"}),
            "invalid request",
            "Passed nonce and nonce in id_token should either both exist or not.",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"nonce": "n"}))}),
            "invalid request",
            "Passed nonce and nonce in id_token should either both exist or not.",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"nonce": "n"})), "nonce": "n"}),
            "invalid nonce",
            "Nonces mismatch",
        ),
        (
            json!({"provider": "google", "id_token": google_token(json!({"at_hash": "x"})), "access_token": "t"}),
            "invalid request",
            bad,
        ),
    ];
    for (body, error, description) in rows {
        assert_oauth_error(&grant(&app, &body), error, description);
    }
    let users = app.service_role().get("/auth/v1/admin/users").send().json();
    assert_eq!(users["users"], json!([]));

    let hash = edgeward::crypto::hex(&edgeward::crypto::sha256(b"n"));
    let good = json!({"provider": "google", "id_token": google_token(json!({"nonce": hash})), "nonce": "n"});
    assert_eq!(grant(&app, &good).status, 200);
    let skipping = self::app(&[("EXTERNAL_GOOGLE_SKIP_NONCE_CHECK", "true")]);
    publish(&skipping, GOOGLE, &[&rsa()]);
    let without = json!({"provider": "google", "id_token": google_token(json!({"nonce": hash}))});
    assert_eq!(grant(&skipping, &without).status, 200);
}

#[test]
fn only_the_issuers_that_are_named_count() {
    let app = app(&[("EXTERNAL_GOOGLE_ENABLED", "false")]);
    let token = google_token(json!({}));
    let rows = [
        (
            json!({"provider": "google", "id_token": token}),
            "provider_disabled",
            "Provider (issuer \"https://accounts.google.com\") is not enabled",
        ),
        (
            json!({"provider": "github", "id_token": token}),
            "validation_failed",
            "Custom OIDC provider \"github\" not allowed",
        ),
        (
            json!({"issuer": "https://evil.net", "client_id": "x", "id_token": token}),
            "validation_failed",
            "not allowed",
        ),
        (
            json!({"provider": "apple", "id_token": token}),
            "validation_failed",
            "Detected ID token issuer is not an Apple ID token issuer",
        ),
        (
            json!({"provider": "apple", "id_token": "x"}),
            "validation_failed",
            "Unable to detect issuer in ID token for Apple provider",
        ),
        (
            json!({"provider": "azure", "id_token": token}),
            "validation_failed",
            "Detected ID token issuer is not an Azure ID token issuer",
        ),
        (
            json!({"provider": "custom:x", "id_token": token}),
            "validation_failed",
            "Custom provider \"custom:x\" not found",
        ),
    ];
    for (body, code, message) in rows {
        assert_error(&grant(&app, &body), 400, code, message);
    }
}

#[test]
fn apple_and_azure_have_several_issuers() {
    let app = app(&[]);
    publish(&app, APPLE, &[&rsa()]);
    let token = |changes: Value| {
        let mut all = json!({"iss": APPLE, "aud": "com.example.app", "is_private_email": "true", "email_verified": "true", "name": null, "picture": null, "hd": null});
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        google_token(all)
    };
    let answer = grant(&app, &json!({"provider": "apple", "id_token": token(json!({}))}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = &answer.json()["user"]["identities"][0]["identity_data"];
    assert_eq!(
        (&data["email_verified"], &data["custom_claims"]),
        (&json!(true), &json!({"is_private_email": true}))
    );

    let tenant = "https://login.microsoftonline.com/tenant/v2.0";
    publish(&app, tenant, &[&rsa()]);
    let token = token(
        json!({"iss": tenant, "aud": "web-id", "email": "bob@example.com", "sub": "8", "xms_edov": true, "tid": "t", "name": "Bob", "preferred_username": "bob"}),
    );
    let answer = grant(&app, &json!({"provider": "azure", "id_token": token}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let data = &answer.json()["user"]["identities"][0]["identity_data"];
    assert_eq!(
        (&data["full_name"], &data["preferred_username"], &data["custom_claims"]["tid"]),
        (&json!("Bob"), &json!("bob"), &json!("t"))
    );
    assert_eq!(data["custom_claims"].get("aud"), None);
    let other = json!({"provider": "azure", "issuer": "https://login.microsoftonline.com/other/v2.0", "id_token": token});
    assert_error(
        &grant(&app, &other),
        400,
        "validation_failed",
        "Provided issuer does not match ID token issuer",
    );
}

#[test]
fn google_sends_an_id_token_with_its_code_and_apple_posts() {
    let app = app(&[]);
    publish(&app, GOOGLE, &[&rsa()]);
    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=google");
    let tokens = json!({"access_token": "t", "id_token": google_token(json!({}))});
    app.http_client.prepare("https://oauth2.googleapis.com/token", 200, &tokens.to_string());
    let answer = app.nobody().get(&format!("/auth/v1/callback?code=c&state={state}")).send();
    assert_eq!(user_of(&app, &location(&answer))["email"], json!("ann@example.com"));
    // Another audience is another app's.
    let state = depart(&app.nobody(), "/auth/v1/authorize?provider=google");
    let tokens = json!({"access_token": "t", "id_token": google_token(json!({"aud": "phone-id"}))});
    app.http_client.prepare("https://oauth2.googleapis.com/token", 200, &tokens.to_string());
    let answer = app.nobody().get(&format!("/auth/v1/callback?code=c&state={state}")).send();
    assert_eq!(member(&fragment(&location(&answer)), "error_code"), "unexpected_failure");

    publish(&app, APPLE, &[&rsa()]);
    let departed = app.nobody().get("/auth/v1/authorize?provider=apple&hd=x").send();
    let url = location(&departed);
    assert!(
        url.contains("response_mode=form_post") && url.contains("scope=email%20name") && !url.contains("hd="),
        "{url}"
    );
    let state = member(&super::provider_sign_in::query(&url), "state");
    let id_token = google_token(json!({"iss": APPLE, "email": "bob@example.com", "sub": "8"}));
    app.http_client.prepare(
        "https://appleid.apple.com/auth/token",
        200,
        &json!({"access_token": "t", "id_token": id_token}).to_string(),
    );
    let user = r#"{"name":{"firstName":"Bob","lastName":"Lee"},"email":"bob@example.com"}"#;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("code", "c")
        .append_pair("state", &state)
        .append_pair("user", user)
        .finish();
    let answer = app
        .nobody()
        .post("/auth/v1/callback")
        .body(form)
        .header("content-type", "application/x-www-form-urlencoded")
        .send();
    let user = user_of(&app, &location(&answer));
    assert_eq!(
        (&user["email"], &user["user_metadata"]["full_name"]),
        (&json!("bob@example.com"), &json!("Bob Lee"))
    );
}

#[test]
fn an_id_token_links_an_identity_to_the_caller() {
    let app = app(&[("MAILER_AUTOCONFIRM", "true")]);
    publish(&app, GOOGLE, &[&rsa()]);
    let body = json!({"provider": "google", "id_token": google_token(json!({})), "link_identity": true});
    let nobody = app.nobody().post("/auth/v1/token?grant_type=id_token").json(&body).send();
    assert_oauth_error(
        &nobody,
        "invalid request",
        "Linking requires a valid user access token in Authorization",
    );
    let forged = app.with_token("x.y.z").post("/auth/v1/token?grant_type=id_token").json(&body).send();
    assert_eq!((forged.status.as_u16(), forged.header("x-sb-error-code")), (403, Some("bad_jwt")));

    let bob = signed_up(&app, "bob@example.com");
    let link = |session: &Value, body: &Value| {
        app.with_token(text(session, "access_token"))
            .post("/auth/v1/token?grant_type=id_token")
            .json(body)
            .send()
    };
    let answer = link(&bob, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = &answer.json()["user"];
    assert_eq!((&user["id"], &user["email"]), (&bob["user"]["id"], &json!("bob@example.com")));
    assert_eq!(user["app_metadata"]["providers"], json!(["email", "google"]));
    assert_error(&link(&bob, &body), 422, "identity_already_exists", "Identity is already linked");
    let cid = signed_up(&app, "cid@example.com");
    assert_error(
        &link(&cid, &body),
        422,
        "identity_already_exists",
        "Identity is already linked to another user",
    );

    // Somebody without an address gets one, and is somebody from then on.
    let anonymous = app.anon().post("/auth/v1/signup").json(&json!({})).send().json();
    let body = json!({"provider": "google", "id_token": google_token(json!({"sub": "9", "email": "dan@example.com"})), "link_identity": true});
    let answer = link(&anonymous, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let user = &answer.json()["user"];
    assert_eq!(
        (&user["id"], &user["email"], &user["is_anonymous"]),
        (&anonymous["user"]["id"], &json!("dan@example.com"), &json!(false))
    );
    assert_eq!(get_user(&app, &answer.json()).status, 200);
}
