//! Multipart uploads.

use ::http::StatusCode;
use ::http::header::ETAG;

use super::bucket::{decode_token, encode_token, encoded};
use super::object::{check_source, copy_source, if_taken, may_replace, stored_as, user_metadata};
use super::{S3Request, no_content, xml};
use crate::http::{Body, Response, ResponseExt, respond};
use crate::ports::MOST_PARTS;
use crate::storage::s3::{self, CompletedPart, Element, PutPart, S3Error, Xml};

/// The most entries of a page.
const MOST: u32 = 1000;

/// `POST /{bucket}/{key}?uploads`: begins an upload.
pub async fn begin(mut request: S3Request) -> Result<Response, S3Error> {
    request.text().await?;
    let context = &request.context;
    let metadata = stored_as(&|name| context.header(name));
    let path = request.path()?;
    let id = s3::begin(&request.storage, &path, &metadata, user_metadata(context).as_deref()).await?;
    Ok(xml(Xml::new("InitiateMultipartUploadResult")
        .text("Bucket", &path.bucket)
        .text("Key", &path.key)
        .text("UploadId", id)))
}

/// `PUT /{bucket}/{key}?partNumber=&uploadId=`: stores a part.
pub async fn put_part(mut request: S3Request) -> Result<Response, S3Error> {
    let (number, incoming) = (part_number(&request)?, request.payload()?);
    let part = PutPart { number, incoming };
    let md5 = s3::put_part(&request.storage, &request.path()?, upload_id(&request), part).await?;
    Ok(respond(StatusCode::OK, Body::Empty).with_header(ETAG, format!("\"{md5}\"")))
}

/// The same with `x-amz-copy-source`: a part of another object's bytes.
pub async fn copy_part(request: S3Request) -> Result<Response, S3Error> {
    let (number, source) = (part_number(&request)?, copy_source(&request.context)?);
    check_source(&request, &source).await?;
    let range = request.context.header("x-amz-copy-source-range");
    let (path, id) = (request.path()?, upload_id(&request));
    let md5 = s3::copy_part(&request.storage, &path, id, number, &source, range).await?;
    Ok(xml(Xml::new("CopyPartResult")
        .text("ETag", format!("\"{md5}\""))
        .text("LastModified", request.context.app.now().to_milliseconds())))
}

/// `POST /{bucket}/{key}?uploadId=`: makes the object of its parts; with `If-None-Match: *` only a new one.
pub async fn complete(mut request: S3Request) -> Result<Response, S3Error> {
    let body = request.text().await?;
    let parts = if body.trim().is_empty() { Vec::new() } else { listed(&body)? };
    let path = request.path()?;
    let upsert = may_replace(&request.context)?;
    let completed = s3::complete(&request.storage, &path, upload_id(&request), &parts, upsert).await;
    let completed = completed.map_err(if_taken)?;
    Ok(xml(Xml::new("CompleteMultipartUploadResult")
        .text("Location", format!("{}{}", request.context.origin, request.context.path))
        .text("Bucket", &path.bucket)
        .text("Key", &path.key)
        .text("ETag", completed.etag)))
}

/// `DELETE /{bucket}/{key}?uploadId=`: gives an upload up.
pub async fn abort(request: S3Request) -> Result<Response, S3Error> {
    s3::abort(&request.storage, &request.path()?, upload_id(&request)).await?;
    Ok(no_content())
}

/// `GET /{bucket}/{key}?uploadId=`: the parts so far.
pub async fn list_parts(request: S3Request) -> Result<Response, S3Error> {
    let (path, id) = (request.path()?, upload_id(&request));
    let after = request.number("part-number-marker", 0, MOST_PARTS)?;
    let most = page_size(&request, "max-parts")?;
    let (parts, has_more) = s3::list_parts(&request.storage, &path, id, after, most).await?;
    let next = parts.last().filter(|_| has_more).map(|last| last.number.to_string());
    let answer = Xml::new("ListPartsResult")
        .text("Bucket", &path.bucket)
        .text("Key", &path.key)
        .text("UploadId", id)
        .text("PartNumberMarker", after.to_string())
        .optional("NextPartNumberMarker", next)
        .text("MaxParts", most.to_string())
        .text("IsTruncated", has_more.to_string());
    Ok(xml(answer.each(parts, |xml, part| {
        xml.element("Part", |xml| {
            xml.text("PartNumber", part.number.to_string())
                .text("LastModified", part.created_at)
                .text("ETag", format!("\"{}\"", part.md5.unwrap_or_default()))
                .text("Size", part.size.to_string())
        })
    })))
}

