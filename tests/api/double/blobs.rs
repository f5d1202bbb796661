//! R2's double: whole objects or none, strongly consistent.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use edgeward::ports::{Blob, BlobError, BlobMetadata, Blobs, Body, ByteRange, StreamError};
use edgeward::time::Timestamp;

use super::blob_parts::OpenUpload;
use super::{Fault, one_turn};

/// When everything was stored.
pub const UPLOADED: Timestamp = Timestamp(1_767_225_600_000_000);

/// Objects in memory.
#[derive(Default)]
pub struct MemoryBlobs {
    objects: RefCell<BTreeMap<String, (Bytes, BlobMetadata)>>,
    pub(super) uploads: RefCell<BTreeMap<String, OpenUpload>>,
    tokens: Cell<u64>,
    takes_turns: Cell<bool>,
    /// Keys in Infrequent Access.
    pub archived: RefCell<Vec<String>>,
    /// Fails before anything is stored or removed.
    pub fault: Fault,
    /// Loses the answer of a put or a removal that took effect.
    pub lost_answer: Fault,
}

impl MemoryBlobs {
    /// All keys there are.
    pub fn keys(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    /// From now on lets other calls go before each read.
    pub fn take_turns(&self) {
        self.takes_turns.set(true);
    }

    /// How many uploads in parts are neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.uploads.borrow().len()
    }

    /// As R2 does with uploads in parts after seven days.
    pub fn drop_uploads(&self) {
        self.uploads.borrow_mut().clear();
    }

    pub(super) fn next_token(&self) -> u64 {
        self.tokens.set(self.tokens.get() + 1);
        self.tokens.get()
    }

    pub(super) fn insert(&self, key: &str, bytes: Bytes, metadata: BlobMetadata) {
        self.objects.borrow_mut().insert(key.to_string(), (bytes, metadata));
    }

    pub(super) fn metadata_of(&self, key: &str) -> Option<BlobMetadata> {
        self.objects.borrow().get(key).map(|(_, metadata)| metadata.clone())
    }

    pub(super) fn answer<T>(&self, answer: T) -> Result<T, BlobError> {
        let lost = self.lost_answer.strikes();
        if lost { Err(BlobError::Failed("R2's answer was lost on purpose".into())) } else { Ok(answer) }
    }

    pub(super) fn check(&self) -> Result<(), BlobError> {
        if self.fault.strikes() { Err(BlobError::Failed("R2 failed on purpose".into())) } else { Ok(()) }
    }
}

#[async_trait(?Send)]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &str, body: Body, limit: u64) -> Result<BlobMetadata, BlobError> {
        self.check()?;
        assert!(key.len() <= 1024, "R2 refuses keys over 1,024 bytes");
        let declared = body.length();
        let bytes = body.read(limit).await.map_err(|error| match error {
            StreamError::TooLarge => BlobError::TooLarge,
            StreamError::Mismatch => BlobError::Mismatch,
            StreamError::Broken(_) => BlobError::Truncated,
        })?;
        if declared.is_some_and(|length| length != bytes.len() as u64) {
            return Err(BlobError::Truncated);
        }
        let metadata = BlobMetadata {
            size: bytes.len() as u64,
            etag: edgeward::crypto::hex(&edgeward::crypto::md5(&bytes)),
            uploaded: UPLOADED,
        };
        self.objects.borrow_mut().insert(key.to_string(), (bytes, metadata.clone()));
        self.answer(metadata)
    }

    async fn get(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, BlobError> {
        self.check()?;
        if self.takes_turns.get() {
            one_turn().await;
        }
        let objects = self.objects.borrow();
        let Some((bytes, metadata)) = objects.get(key) else { return Ok(None) };
        let bytes = match range {
            None => bytes.clone(),
            Some(range) if range.offset >= metadata.size => return Err(BlobError::Range),
            Some(range) => {
                let end = (range.offset + range.length).min(metadata.size);
                bytes.slice(range.offset as usize..end as usize)
            }
        };
        Ok(Some(Blob { metadata: metadata.clone(), body: Body::Bytes(bytes) }))
    }

    async fn list(&self, after: Option<&str>, most: u32) -> Result<Vec<(String, BlobMetadata)>, BlobError> {
        self.check()?;
        assert!((1..=1000).contains(&most), "R2 lists at most 1,000 keys");
        let objects = self.objects.borrow();
        let past = objects.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let listed = past.take(most as usize).map(|(key, (_, metadata))| (key.clone(), metadata.clone()));
        Ok(listed.collect())
    }

    async fn archive(&self, from: &str, to: &str) -> Result<bool, BlobError> {
        self.check()?;
        let found = self.objects.borrow().get(from).cloned();
        let Some(object) = found else { return Ok(false) };
        self.objects.borrow_mut().insert(to.to_string(), object);
        self.archived.borrow_mut().push(to.to_string());
        self.answer(true)
    }

    async fn delete(&self, keys: &[String]) -> Result<(), BlobError> {
        self.check()?;
        for key in keys {
            self.objects.borrow_mut().remove(key);
        }
        self.answer(())
    }
}
