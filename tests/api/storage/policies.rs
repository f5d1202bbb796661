//! Row-level security on objects and buckets, asked in SQL by every operation.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeward::ports::Database;
use edgeward::schema::{self, Command, Policy};
use futures_executor::block_on;
use http::{Method, StatusCode};
use serde_json::json;

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, put, read};
use crate::app::{Actor, Answer, TestApp};
use crate::double::Pieces;

const ANN: &str = "4d56e902-f0a0-4662-8448-a4d9e643c142";
const BOB: &str = "317eadce-631a-4429-a0bb-f19a7a517b4a";

/// The folder of one's own, as Supabase's guide has it.
const OWN_FOLDER: &str = "bucket_id = 'files' AND (storage.foldername(name))[1] = (SELECT auth.uid())::text";

const COMMANDS: [(&str, Command); 4] = [
    ("SELECT", Command::Select),
    ("INSERT", Command::Insert),
    ("UPDATE", Command::Update),
    ("DELETE", Command::Delete),
];

/// Makes these the only policies of `storage.objects` and `storage.buckets`: table, commands, and
/// the expression that old and new rows must keep. A command `CHECK` is an UPDATE of any row, for the
/// new one.
fn set_policies(app: &TestApp, rows: &[(&str, &[&str], &str)]) {
    let before = block_on(schema::load(app.database.as_ref())).unwrap();
    let mut after = before.clone();
    for name in ["storage.objects", "storage.buckets"] {
        after.tables.get_mut(name).unwrap().policies.clear();
    }
    for (index, (table, commands, expression)) in rows.iter().enumerate() {
        for name in *commands {
            let of_new_rows = ["INSERT", "CHECK"].contains(name);
            let command = match *name {
                "CHECK" => Command::Update,
                command => COMMANDS.iter().find(|(name, _)| *name == command).unwrap().1,
            };
            after.tables.get_mut(&format!("storage.{table}")).unwrap().policies.push(Policy {
                name: format!("{index} {command:?}"),
                permissive: true,
                command: Some(command),
                roles: vec!["authenticated".into()],
                using: match *name {
                    "INSERT" => None,
                    "CHECK" => Some("true".to_string()),
                    _ => Some((*expression).to_string()),
                },
                check: of_new_rows.then(|| (*expression).to_string()),
            });
        }
    }
    block_on(app.database.batch(schema::save(&before, &after).unwrap())).unwrap();
}

fn app_with_own_folders() -> TestApp {
    let app = app_with_bucket();
    let policy =
        format!("CREATE POLICY \"own folder\" ON storage.objects TO authenticated USING ({OWN_FOLDER})");
    app.migrate("20260101000000", &policy);
    app
}

fn upload(actor: &Actor<'_>, path: &str, text: &str) -> Answer {
    actor.post(&format!("/storage/v1/object/{path}")).body(text.to_string()).send()
}

