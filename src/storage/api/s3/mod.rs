//! `/s3`: the S3 API, path-style. One row of [`OPERATIONS`] for each operation; what S3 knows and no row names is refused, so
//! that `PUT …?acl` never stores its body as an object.

mod authorize;
mod bucket;
mod form;
mod multipart;
mod object;

use ::http::header::{CONTENT_TYPE, HeaderName};
use ::http::{Method, StatusCode};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::http::{Asked, Body, Context, Failure, Response, ResponseExt, respond};
use crate::storage::key::ObjectPath;
use crate::storage::s3::{S3Error, Xml, query_pairs};

pub use authorize::S3Request;

type Handler = fn(S3Request) -> LocalBoxFuture<'static, Result<Response, S3Error>>;

/// What a request's path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Service,
    Bucket,
    Object,
}

/// What tells an operation from others of the same method and level: query parameters and a header that must be there.
struct Row {
    method: Method,
    level: Level,
    query: &'static str,
    header: &'static str,
    /// As policies ask by `storage.operation()`: upstream's names.
    name: &'static str,
    handler: Handler,
}

const COPY: &str = "x-amz-copy-source";

/// The first row that fits answers.
#[rustfmt::skip]
fn operations() -> [Row; 25] {
    use Level::*;
    [
        row(Method::GET,    Service, "",            "",   "storage.s3.bucket.list",                |r| bucket::list(r).boxed_local()),

        row(Method::HEAD,   Bucket,  "",            "",   "storage.s3.bucket.head",                |r| bucket::head(r).boxed_local()),
        row(Method::PUT,    Bucket,  "",            "",   "storage.s3.bucket.create",              |r| bucket::create(r).boxed_local()),
        row(Method::DELETE, Bucket,  "",            "",   "storage.s3.bucket.delete",              |r| bucket::delete(r).boxed_local()),
        row(Method::GET,    Bucket,  "location",    "",   "storage.s3.bucket.get_location",        |r| bucket::location(r).boxed_local()),
        row(Method::GET,    Bucket,  "versioning",  "",   "storage.s3.bucket.get_versioning",      |r| bucket::versioning(r).boxed_local()),
        row(Method::GET,    Bucket,  "uploads",     "",   "storage.s3.upload.list_multipart",      |r| multipart::list_uploads(r).boxed_local()),
        row(Method::GET,    Bucket,  "versions",    "",   "storage.s3.object.list",                |r| bucket::versions(r).boxed_local()),
        row(Method::GET,    Bucket,  "list-type",   "",   "storage.s3.object.list",                |r| bucket::objects_v2(r).boxed_local()),
        row(Method::GET,    Bucket,  "",            "",   "storage.s3.object.list",                |r| bucket::objects(r).boxed_local()),
        row(Method::POST,   Bucket,  "delete",      "",   "storage.s3.object.delete_many",         |r| object::delete_many(r).boxed_local()),

        row(Method::HEAD,   Object,  "",            "",   "storage.s3.object.info",                |r| object::head(r).boxed_local()),
        row(Method::GET,    Object,  "tagging",     "",   "storage.s3.object.get_tagging",         |r| object::tagging(r).boxed_local()),
        row(Method::GET,    Object,  "uploadId",    "",   "storage.s3.upload.list_parts",          |r| multipart::list_parts(r).boxed_local()),
        row(Method::GET,    Object,  "",            "",   "storage.s3.object.get",                 |r| object::get(r).boxed_local()),
        row(Method::PUT,    Object,  "uploadId",    COPY, "storage.s3.upload.part_copy",           |r| multipart::copy_part(r).boxed_local()),
        row(Method::PUT,    Object,  "uploadId",    "",   "storage.s3.upload.part",                |r| multipart::put_part(r).boxed_local()),
        row(Method::PUT,    Object,  "",            COPY, "storage.s3.object.copy",                |r| object::copy(r).boxed_local()),
        row(Method::PUT,    Object,  "",            "",   "storage.s3.upload",                     |r| object::put(r).boxed_local()),
        row(Method::POST,   Object,  "uploads",     "",   "storage.s3.upload.create_multipart",    |r| multipart::begin(r).boxed_local()),
        row(Method::POST,   Object,  "uploadId",    "",   "storage.s3.upload.complete_multipart",  |r| multipart::complete(r).boxed_local()),
        row(Method::DELETE, Object,  "uploadId",    "",   "storage.s3.upload.abort_multipart",     |r| multipart::abort(r).boxed_local()),
        row(Method::DELETE, Object,  "",            "",   "storage.s3.object.delete",              |r| object::delete(r).boxed_local()),
        row(Method::HEAD,   Service, "",            "",   "storage.s3.bucket.list",                |r| bucket::list(r).boxed_local()),
        row(Method::GET,    Object,  "attributes",  "",   "storage.s3.object.get",                 |_| async { Err(S3Error::NotImplemented) }.boxed_local()),
    ]
}

