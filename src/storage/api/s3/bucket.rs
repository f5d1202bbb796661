//! Buckets, and lists of what they hold.

use ::http::StatusCode;
use ::http::header::{HeaderName, LOCATION};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::object::ONLY_VERSION;
use super::{S3Request, no_content, xml};
use crate::http::{Body, Response, ResponseExt, respond};
use crate::storage::bucket::{self, Settings};
use crate::storage::s3::{Listing, S3Error, Xml, encode_path, list as list_objects};
use crate::storage::store::bucket::Page as BucketPage;
use crate::storage::store::s3_list::Page;
use crate::storage::{StorageError, key};

/// The most entries of a page.
const MOST: u32 = 1000;

#[derive(Deserialize)]
struct Named {
    name: String,
    created_at: String,
}

/// `GET /`: the buckets that the caller sees.
pub async fn list(request: S3Request) -> Result<Response, S3Error> {
    let page = BucketPage { search: "", order: None, limit: None, offset: 0, with_type: false };
    let buckets = bucket::list(&request.storage, &page).await?.read();
    let buckets: Vec<Named> =
        serde_json::from_str(&buckets).map_err(|error| StorageError::Internal(error.to_string()))?;
    Ok(xml(Xml::new("ListAllMyBucketsResult").element("Buckets", |xml| {
        xml.each(buckets, |xml, bucket| {
            xml.element("Bucket", |xml| xml.text("Name", bucket.name).text("CreationDate", bucket.created_at))
        })
    })))
}

/// `PUT /{bucket}`: a new bucket; with `x-amz-acl: public-read` a public one.
pub async fn create(mut request: S3Request) -> Result<Response, S3Error> {
    // The body may name a region, and there is but one.
    request.text().await?;
    let name = request.bucket().to_string();
    key::check_bucket_name(&name)?;
    let is_public = matches!(request.context.header("x-amz-acl"), Some("public-read" | "public-read-write"));
    let settings = Settings { public: Some(is_public), ..Settings::default() };
    bucket::create(&request.storage, &name, &name, &settings).await?;
    Ok(respond(StatusCode::OK, Body::Empty).with_header(LOCATION, format!("/{}", encode_path(&name))))
}

/// `HEAD /{bucket}`: whether the caller sees it.
pub async fn head(request: S3Request) -> Result<Response, S3Error> {
    bucket::find(&request.storage, request.bucket()).await?;
    let region = &request.context.app.config.storage.s3_region;
    Ok(respond(StatusCode::OK, Body::Empty)
        .with_header(HeaderName::from_static("x-amz-bucket-region"), region))
}

/// `DELETE /{bucket}`: an empty bucket goes.
pub async fn delete(request: S3Request) -> Result<Response, S3Error> {
    bucket::delete(&request.storage, request.bucket()).await?;
    Ok(no_content())
}

/// `GET /{bucket}?location`
pub async fn location(request: S3Request) -> Result<Response, S3Error> {
    bucket::find(&request.storage, request.bucket()).await?;
    let region = &request.context.app.config.storage.s3_region;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{region}</LocationConstraint>"
    );
    Ok(respond(StatusCode::OK, body).with_header(::http::header::CONTENT_TYPE, "application/xml"))
}

/// `GET /{bucket}?versioning`: there is none.
pub async fn versioning(request: S3Request) -> Result<Response, S3Error> {
    bucket::find(&request.storage, request.bucket()).await?;
    Ok(xml(Xml::new("VersioningConfiguration").text("Status", "Suspended").text("MfaDelete", "Disabled")))
}

/// `GET /{bucket}?list-type=2`: a page of names.
pub async fn objects_v2(request: S3Request) -> Result<Response, S3Error> {
    if request.parameter("list-type") != Some("2") {
        return Err(S3Error::InvalidArgument("list-type"));
    }
    let token = request.parameter("continuation-token");
    let decoded =
        token.map(|token| decode_token(token).ok_or(S3Error::InvalidArgument("continuation-token")));
    let decoded = decoded.transpose()?;
    let start_after = request.parameter("start-after");
    let (page, listing) = fetch(&request, start_after, decoded.as_deref()).await?;
    let count = listing.entries.len().to_string();
    let answer = head_of("ListBucketResult", &request, &page, &listing)
        .text("KeyCount", count)
        .optional("ContinuationToken", token)
        .optional("NextContinuationToken", listing.next.as_deref().map(encode_token))
        .optional("StartAfter", start_after.map(|name| encoded(&request, name)));
    Ok(xml(entries("Contents", &request, answer, &listing)))
}

