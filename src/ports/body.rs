//! Request and response bodies, including those the platform owns and that need not enter wasm.

use std::any::Any;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

/// A body, in or out.
#[derive(Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// Bytes in wasm's memory.
    Bytes(Bytes),
    /// Text the platform owns.
    Text(Box<dyn Text>),
    /// Bytes the platform streams.
    Stream(Box<dyn Stream>),
}

/// Text the platform owns: in a Worker, a JavaScript string handed from D1 to the response.
pub trait Text {
    /// For the platform to find its own type again.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// Copies the text in. Costs what the platform's `toString` costs; the hot paths don't.
    fn read(&self) -> String;
}

/// Bytes the platform streams: a request's body on its way to R2, or R2's on its way to a response.
#[async_trait(?Send)]
pub trait Stream {
    /// For the platform to find its own type again.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// Whether the platform can hand it on without its bytes entering wasm.
    fn is_platforms_own(&self) -> bool {
        false
    }
    /// How many bytes will come, when that is known.
    fn length(&self) -> Option<u64>;
    /// The next bytes, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, StreamError>;
}

/// Why a body could not be read whole.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamError {
    /// More bytes than the limit.
    TooLarge,
    /// Its bytes have another checksum than the one they were sent with.
    Mismatch,
    /// It broke off; the cause is for the log.
    Broken(String),
}

impl Body {
    /// How many bytes, when that is known without reading.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Text(_) => None,
            Self::Stream(stream) => stream.length(),
        }
    }

    /// As pieces, whatever it is.
    pub fn into_stream(self) -> Box<dyn Stream> {
        match self {
            Self::Empty => Box::new(OnePiece(Bytes::new())),
            Self::Bytes(bytes) => Box::new(OnePiece(bytes)),
            Self::Text(text) => Box::new(OnePiece(Bytes::from(text.read()))),
            Self::Stream(stream) => stream,
        }
    }

    /// All bytes, if there are at most `limit`.
    pub async fn read(self, limit: u64) -> Result<Bytes, StreamError> {
        if self.length().is_some_and(|length| length > limit) {
            return Err(StreamError::TooLarge);
        }
        match self {
            Self::Empty => Ok(Bytes::new()),
            Self::Bytes(bytes) => Ok(bytes),
            Self::Text(text) => Ok(Bytes::from(text.read())),
            Self::Stream(stream) => read_stream(stream, limit).await,
        }
    }
}

/// Bytes in wasm's memory as a stream.
struct OnePiece(Bytes);

#[async_trait(?Send)]
impl Stream for OnePiece {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn length(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        Ok(Some(std::mem::take(&mut self.0)).filter(|bytes| !bytes.is_empty()))
    }
}

async fn read_stream(mut stream: Box<dyn Stream>, limit: u64) -> Result<Bytes, StreamError> {
    let mut all = BytesMut::new();
    while let Some(bytes) = stream.next().await? {
        if (all.len() + bytes.len()) as u64 > limit {
            return Err(StreamError::TooLarge);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::Bytes(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Bytes(Bytes::from_static(text.as_bytes()))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Bytes(bytes) }
    }
}
