//! R2's multipart uploads: parts of one size, tokens for etags, an upload that ends once.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use edgeward::crypto::{hex, md5, sha256};
use edgeward::ports::{
    BlobError, BlobMetadata, BlobParts, Blobs, Body, Digests, LEAST_PART, MOST_PARTS, PartsOf, StoredPart,
    StreamError,
};

use super::MemoryBlobs;
use super::blobs::UPLOADED;

/// An upload under way.
#[derive(Default)]
pub struct OpenUpload {
    key: String,
    parts: std::collections::BTreeMap<u32, (Bytes, String)>,
}

#[async_trait(?Send)]
impl BlobParts for MemoryBlobs {
    async fn begin_parts(&self, key: &str) -> Result<PartsOf, BlobError> {
        self.check()?;
        let id = format!("parts-{}", self.next_token());
        let upload = OpenUpload { key: key.to_string(), ..OpenUpload::default() };
        self.uploads.borrow_mut().insert(id.clone(), upload);
        self.answer(PartsOf { key: key.to_string(), id })
    }

    async fn put_part(
        &self,
        parts: &PartsOf,
        number: u32,
        body: Body,
        digests: Digests,
    ) -> Result<StoredPart, BlobError> {
        self.check()?;
        assert!((1..=MOST_PARTS).contains(&number), "R2 refuses part {number}");
        let length = body.length().expect("R2 takes no stream of unknown length");
        let bytes = read_exactly(body, length).await?;
        let etag = format!("token-{}", self.next_token());
        let mut uploads = self.uploads.borrow_mut();
        let upload = uploads.get_mut(&parts.id).filter(|upload| upload.key == parts.key);
        upload.ok_or(BlobError::NoUpload)?.parts.insert(number, (bytes.clone(), etag.clone()));
        drop(uploads);
        self.answer(StoredPart {
            etag,
            md5: digests.md5.then(|| hex(&md5(&bytes))),
            sha256: digests.sha256.then(|| hex(&sha256(&bytes))),
        })
    }

    async fn complete_parts(
        &self,
        parts: &PartsOf,
        stored: &[(u32, String)],
    ) -> Result<BlobMetadata, BlobError> {
        self.check()?;
        let mut uploads = self.uploads.borrow_mut();
        let upload = uploads.get(&parts.id).filter(|upload| upload.key == parts.key);
        let upload = upload.ok_or(BlobError::NoUpload)?;
        if !stored.is_sorted_by(|(one, _), (next, _)| one < next) || stored.is_empty() {
            return Err(BlobError::Failed("the list of parts is empty or not in order".into()));
        }
        let find = |(number, etag): &(u32, String)| {
            let part = upload.parts.get(number).filter(|(_, own)| own == etag);
            part.map(|(bytes, _)| bytes.clone())
        };
        let found: Option<Vec<Bytes>> = stored.iter().map(find).collect();
        let Some(found) = found else { return Err(BlobError::Failed("a part is not there (10025)".into())) };
        let (last, others) = found.split_last().unwrap();
        if let Some(first) = others.first() {
            if (first.len() as u64) < LEAST_PART {
                return Err(BlobError::Failed("a part is too small (10011)".into()));
            }
            if others.iter().any(|part| part.len() != first.len()) || last.len() > first.len() {
                return Err(BlobError::Failed("parts of several sizes (10048)".into()));
            }
        }
        let mut whole = BytesMut::new();
        found.iter().for_each(|part| whole.extend_from_slice(part));
        let metadata = BlobMetadata {
            size: whole.len() as u64,
            etag: format!("{:032x}-{}", self.next_token(), found.len()),
            uploaded: UPLOADED,
        };
        self.insert(&parts.key, whole.freeze(), metadata.clone());
        uploads.remove(&parts.id);
        drop(uploads);
        self.answer(metadata)
    }

    async fn abort_parts(&self, parts: &PartsOf) -> Result<(), BlobError> {
        self.check()?;
        self.uploads.borrow_mut().remove(&parts.id);
        self.answer(())
    }

    async fn head(&self, key: &str) -> Result<Option<BlobMetadata>, BlobError> {
        self.check()?;
        Ok(self.metadata_of(key))
    }

    async fn put_hashed(
        &self,
        key: &str,
        body: Body,
        limit: u64,
        expected: &str,
    ) -> Result<BlobMetadata, BlobError> {
        let bytes = body.read(limit).await.map_err(|error| match error {
            StreamError::TooLarge => BlobError::TooLarge,
            StreamError::Mismatch => BlobError::Mismatch,
            StreamError::Broken(_) => BlobError::Truncated,
        })?;
        if hex(&sha256(&bytes)) != expected {
            self.check()?;
            return Err(BlobError::Mismatch);
        }
        self.put(key, Body::from(bytes), limit).await
    }
}

async fn read_exactly(body: Body, length: u64) -> Result<Bytes, BlobError> {
    let bytes = body.read(u64::MAX).await.map_err(|_| BlobError::Truncated)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(BlobError::Truncated) }
}