fn assert_ok(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// 403 in Postgres' words.
fn assert_row_security(answer: &Answer) {
    assert_refused(answer, "AccessDenied", "403");
    assert_eq!(answer.json()["message"], "new row violates row-level security policy");
}

#[test]
fn two_users_have_folders_of_their_own() {
    let app = app_with_own_folders();
    let (ann, bob) = (app.user(ANN), app.user(BOB));
    let anns = format!("files/{ANN}/a.txt");
    assert_ok(&upload(&ann, &anns, "secret"));
    assert_ok(&upload(&bob, &format!("files/{BOB}/b.txt"), "b"));
    assert_eq!(ann.get(&format!("/storage/v1/object/{anns}")).send().text(), "secret");
    assert_eq!(
        app.database.value("SELECT owner FROM \"storage.objects\" WHERE name LIKE '%a.txt'").unwrap(),
        ANN
    );

    for other in [bob, app.anon()] {
        for (method, path) in [
            (Method::GET, format!("object/{anns}")),
            (Method::GET, format!("object/authenticated/{anns}")),
            (Method::GET, format!("object/info/{anns}")),
        ] {
            assert_refused(&other.call(method, &format!("/storage/v1/{path}")).send(), "NoSuchKey", "404");
        }
        let head = other.call(Method::HEAD, &format!("/storage/v1/object/{anns}")).send();
        assert_eq!(head.status, StatusCode::BAD_REQUEST);
        let post = |path: &str, body: serde_json::Value| {
            other.post(&format!("/storage/v1/object/{path}")).json(&body).send()
        };
        assert_eq!(post("list/files", json!({"prefix": ANN})).json(), json!([]));
        assert_eq!(post("list-v2/files", json!({"prefix": ANN})).json()["objects"], json!([]));
        assert_refused(&post(&format!("sign/{anns}"), json!({"expiresIn": 60})), "NoSuchKey", "404");
        let signed = post("sign/files", json!({"expiresIn": 60, "paths": [format!("{ANN}/a.txt")]})).json();
        assert_eq!(signed[0]["signedURL"], json!(null));
        for how in ["move", "copy"] {
            let body = json!({"bucketId": "files", "sourceKey": format!("{ANN}/a.txt"), "destinationKey": format!("{BOB}/stolen")});
            assert_refused(&post(how, body), "NoSuchKey", "404");
        }
        assert_row_security(&upload(&other, &anns, "overwritten"));
        assert_row_security(&upload(&other, &format!("files/{ANN}/planted"), "x"));
        assert_row_security(&other.put(&format!("/storage/v1/object/{anns}")).body("x").send());
        assert_row_security(&other.post(&format!("/storage/v1/object/upload/sign/{anns}")).send());
        assert_refused(&other.delete(&format!("/storage/v1/object/{anns}")).send(), "AccessDenied", "403");
        let removed =
            other.delete("/storage/v1/object/files").json(&json!({"prefixes": [format!("{ANN}/a.txt")]}));
        assert_eq!(removed.send().json(), json!([]));
    }
    assert_eq!(ann.get(&format!("/storage/v1/object/{anns}")).send().text(), "secret");
    let list = ann.post("/storage/v1/object/list/files").json(&json!({"prefix": ""})).send().json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list[0]["name"], ANN);
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn nothing_leaves_or_enters_a_folder_of_someone_else() {
    let app = app_with_own_folders();
    let ann = app.user(ANN);
    assert_ok(&upload(&ann, &format!("files/{ANN}/a"), "a"));
    put(&app, &format!("files/{BOB}/b"), "b");
    make_bucket(&app, &json!({"name": "other"}));
    for how in ["move", "copy"] {
        // A taken name and a free one are refused alike: nobody learns which there are.
        for destination in [format!("{BOB}/b"), format!("{BOB}/free"), "loose".into()] {
            let body =
                json!({"bucketId": "files", "sourceKey": format!("{ANN}/a"), "destinationKey": destination});
            let call = ann.post(&format!("/storage/v1/object/{how}")).json(&body);
            assert_row_security(&call.header("x-upsert", "true").send());
        }
        let body = json!({"bucketId": "files", "sourceKey": format!("{ANN}/a"), "destinationKey": format!("{ANN}/a"), "destinationBucket": "other"});
        assert_row_security(&ann.post(&format!("/storage/v1/object/{how}")).json(&body).send());
    }
    assert_eq!(read(&app, &format!("files/{BOB}/b")).as_deref(), Some("b"));
    for (how, destination) in [("copy", "c"), ("move", "m")] {
        let body = json!({"bucketId": "files", "sourceKey": format!("{ANN}/a"), "destinationKey": format!("{ANN}/{destination}")});
        assert_ok(&ann.post(&format!("/storage/v1/object/{how}")).json(&body).send());
        assert_eq!(read(&app, &format!("files/{ANN}/{destination}")).as_deref(), Some("a"));
    }
    app.run_late_work();
    assert_no_orphans(&app);
}

/// An operation of a user on `files/old`, the commands it needs a policy for, and what it answers
/// without each: an error's code, or `ok` for an answer that shows nothing.
struct Action {
    name: &'static str,
    needs: &'static [&'static str],
    refused: &'static [&'static str],
    run: fn(&Actor<'_>) -> Answer,
}

