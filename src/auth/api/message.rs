//! The endpoints that send a mail or a text message: `/otp`, `/magiclink`, `/recover`, `/resend`, `/reauthenticate`, `/invite`.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::{given, nullable, read_guarded_json, read_json};
use super::{client, return_path};
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::phone_number::PhoneNumber;
use crate::auth::pkce::Challenge;
use crate::auth::resend::{Again, TextAgain};
use crate::auth::sms::Channel;
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
    let body: MessageBody = read_guarded_json(&mut context).await?;
    let refuse = |message: &'static str| Err(Error::Validation(message.into()));
    match (given(body.email.as_ref()), given(body.phone.as_ref())) {
        (Some(_), Some(_)) => refuse("Only an email address or phone number should be provided"),
        (Some(_), None) if given(body.channel.as_ref()).is_some() => {
            refuse("Channel should only be specified with Phone OTP")
        }
        (None, Some(phone)) => {
            let phone = phone.to_string();
            body.challenge()?;
            send_text(context, &phone, body).await
        }
        (None, None) => refuse("One of email or phone must be set"),
        (Some(_), None) => send_link(context, body).await,
    }
}

async fn send_text(context: Context, phone: &str, body: MessageBody) -> Result<Response, Error> {
    let app = &context.app;
    let creates = body.create_user.unwrap_or(true);
    if creates && !app.config.auth.phone_enabled {
        return Err(Error::PhoneOtpDisabled);
    }
    let request = otp::TextRequest {
        phone: PhoneNumber::parse(phone).map_err(|error| if creates { error } else { Error::OtpDisabled })?,
        channel: Channel::parse(app, body.channel.as_deref())?,
        data: body.data,
        create_user: creates,
    };
    let message_id = otp::send_text(app, request, &return_path(&context, None)).await?;
    Ok(sent(message_id))
}

/// The answer to whoever was sent a text message.
fn sent(message_id: Option<&str>) -> Response {
    let body = match message_id {
        None => json!({}),
        Some(message_id) => json!({"message_id": message_id}),
    };
    json_response(StatusCode::OK, &body)
}

/// `POST /magiclink`: the same, for an address.
pub async fn send_magic_link(mut context: Context) -> Result<Response, Error> {
    if !context.app.config.auth.email_enabled {
        return Err(Error::EmailLoginDisabled);
    }
    if !context.app.config.auth.magic_link_enabled {
        return Err(Error::MagicLinkDisabled);
    }
    let body: MessageBody = read_guarded_json(&mut context).await?;
    if given(body.email.as_ref()).is_none() {
        return Err(Error::MagicLinkAddressMissing);
    }
    send_link(context, MessageBody { create_user: None, ..body }).await
}

async fn send_link(context: Context, body: MessageBody) -> Result<Response, Error> {
    let challenge = body.challenge()?;
    let creates = body.create_user.unwrap_or(true);
    let email = body.email().map_err(|error| if creates { error } else { Error::OtpDisabled })?;
    let request = otp::Request { email, data: body.data, create_user: creates };
    otp::send_otp(&context.app, request, &return_path(&context, challenge)).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `POST /recover`: a link for who forgot the password.
pub async fn recover(mut context: Context) -> Result<Response, Error> {
    if !context.app.config.auth.email_enabled {
        return Err(Error::EmailResendDisabled);
    }
    let body: MessageBody = read_guarded_json(&mut context).await?;
    if given(body.email.as_ref()).is_none() {
        return Err(Error::Validation("Password recovery requires an email".into()));
    }
    let path = return_path(&context, body.challenge()?);
    recover::recover(&context.app, &body.email()?, &path).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `POST /resend`: the same message again.
pub async fn resend(mut context: Context) -> Result<Response, Error> {
    let body: MessageBody = read_guarded_json(&mut context).await?;
    let config = &context.app.config.auth;
    let refuse = |message: &'static str| Err(Error::Validation(message.into()));
    let name = body.name.as_deref().unwrap_or_default();
    let challenge = match name {
        "signup" | "email_change" => body.challenge()?,
        "sms" | "phone_change" => None,
        _ => return refuse("Missing one of these types: signup, email_change, sms, phone_change"),
    };
    let (email, phone) = (given(body.email.as_ref()), given(body.phone.as_ref()));
    match (name, email, phone) {
        ("signup", None, _) => refuse("Type provided requires an email address"),
        ("sms", _, None) => refuse("Type provided requires a phone number"),
        (_, Some(_), Some(_)) => refuse("Only an email address or phone number should be provided."),
        (_, None, None) => refuse("Missing email address or phone number"),
        (_, None, Some(_)) if !config.phone_enabled => Err(Error::PhoneResendDisabled),
        (name, None, Some(phone)) => {
            let phone = PhoneNumber::parse(phone)?;
            let again = match name {
                "sms" => TextAgain::SignUp,
                "phone_change" => TextAgain::PhoneChange,
                // A change of the address of whoever has that number: not told apart from nobody's.
                _ => return Ok(sent(None)),
            };
            resend::resend_text(&context.app, again, &phone, client(&context).ip.as_deref()).await.map(sent)
        }
        (_, Some(_), None) if !config.email_enabled => Err(Error::EmailResendDisabled),
        (name, Some(email), None) => {
            let email = EmailAddress::parse(email)?;
            let again = match name {
                "signup" => Again::SignUp,
                "email_change" => Again::EmailChange,
                _ => return Ok(sent(None)),
            };
            resend::resend(&context.app, again, &email, &return_path(&context, challenge)).await?;
            Ok(sent(None))
        }
    }
}

/// `GET /reauthenticate`: a code for the caller.
pub async fn reauthenticate(context: Context) -> Result<Response, Error> {
    let path = return_path(&context, None);
    reauthenticate::reauthenticate(&context.app, &context.caller, &path).await.map(sent)
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
