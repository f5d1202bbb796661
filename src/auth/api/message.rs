//! The endpoints that send a mail: `/otp`, `/magiclink`, `/recover`, `/resend`, `/reauthenticate`, `/invite`.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::{given, nullable, read_json};
use super::return_path;
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::pkce::Challenge;
use crate::auth::resend::Again;
use crate::auth::{invite, otp, reauthenticate, recover, resend};
use crate::http::{Context, Response, json_response};

#[derive(Deserialize)]
struct MessageBody {
    #[serde(rename = "type")]
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    channel: Option<String>,
    create_user: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    data: Metadata,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// `POST /otp`: a code and a link to sign in with; makes an account unless told not to.
pub async fn send_otp(mut context: Context) -> Result<Response, Error> {
    let body: MessageBody = read_json(&mut context).await?;
    let refuse = |message: &'static str| Err(Error::Validation(message.into()));
    match (given(body.email.as_ref()), given(body.phone.as_ref())) {
        (Some(_), Some(_)) => refuse("Only an email address or phone number should be provided"),
        (Some(_), None) if given(body.channel.as_ref()).is_some() => {
            refuse("Channel should only be specified with Phone OTP")
        }
        (None, Some(_)) => Err(Error::PhoneOtpDisabled),
        (None, None) => refuse("One of email or phone must be set"),
        (Some(_), None) => send_link(context, body).await,
    }
}

/// `POST /magiclink`: the same, for an address.
pub async fn send_magic_link(mut context: Context) -> Result<Response, Error> {
    if !context.app.config.auth.email_enabled {
        return Err(Error::EmailLoginDisabled);
    }
    let body: MessageBody = read_json(&mut context).await?;
    send_link(context, MessageBody { create_user: None, ..body }).await
}

async fn send_link(context: Context, body: MessageBody) -> Result<Response, Error> {
    if !context.app.config.auth.email_enabled {
        return Err(Error::EmailLoginDisabled);
    }
    let challenge = body.challenge()?;
    let request =
        otp::Request { email: body.email()?, data: body.data, create_user: body.create_user.unwrap_or(true) };
    otp::send_otp(&context.app, request, &return_path(&context, challenge)).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `POST /recover`: a link for who forgot the password.
pub async fn recover(mut context: Context) -> Result<Response, Error> {
    if !context.app.config.auth.email_enabled {
        return Err(Error::EmailLoginDisabled);
    }
    let body: MessageBody = read_json(&mut context).await?;
    if given(body.email.as_ref()).is_none() {
        return Err(Error::Validation("Password recovery requires an email".into()));
    }
    let path = return_path(&context, body.challenge()?);
    recover::recover(&context.app, &body.email()?, &path).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `POST /resend`: the same mail again.
pub async fn resend(mut context: Context) -> Result<Response, Error> {
    let body: MessageBody = read_json(&mut context).await?;
    let refuse = |message: &'static str| Err(Error::Validation(message.into()));
    let name = body.name.as_deref().unwrap_or_default();
    let again = match name {
        "signup" => Some(Again::SignUp),
        "email_change" => Some(Again::EmailChange),
        "sms" | "phone_change" => None,
        _ => return refuse("Missing one of these types: signup, email_change, sms, phone_change"),
    };
    let challenge = body.challenge()?;
    match (again, given(body.email.as_ref()), given(body.phone.as_ref())) {
        (Some(Again::SignUp), None, _) => refuse("Type provided requires an email address"),
        (None, _, None) if name == "sms" => refuse("Type provided requires a phone number"),
        (_, Some(_), Some(_)) => refuse("Only an email address or phone number should be provided."),
        (_, None, None) => refuse("Missing email address or phone number"),
        (_, None, Some(_)) => Err(Error::PhoneResendDisabled),
        (_, Some(_), None) if !context.app.config.auth.email_enabled => Err(Error::EmailResendDisabled),
        (again, Some(_), None) => {
            let email = body.email()?;
            if let Some(again) = again {
                resend::resend(&context.app, again, &email, &return_path(&context, challenge)).await?;
            }
            Ok(json_response(StatusCode::OK, &json!({})))
        }
    }
}

/// `GET /reauthenticate`: a code for the caller.
pub async fn reauthenticate(context: Context) -> Result<Response, Error> {
    let path = return_path(&context, None);
    reauthenticate::reauthenticate(&context.app, &context.caller, &path).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `POST /invite`: an account for somebody else, for an administrator.
pub async fn invite(mut context: Context) -> Result<Response, Error> {
    let body: MessageBody = read_json(&mut context).await?;
    let email = body.email()?;
    let user = invite::invite(&context.app, email, body.data, &return_path(&context, None)).await?;
    Ok(json_response(StatusCode::OK, &user.to_json()))
}

impl MessageBody {
    fn email(&self) -> Result<EmailAddress, Error> {
        match given(self.email.as_ref()) {
            Some(email) => EmailAddress::parse(email),
            None => Err(Error::Validation("An email address is required".into())),
        }
    }

    fn challenge(&self) -> Result<Option<Challenge>, Error> {
        Challenge::parse(given(self.code_challenge.as_ref()), given(self.code_challenge_method.as_ref()))
    }
}
