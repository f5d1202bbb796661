//! `/auth/v1/admin/users`: everyone's accounts, for an administrator.

use ::http::header::LINK;
use ::http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{given, nullable, read_json, read_optional_json};
use crate::auth::administration::{self, Particulars, Password};
use crate::auth::ban::Ban;
use crate::auth::email_address::EmailAddress;
use crate::auth::error::Error;
use crate::auth::metadata::Metadata;
use crate::auth::model::{AUTHENTICATED, User};
use crate::auth::password::{NewPassword, imported_hash};
use crate::auth::phone_number::PhoneNumber;
use crate::auth::store::users::Page;
use crate::http::{Context, Response, ResponseExt, json_response};

#[derive(Deserialize)]
struct UserBody {
    id: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    password: Option<String>,
    password_hash: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    email_confirm: bool,
    #[serde(default, deserialize_with = "nullable")]
    phone_confirm: bool,
    aud: Option<String>,
    role: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    user_metadata: Metadata,
    #[serde(default, deserialize_with = "nullable")]
    app_metadata: Metadata,
    ban_duration: Option<String>,
}

/// `POST`: makes an account.
pub async fn create_user(mut context: Context) -> Result<Response, Error> {
    let body: UserBody = read_json(&mut context).await?;
    let id = given(body.id.as_ref()).map(Uuid::parse_str).transpose();
    let id = id.map_err(|_| Error::Validation("ID must conform to the uuid v4 format".into()))?;
    if id.is_some_and(|id: Uuid| id.is_nil()) {
        return Err(Error::Validation("ID cannot be a nil uuid".into()));
    }
    let particulars = body.into_particulars(NewPassword::of_new_account)?;
    let user = administration::create(&context.app, id, &particulars).await?;
    Ok(json_response(StatusCode::OK, &user.to_json()))
}

/// `GET /{id}`: one account.
pub async fn get_user(context: Context) -> Result<Response, Error> {
    let user = administration::by_id(&context.app, user_id(&context)?).await?;
    Ok(json_response(StatusCode::OK, &user.to_json()))
}

/// `PUT /{id}`: changes an account.
pub async fn update_user(mut context: Context) -> Result<Response, Error> {
    let id = user_id(&context)?;
    let body: UserBody = read_json(&mut context).await?;
    let judged = |password: &str| NewPassword::parse(&context.app.config.auth, password);
    if body.password.as_deref() == Some("") {
        // A new account would get none; one that is there does not lose its own, and is not said to have another.
        judged("")?;
    }
    let particulars = body.into_particulars(judged)?;
    let user = administration::update(&context.app, id, &particulars).await?;
    Ok(json_response(StatusCode::OK, &user.to_json()))
}

#[derive(Default, Deserialize)]
struct DeleteBody {
    #[serde(default, deserialize_with = "nullable")]
    should_soft_delete: bool,
}

/// `DELETE /{id}`: removes an account, or what identifies its person.
pub async fn delete_user(mut context: Context) -> Result<Response, Error> {
    let id = user_id(&context)?;
    let body: DeleteBody = read_optional_json(&mut context).await?;
    if body.should_soft_delete {
        administration::soft_delete(&context.app, id).await?;
    } else {
        administration::delete(&context.app, id).await?;
    }
    Ok(json_response(StatusCode::OK, &json!({})))
}

/// `GET`: a page of accounts, newest first unless `sort=created_at asc`.
pub async fn list_users(context: Context) -> Result<Response, Error> {
    let page = page(&context)?;
    let (users, total) = administration::list(&context.app, &page).await?;
    let users: Vec<Value> = users.iter().map(User::to_json).collect();
    let response = json_response(StatusCode::OK, &json!({"users": users, "aud": AUTHENTICATED}))
        .with_header(HeaderName::from_static("x-total-count"), total.to_string());
    Ok(response.with_header(LINK, links(&context, &page, total)))
}

