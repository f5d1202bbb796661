//! `POST /auth/v1/signup`.

use ::http::StatusCode;
use serde::Deserialize;

use super::body::{given, nullable, read_guarded_json};
use super::{client, return_path, session_response};
use crate::app::App;
use crate::auth::anonymous;
use crate::auth::contact::OwnedContact;
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::password::NewPassword;
use crate::auth::phone_number::PhoneNumber;
use crate::auth::pkce::Challenge;
use crate::auth::sign_up::{self, Registration, SignedUp};
use crate::auth::sms::Channel;
use crate::http::{Context, LimitedAs, Response, json_response, limit_rate};

#[derive(Deserialize)]
struct SignUpBody {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    channel: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    data: Metadata,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// A session if the address or number counts as confirmed at once, else the bare user.
pub async fn sign_up(mut context: Context) -> Result<Response, Error> {
    let app = context.app.clone();
    let body: SignUpBody = read_guarded_json(&mut context).await?;
    if given(body.email.as_ref()).is_none() && given(body.phone.as_ref()).is_none() {
        return sign_up_anonymously(&context, body.data).await;
    }
    limit_rate(&app, LimitedAs::SignUp, &context.address).await?;
    if app.config.auth.disable_signup {
        return Err(Error::SignupDisabled);
    }
    let (registration, challenge) = body.into_registration(&app)?;
    let path = return_path(&context, challenge);
    Ok(match sign_up::sign_up(&app, registration, &client(&context), &path).await? {
        SignedUp::In(signed_in) => session_response(&signed_in),
        SignedUp::Unconfirmed(user) => json_response(StatusCode::OK, &user.to_json()),
    })
}

async fn sign_up_anonymously(context: &Context, data: Metadata) -> Result<Response, Error> {
    if !context.app.config.auth.anonymous_enabled {
        return Err(Error::AnonymousDisabled);
    }
    // Everyone could make accounts without end: they have a limit of their own, as upstream.
    limit_rate(&context.app, LimitedAs::Anonymous, &context.address).await?;
    if context.app.config.auth.disable_signup {
        return Err(Error::SignupDisabled);
    }
    let signed_in = anonymous::sign_up(&context.app, data, &client(context)).await?;
    Ok(session_response(&signed_in))
}

impl SignUpBody {
    /// Checks in upstream's order, which decides what a client with several mistakes hears.
    fn into_registration(self, app: &App) -> Result<(Registration, Option<Challenge>), Error> {
        let refuse = |message: &'static str| Err(Error::Validation(message.into()));
        let config = &app.config.auth;
        let (email, phone) = (given(self.email.as_ref()), given(self.phone.as_ref()));
        let Some(password) = given(self.password.as_ref()) else {
            return refuse("Signup requires a valid password");
        };
        let password = NewPassword::parse(config, password)?;
        if email.is_some() && phone.is_some() {
            return refuse("Only an email address or phone number should be provided on signup.");
        }
        let channel = match phone {
            Some(_) => Channel::parse(app, self.channel.as_deref())?,
            None => Channel::Sms,
        };
        let challenge = given(self.code_challenge.as_ref());
        if phone.is_some() && challenge.is_some() {
            return refuse("PKCE not supported for phone signups");
        }
        let challenge = Challenge::parse(challenge, given(self.code_challenge_method.as_ref()))?;
        let contact = match (email, phone) {
            (Some(_), _) if !config.email_enabled => return Err(Error::EmailSignupDisabled),
            (Some(email), _) => OwnedContact::Email(EmailAddress::parse(email)?),
            (None, _) if !config.phone_enabled => return Err(Error::PhoneSignupDisabled),
            (None, phone) => OwnedContact::Phone(PhoneNumber::parse(phone.unwrap_or_default())?),
        };
        Ok((Registration { contact, password: Some(password), data: self.data, channel }, challenge))
    }
}
