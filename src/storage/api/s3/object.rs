//! Objects: reading, storing, copying and removing them.

use ::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use ::http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::super::download::{conditions, http_date, private, with_uploaders_headers};
use super::{S3Request, no_content, xml};
use crate::http::{Body, Context, Response, ResponseExt, respond};
use crate::ports::MOST_PARTS;
use crate::storage::download::{Door, Download, Found, download, find};
use crate::storage::key::ObjectPath;
use crate::storage::metadata::Metadata;
use crate::storage::relocate::{CopyTerms, Replaced, copy as copy_object};
use crate::storage::s3::{Element, NewObject, S3Error, Xml, put as put_object, remove_many, remove_one};
use crate::storage::upload::Terms;
use crate::storage::{StorageError, mime};
use crate::time::Timestamp;

/// An object's only version, as lists of versions name it.
pub const ONLY_VERSION: &str = "null";

/// The most keys that one request removes.
const MOST_REMOVED: usize = 1000;

/// `GET` parameters that set headers of the answer.
#[rustfmt::skip]
const OVERRIDES: &[(&str, HeaderName)] = &[
    ("response-content-disposition", CONTENT_DISPOSITION),
    ("response-content-type",        CONTENT_TYPE),
    ("response-cache-control",       CACHE_CONTROL),
    ("response-content-encoding",    CONTENT_ENCODING),
    ("response-content-language",    CONTENT_LANGUAGE),
    ("response-expires",             EXPIRES),
];

/// `GET /{bucket}/{key}`: an object, or a range of it.
pub async fn get(request: S3Request) -> Result<Response, S3Error> {
    let path = request.path()?;
    check_part_number(&request)?;
    let conditions = conditions(&request.context);
    Ok(match download(&request.storage, &path, Door::Policies, &conditions).await? {
        Download::NotModified(found) => {
            check_preconditions(&request.context, &found)?;
            described(respond(StatusCode::NOT_MODIFIED, Body::Empty), &request, &found)
        }
        Download::Whole(found, body, _) => {
            check_preconditions(&request.context, &found)?;
            described(respond(StatusCode::OK, body), &request, &found)
        }
        Download::Part(found, part, body, _) => {
            check_preconditions(&request.context, &found)?;
            let size = found.metadata.length().unwrap_or(part.offset + part.length);
            let range = format!("bytes {}-{}/{size}", part.offset, part.offset + part.length - 1);
            described(respond(StatusCode::PARTIAL_CONTENT, body), &request, &found)
                .with_header(CONTENT_RANGE, range)
        }
    })
}

/// `HEAD /{bucket}/{key}`: what is known of it.
pub async fn head(request: S3Request) -> Result<Response, S3Error> {
    check_part_number(&request)?;
    let found = find(&request.storage, &request.path()?, Door::Policies).await?;
    check_preconditions(&request.context, &found)?;
    if conditions(&request.context).not_modified(&found.metadata) {
        return Ok(described(respond(StatusCode::NOT_MODIFIED, Body::Empty), &request, &found));
    }
    let length = found.metadata.length().unwrap_or_default().to_string();
    let response = described(respond(StatusCode::OK, Body::Empty), &request, &found);
    Ok(response.with_header(CONTENT_LENGTH, length))
}

/// `GET /{bucket}/{key}?tagging`: there are none.
pub async fn tagging(request: S3Request) -> Result<Response, S3Error> {
    find(&request.storage, &request.path()?, Door::Policies).await?;
    Ok(xml(Xml::new("Tagging").text("TagSet", "")))
}

