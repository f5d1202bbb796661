//! A multipart form with one file, read as far as the file's first byte.
//!
//! The file stays a stream of unknown length. The parser wants a stream that is `Send`, which a
//! platform's never is: so it reads from a queue, and whoever waits for the parser keeps the queue
//! filled from the body.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use multer::{Field, Multipart};

use crate::http::Body;
use crate::ports::{Stream, StreamError};
use crate::storage::StorageError;

/// The most bytes of a field: the limit of user metadata, and one more to tell.
const LONGEST_FIELD: u64 = 1024 * 1024 + 1;

/// The most bytes read in search of the file, as far as they don't come at once: what all fields may have.
const LONGEST_HEAD: usize = 12 * 1024 * 1024;

/// A form whose file is not read yet.
pub struct Form {
    /// Names and values of the fields before the file.
    pub fields: Vec<(String, String)>,
    /// The file's own name.
    pub file_name: Option<String>,
    /// The file part's own type.
    pub file_type: String,
    /// The file.
    pub file: Body,
}

/// Reads the fields, so many at most, up to the first file. What follows the file is not looked at, as upstream.
pub async fn read(body: Body, content_type: &str, most_fields: usize) -> Result<Form, StorageError> {
    let boundary = multer::parse_boundary(content_type).map_err(refused)?;
    let mut feed = Feed { source: Source::of(body), queue: Arc::default(), most: Some(LONGEST_HEAD) };
    let mut form = Multipart::new(feed.parser_side(), boundary);
    let mut fields = Vec::new();
    loop {
        let part = feed.drive(form.next_field()).await?.map_err(refused)?;
        let Some(part) = part else { return Err(no_file()) };
        let file_type = part.content_type().map(ToString::to_string);
        // A file has a name; one without is still a file when its type says bytes.
        if part.file_name().is_some() || file_type.as_deref() == Some("application/octet-stream") {
            let file_name = part.file_name().map(str::to_string);
            let file_type = file_type.unwrap_or_else(|| "text/plain".to_string());
            feed.most = None;
            let file = Body::Stream(Box::new(File { part, feed }));
            return Ok(Form { fields, file_name, file_type, file });
        }
        if fields.len() == most_fields {
            return Err(StorageError::NoContent("reach fields limit".to_string()));
        }
        let name = part.name().unwrap_or_default().to_string();
        let value = field_text(&mut feed, part).await?;
        fields.push((name, value));
    }
}

async fn field_text(feed: &mut Feed, mut part: Field<'static>) -> Result<String, StorageError> {
    let mut value = Vec::new();
    while let Some(bytes) = feed.drive(part.chunk()).await?.map_err(refused)? {
        if (value.len() + bytes.len()) as u64 > LONGEST_FIELD {
            return Err(StorageError::UserMetadataTooLarge);
        }
        value.extend_from_slice(&bytes);
    }
    String::from_utf8(value).map_err(|_| StorageError::NoContent("a form field is not UTF-8".to_string()))
}

fn refused(error: multer::Error) -> StorageError {
    StorageError::NoContent(format!("Invalid multipart form: {error}"))
}

fn no_file() -> StorageError {
    StorageError::NoContent("No content provided".to_string())
}

/// The file part as a stream.
struct File {
    part: Field<'static>,
    feed: Feed,
}

#[async_trait(?Send)]
impl Stream for File {
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }

    fn length(&self) -> Option<u64> {
        None
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        let chunk = self.feed.drive(self.part.chunk()).await?;
        chunk.map_err(|error| StreamError::Broken(error.to_string()))
    }
}

/// Keeps a parser in bytes.
struct Feed {
    source: Source,
    queue: Arc<Mutex<Queue>>,
    /// How many more bytes to read, when that is limited.
    most: Option<usize>,
}

#[derive(Default)]
struct Queue {
    bytes: VecDeque<Bytes>,
    ended: bool,
}

impl Feed {
    /// The stream that the parser reads: pending while the queue is empty.
    fn parser_side(&self) -> impl futures_util::Stream<Item = Result<Bytes, StreamEnded>> + Send + 'static {
        let queue = self.queue.clone();
        stream::poll_fn(move |_| {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            match queue.bytes.pop_front() {
                Some(bytes) => Poll::Ready(Some(Ok(bytes))),
                None if queue.ended => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
    }

    /// Runs a step of the parser to its end, reading the body whenever it wants more.
    async fn drive<T>(&mut self, step: impl Future<Output = T>) -> Result<T, StreamError> {
        let mut step = pin!(step);
        loop {
            if let Some(done) = step.as_mut().now_or_never() {
                return Ok(done);
            }
            if self.most == Some(0) {
                return Err(StreamError::TooLarge);
            }
            let bytes = self.source.next().await?;
            let length = bytes.as_ref().map_or(0, Bytes::len);
            self.most = self.most.map(|most| most.saturating_sub(length));
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            match bytes {
                Some(bytes) => queue.bytes.push_back(bytes),
                None => queue.ended = true,
            }
        }
    }
}

/// The parser's stream never fails itself; a body that breaks off fails the one who feeds.
type StreamEnded = std::convert::Infallible;

/// A body as pieces.
enum Source {
    Rest(Bytes),
    Stream(Box<dyn Stream>),
}

impl Source {
    fn of(body: Body) -> Self {
        match body {
            Body::Empty => Self::Rest(Bytes::new()),
            Body::Bytes(bytes) => Self::Rest(bytes),
            Body::Text(text) => Self::Rest(Bytes::from(text.read())),
            Body::Stream(stream) => Self::Stream(stream),
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        match self {
            Self::Rest(bytes) if bytes.is_empty() => Ok(None),
            Self::Rest(bytes) => Ok(Some(std::mem::take(bytes))),
            Self::Stream(stream) => stream.next().await,
        }
    }
}
