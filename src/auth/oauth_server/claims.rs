//! What an app learns of its user: an id token, and the answer of `/oauth/userinfo`. Scopes decide.

use serde_json::{Map, Value, json};

use super::scope;
use crate::app::App;
use crate::auth::error::Error;
use crate::auth::model::User;
use crate::auth::session::Session;
use crate::time::Timestamp;

/// How long an id token is good, in seconds.
const ID_TOKEN_SECONDS: i64 = 3600;

/// Whether id tokens can be signed: not with a secret, which the app would need to check one.
pub fn can_sign(app: &App) -> bool {
    app.config.signing_keys.iter().any(|key| key.signs && key.algorithm != "HS256")
}

/// An id token (OpenID Connect Core §2) for the app of a session.
pub async fn id_token(
    app: &App,
    user: &User,
    session: &Session,
    issuer: &str,
    nonce: Option<&str>,
) -> Result<String, Error> {
    let (now, scopes) = (app.now().seconds(), session.scopes.as_deref().unwrap_or_default());
    let client_id = session.oauth_client_id.as_deref();
    let signed_in = user.last_sign_in_at.as_deref().and_then(Timestamp::parse);
    let mut claims = json!({
        "iss": issuer,
        "sub": user.id,
        "aud": client_id,
        "exp": now.saturating_add(ID_TOKEN_SECONDS),
        "iat": now,
        "auth_time": signed_in.map_or(now, Timestamp::seconds),
        "email_verified": scope::has(scopes, "email") && user.email_confirmed_at.is_some(),
        "phone_number_verified": scope::has(scopes, "phone") && user.phone_confirmed_at.is_some(),
        "client_id": client_id,
    });
    if let Some(members) = claims.as_object_mut() {
        let mut add = |name: &str, value: Option<&str>| {
            members.extend(value.filter(|text| !text.is_empty()).map(|text| (name.to_string(), json!(text))));
        };
        add("nonce", nonce);
        add("email", user.email.as_deref().filter(|_| scope::has(scopes, "email")));
        add("phone_number", user.phone.as_deref().filter(|_| scope::has(scopes, "phone")));
        members.extend(profile(user, scopes));
    }
    Ok(app.sign_token(&claims).await?)
}

/// What `/oauth/userinfo` answers to a token of a session; one that no app has is told its `sub` alone.
pub fn userinfo(user: &User, session: Option<&Session>) -> Value {
    let scopes = session.and_then(|session| session.scopes.as_deref()).unwrap_or_default();
    let mut members = Map::from_iter([("sub".to_string(), json!(user.id))]);
    for (wanted, names, value, confirmed_at) in [
        ("email", ("email", "email_verified"), &user.email, &user.email_confirmed_at),
        ("phone", ("phone", "phone_verified"), &user.phone, &user.phone_confirmed_at),
    ] {
        if scope::has(scopes, wanted) {
            members.extend(value.as_ref().map(|value| (names.0.to_string(), json!(value))));
            members.extend(confirmed_at.as_ref().map(|_| (names.1.to_string(), json!(true))));
        }
    }
    members.extend(profile(user, scopes));
    if scope::has(scopes, "profile") {
        members.insert("user_metadata".into(), user.user_metadata());
    }
    Value::Object(members)
}

/// Claim, and the members of `user_metadata` it is taken from.
const PROFILE: [(&str, &[&str]); 3] = [
    ("name", &["name"]),
    ("picture", &["picture", "avatar_url"]),
    ("preferred_username", &["preferred_username", "username"]),
];

fn profile(user: &User, scopes: &str) -> Map<String, Value> {
    let mut members = Map::new();
    if !scope::has(scopes, "profile") {
        return members;
    }
    let metadata = user.user_metadata();
    for (claim, sources) in PROFILE {
        let texts = sources.iter().filter_map(|source| metadata.get(source)?.as_str());
        let address = user.email.as_deref().filter(|_| claim == "name");
        let found = texts.chain(address).find(|text| !text.is_empty());
        members.extend(found.map(|text| (claim.to_string(), json!(text))));
    }
    let updated_at = Timestamp::parse(&user.updated_at).map(Timestamp::seconds);
    members.extend(updated_at.map(|seconds| ("updated_at".to_string(), json!(seconds))));
    members
}
