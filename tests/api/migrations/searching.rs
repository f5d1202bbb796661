//! Full text search in migrations and queries.

use serde_json::json;

use crate::app::TestApp;

#[test]
fn texts_are_searched_by_sql() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table posts (id int primary key, title text, body text, words tsvector);
         create policy found on posts for select using (to_tsvector('english', title) @@ plainto_tsquery('english', body));
         insert into posts values (1, 'Fat cats', 'The cat', to_tsvector('english', 'quick foxes')), (2, 'Dogs', 'cat', 'a:1 b:2');
         insert into posts select id + 10, title, body, to_tsvector('english', title) || setweight(to_tsvector('simple', body), 'A') from posts;",
    );
    #[rustfmt::skip]
    let cases = [
        ("select id from posts where title @@ 'cats'::tsquery",                           json!([])),
        ("select id from posts where title @@ to_tsquery('cats') order by id",            json!([{"id": 1}, {"id": 11}])),
        ("select id from posts where words @@ websearch_to_tsquery('english', body) order by id", json!([{"id": 11}, {"id": 12}])),
        ("select words from posts order by id",                                           json!([{"words": "'fox':2 'quick':1"}, {"words": "'a':1 'b':2"}, {"words": "'cat':2,4A 'fat':1 'the':3A"}, {"words": "'cat':2A 'dog':1"}])),
        ("select to_tsvector('english'::regconfig, 'It''s a cat')::text as v",            json!([{"v": "'cat':4"}])),
        ("select jsonb_build_object('w', to_tsvector('english', body)) as v from posts where id = 2", json!([{"v": {"w": "'cat':1"}}])),
        ("select to_tsvector('english', null) is null as v",                              json!([{"v": true}])),
        ("select id, ts_rank(words, to_tsquery('english', 'cat')) as rank from posts order by 2 desc, 1", json!([{"id": 11, "rank": 0.6687198}, {"id": 12, "rank": 0.6079271}, {"id": 1, "rank": 0}, {"id": 2, "rank": 0}])),
        ("select ts_rank('''a'':1 ''b'':2', 'a & b'::tsquery) as v",                      json!([{"v": 0.09910322}])),
        ("select ts_rank('''a'':1 ''b'':2', 'a & b'::tsquery) * 2 as v",                  json!([{"v": 0.19820643961429596}])),
    ];
    for (sql, rows) in cases {
        assert_eq!(app.rows(sql), rows, "{sql}");
    }
    #[rustfmt::skip]
    let refused = [
        ("select ts_rank_cd(words, to_tsquery('a')) from posts",                          "0A000"),
        ("select ts_rank(words, to_tsquery('a'), id) from posts",                         "0A000"),
        ("select ts_rank('{0.1}', words, to_tsquery('a')) from posts",                    "2202E"),
        ("select to_tsquery('a') as q",                                                   "0A000"),
        ("select to_tsquery('a b')",                                                      "42601"),
        ("select to_tsvector('dutch', 'a')",                                              "0A000"),
        ("create table x (a text, b tsvector generated always as (to_tsvector(a)) stored)", "42P17"),
        ("create table x (a tsquery)",                                                    "0A000"),
    ];
    for (sql, code) in refused {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
}

#[test]
fn vectors_are_told_apart_by_what_they_come_to() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table posts (id int primary key, words tsvector);
         insert into posts values (1, to_tsvector('english', 'a cat')), (2, to_tsvector('english', 'the cats')), (3, 'cat:2'), (4, 'dog:1'), (5, null);",
    );
    assert_eq!(
        app.rows("select count(*) as n, min(id) as first from posts group by words order by 2"),
        json!([{"n": 3, "first": 1}, {"n": 1, "first": 4}, {"n": 1, "first": 5}])
    );
    assert_eq!(
        app.rows("select count(*) as n from (select distinct words from posts) as d"),
        json!([{"n": 3}])
    );
    let united =
        app.rows("select words::text as w from posts union select words::text from posts order by 1");
    assert_eq!(united, json!([{"w": "'cat':2"}, {"w": "'dog':1"}, {"w": null}]));
}