/// `PUT /{bucket}/{key}`: stores an object, over one that is there; with `If-None-Match: *` only a new one.
pub async fn put(mut request: S3Request) -> Result<Response, S3Error> {
    let upsert = may_replace(&request.context)?;
    let incoming = request.payload()?;
    let mut key = request.context.parameters.get("key").to_string();
    if key.ends_with('/') && incoming.size == 0 {
        // How Supabase keeps an empty folder.
        key.push_str(".emptyFolderPlaceholder");
    }
    let context = &request.context;
    let new = NewObject {
        path: ObjectPath::new(request.bucket(), &key, context.app.config.storage.key_characters())?,
        body: incoming.body,
        size: Some(incoming.size),
        range: None,
        sha256: incoming.sha256,
        md5: incoming.md5,
        described: stored_as(&|name| context.header(name)),
        user_metadata: user_metadata(context),
        upsert,
    };
    let etag = put_object(&request.storage, new).await.map_err(if_taken)?;
    Ok(respond(StatusCode::OK, Body::Empty).with_header(ETAG, etag))
}

/// Whether what is written may take an object's place: not with `If-None-Match: *`.
pub fn may_replace(context: &Context) -> Result<bool, S3Error> {
    match (context.header("if-match"), context.header("if-none-match")) {
        (None, None) => Ok(true),
        (None, Some("*")) => Ok(false),
        _ => Err(S3Error::NotImplemented),
    }
}

/// An object is there where [`may_replace`] wants none.
pub fn if_taken(error: S3Error) -> S3Error {
    match error {
        S3Error::Storage(StorageError::KeyAlreadyExists) => S3Error::Precondition,
        error => error,
    }
}

/// `PUT /{bucket}/{key}` with `x-amz-copy-source`: a copy of another object, over one that is there or not as for [`put`].
pub async fn copy(request: S3Request) -> Result<Response, S3Error> {
    let context = &request.context;
    let source = copy_source(context)?;
    let path = request.path()?;
    check_source(&request, &source).await?;
    let replaced = match context.header("x-amz-metadata-directive") {
        None | Some("COPY") => None,
        Some("REPLACE") => Some(Replaced {
            metadata: stored_as(&|name| context.header(name)),
            user_metadata: user_metadata(context),
            is_all: true,
        }),
        Some(_) => return Err(S3Error::InvalidArgument("x-amz-metadata-directive")),
    };
    let owner = request.storage.caller.user_id().map(str::to_string);
    let terms = CopyTerms { terms: Terms { owner, upsert: may_replace(context)? }, replaced };
    let written =
        copy_object(&request.storage, &source, &path, &terms).await.map_err(|error| match error {
            // Where the copy goes; S3 has no other word for it.
            StorageError::NoDestination => StorageError::NoSuchBucket.into(),
            error => if_taken(error.into()),
        })?;
    let object: Value = serde_json::from_str(&written.object).unwrap_or_default();
    let metadata: Metadata =
        serde_json::from_value(object.get("metadata").cloned().unwrap_or_default()).unwrap_or_default();
    Ok(xml(Xml::new("CopyObjectResult")
        .text("ETag", metadata.e_tag.unwrap_or_default())
        .text("LastModified", metadata.last_modified.unwrap_or_default())))
}

/// `DELETE /{bucket}/{key}`: removes an object; one that is not there is no error.
pub async fn delete(request: S3Request) -> Result<Response, S3Error> {
    if request.context.header("if-match").is_some() {
        return Err(S3Error::NotImplemented);
    }
    let (bucket, key) = (request.bucket().to_string(), request.context.parameters.get("key").to_string());
    remove_one(&request.storage, &ObjectPath { bucket, key }).await?;
    Ok(no_content())
}