/// `GET /{bucket}?versions`: every object is its only version, `null`.
pub async fn versions(request: S3Request) -> Result<Response, S3Error> {
    let marker = request.parameter("key-marker").filter(|marker| !marker.is_empty());
    let (page, listing) = fetch(&request, None, marker).await?;
    let next = listing.next.as_deref();
    let answer = head_of("ListVersionsResult", &request, &page, &listing)
        .text("KeyMarker", encoded(&request, marker.unwrap_or_default()))
        .text("VersionIdMarker", request.parameter("version-id-marker").unwrap_or_default())
        .optional("NextKeyMarker", next.map(|name| encoded(&request, name)))
        .optional("NextVersionIdMarker", next.map(|_| ONLY_VERSION));
    Ok(xml(entries("Version", &request, answer, &listing)))
}

/// `GET /{bucket}`: the same in S3's first way, with a marker.
pub async fn objects(request: S3Request) -> Result<Response, S3Error> {
    let marker = request.parameter("marker").filter(|marker| !marker.is_empty());
    // A marker may be the folded prefix where the last page ended.
    let (page, listing) = fetch(&request, None, marker).await?;
    let next = listing.next.as_deref().filter(|_| page.delimiter.is_some());
    let answer = head_of("ListBucketResult", &request, &page, &listing)
        .text("Marker", encoded(&request, marker.unwrap_or_default()))
        .optional("NextMarker", next.map(|name| encoded(&request, name)));
    Ok(xml(entries("Contents", &request, answer, &listing)))
}

async fn fetch<'a>(
    request: &'a S3Request,
    start_after: Option<&'a str>,
    token: Option<&'a str>,
) -> Result<(Page<'a>, Listing), S3Error> {
    if request.parameter("encoding-type").is_some_and(|kind| kind != "url") {
        return Err(S3Error::InvalidArgument("encoding-type"));
    }
    let page = Page {
        bucket: request.bucket(),
        prefix: request.parameter("prefix").unwrap_or_default(),
        delimiter: request.parameter("delimiter").filter(|delimiter| !delimiter.is_empty()),
        start_after,
        token,
        most: request.number("max-keys", MOST, MOST)?,
    };
    let listing = list_objects(&request.storage, &page).await?;
    Ok((page, listing))
}

fn head_of(name: &'static str, request: &S3Request, page: &Page<'_>, listing: &Listing) -> Xml {
    Xml::new(name)
        .text("Name", page.bucket)
        .text("Prefix", encoded(request, page.prefix))
        .optional("Delimiter", page.delimiter.map(|delimiter| encoded(request, delimiter)))
        .text("MaxKeys", page.most.to_string())
        .optional("EncodingType", request.parameter("encoding-type"))
        .text("IsTruncated", listing.next.is_some().to_string())
}

fn entries(kind: &'static str, request: &S3Request, answer: Xml, listing: &Listing) -> Xml {
    let (prefixes, names): (Vec<_>, Vec<_>) = listing.entries.iter().partition(|entry| entry.is_prefix == 1);
    let answer = answer.each(names, |xml, entry| {
        xml.element(kind, |xml| {
            let version = (kind == "Version").then_some([ONLY_VERSION, "true"]);
            xml.text("Key", encoded(request, &entry.path))
                .optional("VersionId", version.map(|[id, _]| id))
                .optional("IsLatest", version.map(|[_, latest]| latest))
                .text("LastModified", &entry.modified_at)
                .optional("ETag", entry.etag.as_deref())
                .text("Size", entry.size.unwrap_or_default().to_string())
                .text("StorageClass", "STANDARD")
        })
    });
    answer.each(prefixes, |xml, entry| {
        xml.element("CommonPrefixes", |xml| xml.text("Prefix", encoded(request, &entry.path)))
    })
}

/// With `encoding-type=url`, names are percent-encoded.
pub fn encoded(request: &S3Request, name: &str) -> String {
    match request.parameter("encoding-type") {
        Some(_) => encode_path(name),
        None => name.to_string(),
    }
}

/// Where a page ended, as a client gives it back.
pub fn encode_token(name: &str) -> String {
    STANDARD.encode(format!("l:{name}"))
}

/// The name in a token.
pub fn decode_token(token: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix("l:").map(str::to_string)
}
