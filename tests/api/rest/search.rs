//! Full text search through the data API.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::TestApp;

const ANN: &str = "00000000-0000-4000-8000-00000000000a";

fn with_posts() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table posts (
           id bigint generated always as identity primary key,
           title text not null,
           body text,
           hidden boolean not null default false,
           fts tsvector generated always as (to_tsvector('english', title || ' ' || coalesce(body, ''))) stored
         );
         create index posts_fts on posts using gin (fts);
         create policy shown on posts for select using (not hidden);
         insert into posts (title, body, hidden) values
           ('Fat cats', 'They sat on mats', false),
           ('A rat', 'It was running from the cat', false),
           ('Dogs', null, false),
           ('Secret cats', 'Nobody may know', true);",
    );
    app
}

fn found(app: &TestApp, filter: &str) -> Value {
    let target = format!("/rest/v1/posts?select=id&order=id&{}", filter.replace(' ', "%20"));
    let answer = app.user(ANN).get(&target).send();
    assert_eq!(answer.status, StatusCode::OK, "{filter}: {}", answer.text());
    answer.json().as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
}

#[test]
fn rows_are_found_by_the_words_they_have() {
    let app = with_posts();
    #[rustfmt::skip]
    let cases = [
        ("fts=fts.cat",                            json!([1, 2])),
        ("fts=fts(english).'cats' %26 mat",        json!([1])),
        ("fts=fts.run:*",                          json!([2])),
        ("fts=fts.fat <-> cat",                    json!([1])),
        ("fts=fts.cat <-> fat",                    json!([])),
        ("fts=not.fts.cat",                        json!([3])),
        ("fts=plfts.The fat cats",                 json!([1])),
        ("fts=phfts.running from the cat",         json!([2])),
        ("fts=wfts(english).rat or dogs -fat",     json!([2, 3])),
        ("title=fts.cats",                         json!([1])),
        ("title=plfts(simple).cats",               json!([1])),
        ("title=plfts(simple).cat",                json!([])),
        ("or=(title.fts(english).dog,fts.fts.mat)", json!([1, 3])),
        ("fts=fts.the",                            json!([])),
    ];
    for (filter, ids) in cases {
        assert_eq!(found(&app, filter), ids, "{filter}");
    }
}

#[test]
fn what_is_found_follows_the_text_whoever_changes_it() {
    let app = with_posts();
    assert_eq!(found(&app, "fts=fts.mat"), json!([1]));
    let change = json!({"body": "They sat on sofas"});
    app.service_role().patch("/rest/v1/posts?id=eq.1").json(&change).send();
    assert_eq!(found(&app, "fts=fts.mat"), json!([]));
    assert_eq!(found(&app, "fts=fts.sofa"), json!([1]));
    let sql = json!({"sql": "update posts set body = coalesce(body, '') || ' and mice'"});
    assert_eq!(app.service_role().post("/admin/v1/query").json(&sql).send().status, StatusCode::OK);
    assert_eq!(found(&app, "fts=fts.mouse"), json!([]));
    assert_eq!(found(&app, "fts=fts.mice"), json!([1, 2, 3]));
}

#[test]
fn many_rows_are_prepared_in_one_request() {
    let app = with_posts();
    let rows: Vec<Value> = (0..2_000)
        .map(|number| json!({"title": format!("number {number}"), "body": "x ".repeat(300)}))
        .collect();
    let answer = app.service_role().post("/rest/v1/posts").json(&json!(rows)).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(found(&app, "fts=fts.1999"), json!([2004]));
}

#[test]
fn vectors_go_out_as_postgres_prints_them() {
    let app = with_posts();
    let answer = app.user(ANN).get("/rest/v1/posts?select=fts&id=eq.2").send();
    assert_eq!(answer.json(), json!([{"fts": "'cat':8 'rat':2 'run':5"}]));
    let rows: Vec<Value> = (0..100).map(|number| json!({"title": format!("Cats {number}")})).collect();
    let answer = app
        .service_role()
        .post("/rest/v1/posts?select=id,fts&order=id")
        .header("prefer", "return=representation")
        .json(&json!(rows))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json()[99], json!({"id": 104, "fts": "'99':2 'cat':1"}));
}

#[test]
fn queries_that_are_none_are_refused() {
    let app = with_posts();
    #[rustfmt::skip]
    let cases = [
        ("fts=fts.cat dog",          "42601"),
        ("fts=fts.cat %26",          "42601"),
        ("fts=fts(klingon).cat",     "42704"),
        ("fts=fts(french).cat",      "0A000"),
        ("id=fts.cat",               "42883"),
        ("fts=eq.cat",               "PGRST127"),
        ("fts=fts.(cat|dog) <-> mat",      "0A000"),
    ];
    for (filter, code) in cases {
        let answer =
            app.user(ANN).get(&format!("/rest/v1/posts?select=id&{}", filter.replace(' ', "%20"))).send();
        assert_eq!(answer.json()["code"], json!(code), "{filter}");
    }
}