pub(super) fn page(context: &Context) -> Result<Page, Error> {
    let given = |name| context.query_parameter(name).filter(|value| !value.is_empty());
    let number = |name, default| match given(name) {
        None => Ok(default),
        // Upstream takes 0 for the first page, and for the usual size.
        Some(text) => match text.parse() {
            Ok(0) => Ok(default),
            Ok(number) => Ok(number),
            Err(_) => Err(Error::Validation(
                format!("Bad Pagination Parameters: strconv.ParseUint: parsing {text:?}: invalid syntax")
                    .into(),
            )),
        },
    };
    let ascending = is_ascending(given("sort").as_deref())
        .map_err(|why| Error::Validation(format!("Bad Sort Parameters: {why}").into()))?;
    Ok(Page { number: number("page", 1)?, size: number("per_page", 50)?, ascending, filter: given("filter") })
}

/// `created_at asc` → true; newest first without a word.
fn is_ascending(sort: Option<&str>) -> Result<bool, String> {
    let Some(sort) = sort else { return Ok(false) };
    let (field, direction) = sort.split_once(' ').unwrap_or((sort, "desc"));
    if field != "created_at" {
        return Err(format!("bad field for sort '{field}'"));
    }
    match direction.to_ascii_lowercase().as_str() {
        "asc" => Ok(true),
        "desc" => Ok(false),
        _ => Err(format!("bad direction for sort '{direction}', only 'asc' and 'desc' allowed")),
    }
}

/// RFC 8288 links. `page` comes first in the query, because supabase-js reads the first parameter.
pub(super) fn links(context: &Context, page: &Page, total: u64) -> String {
    let mut more = form_urlencoded::Serializer::new(String::new());
    more.append_pair("per_page", &page.size.to_string());
    if page.ascending {
        more.append_pair("sort", "created_at asc");
    }
    for name in ["filter", "query"] {
        if let Some(value) = context.query_parameter(name).filter(|value| !value.is_empty()) {
            more.append_pair(name, &value);
        }
    }
    let (path, more) = (context.path.as_str(), more.finish());
    let link = |number: u64, rel: &str| format!("<{path}?page={number}&{more}>; rel=\"{rel}\"");
    let last = total.div_ceil(page.size).max(1);
    if page.number < last {
        return format!("{}, {}", link(page.number + 1, "next"), link(last, "last"));
    }
    link(last, "last")
}

pub(super) fn user_id(context: &Context) -> Result<Uuid, Error> {
    Uuid::parse_str(context.parameters.get("user_id")).map_err(|_| Error::UserIdNotUuid)
}

impl UserBody {
    fn into_particulars(
        self,
        new_password: impl FnOnce(&str) -> Result<NewPassword, Error>,
    ) -> Result<Particulars, Error> {
        let (password, hash) = (given(self.password.as_ref()), given(self.password_hash.as_ref()));
        let password = match (password, hash) {
            (Some(_), Some(_)) => {
                return Err(Error::Validation(
                    "Only a password or a password hash should be provided".into(),
                ));
            }
            (None, None) => None,
            (Some(password), None) => Some(Password::Clear(new_password(password)?)),
            (None, Some(hash)) => Some(Password::Hashed(imported_hash(hash)?)),
        };
        Ok(Particulars {
            email: given(self.email.as_ref()).map(EmailAddress::parse).transpose()?,
            phone: given(self.phone.as_ref()).map(PhoneNumber::parse).transpose()?,
            password,
            confirm_email: self.email_confirm,
            confirm_phone: self.phone_confirm,
            aud: given(self.aud.as_ref()).map(str::to_string),
            role: given(self.role.as_ref()).map(str::to_string),
            ban: given(self.ban_duration.as_ref()).map(Ban::parse).transpose()?,
            user_metadata: self.user_metadata,
            app_metadata: self.app_metadata,
        })
    }
}
