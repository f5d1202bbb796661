//! Every way the Storage API fails. The table in [`StorageError::row`] is the compatibility table:
//! Supabase Storage's codes, labels and messages.
//!
//! The HTTP status is 400 for nearly all of them, the real one stands in the body's `statusCode`:
//! clients in the field rely on it.

use crate::policy::PolicyError;
use crate::ports::{BlobError, DbError, StreamError};

/// What row-level security says of a row that may not come to be.
pub const ROW_SECURITY: &str = "new row violates row-level security policy";

/// A failure with what its message needs.
#[derive(Clone, Debug, PartialEq)]
pub enum StorageError {
    /// No such bucket, or none that the caller sees.
    NoSuchBucket,
    /// No such object, or none that the caller sees.
    NoSuchKey,
    /// The row is there, its bytes are not.
    NoBytes,
    /// A bucket that an object is to be put into does not exist.
    NoDestination,
    /// A bucket of that id or name exists.
    BucketAlreadyExists,
    /// An object of that name exists and `x-upsert` is not set.
    KeyAlreadyExists,
    /// A bucket with objects cannot be deleted.
    BucketNotEmpty,
    /// More objects than one call empties.
    BucketTooFull,
    /// A policy's `WITH CHECK`, or an upsert's `USING`: which, for people.
    RowSecurity(&'static str),
    /// A policy refuses to delete an object that is there.
    AccessDenied,
    /// Only `service_role` may.
    InvalidRole,
    /// The body does not have the shape: JSON schema's message, such as `body must have required property 'name'`.
    InvalidRequest(String),
    /// A query parameter of the wrong form.
    InvalidParameter(&'static str),
    /// An object name with characters that are not allowed.
    InvalidKey(String),
    /// A bucket name with characters that are not allowed.
    InvalidBucketName,
    /// A size limit that is no number with a unit.
    InvalidFileSizeLimit,
    /// An `X-Robots-Tag` with this unknown rule.
    InvalidRobotsTag(String),
    /// A type the bucket does not allow, or one that is none.
    InvalidMimeType(String),
    /// The object is over the size limit.
    TooLarge,
    /// The user metadata is over 1 MB.
    UserMetadataTooLarge,
    /// A multipart body without a file, or one that is none.
    NoContent(String),
    /// The range lies outside the object, which has this many bytes.
    InvalidRange(u64),
    /// A signed URL's token that does not verify: why.
    InvalidToken(&'static str),
    /// A token for another object or another action.
    InvalidSignature(&'static str),
    /// An object that cannot be rendered as an image.
    InvalidImage,
    /// An image of more bytes than are rendered.
    ImageTooLarge,
    /// An image of more pixels than are rendered.
    ImageTooManyPixels,
    /// Image transformation is switched off.
    NoTransformation,
    /// Rendering without Cloudflare Images.
    NoImages,
    /// No such upload of several requests, or one that was given up.
    NoSuchUpload,
    /// Another request is writing to the upload.
    ResourceLocked,
    /// The bytes of a direct upload are not in R2, or are not as many as were announced.
    NotUploaded,
    /// The bytes have another checksum than the one they were sent with.
    InvalidChecksum,
    /// A header that is no checksum.
    InvalidChecksumHeader(&'static str),
    /// No such rule or target of the project's settings.
    NoSuchSetting,
    /// Something upstream can do and this deployment cannot.
    NotEnabled(&'static str),
    /// The database takes no calls now.
    SlowDown(String),
    /// The database did not answer in time.
    DatabaseTimeout(String),
    /// A policy that does not compile any more.
    InvalidPolicy(String),
    /// A defect, or a store that failed; the cause is for the log.
    Internal(String),
}

/// An error as the wire has it.
pub struct Row {
    /// HTTP status.
    pub http: u16,
    /// The real status, in the body.
    pub status: &'static str,
    /// Machine-readable.
    pub code: &'static str,
    /// The older, half machine-readable label.
    pub error: &'static str,
    /// For people.
    pub message: String,
}

impl StorageError {
    /// HTTP status, real status, code, label, message.
    #[rustfmt::skip]
    pub fn row(&self) -> Row {
        let (http, status, code, error, message): (_, _, _, _, &str) = match self {
            Self::NoSuchBucket            => (400, "404", "NoSuchBucket",         "Bucket not found",     "Bucket not found"),
            Self::NoSuchKey               => (400, "404", "NoSuchKey",            "not_found",            "Object not found"),
            Self::NoBytes                 => (400, "404", "NoSuchKey",            "Not found",            "The resource was not found"),
            Self::NoDestination           => (400, "404", "InvalidRequest",       "InvalidRequest",       "The related resource does not exist"),
            Self::BucketAlreadyExists     => (400, "409", "BucketAlreadyExists",  "Duplicate",            "The resource already exists"),
            Self::KeyAlreadyExists        => (400, "409", "KeyAlreadyExists",     "Duplicate",            "The resource already exists"),
            Self::BucketNotEmpty          => (400, "409", "ResourceNotEmpty",     "ResourceNotEmpty",     "The bucket you tried to delete is not empty"),
            Self::BucketTooFull           => (400, "409", "InvalidRequest",       "InvalidRequest",       "Unable to empty the bucket because it contains too many objects"),
            Self::RowSecurity(_)          => (400, "403", "AccessDenied",         "Unauthorized",         ROW_SECURITY),
            Self::AccessDenied            => (400, "403", "AccessDenied",         "Unauthorized",         "Access denied"),
            Self::InvalidRole             => (403, "403", "AccessDenied",         "Unauthorized",         "Access denied: Invalid role"),
            Self::InvalidRequest(message) => (400, "400", "InvalidRequest",       "Error",                message),
            Self::InvalidParameter(name)  => (400, "400", "InvalidParameter",     "InvalidParameter",     &format!("Invalid Parameter {name}")),
            Self::InvalidKey(key)         => (400, "400", "InvalidKey",           "InvalidKey",           &format!("Invalid key: {key}")),
            Self::InvalidBucketName       => (400, "400", "InvalidBucketName",    "Invalid Input",        "Bucket name invalid"),
            Self::InvalidFileSizeLimit    => (400, "400", "InvalidRequest",       "InvalidRequest",       "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B"),
            Self::InvalidRobotsTag(rule)  => (400, "400", "InvalidRequest",       "invalid_x_robots_tag", &format!("Invalid X-Robots-Tag header: Invalid X-Robots-Tag rule: \"{rule}\"")),
            Self::InvalidMimeType(mime)   => (400, "415", "InvalidMimeType",      "invalid_mime_type",    &format!("mime type {mime} is not supported")),
            Self::TooLarge                => (400, "413", "EntityTooLarge",       "Payload too large",    "The object exceeded the maximum allowed size"),
            Self::UserMetadataTooLarge    => (400, "413", "EntityTooLarge",       "Payload too large",    "The user_metadata exceeded the maximum allowed size"),
            Self::NoContent(message)      => (400, "400", "InvalidRequest",       "InvalidRequest",       message),
            Self::InvalidRange(_)         => (416, "416", "InvalidRange",         "invalid_range",        "invalid range provided"),
            Self::InvalidToken(message)   => (400, "400", "InvalidJWT",           "InvalidJWT",           message),
            Self::InvalidSignature(why)   => (400, "400", "InvalidSignature",     "InvalidSignature",     why),
            Self::InvalidImage            => (400, "400", "InvalidRequest",       "InvalidRequest",       "The source image is invalid or unsupported for rendering"),
            Self::ImageTooLarge           => (400, "400", "InvalidRequest",       "InvalidRequest",       "The source image file is too large to process"),
            Self::ImageTooManyPixels      => (400, "400", "InvalidRequest",       "InvalidRequest",       "The source image resolution is too large to process"),
            Self::NoTransformation        => (403, "403", "FeatureNotEnabled",    "FeatureNotEnabled",    "feature not enabled for this tenant"),
            Self::NoImages                => (403, "403", "FeatureNotEnabled",    "FeatureNotEnabled",    "feature not enabled for this tenant: image transformation needs Cloudflare Images, bound as IMAGES in wrangler.toml"),
            Self::NoSuchUpload            => (400, "404", "NoSuchUpload",         "NoSuchUpload",         "Upload not found"),
            Self::ResourceLocked          => (400, "423", "ResourceLocked",       "ResourceLocked",       "The resource is locked"),
            Self::NotUploaded             => (400, "409", "InvalidRequest",       "NotUploaded",          "The bytes are not there, or not as many as were announced"),
            Self::InvalidChecksum         => (400, "400", "InvalidChecksum",      "InvalidChecksum",      "The content does not have the checksum it was sent with"),
            Self::InvalidChecksumHeader(name) => (400, "400", "InvalidChecksum",   "InvalidChecksum",      &format!("The header {name} is no checksum")),
            Self::NoSuchSetting           => (404, "404", "NotFound",             "not_found",            "There is no such setting"),
            Self::NotEnabled(feature)     => (400, "409", "FeatureNotEnabled",    "FeatureNotEnabled",    &format!("The feature {feature} is not enabled for this resource")),
            Self::SlowDown(_)             => (429, "429", "SlowDown",             "too_many_connections", "Too many connections issued to the database"),
            Self::DatabaseTimeout(_)      => (544, "544", "DatabaseTimeout",      "DatabaseTimeout",      "The connection to the database timed out"),
            Self::InvalidPolicy(_)        => (400, "503", "DatabaseInvalidObjectDefinition", "DatabaseInvalidObjectDefinition", "The database schema is invalid or incompatible."),
            Self::Internal(_)             => (500, "500", "InternalError",        "InternalError",        "Internal server error"),
        };
        Row { http, status, code, error, message: message.to_string() }
    }

    /// What the message, which is upstream's, does not say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::RowSecurity(hint) => Some(hint),
            Self::AccessDenied => {
                Some("The SELECT or the DELETE policies of storage.objects do not allow this row.")
            }
            _ => None,
        }
    }

    /// What went wrong behind the message, for the log.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::SlowDown(cause)
            | Self::DatabaseTimeout(cause)
            | Self::InvalidPolicy(cause)
            | Self::Internal(cause) => Some(cause),
            _ => None,
        }
    }

    /// Whether a write that failed this way may have taken effect all the same: the database's
    /// answer was lost, not refused.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self, Self::SlowDown(_) | Self::DatabaseTimeout(_) | Self::Internal(_))
    }
}

/// What the SQL of `store/` raises, and what it means.
#[rustfmt::skip]
const RAISED: &[(&str, StorageError)] = &[
    ("NoSuchBucket",     StorageError::NoSuchBucket),
    ("NoSuchKey",        StorageError::NoSuchKey),
    ("NoDestination",    StorageError::NoDestination),
    ("KeyAlreadyExists", StorageError::KeyAlreadyExists),
    ("BucketNotEmpty",   StorageError::BucketNotEmpty),
    ("BucketTooFull",    StorageError::BucketTooFull),
    ("InsertDenied",     StorageError::RowSecurity("The INSERT policies of storage.objects do not allow this row.")),
    ("SelectDenied",     StorageError::RowSecurity("The SELECT policies of storage.objects do not show the row as it would be; an upsert or a move needs them, too.")),
    ("UpdateDenied",     StorageError::RowSecurity("The UPDATE policies of storage.objects do not allow the row as it would be.")),
    ("ReplaceDenied",    StorageError::RowSecurity("The UPDATE or the SELECT policies of storage.objects do not allow the row that is there to be replaced.")),
    ("BucketDenied",     StorageError::RowSecurity("The INSERT policies of storage.buckets do not allow this row.")),
    ("BucketUpdateDenied", StorageError::RowSecurity("The UPDATE or the SELECT policies of storage.buckets do not allow the row as it would be.")),
    ("TooLarge",         StorageError::TooLarge),
    ("NoSuchUpload",     StorageError::NoSuchUpload),
    ("ResourceLocked",   StorageError::ResourceLocked),
];

/// What precedes the type in the payload of a refused type.
pub const RAISED_MIME_TYPE: &str = "InvalidMimeType:";

impl From<DbError> for StorageError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Raised(payload) => raised(payload),
            DbError::Unique { table, .. } if table == "storage.buckets" => Self::BucketAlreadyExists,
            DbError::Unique { table, .. } if table == "storage.objects" => Self::KeyAlreadyExists,
            DbError::ForeignKey => Self::NoDestination,
            DbError::Overloaded(cause) => Self::SlowDown(cause),
            DbError::Timeout(cause) => Self::DatabaseTimeout(cause),
            other => Self::Internal(format!("{other:?}")),
        }
    }
}

fn raised(payload: String) -> StorageError {
    if let Some(mime_type) = payload.strip_prefix(RAISED_MIME_TYPE) {
        return StorageError::InvalidMimeType(mime_type.to_string());
    }
    let row = RAISED.iter().find(|(name, _)| *name == payload);
    row.map_or_else(|| StorageError::Internal(format!("raised {payload}")), |(_, error)| error.clone())
}

impl From<PolicyError> for StorageError {
    fn from(error: PolicyError) -> Self {
        Self::InvalidPolicy(format!("{error:?}"))
    }
}

impl From<BlobError> for StorageError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge => Self::TooLarge,
            BlobError::Truncated => Self::NoContent("The request body broke off before its end".into()),
            BlobError::Range => Self::InvalidRange(0),
            BlobError::NoUpload => Self::NoSuchUpload,
            BlobError::Mismatch => Self::InvalidChecksum,
            BlobError::Failed(cause) => Self::Internal(cause),
        }
    }
}

impl From<StreamError> for StorageError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::TooLarge => Self::TooLarge,
            StreamError::Mismatch => Self::InvalidChecksum,
            StreamError::Broken(_) => Self::from(BlobError::Truncated),
        }
    }
}
