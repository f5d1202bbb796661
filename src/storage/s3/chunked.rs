//! Payloads on their way in: `aws-chunked` ones decoded, signatures of chunks and checksums compared.
//!
//! `1000;chunk-signature=ad80…\r\n<4,096 bytes>\r\n0;chunk-signature=b6c6…\r\nx-amz-checksum-crc32:…\r\n\r\n` → the bytes. Bytes go
//! on before the end of their chunk is seen; when something is wrong, the stream fails, and the store keeps nothing of it.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::{Buf, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::S3Error;
use super::checksum::{self, Algorithm, Checksum};
use super::signature::Signature;
use crate::crypto::{equal_secrets, hex, hmac_sha256, sha256};
use crate::ports::{Stream, StreamError};

/// The longest line between chunks.
const LONGEST_LINE: usize = 8 * 1024;

/// The most bytes of a chunk, as upstream.
const LARGEST_CHUNK: u64 = 64 * 1024 * 1024;

/// What was wrong with a payload, for whoever sees its stream fail.
pub type Verdict = Rc<RefCell<Option<S3Error>>>;

/// What a payload has to come to.
pub struct Expected {
    /// Bytes, without the frame.
    pub length: u64,
    /// A checksum that is known beforehand.
    pub checksum: Option<(Algorithm, Vec<u8>)>,
    /// A checksum that comes behind the bytes.
    pub trailer: Option<Algorithm>,
}

/// How the chunks are signed.
pub struct ChunkSignatures {
    key: [u8; 32],
    date: String,
    scope: String,
    previous: String,
    hash: Sha256,
}

impl ChunkSignatures {
    /// Starting from the request's own signature.
    pub fn new(signature: &Signature, secret: &str) -> Self {
        Self {
            key: signature.signing_key(secret),
            date: signature.date.clone(),
            scope: signature.scope(),
            previous: signature.signature.clone(),
            hash: Sha256::new(),
        }
    }

    fn check(&mut self, kind: &str, what: &str, signature: &str) -> Result<(), S3Error> {
        let text = format!("{kind}\n{}\n{}\n{}\n{what}", self.date, self.scope, self.previous);
        let expected = hex(&hmac_sha256(&self.key, text.as_bytes()));
        if !equal_secrets(expected.as_bytes(), signature.as_bytes()) {
            return Err(S3Error::SignatureDoesNotMatch);
        }
        self.previous = signature.to_string();
        Ok(())
    }
}

/// Where in the frame the reader is.
enum Place {
    /// Before a chunk's first line.
    Head,
    /// So many bytes before the chunk's end.
    Data(u64),
    /// Before the line break that ends a chunk.
    Foot,
    /// Behind the last chunk: the trailing headers so far.
    Trailers(String),
    /// No frame: all is payload.
    Plain,
    /// Behind everything.
    End,
}

/// A payload.
pub struct Payload {
    inner: Box<dyn Stream>,
    place: Place,
    buffer: BytesMut,
    signatures: Option<ChunkSignatures>,
    chunk_signature: String,
    expected: Expected,
    checksum: Option<Checksum>,
    seen: u64,
    verdict: Verdict,
}

impl Payload {
    /// Bytes without a frame, compared with what they have to come to.
    pub fn plain(inner: Box<dyn Stream>, expected: Expected, verdict: Verdict) -> Self {
        Self { place: Place::Plain, ..Self::framed(inner, None, expected, verdict) }
    }

    /// Bytes in chunks; signed ones when there are `signatures`.
    pub fn framed(
        inner: Box<dyn Stream>,
        signatures: Option<ChunkSignatures>,
        expected: Expected,
        verdict: Verdict,
    ) -> Self {
        let algorithm = expected.checksum.as_ref().map(|(algorithm, _)| *algorithm).or(expected.trailer);
        Self {
            inner,
            place: Place::Head,
            buffer: BytesMut::new(),
            signatures,
            chunk_signature: String::new(),
            checksum: algorithm.map(Checksum::new),
            expected,
            seen: 0,
            verdict,
        }
    }