/// `POST /{bucket}?delete`: removes several.
pub async fn delete_many(mut request: S3Request) -> Result<Response, S3Error> {
    let body = Element::parse(&request.text().await?)?;
    let is_quiet = body.child("Quiet").is_some_and(|text| text.trim() == "true");
    let key = |object: &Element| object.child("Key").map(str::to_string).ok_or(S3Error::MalformedXml);
    // One of another version, or only while it is as the client knows it.
    let asks_more = |object: &Element| {
        let version = object.child("VersionId").map(str::trim);
        version.is_some_and(|version| !["", ONLY_VERSION].contains(&version))
            || object.child("ETag").is_some()
    };
    if body.all("Object").any(asks_more) {
        return Err(S3Error::NotImplemented);
    }
    let keys: Vec<String> = body.all("Object").map(key).collect::<Result<_, _>>()?;
    if body.name != "Delete" || keys.len() > MOST_REMOVED {
        return Err(S3Error::MalformedXml);
    }
    let removed = remove_many(&request.storage, request.bucket(), &keys).await?;
    let (denied, gone): (Vec<_>, Vec<_>) = keys.iter().partition(|key| removed.denied.contains(key));
    let answer = Xml::new("DeleteResult").each(gone.into_iter().filter(|_| !is_quiet), |xml, key| {
        xml.element("Deleted", |xml| xml.text("Key", key))
    });
    Ok(xml(answer.each(denied, |xml, key| {
        xml.element("Error", |xml| {
            xml.text("Key", key).text("Code", "AccessDenied").text("Message", "Access Denied")
        })
    })))
}

/// What an upload's headers, or a form's fields, say of the object; the type and the caching that are not said are S3's.
pub fn stored_as<'a>(field: &dyn Fn(&str) -> Option<&'a str>) -> Metadata {
    let said = said(field);
    let or = |said: Option<String>, text: &str| Some(said.unwrap_or_else(|| text.to_string()));
    Metadata {
        mimetype: or(said.mimetype, "application/octet-stream"),
        cache_control: or(said.cache_control, "no-cache"),
        ..said
    }
}

fn said<'a>(field: &dyn Fn(&str) -> Option<&'a str>) -> Metadata {
    let text = |name: &str| field(name).map(str::to_string);
    // The frame of a payload in chunks is this request's, not the object's.
    let encodings = field("content-encoding").into_iter().flat_map(|names| names.split(',')).map(str::trim);
    let encodings: Vec<&str> = encodings.filter(|name| !name.is_empty() && *name != "aws-chunked").collect();
    Metadata {
        mimetype: text("content-type"),
        cache_control: text("cache-control"),
        content_encoding: (!encodings.is_empty()).then(|| encodings.join(",")),
        content_disposition: text("content-disposition"),
        content_language: text("content-language"),
        ..Metadata::default()
    }
}

/// `x-amz-meta-…` as a JSON object.
pub fn user_metadata(context: &Context) -> Option<String> {
    let pairs = context.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-amz-meta-")?;
        Some((name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes()).into_owned())))
    });
    let object: Map<String, Value> = pairs.collect();
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}

/// `x-amz-copy-source: /bucket/key%20of%20it`
pub fn copy_source(context: &Context) -> Result<ObjectPath, S3Error> {
    const WRONG: S3Error = S3Error::InvalidArgument("x-amz-copy-source");
    let source = context.header(super::COPY).ok_or(WRONG)?;
    let source = match source.split_once("?versionId=") {
        None => source,
        Some((source, version)) if version == ONLY_VERSION => source,
        Some(_) => return Err(S3Error::NotImplemented),
    };
    let source = percent_decode_str(source).decode_utf8().map_err(|_| WRONG)?;
    let (bucket, key) = source.trim_start_matches('/').split_once('/').ok_or(WRONG)?;
    Ok(ObjectPath::new(bucket, key, context.app.config.storage.key_characters())?)
}

fn described(response: Response, request: &S3Request, found: &Found) -> Response {
    let metadata = &found.metadata;
    let mime_type = metadata.mimetype.as_deref().unwrap_or("application/octet-stream");
    let mut response = response
        .with_header(ACCEPT_RANGES, "bytes")
        .with_header(CONTENT_TYPE, mime_type)
        .with_header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with_header(CACHE_CONTROL, metadata.cache_control.as_deref().unwrap_or("no-cache"));
    if let Some(tag) = &metadata.e_tag {
        response = response.with_header(ETAG, tag);
    }
    if let Some(modified) = modified_at(found) {
        response = response.with_header(LAST_MODIFIED, modified.to_http_date());
    }
    response = with_uploaders_headers(response, metadata);
    response = with_user_metadata(response, found.object.user_metadata.as_deref());
    for (parameter, header) in OVERRIDES {
        if let Some(value) = request.parameter(parameter) {
            response = response.with_header(header.clone(), value);
        }
    }
    // What only some may read stays out of shared caches, whatever its uploader or its reader wants. HEAD tells what is stored.
    if !found.is_public && request.context.method == Method::GET {
        let wanted = response.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
        let kept = private(wanted.unwrap_or_default());
        response = response.with_header(CACHE_CONTROL, kept);
    }
    let served = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if served.is_some_and(mime::can_run_scripts) {
        response = response.with_header(CONTENT_SECURITY_POLICY, "sandbox");
    }
    response
}

