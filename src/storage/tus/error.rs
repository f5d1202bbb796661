//! Every way TUS fails. Unlike the rest of storage it answers real statuses and plain text; the words are upstream's.

use super::super::StorageError;

/// A failure.
#[derive(Clone, Debug, PartialEq)]
pub enum TusError {
    /// No `Tus-Resumable`.
    NoVersion,
    /// Headers of the protocol that are malformed: their names.
    InvalidHeaders(String),
    /// A PATCH without `Upload-Offset`.
    NoOffset,
    /// A PATCH without `Content-Type`.
    NoContentType,
    /// No such upload.
    NotFound,
    /// An upload whose time is over.
    Gone,
    /// The upload is at another offset.
    Offset,
    /// More bytes than `Upload-Length` said.
    Size,
    /// More bytes than the bucket or the project takes.
    MaxSize,
    /// No length, or one that cannot be.
    Length,
    /// No `Upload-Metadata`.
    NoMetadata,
    /// `Upload-Concat`, which is not supported, as upstream.
    Concatenation,
    /// A finished upload cannot be terminated.
    Finished,
    /// What any upload may fail with.
    Storage(StorageError),
}

impl TusError {
    /// Status and body.
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, String) {
        let (status, text): (u16, &str) = match self {
            Self::NoVersion            => (412, "Tus-Resumable Required\n"),
            Self::InvalidHeaders(name) => return (400, format!("Invalid {name}\n")),
            Self::NoOffset             => (403, "Upload-Offset header required\n"),
            Self::NoContentType        => (403, "Content-Type header required\n"),
            Self::NotFound             => (404, "The file for this url was not found\n"),
            Self::Gone                 => (410, "The file for this url no longer exists\n"),
            Self::Offset               => (409, "Upload-Offset conflict\n"),
            Self::Size                 => (413, "upload's size exceeded\n"),
            Self::MaxSize              => (413, "Maximum size exceeded\n"),
            Self::Length               => (400, "Upload-Length or Upload-Defer-Length header required\n"),
            Self::NoMetadata           => (400, "Metadata header is required"),
            Self::Concatenation        => (501, "Concatenation extension is not (yet) supported. Disable parallel uploads in the tus client.\n"),
            Self::Finished             => (400, "Cannot terminate an already completed upload"),
            Self::Storage(error) => {
                let row = error.row();
                return (row.status.parse().unwrap_or(500), row.message);
            }
        };
        (status, text.to_string())
    }
}

impl From<StorageError> for TusError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge => Self::MaxSize,
            error => Self::Storage(error),
        }
    }
}