    async fn advance(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            match &mut self.place {
                Place::End => return Ok(None),
                Place::Plain => {
                    let Some(bytes) = self.read().await? else {
                        self.place = Place::End;
                        self.check_end(None)?;
                        return Ok(None);
                    };
                    return self.take(bytes).map(Some);
                }
                Place::Data(0) => self.place = Place::Foot,
                Place::Data(left) => {
                    let left = *left;
                    if self.buffer.is_empty() && !self.fill().await? {
                        return Err(S3Error::IncompleteBody);
                    }
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let bytes = self.buffer.split_to(length).freeze();
                    self.place = Place::Data(left - length as u64);
                    return self.take(bytes).map(Some);
                }
                Place::Foot => {
                    if !self.line().await?.is_empty() {
                        return Err(S3Error::InvalidChunk("Invalid chunk footer"));
                    }
                    self.end_chunk()?;
                    self.place = Place::Head;
                }
                Place::Head => {
                    let line = self.line().await?;
                    self.begin_chunk(&line)?;
                }
                Place::Trailers(_) => {
                    let line = self.trailer_line().await?;
                    self.trailer(&line)?;
                }
            }
        }
    }

    fn begin_chunk(&mut self, line: &str) -> Result<(), S3Error> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let is_hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| is_hex);
        let size = size.ok_or(S3Error::InvalidChunk("Invalid chunk header"))?;
        if size > LARGEST_CHUNK {
            return Err(S3Error::InvalidChunk("Chunk size exceeds the maximum"));
        }
        if self.signatures.is_some() {
            let signature = extension.trim().strip_prefix("chunk-signature=");
            self.chunk_signature =
                signature.ok_or(S3Error::InvalidChunk("Missing chunk signature"))?.to_string();
        }
        self.place = Place::Data(size);
        if size == 0 {
            self.end_chunk()?;
            self.place = Place::Trailers(String::new());
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), S3Error> {
        let Some(signatures) = &mut self.signatures else { return Ok(()) };
        let hash = hex(&std::mem::take(&mut signatures.hash).finalize());
        let what = format!("{}\n{hash}", hex(&sha256(b"")));
        signatures.check("AWS4-HMAC-SHA256-PAYLOAD", &what, &self.chunk_signature)
    }

    /// A line behind the last chunk; an empty one, or the end, ends it all.
    fn trailer(&mut self, line: &str) -> Result<(), S3Error> {
        let Place::Trailers(mut all) = std::mem::replace(&mut self.place, Place::End) else { return Ok(()) };
        if line.is_empty() {
            return self.check_trailers(&all);
        }
        let (name, value) = line.split_once(':').ok_or(S3Error::InvalidChunk("Invalid trailer"))?;
        if name.eq_ignore_ascii_case("x-amz-trailer-signature") {
            if let Some(signatures) = &mut self.signatures {
                let what = hex(&sha256(all.as_bytes()));
                signatures.check("AWS4-HMAC-SHA256-TRAILER", &what, value.trim())?;
                self.chunk_signature.clear();
            }
        } else {
            all += &format!("{}:{}\n", name.trim().to_ascii_lowercase(), value.trim());
        }
        self.place = Place::Trailers(all);
        Ok(())
    }

    fn check_trailers(&mut self, all: &str) -> Result<(), S3Error> {
        let Some(algorithm) = self.expected.trailer else { return self.check_end(None) };
        // Of signed chunks the trailers are signed too.
        if self.signatures.is_some() && !self.chunk_signature.is_empty() {
            return Err(S3Error::SignatureDoesNotMatch);
        }
        let find = |line: &str| {
            let (name, value) = line.split_once(':')?;
            (checksum::named(name) == Some(algorithm)).then(|| value.to_string())
        };
        let value = all.lines().find_map(find).ok_or(S3Error::InvalidChunk("Missing trailer"))?;
        let value = checksum::decode(algorithm, &value).ok_or(S3Error::InvalidDigest)?;
        self.check_end(Some(value))
    }

    fn check_end(&mut self, trailer: Option<Vec<u8>>) -> Result<(), S3Error> {
        if self.seen != self.expected.length {
            return Err(S3Error::IncompleteBody);
        }
        let expected = trailer.or_else(|| self.expected.checksum.take().map(|(_, value)| value));
        match (expected, self.checksum.take()) {
            (Some(expected), Some(checksum)) => {
                if checksum.finish() == expected {
                    Ok(())
                } else {
                    Err(S3Error::BadDigest)
                }
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, bytes: Bytes) -> Result<Bytes, S3Error> {
        self.seen += bytes.len() as u64;
        if self.seen > self.expected.length {
            return Err(S3Error::IncompleteBody);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&bytes);
        }
        if let Some(signatures) = &mut self.signatures {
            signatures.hash.update(&bytes);
        }
        Ok(bytes)
    }

    async fn line(&mut self) -> Result<String, S3Error> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec())
                    .map_err(|_| S3Error::InvalidChunk("Invalid chunk header"));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(S3Error::InvalidChunk("Invalid chunk header"));
            }
            if !self.fill().await? {
                return Err(S3Error::IncompleteBody);
            }
        }
    }

    /// Clients differ in whether a line break follows the last trailer.
    async fn trailer_line(&mut self) -> Result<String, S3Error> {
        while self.buffer.is_empty() {
            if !self.fill().await? {
                return Ok(String::new());
            }
        }
        self.line().await
    }

    async fn fill(&mut self) -> Result<bool, S3Error> {
        let bytes = self.read().await?;
        bytes.as_ref().inspect(|bytes| self.buffer.extend_from_slice(bytes));
        Ok(bytes.is_some())
    }

    async fn read(&mut self) -> Result<Option<Bytes>, S3Error> {
        self.inner.next().await.map_err(|_| S3Error::IncompleteBody)
    }
}

#[async_trait(?Send)]
impl Stream for Payload {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn length(&self) -> Option<u64> {
        Some(self.expected.length)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        self.advance().await.map_err(|error| {
            let row = error.row();
            *self.verdict.borrow_mut() = Some(error);
            StreamError::Broken(row.message)
        })
    }
}