/// Values that a header cannot hold are counted instead.
fn with_user_metadata(mut response: Response, json: Option<&str>) -> Response {
    let object: Map<String, Value> =
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let mut missing = 0;
    for (name, value) in object {
        let name = HeaderName::try_from(format!("x-amz-meta-{}", name.to_ascii_lowercase()));
        let value = value.as_str().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        match (name, value) {
            (Ok(name), Some(value)) => response = response.with_header(name, value),
            _ => missing += 1,
        }
    }
    if missing == 0 {
        return response;
    }
    response.with_header(HeaderName::from_static("x-amz-missing-meta"), missing.to_string())
}

fn modified_at(found: &Found) -> Option<Timestamp> {
    found.metadata.modified_at().or_else(|| Timestamp::parse(found.object.updated_at.as_deref()?))
}

/// Clients that read an object by its parts ask for the first, and go on as that one's answer says: every object is its own
/// only part.
fn check_part_number(request: &S3Request) -> Result<(), S3Error> {
    match request.parameter("partNumber").map(str::parse) {
        None | Some(Ok(1)) => Ok(()),
        Some(Ok(2..=MOST_PARTS)) => Err(S3Error::PartNumber),
        Some(_) => Err(S3Error::InvalidArgument("partNumber")),
    }
}

/// `If-Match` and `If-Unmodified-Since`.
fn check_preconditions(context: &Context, found: &Found) -> Result<(), S3Error> {
    holds(context.header("if-match"), context.header("if-unmodified-since"), found)
}

const SOURCE_CONDITIONS: [&str; 4] = [
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
];

/// What a copy wants its source to be.
pub async fn check_source(request: &S3Request, source: &ObjectPath) -> Result<(), S3Error> {
    let conditions = SOURCE_CONDITIONS.map(|name| request.context.header(name));
    if conditions.iter().all(Option::is_none) {
        return Ok(());
    }
    let [matches, none_match, since, unmodified] = conditions;
    let found = find(&request.storage, source, Door::Policies).await?;
    holds(matches, unmodified, &found)?;
    let has_tag = none_match.is_some_and(|tags| has_tag(tags, &found));
    let is_old = none_match.is_none()
        && since.and_then(http_date).is_some_and(|since| {
            modified_at(&found).is_some_and(|modified| modified.seconds() <= since.seconds())
        });
    if has_tag || is_old { Err(S3Error::Precondition) } else { Ok(()) }
}

/// A tag outranks a date (RFC 9110 §13.2.2).
fn holds(matches: Option<&str>, unmodified: Option<&str>, found: &Found) -> Result<(), S3Error> {
    let holds = match (matches, unmodified.and_then(http_date)) {
        (Some(tags), _) => has_tag(tags, found),
        (None, Some(date)) => modified_at(found).is_none_or(|modified| modified.seconds() <= date.seconds()),
        (None, None) => true,
    };
    if holds { Ok(()) } else { Err(S3Error::Precondition) }
}

/// With or without quotes, as clients send them.
fn has_tag(tags: &str, found: &Found) -> bool {
    let own = found.metadata.e_tag.as_deref().map(|tag| tag.trim_matches('"'));
    let mut tags = tags.split(',').map(|tag| tag.trim().trim_matches('"'));
    tags.any(|tag| tag == "*" || Some(tag) == own)
}
