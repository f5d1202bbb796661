//! `/upload/resumable`: TUS 1.0 over HTTP (tus.io/protocols/resumable-upload), with upstream's statuses and words.
//!
//! Its signed form, `/upload/resumable/sign`, takes a signed upload URL's token in `x-signature` instead of an access token.

use std::future::Future;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use ::http::{Method, StatusCode};
use futures_util::FutureExt;

use super::terms;
use crate::http::{Asked, Body, Context, Failure, Response, ResponseExt, respond};
use crate::storage::key::{ObjectPath, check_bucket_name};
use crate::storage::signed_url::{Scope, SignedUrl};
use crate::storage::tus::{self, Chunk, Creation, Progress, TusError, UploadId, UploadMetadata};
use crate::storage::upload::Terms;
use crate::storage::{Storage, StorageError};
use crate::time::Timestamp;

const PATH: &str = "/storage/v1/upload/resumable";
const SIGNED_PATH: &str = "/storage/v1/upload/resumable/sign";

/// The media type of an upload's bytes.
const BYTES: &str = "application/offset+octet-stream";

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,creation-defer-length,termination,expiration";
const METHODS: &str = "POST, HEAD, PATCH, OPTIONS, DELETE";
const HEADERS: &str = "Authorization, Content-Type, Location, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, \
    Upload-Concat, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, \
    X-Requested-With, X-Forwarded-Host, X-Forwarded-Proto, Forwarded, X-Upsert, Upload-Expires, ApiKey, x-signature";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// Who uploads, and how the object will be theirs.
struct Uploader {
    storage: Storage,
    terms: Terms,
}

/// `OPTIONS`: what the server can do. Browsers' own preflights are answered before.
pub async fn options(context: Context) -> Result<Response, TusError> {
    let largest = context.app.config.storage.file_size_limit.to_string();
    Ok(answer(StatusCode::NO_CONTENT)
        .with_header(HeaderName::from_static("tus-version"), VERSION)
        .with_header(HeaderName::from_static("tus-extension"), EXTENSIONS)
        .with_header(HeaderName::from_static("tus-max-size"), largest)
        .with_header(HeaderName::from_static("access-control-allow-methods"), METHODS)
        .with_header(HeaderName::from_static("access-control-allow-headers"), HEADERS)
        .with_header(HeaderName::from_static("access-control-allow-origin"), "*")
        .with_header(HeaderName::from_static("access-control-max-age"), "86400"))
}

/// `POST /upload/resumable`: begins an upload; its first bytes may come along.
pub async fn create(context: Context) -> Result<Response, TusError> {
    begin(context, PATH, as_caller).await
}

/// `POST /upload/resumable/sign`
pub async fn create_signed(context: Context) -> Result<Response, TusError> {
    begin(context, SIGNED_PATH, by_signature).await
}

/// `HEAD /upload/resumable/{upload}`: how far an upload has come. Whoever knows its URL may ask.
pub async fn head(context: Context) -> Result<Response, TusError> {
    check_headers(&context)?;
    describe(&Storage::of(&context), &upload_id(&context)?).await
}

/// `HEAD /upload/resumable/sign/{upload}`
pub async fn head_signed(context: Context) -> Result<Response, TusError> {
    check_headers(&context)?;
    let id = upload_id(&context)?;
    describe(&by_signature(&context, &id.path)?.storage, &id).await
}

/// `PATCH /upload/resumable/{upload}`: adds bytes.
pub async fn append(context: Context) -> Result<Response, TusError> {
    add(context, as_caller).await
}

/// `PATCH /upload/resumable/sign/{upload}`
pub async fn append_signed(context: Context) -> Result<Response, TusError> {
    add(context, by_signature).await
}

/// `DELETE /upload/resumable/{upload}`: gives an upload up.
pub async fn terminate(context: Context) -> Result<Response, TusError> {
    give_up(context, as_caller).await
}

/// `DELETE /upload/resumable/sign/{upload}`
pub async fn terminate_signed(context: Context) -> Result<Response, TusError> {
    give_up(context, by_signature).await
}

/// `POST /upload/resumable/{upload}` with `X-HTTP-Method-Override`, for clients that cannot send the method.
pub async fn overridden(context: Context) -> Result<Response, TusError> {
    by_override(context, as_caller).await
}

