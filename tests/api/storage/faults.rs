//! D1 or R2 failing, or the Worker ending, at every step: an object stays wholly old or becomes wholly new, and after a
//! sweep no bytes are left without a row.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::StatusCode;
use serde_json::json;

use super::{app_with_bucket, assert_no_orphans, put, read, sweep};
use crate::app::{Answer, Call, TestApp};
use crate::double::Fault;

/// Something that fails on purpose.
pub type Where = fn(&TestApp) -> &Fault;

pub const PLACES: &[(&str, Where)] = &[
    ("D1 fails", |app| &app.database.fault),
    ("D1's answer is lost", |app| &app.database.lost_answer),
    ("R2 fails", |app| &app.blobs.fault),
    ("R2's answer is lost", |app| &app.blobs.lost_answer),
    ("the Worker ends before D1", |app| app.database.fault.killing()),
    ("the Worker ends after D1", |app| app.database.lost_answer.killing()),
    ("the Worker ends before R2", |app| app.blobs.fault.killing()),
    ("the Worker ends after R2", |app| app.blobs.lost_answer.killing()),
];

/// More than any operation makes.
const MOST_CALLS: u32 = 6;

/// `files/old` is there; the operation runs with each store failing at each of its calls, with and
/// without the work after the response. `judge` sees the app and whether the answer was a success.
fn at_every_step(operation: impl Fn(&TestApp) -> Answer, judge: impl Fn(&TestApp, bool)) {
    let mut struck = 0;
    for (name, place) in PLACES {
        for call in 1..=MOST_CALLS {
            for late_work in [true, false] {
                let app = app_with_bucket();
                put(&app, "files/old", "old");
                app.run_late_work();
                place(&app).fail_at(call);
                let answer = operation(&app);
                if late_work {
                    app.run_late_work();
                } else {
                    drop(app.late_work.take());
                }
                struck += u32::from(!place(&app).is_armed());
                place(&app).mend();
                println!("{name} at call {call}, late work {late_work}: {}", answer.status);
                assert!(answer.status == StatusCode::OK || answer.json()["code"].is_string());
                judge(&app, answer.status == StatusCode::OK);
                sweep(&app);
                judge(&app, answer.status == StatusCode::OK);
                assert_no_orphans(&app);
            }
        }
    }
    assert!(struck >= 6, "only {struck} faults struck");
}

fn upload<'a>(app: &'a TestApp, path: &str) -> Call<'a> {
    app.service_role().post(&format!("/storage/v1/object/{path}")).body("new")
}

#[test]
fn an_upload_is_there_or_not() {
    at_every_step(
        |app| upload(app, "files/new").send(),
        |app, succeeded| {
            let text = read(app, "files/new");
            assert!(matches!(text.as_deref(), None | Some("new")));
            assert!(text.is_some() || !succeeded);
            assert_eq!(read(app, "files/old").as_deref(), Some("old"));
        },
    );
}

#[test]
fn an_overwritten_object_is_old_or_new() {
    at_every_step(
        |app| upload(app, "files/old").header("x-upsert", "true").send(),
        |app, succeeded| {
            let text = read(app, "files/old").unwrap();
            assert!(text == "new" || (text == "old" && !succeeded), "{text}");
        },
    );
}

#[test]
fn a_removed_object_is_there_or_not() {
    for many in [true, false] {
        at_every_step(
            |app| match many {
                true => app
                    .service_role()
                    .delete("/storage/v1/object/files")
                    .json(&json!({"prefixes": ["old"]}))
                    .send(),
                false => app.service_role().delete("/storage/v1/object/files/old").send(),
            },
            |app, succeeded| {
                let text = read(app, "files/old");
                assert!(matches!(text.as_deref(), None | Some("old")));
                assert!(text.is_none() || !succeeded);
            },
        );
    }
}

#[test]
fn a_moved_object_is_here_or_there() {
    // One call to D1 and none to R2, so few faults strike.
    for (name, place) in PLACES.iter().filter(|(name, _)| name.contains("D1")) {
        let app = app_with_bucket();
        put(&app, "files/old", "old");
        place(&app).fail_at(1);
        let body = json!({"bucketId": "files", "sourceKey": "old", "destinationKey": "new"});
        let answer = app.service_role().post("/storage/v1/object/move").json(&body).send();
        assert!(answer.status != StatusCode::OK, "{name}");
        place(&app).mend();
        let (old, new) = (read(&app, "files/old"), read(&app, "files/new"));
        assert_eq!(old.or(new).as_deref(), Some("old"), "{name}");
        sweep(&app);
        assert_no_orphans(&app);
    }
}

#[test]
fn a_copy_is_there_or_not_and_the_original_stays() {
    at_every_step(
        |app| {
            let body = json!({"bucketId": "files", "sourceKey": "old", "destinationKey": "copy"});
            app.service_role().post("/storage/v1/object/copy").json(&body).send()
        },
        |app, succeeded| {
            assert_eq!(read(app, "files/old").as_deref(), Some("old"));
            let copy = read(app, "files/copy");
            assert!(matches!(copy.as_deref(), None | Some("old")));
            assert!(copy.is_some() || !succeeded);
        },
    );
}

#[test]
fn an_emptied_bucket_is_full_or_empty() {
    at_every_step(
        |app| app.service_role().post("/storage/v1/bucket/files/empty").send(),
        |app, succeeded| assert!(read(app, "files/old").is_none() || !succeeded),
    );
}

#[test]
fn a_sweep_that_fails_goes_on_the_next_time() {
    let app = app_with_bucket();
    for name in ["a", "b", "c"] {
        put(&app, &format!("files/{name}"), name);
    }
    app.service_role().post("/storage/v1/bucket/files/empty").send();
    for (_, place) in PLACES {
        for call in 1..=3 {
            place(&app).fail_at(call);
            let _ = catch_unwind(AssertUnwindSafe(|| {
                let _ = futures_executor::block_on(edgeward::storage::sweep(&app.app));
            }));
            place(&app).mend();
        }
    }
    sweep(&app);
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn a_reader_that_meets_a_writer_reads_the_new_object() {
    let app = app_with_bucket();
    put(&app, "files/old", "old");
    let stale = app.database.value("SELECT version FROM \"storage.objects\"").unwrap();
    put(&app, "files/old", "new");
    app.run_late_work();
    // The row as a reader had it before the overwriting: its bytes are gone, and stay gone.
    app.database.execute(&format!("UPDATE \"storage.objects\" SET version = '{stale}'"));
    let answer = app.service_role().get("/storage/v1/object/files/old").send();
    assert_eq!(answer.json()["message"], "The resource was not found");
}