fn relocate(actor: &Actor<'_>, how: &str, destination: &str) -> Answer {
    let body = json!({"bucketId": "files", "sourceKey": "old", "destinationKey": destination});
    actor.post(&format!("/storage/v1/object/{how}")).header("x-upsert", "true").json(&body).send()
}

fn post(actor: &Actor<'_>, path: &str, body: serde_json::Value) -> Answer {
    actor.post(&format!("/storage/v1/{path}")).json(&body).send()
}

#[rustfmt::skip]
const ACTIONS: &[Action] = &[
    Action { name: "upload",       needs: &["INSERT"],                     refused: &["AccessDenied"],                                 run: |actor| upload(actor, "files/new", "x") },
    Action { name: "sign upload",  needs: &["INSERT"],                     refused: &["AccessDenied"],                                 run: |actor| actor.post("/storage/v1/object/upload/sign/files/new").send() },
    Action { name: "upsert new",   needs: &["INSERT", "SELECT"],           refused: &["AccessDenied", "AccessDenied"],                 run: |actor| actor.put("/storage/v1/object/files/new").body("x").send() },
    Action { name: "upsert old",   needs: &["INSERT", "SELECT", "UPDATE"], refused: &["AccessDenied", "AccessDenied", "AccessDenied"], run: |actor| actor.put("/storage/v1/object/files/old").body("x").send() },
    Action { name: "download",     needs: &["SELECT"],                     refused: &["NoSuchKey"],                                    run: |actor| actor.get("/storage/v1/object/files/old").send() },
    Action { name: "info",         needs: &["SELECT"],                     refused: &["NoSuchKey"],                                    run: |actor| actor.get("/storage/v1/object/info/files/old").send() },
    Action { name: "list",         needs: &["SELECT"],                     refused: &["ok"],                                           run: |actor| post(actor, "object/list/files", json!({"prefix": ""})) },
    Action { name: "list pages",   needs: &["SELECT"],                     refused: &["ok"],                                           run: |actor| post(actor, "object/list-v2/files", json!({})) },
    Action { name: "sign",         needs: &["SELECT"],                     refused: &["NoSuchKey"],                                    run: |actor| post(actor, "object/sign/files/old", json!({"expiresIn": 9})) },
    Action { name: "remove",       needs: &["SELECT", "DELETE"],           refused: &["AccessDenied", "AccessDenied"],                 run: |actor| actor.delete("/storage/v1/object/files/old").send() },
    Action { name: "remove many",  needs: &["SELECT", "DELETE"],           refused: &["ok", "ok"],                                     run: |actor| actor.delete("/storage/v1/object/files").json(&json!({"prefixes": ["old"]})).send() },
    Action { name: "move",         needs: &["SELECT", "UPDATE"],           refused: &["NoSuchKey", "NoSuchKey"],                       run: |actor| relocate(actor, "move", "new") },
    Action { name: "copy",         needs: &["SELECT", "INSERT"],           refused: &["NoSuchKey", "AccessDenied"],                    run: |actor| relocate(actor, "copy", "new") },
    Action { name: "copy over",    needs: &["SELECT", "INSERT", "UPDATE"], refused: &["NoSuchKey", "AccessDenied", "AccessDenied"],    run: |actor| relocate(actor, "copy", "old") },
];

