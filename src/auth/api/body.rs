//! Reading request bodies. As in Go, null and an absent member are the same, and unknown members are ignored.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::auth::captcha;
use crate::auth::error::Error;
use crate::caller::Access;
use crate::http::{Api, Context, Refusal, authenticate};

/// The body as JSON, whatever its content type says.
pub async fn read_json<T: DeserializeOwned>(context: &mut Context) -> Result<T, Error> {
    parse(&context.read_body().await?)
}

/// The same of an endpoint that may ask for a captcha, which an administrator need not solve.
pub async fn read_guarded_json<T: DeserializeOwned>(context: &mut Context) -> Result<T, Error> {
    #[derive(Default, Deserialize)]
    struct Guarded {
        #[serde(default, deserialize_with = "nullable")]
        gotrue_meta_security: Security,
    }
    #[derive(Default, Deserialize)]
    struct Security {
        captcha_token: Option<String>,
    }
    let bytes = context.read_body().await?;
    if context.app.config.auth.captcha.is_some() && !is_administrator(context).await {
        let Guarded { gotrue_meta_security: Security { captcha_token } } = parse(&bytes)?;
        let ip = Some(context.address.as_str()).filter(|address| !address.is_empty());
        captcha::check(&context.app, captcha_token.as_deref().unwrap_or_default(), ip).await?;
    }
    parse(&bytes)
}

async fn is_administrator(context: &Context) -> bool {
    let caller = authenticate(&context.app, Api::Auth, Access::Admin, &context.headers).await;
    caller.is_ok_and(|caller| caller.is_admin())
}

/// The same, where no body at all stands for an empty object.
pub async fn read_optional_json<T: DeserializeOwned + Default>(context: &mut Context) -> Result<T, Error> {
    let bytes = context.read_body().await?;
    if bytes.is_empty() { Ok(T::default()) } else { parse(&bytes) }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::BadJson(error.to_string()))
}

/// A member whose null means its type's default: `#[serde(default, deserialize_with = "nullable")]`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(member: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(member)?.unwrap_or_default())
}

/// The text of a member, if it is there and not empty.
pub fn given(member: Option<&String>) -> Option<&str> {
    member.map(String::as_str).filter(|text| !text.is_empty())
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BodyTooLarge => Self::BodyTooLarge,
            Refusal::BodyBroken(cause) => Self::BodyBroken(cause),
            Refusal::RateLimited(seconds) => Self::RequestLimit(seconds),
            other => Self::Unexpected(format!("{other:?}")),
        }
    }
}
