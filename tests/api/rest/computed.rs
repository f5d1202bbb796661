//! Columns that functions compute: of written rows, in filters of writes, and in the order of an embed's origin.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

fn app() -> TestApp {
    let app = TestApp::with_vars(&[("DB_TX_END", "commit-allow-override")]);
    app.migrate(
        "1",
        "create table authors (id int primary key, first text, last text);
         create table books (id int primary key, title text, author_id int references authors);
         create function full_name(authors) returns text language sql stable as $$ select $1.first || ' ' || $1.last $$;
         create function shout(book books) returns text language sql stable as $$ select upper(book.title) $$;
         create policy open on authors using (true) with check (true);
         create policy open on books using (true) with check (true);
         create view tomes as select id, title, author_id from books;",
    );
    app
}

#[test]
fn written_rows_have_computed_columns() {
    let app = app();
    let anon = app.anon();
    let represented = |call: crate::app::Call<'_>| call.header("prefer", "return=representation").send();
    let authors =
        json!([{"id": 1, "first": "Zadie", "last": "Ash"}, {"id": 2, "first": "Amos", "last": "Birch"}]);
    let made = represented(anon.post("/rest/v1/authors?select=id,full_name&order=full_name").json(&authors));
    assert_eq!(
        (made.status, made.json()),
        (
            StatusCode::CREATED,
            json!([{"id": 2, "full_name": "Amos Birch"}, {"id": 1, "full_name": "Zadie Ash"}])
        )
    );
    let books = json!([{"id": 1, "title": "sea", "author_id": 1}, {"id": 2, "title": "sky", "author_id": 2}]);
    let made = represented(anon.post("/rest/v1/books?select=shout,authors(full_name)").json(&books));
    assert_eq!(
        made.json(),
        json!([
            {"shout": "SEA", "authors": {"full_name": "Zadie Ash"}},
            {"shout": "SKY", "authors": {"full_name": "Amos Birch"}},
        ])
    );
    let changed = anon.patch("/rest/v1/books?shout=eq.SKY&select=id,shout").json(&json!({"title": "moon"}));
    assert_eq!(represented(changed).json(), json!([{"id": 2, "shout": "MOON"}]));
    let undone = anon.delete("/rest/v1/books?shout=eq.MOON&select=shout").header("prefer", "tx=rollback");
    assert_eq!(represented(undone).json(), json!([{"shout": "MOON"}]));
    let gone = anon.delete("/rest/v1/books?shout=eq.MOON&select=shout");
    assert_eq!(represented(gone).json(), json!([{"shout": "MOON"}]));
    let merged =
        anon.post("/rest/v1/authors?select=full_name").header("prefer", "resolution=merge-duplicates");
    let merged = represented(
        merged.json(&json!([{"id": 1, "first": "Z", "last": "A"}, {"id": 3, "first": "C", "last": "D"}])),
    );
    assert_eq!(merged.json(), json!([{"full_name": "Z A"}, {"full_name": "C D"}]));
}

#[test]
fn rows_are_ordered_by_a_computed_column_of_their_embed() {
    let app = app();
    app.database.execute(
        "INSERT INTO authors VALUES (1, 'Zadie', 'Ash'), (2, 'Amos', 'Birch');
         INSERT INTO books VALUES (1, 'sea', 1), (2, 'sky', 2), (3, 'sun', 1);",
    );
    let got = app.anon().get("/rest/v1/books?select=id,authors(id)&order=authors(full_name),id.desc").send();
    assert_eq!(
        got.json(),
        json!([
            {"id": 2, "authors": {"id": 2}}, {"id": 3, "authors": {"id": 1}}, {"id": 1, "authors": {"id": 1}},
        ])
    );
}
