//! `POST /auth/v1/admin/generate_link`.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::{given, nullable, read_json};
use super::return_path;
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::generate_link::{LinkRequest, generate};
use crate::auth::mailing::{Purpose, ReturnPath};
use crate::auth::metadata::Metadata;
use crate::auth::redirect;
use crate::http::{Context, Response, json_response};

#[derive(Deserialize)]
struct LinkBody {
    #[serde(rename = "type")]
    name: Option<String>,
    email: Option<String>,
    new_email: Option<String>,
    password: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    data: Metadata,
    redirect_to: Option<String>,
}

#[rustfmt::skip]
const TYPES: &[(&str, Purpose)] = &[
    ("signup",               Purpose::SignUp),
    ("invite",               Purpose::Invite),
    ("magiclink",            Purpose::MagicLink),
    ("recovery",             Purpose::Recovery),
    ("email_change_current", Purpose::EmailChangeCurrent),
    ("email_change_new",     Purpose::EmailChangeNew),
];

/// The user, with a link and a code that no mail has carried.
pub async fn generate_link(mut context: Context) -> Result<Response, Error> {
    let body: LinkBody = read_json(&mut context).await?;
    let path = path(&context, body.redirect_to.as_deref());
    let request = body.into_request(&context)?;
    let link = generate(&context.app, request, &path).await?;
    let name = TYPES.iter().find(|(_, purpose)| *purpose == link.purpose).map(|(name, _)| *name);
    let mut answer = link.user.to_json();
    if let Some(members) = answer.as_object_mut() {
        members.insert("action_link".into(), json!(link.url));
        members.insert("email_otp".into(), json!(link.token.code));
        members.insert("hashed_token".into(), json!(link.token.link));
        members.insert("verification_type".into(), json!(name));
        members.insert("redirect_to".into(), json!(path.redirect_to));
    }
    Ok(json_response(StatusCode::OK, &answer))
}

/// The body's own wish comes before the request's.
fn path(context: &Context, wish: Option<&str>) -> ReturnPath {
    let path = return_path(context, None);
    match wish.filter(|wish| redirect::is_allowed(&context.app.config.auth, wish)) {
        Some(wish) => ReturnPath { redirect_to: wish.to_string(), ..path },
        None => path,
    }
}

impl LinkBody {
    fn into_request(self, context: &Context) -> Result<LinkRequest, Error> {
        let config = &context.app.config.auth;
        let missing = || Error::Validation("An email address is required".into());
        let email = EmailAddress::parse(given(self.email.as_ref()).ok_or_else(missing)?)?;
        let name = self.name.unwrap_or_default();
        let purpose = TYPES.iter().find(|(known, _)| *known == name).map(|(_, purpose)| *purpose);
        let purpose = purpose.ok_or_else(|| {
            Error::Validation(format!("Invalid email action link type requested: {name}").into())
        })?;
        if purpose == Purpose::EmailChangeCurrent && !config.mail.secure_email_change {
            return Err(Error::Validation(
                "Enable secure email change to generate link for current email".into(),
            ));
        }
        Ok(LinkRequest {
            purpose,
            email,
            new_email: given(self.new_email.as_ref()).map(EmailAddress::parse).transpose()?,
            password: given(self.password.as_ref()).map(str::to_string),
            data: self.data,
        })
    }
}
