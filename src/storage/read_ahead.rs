//! Asking R2 for the version that an object had the last time, while the database is asked who may read what.
//!
//! The database still decides: only bytes of the very version it names, and of the very part the request then means, are sent. A
//! version's bytes never change, so they are the ones that would have been asked for after it. A guess that is wrong costs a read
//! of R2 and is forgotten; a right one saves the reader a round trip.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::Storage;
use super::download::{Conditions, Found};
use super::edge;
use super::range::Wanted;
use crate::ports::{Background, Blob, BlobError, ByteRange};
use crate::recent_versions::RecentVersion;

type Answer = Result<Option<Blob>, BlobError>;

/// Bytes on their way that nobody has allowed yet.
pub struct ReadAhead {
    version: String,
    part: Option<ByteRange>,
    reading: LocalBoxFuture<'static, Answer>,
    state: State,
    background: Rc<dyn Background>,
}

enum State {
    Waiting,
    Begun,
    Answered(Answer),
    Taken,
}

impl ReadAhead {
    /// Of what was read last. A request with conditions may need no bytes at all, so it waits for the row.
    pub fn of(storage: &Storage, recent: RecentVersion, conditions: &Conditions) -> Option<Self> {
        let part = match conditions.wanted_of(recent.size)? {
            Wanted::Whole => None,
            Wanted::Part(part) => Some(part),
            Wanted::Outside => return None,
        };
        let (blobs, version) = (storage.app.ports.blobs.clone(), recent.version.clone());
        let reading = async move { blobs.get(&version, part).await }.boxed_local();
        let background = storage.background.clone();
        Some(Self { version: recent.version, part, reading, state: State::Waiting, background })
    }

    /// Waits for what is asked meanwhile. Whether the bytes come sooner or later changes nothing.
    pub async fn during<T>(&mut self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        poll_fn(|context| {
            if let Poll::Ready(answer) = asked.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            if matches!(self.state, State::Waiting | State::Begun) {
                self.state = match self.reading.as_mut().poll(context) {
                    Poll::Ready(answer) => State::Answered(answer),
                    Poll::Pending => State::Begun,
                };
            }
            Poll::Pending
        })
        .await
    }

    /// The bytes, if they are these and R2 has given them. Whoever gets none asks for them anew.
    pub async fn take(mut self, version: &str, part: Option<ByteRange>) -> Option<Blob> {
        if self.version != version || self.part != part {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Waiting | State::Begun => self.reading.as_mut().await,
            State::Answered(answer) => answer,
            State::Taken => return None,
        }
        .ok()?
    }
}

/// What nobody is allowed to read is not read to its end: it is let go as soon as R2 answers.
impl Drop for ReadAhead {
    fn drop(&mut self) {
        if matches!(self.state, State::Begun) {
            let reading = std::mem::replace(&mut self.reading, async { Ok(None) }.boxed_local());
            self.background.run(reading.map(drop).boxed_local());
        }
    }
}

/// What to remember of an object that was found: not what the edge keeps, which is looked for there first.
pub fn recent(found: &Found) -> Option<RecentVersion> {
    let (version, size) = (found.object.version.clone()?, found.metadata.length()?);
    (!found.is_public || !edge::fits(size)).then_some(RecentVersion { version, size })
}