/// `GET /{bucket}?uploads`: open uploads.
pub async fn list_uploads(request: S3Request) -> Result<Response, S3Error> {
    let most = page_size(&request, "max-uploads")?;
    let marker = |name: &'static str| {
        let text = request.parameter(name).filter(|text| !text.is_empty());
        text.map(|text| decode_token(text).ok_or(S3Error::InvalidArgument(name))).transpose()
    };
    let (key, upload) = (marker("key-marker")?, marker("upload-id-marker")?);
    let prefix = request.parameter("prefix").unwrap_or_default();
    let delimiter = request.parameter("delimiter").filter(|delimiter| !delimiter.is_empty());
    let after = (key.as_deref().unwrap_or_default(), upload.as_deref());
    let bucket = request.bucket();
    let listing = s3::list_uploads(&request.storage, bucket, prefix, delimiter, after, most).await?;
    let next = listing.next.as_ref();
    let answer = Xml::new("ListMultipartUploadsResult")
        .text("Bucket", bucket)
        .text("KeyMarker", request.parameter("key-marker").unwrap_or_default())
        .text("UploadIdMarker", request.parameter("upload-id-marker").unwrap_or_default())
        .optional("NextKeyMarker", next.map(|(key, _)| encode_token(key)))
        .optional("NextUploadIdMarker", next.map(|(_, upload)| encode_token(upload)))
        .text("Prefix", encoded(&request, prefix))
        .optional("Delimiter", delimiter)
        .optional("EncodingType", request.parameter("encoding-type"))
        .text("MaxUploads", most.to_string())
        .text("IsTruncated", next.is_some().to_string());
    let answer = answer.each(&listing.uploads, |xml, upload| {
        xml.element("Upload", |xml| {
            xml.text("Key", encoded(&request, &upload.name))
                .text("UploadId", &upload.version)
                .text("Initiated", &upload.created_at)
                .text("StorageClass", "STANDARD")
        })
    });
    Ok(xml(answer.each(&listing.prefixes, |xml, prefix| {
        xml.element("CommonPrefixes", |xml| xml.text("Prefix", encoded(&request, prefix)))
    })))
}

/// At least one, as upstream: a page of nothing leads to no next one.
fn page_size(request: &S3Request, name: &'static str) -> Result<u32, S3Error> {
    let most = request.number(name, MOST, MOST)?;
    if most > 0 { Ok(most) } else { Err(S3Error::InvalidArgument(name)) }
}

fn upload_id(request: &S3Request) -> &str {
    request.parameter("uploadId").unwrap_or_default()
}

fn part_number(request: &S3Request) -> Result<u32, S3Error> {
    let number = request.parameter("partNumber").and_then(|text| text.parse().ok());
    number.filter(|number| (1..=MOST_PARTS).contains(number)).ok_or(S3Error::InvalidArgument("partNumber"))
}

/// `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"…"</ETag></Part>…`
fn listed(body: &str) -> Result<Vec<CompletedPart>, S3Error> {
    let root = Element::parse(body)?;
    if root.name != "CompleteMultipartUpload" {
        return Err(S3Error::MalformedXml);
    }
    let part = |part: &Element| {
        let number = part.child("PartNumber").and_then(|text| text.trim().parse().ok());
        let etag = part.child("ETag").map(|text| text.trim().trim_matches('"').to_string());
        match (number, etag) {
            (Some(number), Some(etag)) => Ok(CompletedPart { number, etag }),
            _ => Err(S3Error::MalformedXml),
        }
    };
    root.all("Part").map(part).collect()
}
