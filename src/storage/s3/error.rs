//! Every way the S3 API fails: statuses and codes as S3 has them, and upstream's where it has its own.

use super::super::StorageError;

/// A failure.
#[derive(Clone, Debug, PartialEq)]
pub enum S3Error {
    /// No signature at all.
    NoSignature,
    /// A signature that is not one, or not of this kind: why.
    InvalidSignature(&'static str),
    /// An access key that is none of ours.
    InvalidAccessKey,
    /// The signature is not what the request comes to.
    SignatureDoesNotMatch,
    /// A credential for another region.
    Region,
    /// A credential for another service.
    Service,
    /// A header of S3's that the signature leaves open.
    HeadersNotSigned(String),
    /// The request's clock is more than a quarter of an hour off.
    TimeSkewed,
    /// A presigned URL or a form's policy whose time is over.
    Expired,
    /// A form that its policy does not allow: why.
    Policy(String),
    /// The session token is no good: why.
    Token(&'static str),
    /// The payload has another SHA-256 than the one that was signed.
    PayloadHash,
    /// The payload has another checksum than the one that was sent.
    BadDigest,
    /// A checksum that cannot be one.
    InvalidDigest,
    /// The payload ends before its end.
    IncompleteBody,
    /// A chunked payload that is not well formed: why.
    InvalidChunk(&'static str),
    /// The payload's length is not said.
    MissingLength,
    /// An XML body that is none, or not of the shape.
    MalformedXml,
    /// An argument of the wrong form: which.
    InvalidArgument(&'static str),
    /// A range to copy that is not within its source.
    CopyRange,
    /// A part of an object to be read: there is but the first, the object itself.
    PartNumber,
    /// A part that is not there, or is another one.
    InvalidPart(u32),
    /// Parts that are not in ascending order.
    PartOrder,
    /// A part under 5 MiB that is not the last.
    PartTooSmall,
    /// Parts of several sizes, which R2 cannot put together.
    PartSizes,
    /// A condition of the request does not hold.
    Precondition,
    /// Something S3 can do and this cannot.
    NotImplemented,
    /// The method does nothing here.
    Method,
    /// What any request may fail with.
    Storage(StorageError),
}

/// An error as the wire has it.
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// Machine-readable.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl S3Error {
    /// Status, code, message.
    #[rustfmt::skip]
    pub fn row(&self) -> Row {
        let (status, code, message): (u16, &'static str, &str) = match self {
            Self::NoSignature           => (403, "AccessDenied",             "Missing signature"),
            Self::InvalidSignature(why) => (400, "InvalidSignature",         why),
            Self::InvalidAccessKey      => (403, "InvalidAccessKeyId",       "The Access Key Id you provided does not exist in our records."),
            Self::SignatureDoesNotMatch => (403, "SignatureDoesNotMatch",    "The request signature we calculated does not match the signature you provided. Check your key and signing method."),
            Self::Region                => (403, "AccessDenied",             "Invalid Region"),
            Self::Service               => (403, "AccessDenied",             "Invalid Service"),
            Self::HeadersNotSigned(names) => (403, "AccessDenied",           &format!("There were headers present in the request which were not signed: {names}")),
            Self::TimeSkewed            => (403, "RequestTimeTooSkewed",     "The difference between the request time and the current time is too large."),
            Self::Expired               => (400, "ExpiredToken",             "The provided token has expired."),
            Self::Policy(why)           => (403, "AccessDenied",             why),
            Self::Token(why)            => (403, "AccessDenied",             why),
            Self::PayloadHash           => (400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."),
            Self::BadDigest             => (400, "BadDigest",                "The checksum you specified did not match what we received."),
            Self::InvalidDigest         => (400, "InvalidDigest",            "The checksum you specified is not valid."),
            Self::IncompleteBody        => (400, "IncompleteBody",           "You did not provide the number of bytes specified by the Content-Length HTTP header."),
            Self::InvalidChunk(why)     => (400, "InvalidRequest",           why),
            Self::MissingLength         => (411, "MissingContentLength",     "You must provide the Content-Length HTTP header."),
            Self::MalformedXml          => (400, "MalformedXML",             "The XML you provided was not well-formed or did not validate against our published schema."),
            Self::InvalidArgument(name) => (400, "InvalidParameter",         &format!("Invalid Parameter {name}")),
            Self::CopyRange             => (400, "InvalidRange",             "invalid range provided"),
            Self::PartNumber            => (416, "InvalidPartNumber",        "The requested partnumber is not satisfiable"),
            Self::InvalidPart(number)   => (400, "InvalidPart",              &format!("Part {number} could not be found, or its entity tag is another one.")),
            Self::PartOrder             => (400, "InvalidPartOrder",         "The list of parts was not in ascending order."),
            Self::PartTooSmall          => (400, "EntityTooSmall",           "Your proposed upload is smaller than the minimum allowed size: all parts but the last need 5 MiB."),
            Self::PartSizes             => (400, "InvalidRequest",           "All parts but the last must have the same size, and the last may not be larger: R2 puts no others together."),
            Self::Precondition          => (412, "PreconditionFailed",       "At least one of the preconditions you specified did not hold."),
            Self::NotImplemented        => (501, "NotImplemented",           "This operation is not implemented."),
            Self::Method                => (405, "MethodNotAllowed",         "The specified method is not allowed against this resource."),
            Self::Storage(error) => {
                let row = error.row();
                let status = row.status.parse().unwrap_or(500);
                return Row { status, code: row.code, message: row.message };
            }
        };
        Row { status, code, message: message.to_string() }
    }

    /// What went wrong behind the message, for the log.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Storage(error) => error.cause(),
            _ => None,
        }
    }
}

impl From<StorageError> for S3Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::InvalidChecksum => Self::PayloadHash,
            StorageError::NoContent(_) => Self::IncompleteBody,
            error => Self::Storage(error),
        }
    }
}