/// `POST /upload/resumable/sign/{upload}` likewise.
pub async fn overridden_signed(context: Context) -> Result<Response, TusError> {
    by_override(context, by_signature).await
}

type Door = fn(&Context, &ObjectPath) -> Result<Uploader, TusError>;

fn as_caller(context: &Context, _: &ObjectPath) -> Result<Uploader, TusError> {
    Ok(Uploader { storage: Storage::of(context), terms: terms(context) })
}

/// Policies were asked when the token was made; whose the object becomes and whether it replaces stands in it.
fn by_signature(context: &Context, path: &ObjectPath) -> Result<Uploader, TusError> {
    let token = context.header("x-signature").filter(|token| !token.is_empty());
    let token = token.ok_or(StorageError::InvalidSignature("Missing x-signature header"))?;
    let (secret, now) = (&context.app.config.jwt_secret, context.app.now());
    let signed = SignedUrl::verify(token, secret, now, Scope::Upload, path)?;
    let terms = Terms { owner: signed.owner, upsert: signed.upsert.unwrap_or(false) };
    Ok(Uploader { storage: Storage::of(context).as_system(), terms })
}

async fn begin(mut context: Context, base: &str, door: Door) -> Result<Response, TusError> {
    check_headers(&context)?;
    if context.header("upload-concat").is_some() {
        return Err(TusError::Concatenation);
    }
    let size = number(&context, "upload-length")?;
    if size.is_none() == context.header("upload-defer-length").is_none() {
        return Err(TusError::Length);
    }
    let header = context.header("upload-metadata").ok_or(TusError::NoMetadata)?.to_string();
    let metadata = UploadMetadata::parse(&header).ok_or_else(|| invalid("upload-metadata"))?;
    let bucket = metadata.get("bucketName").unwrap_or_default();
    check_bucket_name(bucket)?;
    let characters = context.app.config.storage.key_characters();
    let path = ObjectPath::new(bucket, metadata.get("objectName").unwrap_or_default(), characters)?;
    let uploader = door(&context, &path)?;
    let creation = Creation { path, size, metadata, header: &header };
    let (id, expires_at) = tus::create(&uploader.storage, &creation, &uploader.terms).await?;

    let location = format!("{}{base}/{}", context.origin, id.to_segment());
    let created = answer(StatusCode::CREATED).with_header(LOCATION, location);
    let brings_bytes = context.header("content-type") == Some(BYTES);
    if !brings_bytes && size != Some(0) {
        return Ok(created.with_header(UPLOAD_EXPIRES, http_date(&expires_at)));
    }
    let body = if brings_bytes { std::mem::take(&mut context.body) } else { Body::Empty };
    let progress = write(&context, uploader, id, Chunk { offset: 0, size: None, body }).await?;
    let created = with_progress(created, &progress);
    if brings_bytes {
        return Ok(created.with_header(UPLOAD_OFFSET, progress.offset.to_string()));
    }
    Ok(created)
}

async fn add(mut context: Context, door: Door) -> Result<Response, TusError> {
    check_headers(&context)?;
    let id = upload_id(&context)?;
    let offset = number(&context, "upload-offset")?.ok_or(TusError::NoOffset)?;
    if context.header("content-type").is_none() {
        return Err(TusError::NoContentType);
    }
    let size = number(&context, "upload-length")?;
    let uploader = door(&context, &id.path)?;
    let body = std::mem::take(&mut context.body);
    let progress = write(&context, uploader, id, Chunk { offset, size, body }).await?;
    let response = with_progress(answer(StatusCode::NO_CONTENT), &progress);
    Ok(response.with_header(UPLOAD_OFFSET, progress.offset.to_string()))
}

/// Goes on when the client is gone: what has arrived is kept, and the upload is let go for the client's next try.
fn write(
    context: &Context,
    uploader: Uploader,
    id: UploadId,
    chunk: Chunk,
) -> impl Future<Output = Result<Progress, TusError>> + 'static {
    let work = async move { tus::append(&uploader.storage, &id, chunk, &uploader.terms).await };
    let work = work.boxed_local().shared();
    context.background.run(work.clone().map(|_| ()).boxed_local());
    work
}

