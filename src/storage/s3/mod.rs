//! Supabase's S3 API: the same buckets and objects, spoken to in S3's protocol.
//!
//! A request is signed (`signature.rs`) with the project's S3 keys, and then has the service role's rights, or with the anon key
//! and a user's access token beside it, and then has the user's. Payloads are checked while they pass (`chunked.rs`). What
//! is done to objects are the use cases of storage; here is what only S3 has: lists, multipart uploads, forms.

mod checksum;
mod chunked;
mod error;
mod list;
mod multipart;
mod policy;
mod put;
mod remove;
mod signature;
mod xml;

pub use checksum::{Algorithm, NAMES as CHECKSUMS, decode as decode_checksum, named as checksum_named};
pub use chunked::{ChunkSignatures, Expected, Payload, Verdict};
pub use error::S3Error;
pub use list::{Listing, list};
pub use multipart::{
    CompletedPart, Incoming, PutPart, abort, begin, complete, copy_part, list_parts, list_uploads, put_part,
};
pub use policy::Policy;
pub use put::{NewObject, put};
pub use remove::{remove_many, remove_one};
pub use signature::{Signature, Signed, UNSIGNED, encode_path, presign, query_pairs};
pub use xml::{Element, Xml};
