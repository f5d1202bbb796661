//! A request's bytes on their way into an upload, and the upload's end.

use bytes::BytesMut;

use super::super::metadata::Metadata;
use super::super::store::tus::{Claim, Holder, Part, Upload};
use super::super::store::write::{ContentOf, Limits};
use super::super::store::{self, Results, batch};
use super::super::upload::{Allowed, Identity, Terms, finish_with};
use super::super::{Storage, StorageError, garbage};
use super::{TusError, UNTYPED, UploadId};
use crate::crypto::random_uuid;
use crate::ports::{BlobError, BlobMetadata, Body, Digests, PartsOf, StreamError};
use crate::sql::Statement;
use crate::time::Timestamp;

/// How long a request holds an upload after it last gave a sign of life. Shorter than the time in which clients try again.
const LEASE_SECONDS: i64 = 8;

/// How often a request with bytes still coming says so.
const RENEWED_EVERY_SECONDS: i64 = 3;

/// What a request brings.
pub struct Chunk {
    /// `Upload-Offset`.
    pub offset: u64,
    /// `Upload-Length`, when the length was not known so far.
    pub size: Option<u64>,
    /// The bytes.
    pub body: Body,
}

/// How far an upload has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Bytes that are stored.
    pub offset: u64,
    /// Whether the object is there.
    pub is_finished: bool,
    /// When the upload is given up, as stored.
    pub expires_at: String,
}

/// Adds a request's bytes to an upload; with the last of them it becomes an object.
///
/// A body that breaks off has its bytes stored all the same, and then fails.
pub async fn append(
    storage: &Storage,
    id: &UploadId,
    chunk: Chunk,
    terms: &Terms,
) -> Result<Progress, TusError> {
    let lock = random_uuid(storage.app.ports.random.as_ref()).to_string();
    let (upload, most) = claim(storage, id, &chunk, terms, &lock).await?;
    let mut writing = Writing::new(storage, id, terms, lock, upload, most);
    let outcome = writing.write(chunk.body).await;
    if outcome.is_err() && writing.holds {
        writing.release().await;
    }
    outcome
}

/// Asks for permission and takes the lock, in one batch. Gives the upload and the most bytes it may have.
async fn claim(
    storage: &Storage,
    id: &UploadId,
    chunk: &Chunk,
    terms: &Terms,
    lock: &str,
) -> Result<(Upload, u64), TusError> {
    let global = if id.path.is_empty_folder() { 0 } else { storage.app.config.storage.file_size_limit };
    if chunk.size.is_some_and(|size| size > global) {
        return Err(TusError::MaxSize);
    }
    let now = storage.app.now();
    let (until, now) = (now.plus_seconds(LEASE_SECONDS).to_postgres(), now.to_postgres());
    let new = Identity::new(storage);
    let object = new.object(&id.path, terms, ContentOf::Upload(&id.version));
    let claim = Claim { path: &id.path, offset: chunk.offset, size: chunk.size, now: &now, until: &until };
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &Limits::Of { size: chunk.size, mime_type: None })?,
            store::tus::lock(Holder { version: &id.version, lock }, &claim),
            store::tus::find(&id.path, &id.version, lock, &now),
        ])
    });
    let results = results.await?;
    let upload = claimed(&results, chunk)?;
    let allowed: Option<Allowed> = results.at(0)?.first().map_err(StorageError::from)?;
    let limit = allowed.and_then(|allowed| allowed.size_limit).map_or(global, |limit| limit.min(global));
    Ok((upload, limit))
}

/// The upload if this request holds it, or why not.
fn claimed(results: &Results, chunk: &Chunk) -> Result<Upload, TusError> {
    let upload: Option<Upload> = results.at(2)?.first().map_err(StorageError::from)?;
    let upload = upload.filter(|upload| upload.state != "given up").ok_or(TusError::NotFound)?;
    if upload.mine == 1 {
        return Ok(upload);
    }
    Err(match () {
        () if upload.expired == 1 && upload.state == "open" => TusError::Gone,
        () if upload.offset != chunk.offset || upload.state == "finished" => TusError::Offset,
        () if upload.locked == 1 => StorageError::ResourceLocked.into(),
        () if chunk.size.is_some() => TusError::Length,
        () => StorageError::ResourceLocked.into(),
    })
}

/// An upload while a request holds it.
struct Writing<'a> {
    storage: &'a Storage,
    id: &'a UploadId,
    terms: &'a Terms,
    lock: String,
    upload: Upload,
    /// The most bytes it may have, by the project's and the bucket's limits.
    most: u64,
    /// Bytes in parts.
    in_parts: u64,
    /// Bytes after the parts.
    waiting: BytesMut,
    renewed_at: Timestamp,
    holds: bool,
}

