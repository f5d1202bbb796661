//! Eight writers at once on twenty keys, a thousand times in an order of chance: whatever they do, who reads reads an
//! object whole, its ETag is its bytes', and after the sweep rows and bytes agree.

use http::StatusCode;
use md5::{Digest, Md5};
use serde_json::json;

use super::{app_with_bucket, assert_no_orphans, sweep};
use crate::app::{Answer, Call, TestApp, at_once};

/// Chance that repeats itself: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

const WRITERS: u64 = 8;
const KEYS: u64 = 20;
const ROUNDS: u64 = 1000;

fn content(writer: u64, round: u64, length: u64) -> String {
    format!("{writer} {round} ").repeat(1 + length as usize)
}

/// What a writer does: uploads, mostly over what is there; or moves, copies or removes.
fn act<'a>(app: &'a TestApp, chance: &mut Chance, writer: u64, round: u64) -> Call<'a> {
    let (key, other) = (chance.below(KEYS), chance.below(KEYS));
    let pair =
        json!({"bucketId": "files", "sourceKey": key.to_string(), "destinationKey": other.to_string()});
    let actor = app.service_role();
    match chance.below(10) {
        0 => actor.delete(&format!("/storage/v1/object/files/{key}")),
        1 => actor.post("/storage/v1/object/move").json(&pair),
        2 => actor.post("/storage/v1/object/copy").json(&pair).header("x-upsert", "true"),
        3 => actor.post("/storage/v1/object/copy").json(&pair),
        4 => actor.post(&format!("/storage/v1/object/files/{key}")).body(content(
            writer,
            round,
            chance.below(9),
        )),
        5 => actor.get(&format!("/storage/v1/object/authenticated/files/{key}")),
        _ => actor.put(&format!("/storage/v1/object/files/{key}")).body(content(
            writer,
            round,
            chance.below(9),
        )),
    }
}

/// A text of one writer and round, repeated; and its own ETag.
fn assert_whole(answer: &Answer) {
    let text = answer.text();
    let unit = text.split(' ').take(2).collect::<Vec<_>>().join(" ") + " ";
    assert!(!text.is_empty() && text == unit.repeat(text.len() / unit.len()), "{text}");
    let digest: String = Md5::digest(&answer.body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer.header("etag"), Some(format!("\"{digest}\"").as_str()));
}

#[test]
fn a_thousand_interleavings_leave_every_object_whole() {
    let app = app_with_bucket();
    app.database.take_turns();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut refused, mut read) = (0, 0);
    for round in 0..ROUNDS {
        let calls: Vec<_> = (0..WRITERS).map(|writer| act(&app, &mut chance, writer, round)).collect();
        for answer in at_once(calls, chance.below(4) as usize) {
            match answer.status {
                StatusCode::OK if answer.header("etag").is_some() => {
                    assert_whole(&answer);
                    read += 1;
                }
                StatusCode::OK => {}
                // Gone, or taken, when its turn came: said as such, never as a failure.
                _ => {
                    let code = answer.json()["code"].as_str().unwrap().to_string();
                    assert!(["NoSuchKey", "KeyAlreadyExists"].contains(&code.as_str()), "{}", answer.text());
                    refused += 1;
                }
            }
        }
        if chance.below(3) == 0 {
            app.run_late_work();
        } else if chance.below(5) == 0 {
            // The isolate dies before its late work.
            drop(app.late_work.take());
        }
    }
    assert!(refused > 100 && read > 100, "{refused} refused, {read} read");
    for key in 0..KEYS {
        let answer = app.service_role().get(&format!("/storage/v1/object/authenticated/files/{key}")).send();
        if answer.status == StatusCode::OK {
            assert_whole(&answer);
        }
    }
    sweep(&app);
    assert_no_orphans(&app);
    let report = app.service_role().post("/admin/v1/storage/check").json(&json!({})).send().json();
    for list in ["stray_bytes", "missing_bytes", "wrong_sizes"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
}
