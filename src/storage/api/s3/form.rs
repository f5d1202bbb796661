//! `POST /{bucket}` with a form: an upload from a web page, allowed by a signed policy.

use ::http::StatusCode;
use ::http::header::{ETAG, LOCATION};
use serde_json::{Map, Value};

use super::super::form::{self, Form};
use super::authorize::{caller, verified};
use super::object::stored_as;
use super::xml;
use crate::http::{Body, Context, Response, ResponseExt, respond};
use crate::storage::Storage;
use crate::storage::key::ObjectPath;
use crate::storage::s3::{NewObject, Policy, S3Error, Signature, Xml, encode_path, put};

/// The most fields before the file.
const MOST_FIELDS: usize = 40;

/// Stores the form's file. The fields behind it are not seen.
pub async fn post(mut context: Context) -> Result<Response, S3Error> {
    let content_type = context.header("content-type").unwrap_or_default().to_string();
    let body = std::mem::take(&mut context.body);
    let form = form::read(body, &content_type, MOST_FIELDS).await?;
    let bucket = context.parameters.get("bucket").to_string();
    let fields = fields(&form, &bucket)?;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());

    let signature = Signature::of_fields(&fields)?;
    let encoded = field("policy").ok_or(S3Error::NoSignature)?;
    verified(&context.app, &signature.without_clock(context.app.now()), |secret| {
        signature.verify_policy(secret, encoded)
    })?;
    let policy = Policy::parse(encoded)?;
    policy.check(&fields, context.app.now())?;
    let storage = Storage {
        caller: caller(&context.app, &signature, "storage.s3.upload").await?,
        ..Storage::of(&context)
    };

    let key = field("key").ok_or(S3Error::InvalidArgument("key"))?;
    let key = key.replace("${filename}", form.file_name.as_deref().unwrap_or_default());
    let path = ObjectPath::new(&bucket, &key, context.app.config.storage.key_characters())?;
    let location = format!("{}{}/{}", context.origin, context.path, encode_path(&key));
    let new = NewObject {
        path: path.clone(),
        body: form.file,
        size: None,
        range: policy.range(),
        sha256: None,
        md5: None,
        described: stored_as(&field),
        user_metadata: user_metadata(&fields),
        upsert: true,
    };
    let etag = put(&storage, new).await?;
    let answer = Answer { path: &path, etag: &etag, location: &location };
    Ok(answer.as_asked(field("success_action_redirect"), field("success_action_status")))
}

/// The stored object, as a form's answer tells of it.
struct Answer<'a> {
    path: &'a ObjectPath,
    etag: &'a str,
    location: &'a str,
}

impl Answer<'_> {
    /// 200 without a wish, as upstream.
    fn as_asked(&self, redirect: Option<&str>, status: Option<&str>) -> Response {
        if let Some(url) = redirect {
            let separator = if url.contains('?') { '&' } else { '?' };
            let target = form_urlencoded::Serializer::new(String::new())
                .append_pair("bucket", &self.path.bucket)
                .append_pair("key", &self.path.key)
                .append_pair("etag", self.etag)
                .finish();
            return respond(StatusCode::SEE_OTHER, Body::Empty)
                .with_header(LOCATION, format!("{url}{separator}{target}"));
        }
        let response = match status {
            Some("201") => {
                let answer = Xml::new("PostResponse")
                    .text("Location", self.location)
                    .text("Bucket", &self.path.bucket)
                    .text("Key", &self.path.key)
                    .text("ETag", self.etag);
                let mut response = xml(answer);
                *response.status_mut() = StatusCode::CREATED;
                response
            }
            Some("204") => respond(StatusCode::NO_CONTENT, Body::Empty),
            _ => respond(StatusCode::OK, Body::Empty),
        };
        response.with_header(ETAG, self.etag).with_header(LOCATION, self.location)
    }
}

/// Names in lower case, and the bucket from the URL. A name that comes twice is refused.
fn fields(form: &Form, bucket: &str) -> Result<Vec<(String, String)>, S3Error> {
    let mut fields = vec![("bucket".to_string(), bucket.to_string())];
    for (name, value) in &form.fields {
        let name = name.to_ascii_lowercase();
        if name != "bucket" && fields.iter().any(|(other, _)| *other == name) {
            return Err(S3Error::InvalidSignature("Duplicate form field in POST policy request"));
        }
        if name != "bucket" {
            fields.push((name, value.clone()));
        } else if value != bucket {
            return Err(S3Error::Policy("Policy condition failed: \"bucket\" does not match".to_string()));
        }
    }
    Ok(fields)
}

fn user_metadata(fields: &[(String, String)]) -> Option<String> {
    let pair = |(name, value): &(String, String)| {
        Some((name.strip_prefix("x-amz-meta-")?.to_string(), Value::from(value.clone())))
    };
    let object: Map<String, Value> = fields.iter().filter_map(pair).collect();
    (!object.is_empty()).then(|| Value::Object(object).to_string())
}
