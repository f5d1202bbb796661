//! Who sends an S3 request, and its payload as they signed it.

use bytes::Bytes;

use crate::app::App;
use crate::caller::{Caller, Role};
use crate::crypto::{equal_secrets, hex, sha256};
use crate::http::{Body, Context, refuse_revoked, token_message_storage};
use crate::ports::StreamError;
use crate::storage::s3::{
    CHECKSUMS, ChunkSignatures, Expected, Incoming, Payload, S3Error, Signature, Signed, UNSIGNED, Verdict,
    checksum_named, decode_checksum,
};
use crate::storage::{Storage, StorageError};

/// The most bytes of an XML body: 10,000 parts, each with its checksums.
const LARGEST_XML: u64 = 4 * 1024 * 1024;

/// A request whose signature is right.
pub struct S3Request {
    /// The request.
    pub context: Context,
    /// Storage as its sender meets it.
    pub storage: Storage,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    /// What was wrong with the payload, once somebody has read it.
    pub verdict: Verdict,
    signature: Signature,
    secret: String,
}

impl S3Request {
    /// Verifies the signature, in the header or in the query.
    pub async fn authorize(
        context: Context,
        query: Vec<(String, String)>,
        operation: &'static str,
    ) -> Result<Self, S3Error> {
        let (signature, secret) = {
            let header = |name: &str| signed_header(&context, name);
            let signature = match context.header("authorization") {
                Some(text) if text.starts_with("AWS4-HMAC-SHA256") => Signature::of_header(text, &header)?,
                _ if query.iter().any(|(key, _)| key == "X-Amz-Credential") => {
                    Signature::of_query(&query, &header)?
                }
                _ => return Err(S3Error::NoSignature),
            };
            let method = context.method.as_str();
            let request = Signed { method, path: &context.path, query: &query, header: &header };
            let secret = verified(&context.app, &signature, |secret| signature.verify(secret, &request))?;
            signature.check_headers(context.headers.keys().map(|name| name.as_str()))?;
            (signature, secret)
        };
        let caller = caller(&context.app, &signature, operation).await?;
        let storage = Storage { caller, ..Storage::of(&context) };
        Ok(Self { context, storage, query, verdict: Verdict::default(), signature, secret })
    }

    /// The payload without the frame it may come in, and what was announced of it.
    pub fn payload(&mut self) -> Result<Incoming, S3Error> {
        let body = std::mem::take(&mut self.context.body);
        let md5 = self.context.header("content-md5").map(|text| {
            let bytes = checksum_named("content-md5").and_then(|kind| decode_checksum(kind, text));
            bytes.map(|bytes| hex(&bytes)).ok_or(S3Error::InvalidDigest)
        });
        let md5 = md5.transpose()?;
        if let Some(mode) = self.signature.payload.strip_prefix("STREAMING-") {
            let (body, size) = self.unframed(body, mode)?;
            return Ok(Incoming { body, size, sha256: None, md5 });
        }
        let size = body.length().ok_or(S3Error::MissingLength)?;
        if self.signature.payload != UNSIGNED {
            let hash = self.signature.payload.to_ascii_lowercase();
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(S3Error::InvalidArgument("x-amz-content-sha256"));
            }
            return Ok(Incoming { body, size, sha256: Some(hash), md5 });
        }
        let body = match self.header_checksum()? {
            None => body,
            Some(checksum) => {
                let expected = Expected { length: size, checksum: Some(checksum), trailer: None };
                Body::Stream(Box::new(Payload::plain(body.into_stream(), expected, self.verdict.clone())))
            }
        };
        Ok(Incoming { body, size, sha256: None, md5 })
    }

    /// An XML body, whole.
    pub async fn text(&mut self) -> Result<String, S3Error> {
        // A small body may come without its length.
        if self.context.body.length().is_none() && !self.signature.payload.starts_with("STREAMING-") {
            let bytes = read(std::mem::take(&mut self.context.body)).await?;
            self.context.body = Body::from(bytes);
        }
        let incoming = self.payload()?;
        let bytes = read(incoming.body).await?;
        if incoming.sha256.is_some_and(|hash| hash != hex(&sha256(&bytes))) {
            return Err(S3Error::PayloadHash);
        }
        if incoming.md5.is_some_and(|md5| md5 != hex(&crate::crypto::md5(&bytes))) {
            return Err(S3Error::BadDigest);
        }
        String::from_utf8(bytes.to_vec()).map_err(|_| S3Error::MalformedXml)
    }

    /// `AWS4-HMAC-SHA256-PAYLOAD`, the same with `-TRAILER`, or `UNSIGNED-PAYLOAD-TRAILER`.
    fn unframed(&self, body: Body, mode: &str) -> Result<(Body, u64), S3Error> {
        let signatures = match mode {
            "AWS4-HMAC-SHA256-PAYLOAD" | "AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
                Some(ChunkSignatures::new(&self.signature, &self.secret))
            }
            "UNSIGNED-PAYLOAD-TRAILER" => None,
            _ => return Err(S3Error::NotImplemented),
        };
        let length = self.context.header("x-amz-decoded-content-length").and_then(|text| text.parse().ok());
        let length: u64 = length.ok_or(S3Error::MissingLength)?;
        let trailer = self.context.header("x-amz-trailer").and_then(|names| names.split(',').next());
        let trailer = trailer.map(|name| checksum_named(name.trim()).ok_or(S3Error::NotImplemented));
        let checksum = self.header_checksum()?;
        let expected = Expected { length, checksum, trailer: trailer.transpose()? };
        let payload = Payload::framed(body.into_stream(), signatures, expected, self.verdict.clone());
        Ok((Body::Stream(Box::new(payload)), length))
    }

    fn header_checksum(&self) -> Result<Option<(crate::storage::s3::Algorithm, Vec<u8>)>, S3Error> {
        let find = |(name, kind): &(&str, _)| {
            let text = self.context.header(name).filter(|_| name.starts_with("x-amz-"))?;
            Some(decode_checksum(*kind, text).map(|value| (*kind, value)).ok_or(S3Error::InvalidDigest))
        };
        CHECKSUMS.iter().find_map(find).transpose()
    }
}

