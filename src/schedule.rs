//! What runs by itself, once an hour: every row is a chore that finishes what a request left over.
//!
//! Chores may run twice or stop anywhere: each does only what is still to do.

use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::json;

use crate::app::App;
use crate::{auth, storage, text_search};

/// Answers how many things it did, if it knows, or why it stopped.
type Outcome = Result<Option<usize>, String>;
type Chore = fn(Rc<App>) -> LocalBoxFuture<'static, Outcome>;

#[rustfmt::skip]
const CHORES: &[(&str, Chore)] = &[
    ("delete bytes that no object refers to",  |app| delete_stray_bytes(app).boxed_local()),
    ("delete sessions that have outlived use", |app| delete_old_sessions(app).boxed_local()),
    ("forget old text search vectors",         |app| forget_old_vectors(app).boxed_local()),
    ("forget old purges of the edge",          |app| forget_old_purges(app).boxed_local()),
    ("obey lifecycle rules of buckets",        |app| obey_lifecycle_rules(app).boxed_local()),
    ("deliver events of objects",              |app| deliver_events(app).boxed_local()),
    ("tell the edge what has changed",         |app| tell_edge(app).boxed_local()),
];

/// Does every chore; one that fails is logged and keeps none of the others.
pub async fn run(app: Rc<App>) {
    for (name, chore) in CHORES {
        let outcome = chore(app.clone()).await;
        let line = json!({
            "at": app.now().to_milliseconds(),
            "level": if outcome.is_ok() { "info" } else { "error" },
            "chore": name,
            "done": outcome.as_ref().ok().copied().flatten(),
            "cause": outcome.as_ref().err(),
        });
        app.ports.log.line(&line.to_string());
    }
}

async fn obey_lifecycle_rules(app: Rc<App>) -> Outcome {
    storage::obey_lifecycle_rules(&app).await.map(Some).map_err(|error| format!("{error:?}"))
}

async fn deliver_events(app: Rc<App>) -> Outcome {
    let delivered = storage::deliver_events(&app).await.map_err(|error| format!("{error:?}"))?;
    storage::give_up_events(&app).await.map_err(|error| format!("{error:?}"))?;
    Ok(Some(delivered))
}

async fn tell_edge(app: Rc<App>) -> Outcome {
    storage::keep_edge_told(&app).await.map(Some).map_err(|error| format!("{error:?}"))
}

async fn delete_stray_bytes(app: Rc<App>) -> Outcome {
    storage::sweep(&app).await.map(Some).map_err(|error| format!("{error:?}"))
}

async fn delete_old_sessions(app: Rc<App>) -> Outcome {
    auth::sweep(&app).await.map(|()| None).map_err(|error| format!("{error:?}"))
}

async fn forget_old_vectors(app: Rc<App>) -> Outcome {
    let swept = text_search::sweep(app.ports.database.as_ref()).await;
    swept.map(|()| None).map_err(|error| format!("{error:?}"))
}

async fn forget_old_purges(app: Rc<App>) -> Outcome {
    storage::forget_old_purges(&app).await.map(|()| None).map_err(|error| format!("{error:?}"))
}
