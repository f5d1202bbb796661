//! A body that comes in pieces, as the platform's does.

use std::any::Any;
use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::Bytes;
use edgeward::ports::{Stream, StreamError};

/// Pieces, then the end, or a break.
pub struct Pieces {
    pieces: VecDeque<Bytes>,
    length: Option<u64>,
    breaks: bool,
    at_the_end: Option<Box<dyn FnOnce()>>,
}

impl Pieces {
    /// The bytes in pieces of `size`, their number not known beforehand.
    pub fn of(bytes: &[u8], size: usize) -> Self {
        let pieces = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        Self { pieces, length: None, breaks: false, at_the_end: None }
    }

    /// With a `Content-Length`.
    pub fn with_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }

    /// The connection breaks after the last piece.
    pub fn then_break(self) -> Self {
        Self { breaks: true, ..self }
    }

    /// Something happens while the last piece is on its way.
    pub fn then_run(self, something: impl FnOnce() + 'static) -> Self {
        Self { at_the_end: Some(Box::new(something)), ..self }
    }
}

#[async_trait(?Send)]
impl Stream for Pieces {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        if self.pieces.is_empty()
            && let Some(something) = self.at_the_end.take()
        {
            something();
        }
        match self.pieces.pop_front() {
            Some(piece) => Ok(Some(piece)),
            None if self.breaks => Err(StreamError::Broken("the connection broke on purpose".into())),
            None => Ok(None),
        }
    }
}
