//! Supabase Storage: buckets and objects, rows in D1 and bytes in R2.
//!
//! The R2 key of an object's bytes is the uuid of its version, written once and never overwritten.
//! A write goes: permission check and a note of the version to come, in one batch → bytes → one
//! batch that checks again, replaces the row and turns the note into garbage of the old version →
//! after the response, the garbage's bytes. Wherever that stops, the object reads as wholly old or
//! wholly new, and every stray version is in `"storage.garbage"`, where [`sweep`] finds it.
//!
//! Endpoints are in `api/`, SQL is in `store/`; the files beside this one are use cases
//! (`upload.rs`, `download.rs`, …) and the pure parts they are made of (`key.rs`, `range.rs`, …).

pub mod api;

mod access;
mod bucket;
mod check;
mod checksum;
mod direct;
mod download;
mod edge;
mod edge_answer;
mod error;
mod event;
mod event_target;
mod garbage;
mod image;
mod key;
mod lifecycle;
mod list;
mod metadata;
mod mime;
mod purge;
mod range;
mod read_ahead;
mod relocate;
mod remove;
mod robots_tag;
mod s3;
mod sign;
mod signed_url;
mod store;
mod tus;
mod unfinished;
mod upload;

pub use edge_answer::{settle_all as tell_edge, settle_or_retire as keep_edge_told};
pub use error::StorageError;
pub use event::{deliver as deliver_events, give_up as give_up_events};
pub use garbage::sweep;
pub use lifecycle::obey as obey_lifecycle_rules;
pub use purge::forget_old as forget_old_purges;

use std::rc::Rc;

use crate::app::App;
use crate::caller::{Caller, Role};
use crate::ports::Background;

/// Storage as one caller meets it in one request.
pub struct Storage {
    /// What code can reach.
    pub app: Rc<App>,
    /// Who asks; policies apply to them.
    pub caller: Caller,
    /// For work after the response.
    pub background: Rc<dyn Background>,
}

impl Storage {
    /// The same without policies: for what a public bucket or a signed URL allows.
    #[must_use]
    pub fn as_system(&self) -> Self {
        Self {
            app: self.app.clone(),
            caller: Caller::with_role(Role::ServiceRole),
            background: self.background.clone(),
        }
    }
}
