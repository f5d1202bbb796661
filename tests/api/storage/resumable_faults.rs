//! D1 or R2 failing, or the Worker ending, at every step of a resumable upload: the client goes on from the offset it is told, the object is
//! wholly old or wholly new at any time, and after a sweep nothing is left of what failed.

use http::{Method, StatusCode};
use serde_json::json;

use super::faults::PLACES;
use super::resumable::{MIB, bytes, create, creation, patch, path_of, tus};
use super::{assert_no_orphans, make_bucket, put, read, sweep};
use crate::app::TestApp;

fn app_with_old() -> TestApp {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "files"}));
    put(&app, "files/file", "old");
    app.run_late_work();
    app
}

fn content(app: &TestApp) -> Vec<u8> {
    let answer = app.service_role().get("/storage/v1/object/files/file").send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.body
}

/// As a client does: asks for the offset, sends what is missing, until the server says that all is there.
fn resume(app: &TestApp, upload: &str, file: &[u8]) {
    let actor = app.service_role();
    for _ in 0..4 {
        app.clock.advance(10);
        let head = tus(&actor, Method::HEAD, upload).send();
        assert_eq!(head.status, StatusCode::OK);
        let at: usize = head.header("upload-offset").unwrap().parse().unwrap();
        if at == file.len() {
            return;
        }
        assert_eq!(content(app), b"old", "what is told to be unfinished is not there yet");
        patch(&actor, upload, at).header("x-upsert", "true").body(file[at..].to_vec()).send();
    }
    panic!("the upload does not come to its end");
}

/// One request of an upload with each store failing at each of its calls; then the client resumes.
fn at_every_step(file: &[u8], before: usize, most_calls: u32) {
    let mut struck = 0;
    for (name, place) in PLACES {
        for call in 1..=most_calls {
            let app = app_with_old();
            let actor = app.service_role();
            let upload = path_of(&creation(&actor, "file", file.len()).header("x-upsert", "true").send());
            if before > 0 {
                let first =
                    patch(&actor, &upload, 0).header("x-upsert", "true").body(file[..before].to_vec()).send();
                assert_eq!(first.status, StatusCode::NO_CONTENT);
            }
            app.run_late_work();
            place(&app).fail_at(call);
            let answer = patch(&actor, &upload, before)
                .header("x-upsert", "true")
                .body(file[before..].to_vec())
                .send();
            drop(app.late_work.take());
            let has_struck = !place(&app).is_armed();
            struck += u32::from(has_struck);
            place(&app).mend();
            println!("{name} at call {call}: {}", answer.status);
            let now = content(&app);
            assert!(now == b"old" || now == file, "neither old nor new");
            assert!(answer.status != StatusCode::NO_CONTENT || now == file);
            resume(&app, &upload, file);
            assert!(content(&app) == file);
            sweep(&app);
            assert!(content(&app) == file);
            assert_no_orphans(&app);
            if !has_struck {
                break;
            }
        }
    }
    assert!(struck >= 7, "only {struck} faults struck");
}

#[test]
fn an_upload_in_parts_goes_on_from_wherever_it_stopped() {
    at_every_step(&bytes(14 * MIB), 0, 12);
}

#[test]
fn an_upload_with_a_tail_goes_on_from_wherever_it_stopped() {
    at_every_step(&bytes(13 * MIB), 7 * MIB, 12);
}

#[test]
fn a_small_upload_goes_on_from_wherever_it_stopped() {
    at_every_step(&bytes(1000), 300, 8);
}

#[test]
fn bytes_that_are_kept_for_later_are_kept_or_sent_again() {
    for (name, place) in PLACES {
        for call in 1..=6 {
            let app = app_with_old();
            let actor = app.service_role();
            let file = bytes(9 * MIB);
            let upload = path_of(&creation(&actor, "file", file.len()).header("x-upsert", "true").send());
            place(&app).fail_at(call);
            let answer =
                patch(&actor, &upload, 0).header("x-upsert", "true").body(file[..8 * MIB].to_vec()).send();
            app.run_late_work();
            place(&app).mend();
            println!("{name} at call {call}: {}", answer.status);
            resume(&app, &upload, &file);
            assert!(content(&app) == file);
            sweep(&app);
            assert_no_orphans(&app);
        }
    }
}

#[test]
fn a_creation_or_a_termination_that_fails_leaves_nothing() {
    for (name, place) in PLACES {
        for call in 1..=4 {
            for terminated in [false, true] {
                let app = app_with_old();
                let actor = app.service_role();
                let upload = terminated.then(|| create(&actor, "new", 9 * MIB));
                place(&app).fail_at(call);
                let answer = match &upload {
                    Some(upload) => tus(&actor, Method::DELETE, upload).send(),
                    None => creation(&actor, "new", 9 * MIB).send(),
                };
                app.run_late_work();
                place(&app).mend();
                println!("{name} at call {call}: {}", answer.status);
                assert_eq!(read(&app, "files/new"), None);
                sweep(&app);
                // R2 drops an upload whose name never reached us or our rows; nothing else may be left.
                let lost = ["R2's answer is lost", "the Worker ends after R2", "the Worker ends before D1"]
                    .contains(name)
                    && !terminated
                    && answer.status != StatusCode::CREATED;
                if lost {
                    app.blobs.drop_uploads();
                }
                assert_no_orphans(&app);
            }
        }
    }
}