#[test]
fn every_action_asks_for_its_policies_and_no_others() {
    for action in ACTIONS {
        let run = |commands: &[&str]| {
            let app = app_with_bucket();
            put(&app, "files/old", "old");
            set_policies(&app, &[("objects", commands, "auth.uid() IS NOT NULL")]);
            let answer = (action.run)(&app.user(ANN));
            app.run_late_work();
            assert_no_orphans(&app);
            (answer, read(&app, "files/old"))
        };
        let (answer, _) = run(action.needs);
        assert_eq!(answer.status, StatusCode::OK, "{}: {}", action.name, answer.text());
        assert!(
            !["[]", r#"{"hasNext":false,"folders":[],"objects":[]}"#].contains(&answer.text().as_str()),
            "{}",
            action.name
        );
        for (missing, refused) in action.needs.iter().zip(action.refused) {
            let others: Vec<&str> =
                COMMANDS.iter().map(|(name, _)| *name).filter(|name| name != missing).collect();
            let (answer, old) = run(&others);
            assert_eq!(old.as_deref(), Some("old"), "{} without {missing}", action.name);
            if *refused == "ok" {
                assert!(
                    ["[]", r#"{"hasNext":false,"folders":[],"objects":[]}"#]
                        .contains(&answer.text().as_str())
                );
            } else {
                assert_eq!(answer.json()["code"], *refused, "{} without {missing}", action.name);
            }
        }
    }
}

/// An upload's type, user metadata and text, and whether it is allowed.
type Attempt = (&'static str, &'static str, &'static str, bool);

#[test]
fn policies_see_type_size_and_metadata_of_an_upload() {
    let rows: &[(&str, &[Attempt])] = &[
        (
            "metadata->>'mimetype' LIKE 'image/%'",
            &[("image/png", "{}", "x", true), ("text/plain", "{}", "x", false)],
        ),
        (
            "(metadata->>'contentLength')::int <= 3",
            &[("text/plain", "{}", "123", true), ("text/plain", "{}", "1234", false)],
        ),
        ("(metadata->>'size')::int <= 3", &[("a/b", "{}", "123", true), ("a/b", "{}", "1234", false)]),
        (
            "user_metadata->>'department' = 'engineering'",
            &[
                ("a/b", r#"{"department":"engineering"}"#, "x", true),
                ("a/b", r#"{"department":"marketing"}"#, "x", false),
                ("a/b", "{}", "x", false),
            ],
        ),
        ("owner_id = (SELECT auth.uid())::text", &[("a/b", "{}", "x", true)]),
        ("storage.extension(name) = 'txt'", &[("a/b", "{}", "x", false)]),
    ];
    for (expression, uploads) in rows {
        let app = app_with_bucket();
        set_policies(&app, &[("objects", &["INSERT"], expression)]);
        for (mime_type, user_metadata, text, allowed) in *uploads {
            let call = app.user(ANN).post("/storage/v1/object/files/a").header("content-type", mime_type);
            let answer =
                call.header("x-metadata", &STANDARD.encode(user_metadata)).body(text.to_string()).send();
            if *allowed {
                assert_ok(&answer);
                app.service_role().delete("/storage/v1/object/files/a").send();
            } else {
                assert_row_security(&answer);
            }
        }
        app.run_late_work();
        assert_no_orphans(&app);
    }
}

#[test]
fn user_metadata_that_was_not_sent_is_null_to_policies_and_empty_to_readers() {
    let app = app_with_bucket();
    set_policies(&app, &[("objects", &["INSERT"], "user_metadata IS NULL")]);
    assert_ok(&upload(&app.user(ANN), "files/a", "x"));
    let body = json!({"prefixes": ["a"]});
    let removed = app.service_role().delete("/storage/v1/object/files").json(&body).send().json();
    assert_eq!(removed[0]["user_metadata"], json!({}));
}

#[test]
fn a_size_policy_holds_for_a_stream_that_declares_less() {
    let app = app_with_bucket();
    set_policies(&app, &[("objects", &["INSERT"], "COALESCE((metadata->>'size')::int, 0) <= 3")]);
    let call = app.user(ANN).post("/storage/v1/object/files/a");
    assert_row_security(&call.stream(Pieces::of(b"12345", 2)).send());
    app.run_late_work();
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn only_the_owner_overwrites() {
    let app = app_with_bucket();
    set_policies(
        &app,
        &[
            ("objects", &["SELECT", "INSERT"], "true"),
            ("objects", &["UPDATE", "DELETE"], "owner = (SELECT auth.uid())"),
        ],
    );
    assert_ok(&upload(&app.user(ANN), "files/a", "ann"));
    let overwrite = |user: &str| app.user(user).put("/storage/v1/object/files/a").body("again").send();
    assert_row_security(&overwrite(BOB));
    assert_eq!(read(&app, "files/a").as_deref(), Some("ann"));
    assert_refused(&app.user(BOB).delete("/storage/v1/object/files/a").send(), "AccessDenied", "403");
    let body = json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b"});
    assert_refused(&app.user(BOB).post("/storage/v1/object/move").json(&body).send(), "NoSuchKey", "404");
    assert_ok(&overwrite(ANN));
    assert_eq!(read(&app, "files/a").as_deref(), Some("again"));
}

#[test]
fn what_an_object_becomes_is_judged_too() {
    let app = app_with_bucket();
    put(&app, "files/a", "old");
    set_policies(
        &app,
        &[
            ("objects", &["SELECT", "INSERT"], "true"),
            ("objects", &["CHECK"], "metadata->>'mimetype' = 'image/png' AND name LIKE 'a%'"),
        ],
    );
    let replace = |mime_type: &str| {
        let call = app.user(ANN).put("/storage/v1/object/files/a").header("content-type", mime_type);
        call.body("new").send()
    };
    assert_row_security(&replace("text/plain"));
    assert_eq!(read(&app, "files/a").as_deref(), Some("old"));
    assert_ok(&replace("image/png"));
    assert_row_security(&post(
        &app.user(ANN),
        "object/move",
        json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b"}),
    ));
    let body = json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "ab"});
    assert_ok(&post(&app.user(ANN), "object/move", body));
}

#[test]
fn policies_may_look_into_other_tables() {
    let app = TestApp::new();
    let token = app.token(&json!({"role": "service_role", "sub": ANN}));
    let call = app.with_token(&token).post("/storage/v1/bucket");
    assert_ok(&call.json(&json!({"name": "anns"})).send());
    make_bucket(&app, &json!({"name": "files"}));
    set_policies(
        &app,
        &[
            ("buckets", &["SELECT"], "owner = (SELECT auth.uid())"),
            (
                "objects",
                &["SELECT", "INSERT"],
                "EXISTS (SELECT 1 FROM storage.buckets AS b WHERE b.id = bucket_id AND b.owner = (SELECT auth.uid()))",
            ),
        ],
    );
    assert_ok(&upload(&app.user(ANN), "anns/a", "a"));
    assert_row_security(&upload(&app.user(ANN), "files/a", "a"));
    assert_row_security(&upload(&app.user(BOB), "anns/b", "b"));
    assert_refused(&app.user(BOB).get("/storage/v1/object/anns/a").send(), "NoSuchKey", "404");
}

#[test]
fn sizes_by_bucket_are_of_what_the_caller_sees() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "other"}));
    for (path, text) in
        [(format!("files/{ANN}/a"), "123"), (format!("files/{BOB}/b"), "12345"), ("other/c".into(), "1")]
    {
        put(&app, &path, text);
    }
    set_policies(&app, &[("objects", &["SELECT"], OWN_FOLDER)]);
    app.migrate(
        "1",
        "CREATE FUNCTION sizes() RETURNS TABLE (size bigint, bucket_id text) LANGUAGE sql STABLE AS
         $$ SELECT s.size, s.bucket_id FROM storage.get_size_by_bucket() AS s ORDER BY s.bucket_id $$;",
    );
    let ask = |actor: &Actor<'_>| actor.post("/rest/v1/rpc/sizes").json(&json!({})).send().json();
    let all = json!([{"size": 8, "bucket_id": "files"}, {"size": 1, "bucket_id": "other"}]);
    assert_eq!(ask(&app.service_role()), all);
    assert_eq!(ask(&app.user(ANN)), json!([{"size": 3, "bucket_id": "files"}]));
    assert_eq!(ask(&app.anon()), json!([]));
    // It is the system's, and no row of the registry: another migration neither writes nor loses it.
    app.migrate("2", "CREATE TABLE more (id int PRIMARY KEY);");
    assert_eq!(ask(&app.service_role()), all);
    let names = "SELECT count(*) FROM \"edgeward.catalog\" WHERE name LIKE '%get_size_by_bucket%'";
    assert_eq!(app.database.value(names).unwrap(), "0");
}

