//! From a request to what it uploads: raw, or a form with a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::form::{self, Form};
use crate::http::Context;
use crate::storage::checksum::Checksum;
use crate::storage::upload::Content;
use crate::storage::{StorageError, robots_tag};

/// The most bytes of user metadata.
const MOST_USER_METADATA: usize = 1024 * 1024;

/// The most fields of a form before the file.
const MOST_FIELDS: usize = 10;

/// Takes the body out of the request; of a form only what comes before the file is read.
pub async fn read(context: &mut Context) -> Result<Content, StorageError> {
    let robots_tag = context.header("x-robots-tag").map(str::to_string);
    robots_tag.as_deref().map_or(Ok(()), robots_tag::check)?;
    let checksum = Checksum::of_headers(|name| context.header(name))?;
    let body = std::mem::take(&mut context.body);
    let declared_size = body.length();
    let content_type = context.header("content-type").unwrap_or_default().to_string();
    if content_type.starts_with("multipart/form-data") {
        if checksum.is_some() {
            return Err(StorageError::NoContent("A form's file has no checksum of its own".to_string()));
        }
        let form = form::read(body, &content_type, MOST_FIELDS).await?;
        return of_form(form, robots_tag, declared_size);
    }
    let mime_type =
        if content_type.is_empty() { "application/octet-stream".to_string() } else { content_type };
    let body = match checksum {
        Some(checksum) => checksum.watch(body),
        None => body,
    };
    Ok(Content {
        body,
        mime_type,
        cache_control: context.header("cache-control").unwrap_or("no-cache").to_string(),
        user_metadata: user_metadata_header(context),
        robots_tag,
        size: declared_size,
        declared_size,
    })
}

/// `x-metadata`: a JSON object in base64. Anything else counts as none, as upstream.
pub fn user_metadata_header(context: &Context) -> Option<String> {
    let json = STANDARD.decode(context.header("x-metadata")?).ok()?;
    object(&String::from_utf8(json).ok()?)
}

fn of_form(
    form: Form,
    robots_tag: Option<String>,
    declared_size: Option<u64>,
) -> Result<Content, StorageError> {
    let field = |name: &str| {
        let found = form.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    };
    let user_metadata = field("metadata").or_else(|| field("userMetadata"));
    if user_metadata.is_some_and(|json| json.len() > MOST_USER_METADATA) {
        return Err(StorageError::UserMetadataTooLarge);
    }
    // Also what follows the seconds: `3600, immutable`.
    let fits_header = |value: &&str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let mime_type = field("contentType").map_or(form.file_type, str::to_string);
    let cache_control = field("cacheControl").filter(fits_header);
    Ok(Content {
        cache_control: cache_control.map_or("no-cache".to_string(), |seconds| format!("max-age={seconds}")),
        user_metadata: user_metadata.and_then(object),
        mime_type,
        body: form.file,
        robots_tag,
        size: None,
        declared_size,
    })
}

/// The text if it is a JSON object.
fn object(json: &str) -> Option<String> {
    serde_json::from_str::<Map<String, Value>>(json).ok().map(|_| json.to_string())
}
