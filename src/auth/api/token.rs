//! `POST /auth/v1/token?grant_type=…`.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::body::{given, nullable, read_guarded_json, read_json};
use super::{bearer, client, naming_session, return_path, session_json, session_response};
use crate::auth::contact::Contact;
use crate::auth::error::Error;
use crate::auth::exchange;
use crate::auth::id_token_grant::{self, Presented};
use crate::auth::provider::error::ProviderError;
use crate::auth::refresh;
use crate::auth::session::SignedIn;
use crate::auth::sign_in;
use crate::http::{Context, Response, json_response};

/// A session for a password, a refresh token, a code or a provider's id token.
pub async fn token(mut context: Context) -> Result<Response, Error> {
    let signed_in = match context.query_parameter("grant_type").as_deref() {
        Some("password") => {
            let signed_in = password_grant(&mut context).await?;
            let mut session = session_json(&signed_in);
            // Upstream says it of every password.
            if let Some(members) = session.as_object_mut() {
                members.entry("weak_password").or_insert(Value::Null);
            }
            return Ok(naming_session(json_response(StatusCode::OK, &session), &signed_in));
        }
        Some("refresh_token") => refresh_grant(&mut context).await?,
        Some("pkce") => pkce_grant(&mut context).await?,
        Some("id_token") => id_token_grant(&mut context).await?,
        Some("web3") => return Err(Error::Web3Disabled),
        _ => return Err(Error::UnsupportedGrantType),
    };
    Ok(session_response(&signed_in))
}

#[derive(Deserialize)]
struct PasswordBody {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
}

async fn password_grant(context: &mut Context) -> Result<SignedIn, Error> {
    let body: PasswordBody = read_guarded_json(context).await?;
    let config = &context.app.config.auth;
    let contact = match (given(body.email.as_ref()), given(body.phone.as_ref())) {
        (Some(_), Some(_)) => {
            return Err(Error::Validation(
                "Only an email address or phone number should be provided on login.".into(),
            ));
        }
        (None, None) => return Err(Error::Validation("missing email or phone".into())),
        (None, Some(_)) if !config.phone_enabled => return Err(Error::PhoneLoginDisabled),
        (Some(_), None) if !config.email_enabled => return Err(Error::EmailLoginDisabled),
        (None, Some(phone)) => Contact::Phone(phone),
        (Some(email), None) => Contact::Email(email),
    };
    let password = body.password.unwrap_or_default();
    sign_in::sign_in(&context.app, contact, &password, &client(context)).await
}

#[derive(Deserialize)]
struct RefreshBody {
    refresh_token: Option<String>,
}

async fn refresh_grant(context: &mut Context) -> Result<SignedIn, Error> {
    let body: RefreshBody = read_json(context).await?;
    let token = body.refresh_token.unwrap_or_default();
    refresh::refresh(&context.app, &token, None, &client(context)).await
}

#[derive(Deserialize)]
struct PkceBody {
    auth_code: Option<String>,
    code_verifier: Option<String>,
}

async fn pkce_grant(context: &mut Context) -> Result<SignedIn, Error> {
    let body: PkceBody = read_json(context).await?;
    let (Some(code), Some(verifier)) = (given(body.auth_code.as_ref()), given(body.code_verifier.as_ref()))
    else {
        return Err(Error::Validation(
            "invalid request: both auth code and code verifier should be non-empty".into(),
        ));
    };
    exchange::exchange(&context.app, code, verifier, &client(context)).await
}

#[derive(Deserialize)]
struct IdTokenBody {
    id_token: Option<String>,
    access_token: Option<String>,
    nonce: Option<String>,
    provider: Option<String>,
    client_id: Option<String>,
    issuer: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    link_identity: bool,
}

async fn id_token_grant(context: &mut Context) -> Result<SignedIn, Error> {
    let body: IdTokenBody = read_json(context).await?;
    let linking = if body.link_identity { Some(bearer(context).await?) } else { None };
    if body.link_identity && linking.as_ref().is_none_or(Option::is_none) {
        let description = "Linking requires a valid user access token in Authorization";
        return Err(ProviderError::IdToken("invalid request", description.into()).into());
    }
    let text = |member: &Option<String>| member.clone().unwrap_or_default();
    let presented = Presented {
        id_token: &text(&body.id_token),
        access_token: &text(&body.access_token),
        nonce: &text(&body.nonce),
        provider: &text(&body.provider),
        client_id: &text(&body.client_id),
        issuer: &text(&body.issuer),
    };
    let linking = linking.flatten();
    let path = return_path(context, None);
    id_token_grant::sign_in(&context.app, &presented, linking.as_ref(), &client(context), &path).await
}