#[test]
fn bucket_actions_ask_for_their_policies() {
    type Run = fn(&Actor<'_>) -> Answer;
    let rows: &[(&str, &[&str], &[&str], Run)] = &[
        ("create", &["INSERT"], &["AccessDenied"], |actor| post(actor, "bucket", json!({"name": "new"}))),
        ("find", &["SELECT"], &["NoSuchBucket"], |actor| actor.get("/storage/v1/bucket/files").send()),
        ("update", &["SELECT", "UPDATE"], &["NoSuchBucket", "NoSuchBucket"], |actor| {
            actor.put("/storage/v1/bucket/files").json(&json!({"public": true})).send()
        }),
        ("delete", &["SELECT", "DELETE"], &["NoSuchBucket", "NoSuchBucket"], |actor| {
            actor.delete("/storage/v1/bucket/files").send()
        }),
    ];
    for (name, needs, refused, run) in rows {
        let answer = |commands: &[&str]| {
            let app = app_with_bucket();
            set_policies(&app, &[("buckets", commands, "auth.uid() IS NOT NULL")]);
            run(&app.user(ANN))
        };
        assert_ok(&answer(needs));
        for (missing, code) in needs.iter().zip(*refused) {
            let others: Vec<&str> =
                COMMANDS.iter().map(|(name, _)| *name).filter(|name| name != missing).collect();
            assert_eq!(answer(&others).json()["code"], *code, "{name} without {missing}");
        }
    }
}

#[test]
fn a_bucket_may_not_be_changed_into_what_a_policy_forbids() {
    let app = app_with_bucket();
    set_policies(
        &app,
        &[("buckets", &["SELECT"], "true"), ("buckets", &["INSERT", "UPDATE"], "public = false")],
    );
    let change =
        |public: bool| app.user(ANN).put("/storage/v1/bucket/files").json(&json!({"public": public})).send();
    assert_ok(&change(false));
    assert_row_security(&change(true));
    assert_row_security(&post(&app.user(ANN), "bucket", json!({"name": "open", "public": true})));
    assert_eq!(app.database.value("SELECT group_concat(public) FROM \"storage.buckets\"").unwrap(), "0");
}

#[test]
fn a_policy_that_goes_is_gone_for_the_next_request_everywhere() {
    let app = app_with_own_folders();
    let elsewhere = app.another_isolate();
    let path = format!("/storage/v1/object/files/{ANN}/a");
    assert_ok(&app.user(ANN).post(&path).body("a").send());
    assert_ok(&elsewhere.user(ANN).get(&path).send());
    set_policies(&app, &[]);
    for app in [&app, &elsewhere] {
        assert_refused(&app.user(ANN).get(&path).send(), "NoSuchKey", "404");
        assert_row_security(&app.user(ANN).put(&path).body("b").send());
    }
}

#[test]
fn a_policy_that_goes_during_an_upload_stops_it() {
    let app = app_with_own_folders();
    let path = format!("files/{ANN}/a");
    let database = app.database.clone();
    let revoke = move || {
        database.execute(
            "DELETE FROM \"edgeward.catalog\" WHERE kind = 'policy';
             UPDATE \"edgeward.catalog_version\" SET version = version + 1",
        );
    };
    let pieces = Pieces::of(b"new", 1).then_run(revoke);
    let answer = app.user(ANN).post(&format!("/storage/v1/object/{path}")).stream(pieces).send();
    assert_row_security(&answer);
    assert_eq!(read(&app, &path), None);
    app.run_late_work();
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn policies_that_lead_back_to_themselves_are_an_error() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let recursive = "EXISTS (SELECT 1 FROM storage.objects AS o WHERE o.name = 'x')";
    set_policies(&app, &[("objects", &["SELECT"], recursive)]);
    let answer = app.user(ANN).get("/storage/v1/object/files/a").send();
    assert_refused(&answer, "DatabaseInvalidObjectDefinition", "503");
}
