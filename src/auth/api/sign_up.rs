//! `POST /auth/v1/signup`.

use ::http::StatusCode;
use serde::Deserialize;

use super::body::{given, nullable, read_json};
use super::{client, return_path, session_json};
use crate::auth::anonymous;
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::password::NewPassword;
use crate::auth::pkce::Challenge;
use crate::auth::sign_up::{self, Registration, SignedUp};
use crate::config::AuthConfig;
use crate::http::{Context, Response, json_response};

#[derive(Deserialize)]
struct SignUpBody {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    data: Metadata,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// A session if the address counts as confirmed at once, else the bare user.
pub async fn sign_up(mut context: Context) -> Result<Response, Error> {
    let app = context.app.clone();
    if app.config.auth.disable_signup {
        return Err(Error::SignupDisabled);
    }
    let body: SignUpBody = read_json(&mut context).await?;
    if given(body.email.as_ref()).is_none() && given(body.phone.as_ref()).is_none() {
        return sign_up_anonymously(&context, body.data).await;
    }
    let challenge =
        Challenge::parse(given(body.code_challenge.as_ref()), given(body.code_challenge_method.as_ref()));
    let registration = body.into_registration(&app.config.auth)?;
    let path = return_path(&context, challenge?);
    let body = match sign_up::sign_up(&app, registration, &client(&context), &path).await? {
        SignedUp::In(signed_in) => session_json(&signed_in),
        SignedUp::Unconfirmed(user) => user.to_json(),
    };
    Ok(json_response(StatusCode::OK, &body))
}

async fn sign_up_anonymously(context: &Context, data: Metadata) -> Result<Response, Error> {
    if !context.app.config.auth.anonymous_enabled {
        return Err(Error::AnonymousDisabled);
    }
    let signed_in = anonymous::sign_up(&context.app, data, &client(context)).await?;
    Ok(json_response(StatusCode::OK, &session_json(&signed_in)))
}

impl SignUpBody {
    /// Checks in upstream's order, which decides what a client with several mistakes hears.
    fn into_registration(self, config: &AuthConfig) -> Result<Registration, Error> {
        let (email, phone) = (given(self.email.as_ref()), given(self.phone.as_ref()));
        if email.is_some() && phone.is_some() {
            return Err(Error::Validation(
                "Only an email address or phone number should be provided on signup.".into(),
            ));
        }
        let Some(password) = given(self.password.as_ref()) else {
            return Err(Error::Validation("Signup requires a valid password".into()));
        };
        let password = NewPassword::parse(config, password)?;
        let Some(email) = email else { return Err(Error::PhoneSignupDisabled) };
        if !config.email_enabled {
            return Err(Error::EmailSignupDisabled);
        }
        Ok(Registration { email: EmailAddress::parse(email)?, password: Some(password), data: self.data })
    }
}
