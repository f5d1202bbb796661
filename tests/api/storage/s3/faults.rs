//! D1 or R2 failing, or the Worker ending, at every step of what the S3 API does: each key reads as wholly old or wholly new, and after a sweep no
//! bytes are left without a row.

use http::Method;

use super::super::faults::PLACES;
use super::super::resumable::{MIB, bytes};
use super::super::{assert_no_orphans, sweep};
use super::multipart::{begin, complete, part};
use super::{ask, put, s3_app};
use crate::app::{Answer, TestApp};

fn content(app: &TestApp, key: &str) -> Option<Vec<u8>> {
    let answer = ask(app, Method::GET, &format!("/files/{key}")).send();
    match answer.status.as_u16() {
        200 => Some(answer.body),
        404 => None,
        _ => panic!("{}", answer.text()),
    }
}

/// The operation with each store failing at each of its calls, with and without the work after the response.
fn at_every_step<T>(
    prepare: impl Fn(&TestApp) -> T,
    operation: impl Fn(&TestApp, &T) -> Answer,
    judge: impl Fn(&TestApp, bool),
    again: impl Fn(&TestApp, &T),
) {
    let mut struck = 0;
    for (name, place) in PLACES {
        for call in 1..=10 {
            let app = s3_app();
            put(&app, "old", "old");
            let prepared = prepare(&app);
            app.run_late_work();
            place(&app).fail_at(call);
            let answer = operation(&app, &prepared);
            if call % 2 == 0 {
                app.run_late_work()
            } else {
                drop(app.late_work.take())
            }
            let has_struck = !place(&app).is_armed();
            struck += u32::from(has_struck);
            place(&app).mend();
            println!("{name} at call {call}: {}", answer.status);
            let succeeded = answer.status.is_success();
            judge(&app, succeeded);
            if !succeeded {
                again(&app, &prepared);
            }
            app.run_late_work();
            // Longer than any upload lives.
            app.clock.advance(7 * 24 * 60 * 60);
            sweep(&app);
            assert_no_orphans(&app);
            if !has_struck {
                break;
            }
        }
    }
    assert!(struck >= 4, "only {struck} faults struck");
}

#[test]
fn a_put_is_old_or_new() {
    let store = |app: &TestApp, (): &()| ask(app, Method::PUT, "/files/old").body("new").send();
    at_every_step(
        |_| (),
        store,
        |app, succeeded| {
            let text = content(app, "old").unwrap();
            assert!(text == b"new" || (text == b"old" && !succeeded));
        },
        |app, ()| {
            assert!(store(app, &()).status.is_success());
            assert_eq!(content(app, "old").unwrap(), b"new");
        },
    );
}

#[test]
fn a_copy_is_there_or_not() {
    let copy = |app: &TestApp, (): &()| {
        ask(app, Method::PUT, "/files/copy").header("x-amz-copy-source", "files/old").send()
    };
    at_every_step(
        |_| (),
        copy,
        |app, succeeded| {
            assert_eq!(content(app, "old").unwrap(), b"old");
            let text = content(app, "copy");
            assert!(text.as_deref() == Some(b"old") || (text.is_none() && !succeeded));
        },
        |app, ()| assert!(copy(app, &()).status.is_success()),
    );
}

#[test]
fn a_removal_is_done_or_not() {
    for many in [false, true] {
        let remove = |app: &TestApp, (): &()| match many {
            true => ask(app, Method::POST, "/files?delete")
                .body("<Delete><Object><Key>old</Key></Object></Delete>")
                .send(),
            false => ask(app, Method::DELETE, "/files/old").send(),
        };
        at_every_step(
            |_| (),
            remove,
            |app, succeeded| {
                let text = content(app, "old");
                assert!(text.is_none() || (text.as_deref() == Some(b"old") && !succeeded));
            },
            |app, ()| {
                assert!(remove(app, &()).status.is_success());
                assert_eq!(content(app, "old"), None);
            },
        );
    }
}

#[test]
fn a_multipart_upload_is_completed_or_not() {
    let file = bytes(7 * MIB);
    let (first, second) = file.split_at(5 * MIB);
    let finish = |app: &TestApp, id: &String| complete(app, "old", id, &[(1, first), (2, second)]);
    at_every_step(
        |app| {
            let id = begin(app, "old");
            assert!(part(app, "old", &id, 1, first).status.is_success());
            assert!(part(app, "old", &id, 2, second).status.is_success());
            id
        },
        finish,
        |app, succeeded| {
            let now = content(app, "old").unwrap();
            assert!(now == file || (now == b"old" && !succeeded));
        },
        |app, id| {
            let answer = finish(app, id);
            assert!(answer.status.is_success(), "{}", answer.text());
            assert!(content(app, "old").unwrap() == file);
        },
    );
}

#[test]
fn a_part_is_stored_or_sent_again() {
    let file = bytes(1000);
    let send = |app: &TestApp, id: &String| part(app, "old", id, 1, &file);
    at_every_step(
        |app| begin(app, "old"),
        send,
        |app, _| assert_eq!(content(app, "old").unwrap(), b"old"),
        |app, id| {
            assert!(send(app, id).status.is_success());
            assert!(complete(app, "old", id, &[(1, &file)]).status.is_success());
            assert!(content(app, "old").unwrap() == file);
        },
    );
}

#[test]
fn an_upload_is_given_up_or_not() {
    let abort =
        |app: &TestApp, id: &String| ask(app, Method::DELETE, &format!("/files/old?uploadId={id}")).send();
    at_every_step(
        |app| {
            let id = begin(app, "old");
            assert!(part(app, "old", &id, 1, b"text").status.is_success());
            id
        },
        abort,
        |app, _| assert_eq!(content(app, "old").unwrap(), b"old"),
        |_, _| (),
    );
}