/// The secret of the signature's key, once it is for here and now and `verify` takes it.
pub fn verified(
    app: &App,
    signature: &Signature,
    verify: impl Fn(&str) -> Result<(), S3Error>,
) -> Result<String, S3Error> {
    let config = &app.config.storage;
    signature.check_scope(&["auto", "us-east-1", "", &config.s3_region], app.now())?;
    if signature.session_token.is_some() {
        // The key's name is the project's, the secret its anon key, which is none: what counts is the token.
        let mut keys = config.anon_key.iter().chain(&app.config.publishable_keys);
        let key = keys.find(|key| verify(key).is_ok()).ok_or(S3Error::SignatureDoesNotMatch)?;
        return Ok(key.clone());
    }
    let key = config.s3_key.as_ref().ok_or(S3Error::InvalidAccessKey)?;
    if !equal_secrets(key.id.as_bytes(), signature.access_key.as_bytes()) {
        return Err(S3Error::InvalidAccessKey);
    }
    verify(&key.secret)?;
    Ok(key.secret.clone())
}

/// The service role with the project's keys; with a session token, whoever that speaks for.
pub async fn caller(app: &App, signature: &Signature, operation: &'static str) -> Result<Caller, S3Error> {
    let Some(token) = &signature.session_token else { return Ok(Caller::with_role(Role::ServiceRole)) };
    let claims = app.verify_token(token).await;
    let claims = claims.map_err(|error| S3Error::Token(token_message_storage(error)))?;
    let caller = Caller::from_claims(claims);
    refuse_revoked(app, &caller).await.map_err(|_| S3Error::Token("The session has ended"))?;
    Ok(Caller { operation: Some(operation), ..caller })
}

/// A header as the client sent it; several of one name are joined, as the signature has them.
fn signed_header(context: &Context, name: &str) -> Option<String> {
    if name == "host" {
        return context.origin.split_once("://").map(|(_, host)| host.to_string());
    }
    let values: Vec<&str> =
        context.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn read(body: Body) -> Result<Bytes, S3Error> {
    body.read(LARGEST_XML).await.map_err(|error| match error {
        StreamError::TooLarge => StorageError::TooLarge.into(),
        StreamError::Mismatch => StorageError::InvalidChecksum.into(),
        StreamError::Broken(_) => S3Error::IncompleteBody,
    })
}
