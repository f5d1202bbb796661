//! Access tokens signed with a key pair, and how keys are rotated. The pairs are the examples of RFC 7515
//! and RFC 8037, which sign for nobody.

use edgeward::ports::{SignatureAlgorithm, Signatures};
use futures_executor::block_on;
use serde_json::{Value, json};

use super::{PASSWORD, assert_error, claims, get_user, refresh, signed_up, text};
use crate::app::TestApp;
use crate::double::RingSignatures;

/// The key pairs, none of which signs yet.
pub fn rfc_keys() -> Vec<Value> {
    serde_json::from_str(include_str!("../../fixtures/rfc_keys.json")).unwrap()
}

/// `JWT_KEYS` with those keys, of which one signs.
fn keys(signing: &str, others: &[&str]) -> String {
    let named = |id: &&str| rfc_keys().into_iter().find(|key| key["kid"] == json!(id)).unwrap();
    let mut keys: Vec<Value> = [&[signing], others].concat().iter().map(named).collect();
    keys[0]["key_ops"] = json!(["sign", "verify"]);
    json!(keys).to_string()
}

fn with_keys(keys: &str) -> TestApp {
    TestApp::with_vars(&[("JWT_KEYS", keys)])
}

/// A token that names the key, signed with it.
pub fn signed_with(key: &Value, claims: &Value) -> String {
    let header = json!({"alg": key["alg"], "kid": key["kid"], "typ": "JWT"});
    let part = |value: &Value| edgeward::crypto::base64url(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&header), part(claims));
    let algorithm = SignatureAlgorithm::named(key["alg"].as_str().unwrap()).unwrap();
    let signature = block_on(RingSignatures.sign(algorithm, &key.to_string(), message.as_bytes())).unwrap();
    format!("{message}.{}", edgeward::crypto::base64url(&signature))
}

fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&edgeward::crypto::from_base64url(header).unwrap()).unwrap()
}

#[test]
fn every_kind_of_key_signs_tokens_that_all_apis_take() {
    for key in rfc_keys() {
        let (id, algorithm) = (key["kid"].as_str().unwrap(), &key["alg"]);
        let app = with_keys(&keys(id, &[]));
        let session = signed_up(&app, "ann@example.com");
        let token = text(&session, "access_token");
        assert_eq!(header(token), json!({"alg": algorithm, "kid": id, "typ": "JWT"}));
        assert_eq!(get_user(&app, &session).status, 200, "{id}");
        assert_eq!(app.with_token(token).get("/rest/v1/nothing").send().status, 404, "{id}");
        assert_eq!(app.with_token(token).get("/storage/v1/bucket").send().status, 200, "{id}");
        let answer = app.another_isolate().with_token(token).get("/auth/v1/user").send();
        assert_eq!(answer.json()["email"], json!("ann@example.com"));
        let next = refresh(&app, text(&session, "refresh_token")).json();
        assert_eq!(header(text(&next, "access_token"))["kid"], key["kid"]);
    }
}

#[test]
fn the_public_halves_are_published_and_only_they() {
    let app = with_keys(&keys("rfc7515-a3", &["rfc7515-a2", "rfc8037-a1"]));
    let answer = app.nobody().get("/auth/v1/.well-known/jwks.json").send();
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let published = answer.json();
    let published = published["keys"].as_array().unwrap();
    assert_eq!(published.len(), 3);
    for (shown, key) in published.iter().zip([1, 0, 2].map(|index| rfc_keys()[index].clone())) {
        assert_eq!((&shown["kid"], &shown["alg"], &shown["kty"]), (&key["kid"], &key["alg"], &key["kty"]));
        assert_eq!((&shown["use"], &shown["key_ops"]), (&json!("sig"), &json!(["verify"])));
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(shown.get(secret), None, "{secret}");
        }
    }
}