async fn give_up(context: Context, door: Door) -> Result<Response, TusError> {
    check_headers(&context)?;
    let id = upload_id(&context)?;
    let uploader = door(&context, &id.path)?;
    tus::terminate(&uploader.storage, &id, &uploader.terms).await?;
    Ok(answer(StatusCode::NO_CONTENT))
}

async fn by_override(context: Context, door: Door) -> Result<Response, TusError> {
    match context.header("x-http-method-override") {
        Some("PATCH") => add(context, door).await,
        Some("DELETE") => give_up(context, door).await,
        _ => Err(TusError::NotFound),
    }
}

async fn describe(storage: &Storage, id: &UploadId) -> Result<Response, TusError> {
    let upload = tus::find(storage, id).await?;
    let response = answer(StatusCode::OK)
        .with_header(CACHE_CONTROL, "no-store")
        .with_header(UPLOAD_OFFSET, upload.offset.to_string());
    let response = match upload.size {
        Some(size) => response.with_header(HeaderName::from_static("upload-length"), size.to_string()),
        None => response.with_header(HeaderName::from_static("upload-defer-length"), "1"),
    };
    Ok(match &upload.header {
        Some(header) => response.with_header(HeaderName::from_static("upload-metadata"), header),
        None => response,
    })
}

fn with_progress(response: Response, progress: &Progress) -> Response {
    if progress.is_finished {
        return response.with_header(HeaderName::from_static("tus-complete"), "1");
    }
    response.with_header(UPLOAD_EXPIRES, http_date(&progress.expires_at))
}

/// The protocol's version, and the form of its headers.
fn check_headers(context: &Context) -> Result<(), TusError> {
    let version = context.header("tus-resumable").ok_or(TusError::NoVersion)?;
    let is_patch =
        context.method == Method::PATCH || context.header("x-http-method-override") == Some("PATCH");
    let malformed =
        |name: &str, is_valid: fn(&str) -> bool| context.header(name).is_some_and(|value| !is_valid(value));
    #[rustfmt::skip]
    let checks: [(&str, bool); 6] = [
        ("tus-resumable",       version != VERSION),
        ("upload-offset",       malformed("upload-offset", is_number)),
        ("upload-length",       malformed("upload-length", is_number)),
        ("upload-defer-length", malformed("upload-defer-length", |value| value == "1")),
        ("upload-metadata",     malformed("upload-metadata", |value| UploadMetadata::parse(value).is_some())),
        ("content-type",        is_patch && malformed("content-type", |value| value == BYTES)),
    ];
    let wrong: Vec<&str> = checks.into_iter().filter(|(_, wrong)| *wrong).map(|(name, _)| name).collect();
    if wrong.is_empty() { Ok(()) } else { Err(invalid(&wrong.join(" "))) }
}

fn invalid(names: &str) -> TusError {
    TusError::InvalidHeaders(names.to_string())
}

fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text && number < 1 << 53)
}

fn number(context: &Context, name: &str) -> Result<Option<u64>, TusError> {
    let number = |text: &str| text.parse().map_err(|_| invalid(name));
    context.header(name).map(number).transpose()
}

fn upload_id(context: &Context) -> Result<UploadId, TusError> {
    UploadId::parse(context.parameters.get("upload"))
}

fn http_date(stored: &str) -> String {
    Timestamp::parse(stored).map(Timestamp::to_http_date).unwrap_or_default()
}

fn answer(status: StatusCode) -> Response {
    respond(status, Body::Empty).with_header(TUS_RESUMABLE, VERSION)
}

impl Failure for TusError {
    fn render(&self, _: &Asked) -> Response {
        let (status, text) = self.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let response = respond(status, text)
            .with_header(TUS_RESUMABLE, VERSION)
            .with_header(CONTENT_TYPE, "text/plain; charset=utf-8");
        match self {
            Self::NoVersion => response.with_header(HeaderName::from_static("tus-version"), VERSION),
            Self::Storage(error) => match error.cause() {
                Some(cause) => response.with_cause(cause),
                None => response,
            },
            _ => response,
        }
    }
}