/// Parts of a query that ask for something of its own: without a row of theirs they are refused.
const ASPECTS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "list-type",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// Any request to `/s3`, `/s3/{bucket}` or `/s3/{bucket}/{key}`.
pub async fn serve(context: Context) -> Result<Response, S3Failure> {
    let resource = resource(&context);
    answer(context).await.map_err(|error| S3Failure { error, resource })
}

async fn answer(context: Context) -> Result<Response, S3Error> {
    let level = level(&context);
    let is_form = context.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    if context.method == Method::POST && level == Level::Bucket && is_form {
        return form::post(context).await;
    }
    let query = query_pairs(&context.query);
    let operation = find(&context, level, &query)?;
    let request = S3Request::authorize(context, query, operation.name).await?;
    let verdict = request.verdict.clone();
    let answer = (operation.handler)(request).await;
    // What was wrong with the payload is known better where it was read.
    answer.map_err(|error| verdict.borrow_mut().take().unwrap_or(error))
}

fn find(context: &Context, level: Level, query: &[(String, String)]) -> Result<Row, S3Error> {
    let meant = query.iter().filter(|(key, value)| key != "versionId" || value != object::ONLY_VERSION);
    let aspects: Vec<&str> = meant.map(|(key, _)| key.as_str()).filter(|key| ASPECTS.contains(key)).collect();
    let fits = |row: &Row| {
        // A part's number belongs to its upload's id, or to an object that is read.
        let reads = row.query.is_empty() && [Method::GET, Method::HEAD].contains(&row.method);
        let is_own = |aspect: &&str| {
            *aspect == row.query || (*aspect == "partNumber" && (row.query == "uploadId" || reads))
        };
        row.method == context.method
            && row.level == level
            && (row.header.is_empty() || context.header(row.header).is_some())
            && (row.query.is_empty() || aspects.contains(&row.query))
            && aspects.iter().all(is_own)
    };
    if let Some(row) = operations().into_iter().find(fits) {
        return Ok(row);
    }
    let is_known = operations().iter().any(|row| row.method == context.method && row.level == level);
    Err(if is_known { S3Error::NotImplemented } else { S3Error::Method })
}

fn row(
    method: Method,
    level: Level,
    query: &'static str,
    header: &'static str,
    name: &'static str,
    handler: Handler,
) -> Row {
    Row { method, level, query, header, name, handler }
}

fn level(context: &Context) -> Level {
    match (context.parameters.get("bucket"), context.parameters.get("key")) {
        ("", _) => Level::Service,
        (_, "") => Level::Bucket,
        _ => Level::Object,
    }
}

/// What an error names: `bucket/key`.
fn resource(context: &Context) -> String {
    let (bucket, key) = (context.parameters.get("bucket"), context.parameters.get("key"));
    if key.is_empty() { bucket.to_string() } else { format!("{bucket}/{key}") }
}

impl S3Request {
    /// The bucket that the path names.
    fn bucket(&self) -> &str {
        self.context.parameters.get("bucket")
    }

    /// The object that the path names.
    fn path(&self) -> Result<ObjectPath, S3Error> {
        let characters = self.context.app.config.storage.key_characters();
        Ok(ObjectPath::new(self.bucket(), self.context.parameters.get("key"), characters)?)
    }

    /// A query parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter that is a number of at most `most`, or the default.
    fn number(&self, name: &'static str, default: u32, most: u32) -> Result<u32, S3Error> {
        let Some(text) = self.parameter(name) else { return Ok(default) };
        let number: u32 = text.parse().map_err(|_| S3Error::InvalidArgument(name))?;
        Ok(number.min(most))
    }
}

fn xml(xml: Xml) -> Response {
    respond(StatusCode::OK, xml.finish()).with_header(CONTENT_TYPE, "application/xml")
}

fn no_content() -> Response {
    respond(StatusCode::NO_CONTENT, Body::Empty)
}

/// A failure with what it is about.
pub struct S3Failure {
    error: S3Error,
    resource: String,
}

impl Failure for S3Failure {
    fn render(&self, _: &Asked) -> Response {
        let row = self.error.row();
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Xml::bare("Error")
            .text("Resource", &self.resource)
            .text("Code", row.code)
            .text("Message", &row.message)
            .finish();
        let response = respond(status, body).with_header(CONTENT_TYPE, "application/xml");
        let response = match &self.error {
            S3Error::Storage(crate::storage::StorageError::InvalidRange(size)) => {
                response.with_header(HeaderName::from_static("content-range"), format!("bytes */{size}"))
            }
            _ => response,
        };
        match self.error.cause() {
            Some(cause) => response.with_cause(cause),
            None => response,
        }
    }
}