impl<'a> Writing<'a> {
    fn new(
        storage: &'a Storage,
        id: &'a UploadId,
        terms: &'a Terms,
        lock: String,
        upload: Upload,
        most: u64,
    ) -> Self {
        Self {
            in_parts: upload.offset - upload.tail_size.min(upload.offset),
            renewed_at: storage.app.now(),
            waiting: BytesMut::new(),
            holds: true,
            storage,
            id,
            terms,
            lock,
            upload,
            most,
        }
    }

    async fn write(&mut self, body: Body) -> Result<Progress, TusError> {
        let most = self.upload.size.unwrap_or(self.most);
        let end_of_body = body.length().map(|length| self.upload.offset.saturating_add(length));
        if end_of_body.is_some_and(|end| end > most) {
            return Err(if self.upload.size.is_some() { TusError::Size } else { TusError::MaxSize });
        }
        self.read_tail().await?;
        let mut stream = body.into_stream();
        let read = loop {
            match stream.next().await {
                Ok(Some(bytes)) => self.waiting.extend_from_slice(&bytes),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if self.position() > most {
                break Err(StreamError::TooLarge);
            }
            if let Some(stored) = self.store_parts(end_of_body).await? {
                // The rest of the body is bytes that the object has already.
                while let Ok(Some(_)) = stream.next().await {}
                return self.write_row(&stored).await;
            }
            self.renew().await?;
        };
        match read {
            Err(StreamError::TooLarge) => return Err(TusError::Size),
            _ if Some(self.position()) == self.upload.size => return self.finish().await,
            _ => self.keep().await?,
        }
        read.map_err(StorageError::from)?;
        Ok(self.progress(false))
    }

    /// Bytes that have arrived so far, with all earlier ones.
    fn position(&self) -> u64 {
        self.in_parts + self.waiting.len() as u64
    }

    async fn read_tail(&mut self) -> Result<(), TusError> {
        self.waiting.reserve(usize::try_from(self.upload.part_size).unwrap_or_default());
        let Some(tail) = &self.upload.tail else { return Ok(()) };
        let blob = self.storage.app.ports.blobs.get(tail, None).await.map_err(StorageError::from)?;
        let blob = blob.ok_or(StorageError::NoBytes)?;
        let bytes = blob.body.read(self.upload.part_size).await.map_err(StorageError::from)?;
        if bytes.len() as u64 != self.upload.tail_size {
            return Err(StorageError::Internal("an upload's tail has another size".into()).into());
        }
        self.waiting.extend_from_slice(&bytes);
        Ok(())
    }

    /// Stores all whole parts but the upload's last, which is stored with its end. Gives the object's bytes if it turns out that
    /// an earlier request has put them together.
    async fn store_parts(&mut self, end_of_body: Option<u64>) -> Result<Option<BlobMetadata>, TusError> {
        let size = usize::try_from(self.upload.part_size).unwrap_or(usize::MAX);
        while self.waiting.len() >= size {
            let is_last = self.waiting.len() == size && Some(self.position()) == self.upload.size;
            let Some(parts) = self.parts().filter(|_| !is_last) else { return Ok(None) };
            let bytes = self.waiting.split_to(size).freeze();
            let stored = match self.put_part(&parts, Body::Bytes(bytes)).await {
                Err(StorageError::NoSuchUpload) => return Ok(Some(self.completed_before().await?)),
                stored => stored?,
            };
            self.in_parts += self.upload.part_size;
            // The last bytes of the request let go of the upload at the same time.
            let holds_on = !self.waiting.is_empty() || Some(self.position()) != end_of_body;
            let (now, offset) = (self.storage.app.now(), self.in_parts);
            let until = holds_on.then(|| now.plus_seconds(LEASE_SECONDS).to_postgres());
            let (size, now) = (self.upload.part_size, now.to_postgres());
            self.run(|holder| store::tus::add_part(holder, &stored, size, offset, &now, until.as_deref()))
                .await?;
            self.holds = holds_on;
            self.renewed_at = self.storage.app.now();
            self.upload.next_part = stored.number + 1;
            self.upload.offset = offset;
            self.forget_tail();
        }
        Ok(None)
    }

    fn parts(&self) -> Option<PartsOf> {
        let id = self.upload.parts_id.clone()?;
        Some(PartsOf { key: self.id.version.clone(), id })
    }

    async fn put_part(&self, parts: &PartsOf, body: Body) -> Result<Part, StorageError> {
        let number = self.upload.next_part;
        let stored = self.storage.app.ports.blobs.put_part(parts, number, body, Digests::default()).await?;
        Ok(Part { number, etag: stored.etag })
    }

    /// Says that bytes are still coming, if that was not said for a while.
    async fn renew(&mut self) -> Result<(), TusError> {
        let now = self.storage.app.now();
        if !self.holds || now < self.renewed_at.plus_seconds(RENEWED_EVERY_SECONDS) {
            return Ok(());
        }
        let until = now.plus_seconds(LEASE_SECONDS).to_postgres();
        self.run(|holder| store::tus::renew(holder, &until)).await?;
        self.renewed_at = now;
        Ok(())
    }

    /// Stores what came after the last part, and lets go.
    async fn keep(&mut self) -> Result<(), TusError> {
        if self.position() == self.upload.offset {
            if self.holds {
                self.release().await;
            }
            return Ok(());
        }
        let app = &self.storage.app;
        let key = random_uuid(app.ports.random.as_ref()).to_string();
        let expected = store::garbage::expect(&key, &garbage::upload_expires_at(app));
        app.ports.database.batch(vec![expected]).await.map_err(StorageError::from)?;
        let (bytes, offset) = (self.waiting.split().freeze(), self.position());
        let size = bytes.len() as u64;
        let offset = offset + size;
        app.ports.blobs.put(&key, Body::Bytes(bytes), size).await.map_err(StorageError::from)?;
        self.run(|holder| store::tus::keep_tail(holder, &key, size, offset)).await?;
        self.holds = false;
        self.upload.offset = offset;
        self.forget_tail();
        Ok(())
    }

    /// The bytes of the old tail are elsewhere now.
    fn forget_tail(&mut self) {
        self.upload.tail_size = 0;
        garbage::collect_later(self.storage, self.upload.tail.take().into_iter().collect());
    }

    /// All bytes are here: stores the last of them, puts the parts together, and writes the object's row.
    async fn finish(&mut self) -> Result<Progress, TusError> {
        let size = self.position();
        let bytes = Body::from(self.waiting.split().freeze());
        let stored = match self.parts() {
            None => self.storage.app.ports.blobs.put(&self.id.version, bytes, size).await?,
            Some(parts) => match self.complete(&parts, bytes).await {
                Err(StorageError::NoSuchUpload) => self.completed_before().await?,
                stored => stored?,
            },
        };
        self.write_row(&stored).await
    }

    async fn complete(&self, parts: &PartsOf, last: Body) -> Result<BlobMetadata, StorageError> {
        let app = &self.storage.app;
        let results = app.ports.database.batch(vec![store::tus::parts(&self.id.version)]).await?;
        let mut all: Vec<Part> = results.first().map_or_else(|| Ok(Vec::new()), |rows| rows.decode())?;
        if all.is_empty() || last.length() != Some(0) {
            all.push(self.put_part(parts, last).await?);
        }
        let list: Vec<(u32, String)> = all.into_iter().map(|part| (part.number, part.etag)).collect();
        Ok(app.ports.blobs.complete_parts(parts, &list).await?)
    }

    /// R2 does not know the upload any more: an earlier request put the parts together and then stopped.
    async fn completed_before(&self) -> Result<BlobMetadata, StorageError> {
        let stored = self.storage.app.ports.blobs.head(&self.id.version).await?;
        stored.filter(|stored| Some(stored.size) == self.upload.size).ok_or(StorageError::NoSuchUpload)
    }

    async fn write_row(&mut self, stored: &BlobMetadata) -> Result<Progress, TusError> {
        let size = stored.size;
        let described: Metadata = serde_json::from_str(&self.upload.metadata)
            .map_err(|error| StorageError::Internal(error.to_string()))?;
        let mime_type = described.mimetype.clone().unwrap_or_else(|| UNTYPED.to_string());
        let described = Metadata { mimetype: Some(mime_type.clone()), ..described };
        let metadata = described.stored(stored).to_json();
        let new = Identity { version: self.id.version.clone(), ..Identity::new(self.storage) };
        let content = ContentOf::Given(&metadata, self.upload.user_metadata.as_deref());
        let object = new.object(&self.id.path, self.terms, content);
        let mime_type = (!self.id.path.is_empty_folder()).then_some(mime_type.as_str());
        let limits = Limits::Of { size: Some(size), mime_type };
        let end = store::tus::finish(self.holder(), size);
        finish_with(self.storage, &object, &limits, &end).await?;
        self.holds = false;
        self.upload.offset = size;
        self.forget_tail();
        Ok(self.progress(true))
    }

    async fn release(&mut self) {
        // If this fails the lease ends by itself.
        let _ = self.run(|holder| vec![store::tus::release(holder)]).await;
        self.holds = false;
    }

    fn holder(&self) -> Holder<'_> {
        Holder { version: &self.id.version, lock: &self.lock }
    }

    async fn run(&self, statements: impl Fn(Holder<'_>) -> Vec<Statement>) -> Result<(), StorageError> {
        self.storage.app.ports.database.batch(statements(self.holder())).await?;
        Ok(())
    }

    fn progress(&self, is_finished: bool) -> Progress {
        Progress { offset: self.upload.offset, is_finished, expires_at: self.upload.expires_at.clone() }
    }
}

impl From<BlobError> for TusError {
    fn from(error: BlobError) -> Self {
        StorageError::from(error).into()
    }
}
