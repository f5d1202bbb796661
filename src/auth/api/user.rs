//! `GET` and `PUT /auth/v1/user`: the caller's own account.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::body::{given, nullable, read_json};
use super::return_path;
use crate::app::App;
use crate::auth::account::{self, Change};
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::password::NewPassword;
use crate::auth::phone_number::PhoneNumber;
use crate::auth::pkce::Challenge;
use crate::auth::sms::Channel;
use crate::http::{Context, Response, json_response, json_text};

/// The user as the database has them now, not as the token remembers them.
pub async fn get_user(context: Context) -> Result<Response, Error> {
    Ok(json_text(StatusCode::OK, account::shown(&context.app, &context.caller).await?))
}

#[derive(Deserialize)]
struct UpdateBody {
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    current_password: Option<String>,
    nonce: Option<String>,
    channel: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    data: Metadata,
    app_metadata: Option<Value>,
}

/// Changes the user and gives them back.
pub async fn update_user(mut context: Context) -> Result<Response, Error> {
    let body: UpdateBody = read_json(&mut context).await?;
    let challenge =
        Challenge::parse(given(body.code_challenge.as_ref()), given(body.code_challenge_method.as_ref()))?;
    let path = return_path(&context, challenge);
    let change = body.into_change(&context.app)?;
    let user = account::update(&context.app, &context.caller, &change, &path).await?;
    Ok(json_response(StatusCode::OK, &user.to_json()))
}

impl UpdateBody {
    fn into_change(self, app: &App) -> Result<Change, Error> {
        let change = Change {
            email: given(self.email.as_ref()).map(EmailAddress::parse).transpose()?,
            phone: given(self.phone.as_ref()).map(PhoneNumber::parse).transpose()?,
            channel: match given(self.phone.as_ref()) {
                Some(_) => Channel::parse(app, self.channel.as_deref())?,
                None => Channel::Sms,
            },
            password: self
                .password
                .map(|password| NewPassword::parse(&app.config.auth, &password))
                .transpose()?,
            current_password: given(self.current_password.as_ref()).map(str::to_string),
            nonce: given(self.nonce.as_ref()).map(str::to_string),
            data: self.data,
        };
        // Said after what else is wrong, as upstream.
        if self.app_metadata.is_some() { Err(Error::AppMetadataNeedsAdmin) } else { Ok(change) }
    }
}