#[test]
fn keys_rotate_without_signing_anyone_out() {
    let standing_by = keys("rfc7515-a2", &["rfc7515-a3"]);
    let before = with_keys(&standing_by);
    let session = signed_up(&before, "ann@example.com");
    let token = text(&session, "access_token");

    // The other app has the user and the session as its own database had them.
    let move_over = |keys: &str| {
        let after = with_keys(keys);
        let answer = after.service_role().post("/auth/v1/admin/users").json(&json!({
            "id": session["user"]["id"], "email": "ann@example.com", "password": PASSWORD, "email_confirm": true,
        }));
        assert_eq!(answer.send().status, 200);
        let mut claims = claims(&session);
        claims["session_id"] = Value::Null;
        let old = signed_with(&rfc_keys()[0], &claims);
        let answer = after.with_token(&old).get("/auth/v1/user").send();
        (after, answer)
    };
    assert_eq!(header(token)["kid"], json!("rfc7515-a2"));
    let (after, answer) = move_over(&keys("rfc7515-a3", &["rfc7515-a2"]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let new = super::signed_in(&after, "ann@example.com");
    assert_eq!(header(text(&new, "access_token"))["kid"], json!("rfc7515-a3"));

    let (_, answer) = move_over(&keys("rfc7515-a3", &[]));
    assert_error(&answer, 403, "bad_jwt", "signing method is invalid");
    let mut revoked = rfc_keys();
    revoked[0]["status"] = json!("revoked");
    revoked[1]["status"] = json!("in_use");
    let (_, answer) = move_over(&json!(revoked).to_string());
    assert_error(&answer, 403, "bad_jwt", "signing method is invalid");
}

#[test]
fn the_legacy_keys_and_secret_stay_good_beside_key_pairs() {
    let app = with_keys(&keys("rfc7515-a3", &[]));
    assert_eq!(app.service_role().get("/auth/v1/admin/users").send().status, 200);
    let mine = app.token(&json!({"role": "service_role"}));
    assert_eq!(app.with_token(&mine).get("/auth/v1/admin/users").send().status, 200);
}

#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    let app = with_keys(&keys("rfc7515-a3", &["rfc7515-a2"]));
    let [rsa, ec, _] = rfc_keys().try_into().unwrap();
    let admin = json!({"role": "service_role"});
    let listed = |token: &str| app.with_token(token).get("/auth/v1/admin/users").send();
    assert_eq!(listed(&signed_with(&ec, &admin)).status, 200);

    // The public half passed off as a shared secret.
    let public = app.app.config.signing_keys[0].public().unwrap().to_string();
    let forged = edgeward::jwt::sign(&admin, public.as_bytes()).unwrap();
    let with_header = |header: Value| {
        let rest = forged.split_once('.').unwrap().1;
        format!("{}.{rest}", edgeward::crypto::base64url(header.to_string().as_bytes()))
    };
    let mut unknown = ec.clone();
    unknown["kid"] = json!("nobody's");
    let mut crossed = ec.clone();
    crossed["kid"] = rsa["kid"].clone();
    let rows = [
        (with_header(json!({"alg": "HS256", "kid": "rfc7515-a3"})), "signing method is invalid"),
        (with_header(json!({"alg": "HS256"})), "signature is invalid"),
        (with_header(json!({"alg": "none", "kid": "rfc7515-a3"})), "signing method is invalid"),
        (with_header(json!({"alg": "EdDSA", "kid": "rfc7515-a3"})), "signing method is invalid"),
        (with_header(json!({"alg": "ES256"})), "unrecognized JWT kid"),
        (with_header(json!({"alg": "ES256", "kid": "rfc7515-a3"})), "signature is invalid"),
        (signed_with(&unknown, &admin), "unrecognized JWT kid"),
        (signed_with(&crossed, &admin), "signing method is invalid"),
        (format!("{}x", signed_with(&ec, &admin)), "malformed"),
        (signed_with(&ec, &json!({"role": "service_role", "exp": 1})), "expired"),
    ];
    for (token, message) in rows {
        assert_error(&listed(&token), 403, "bad_jwt", message);
    }
}

#[test]
fn a_shared_secret_may_have_a_name() {
    let secret = edgeward::crypto::base64url(b"another secret of at least 32 characters");
    let key =
        json!([{"kty": "oct", "kid": "mine", "k": secret, "alg": "HS256", "key_ops": ["sign", "verify"]}]);
    let app = with_keys(&key.to_string());
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(header(text(&session, "access_token")), json!({"alg": "HS256", "kid": "mine", "typ": "JWT"}));
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!(app.nobody().get("/auth/v1/.well-known/jwks.json").send().json(), json!({"keys": []}));
}

#[test]
fn discovery_names_the_issuer_of_our_tokens() {
    let app = with_keys(&keys("rfc7515-a3", &[]));
    let answer = app.nobody().get("/auth/v1/.well-known/openid-configuration").send();
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let document = answer.json();
    assert_eq!(document["issuer"], claims(&signed_up(&app, "ann@example.com"))["iss"]);
    assert_eq!(
        document["jwks_uri"],
        json!(format!("{}/.well-known/jwks.json", document["issuer"].as_str().unwrap()))
    );
}
