//! Rows as CSV, out and in.

use http::StatusCode;
use serde_json::json;

use super::schema::project;
use super::{ANN, assert_error, rows, with_people, with_todos};

#[test]
fn rows_go_out_as_csv() {
    let app = with_todos();
    let csv = |target: &str| {
        let answer = app.user(ANN).get(&format!("/rest/v1/{target}")).header("accept", "text/csv").send();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        answer.text()
    };
    let cases = [
        ("todos?select=id,title,done", "id,title,done\n1,milk,f\n2,bread,t"),
        (
            "todos?select=id,n:priority,due,labels",
            "id,n,due,labels\n1,1.50,2026-01-02,\"{home,shop}\"\n2,10,,{shop}",
        ),
        (
            "todos?select=meta,meta->a,s:meta->>s,gone:meta->x&order=id",
            "meta,a,s,gone\n\"{\"\"a\"\": {\"\"b\"\": [1, 2]}, \"\"s\"\": \"\"x\"\", \"\"n\"\": 7}\",\"{\"\"b\"\": [1, 2]}\",x,\n,,,",
        ),
        ("todos?select=id&id=eq.99", "\n"),
        ("todos?select=count", "count\n2"),
        ("todos?select=id,profiles()&id=eq.1", "id\n1"),
    ];
    for (target, expected) in cases {
        assert_eq!(csv(target), expected, "{target}");
    }
    let embed =
        app.user(ANN).get("/rest/v1/todos?select=id,profiles(name)").header("accept", "text/csv").send();
    assert_error(&embed, StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented");
}

#[test]
fn each_type_has_postgres_text_form() {
    let app = project();
    app.database.execute(
        r#"INSERT INTO things (id, flag, exact, ratio, label, at, local, raw, doc, bytes, numbers, words) VALUES
             (1, 1, 'NaN', 9e999, 'a, "b"', '2026-01-02T03:04:05.12+00:00', '2026-01-02T03:04:05', '{"b":1,  "a":2}', 'null',
              x'dead', '[1,null]', '["x y","","NULL"]');"#,
    );
    let target = "/rest/v1/things?select=flag,exact,ratio,label,at,local,raw,doc,bytes,numbers,words";
    let expected = concat!(
        "flag,exact,ratio,label,at,local,raw,doc,bytes,numbers,words\n",
        r#"t,NaN,Infinity,"a, ""b""","2026-01-02 03:04:05.12+00","2026-01-02 03:04:05","{""b"":1,  ""a"":2}",null,"#,
        r#""\\xdead","{1,NULL}","{""x y"","""",""NULL""}""#,
    );
    assert_eq!(app.anon().get(target).header("accept", "text/csv").send().text(), expected);
}

#[test]
fn rows_come_in_as_csv() {
    let app = with_people();
    let post = |body: &str| {
        let call = app.anon().post("/rest/v1/people?select=id,name,age");
        let call = call.header("content-type", "text/csv").header("accept", "text/csv");
        call.header("prefer", "return=representation").body(body.to_string()).send()
    };
    let written = post("id,name,age\r\n10,\"Abel, \"\"A\"\"\",NULL\r\n11,,7\r\n");
    assert_eq!(written.status, StatusCode::CREATED, "{}", written.text());
    assert_eq!(written.text(), "id,name,age\n10,\"Abel, \"\"A\"\"\",\n11,\"\",7");
    let expected = json!([{"id": 10, "name": "Abel, \"A\"", "age": null}, {"id": 11, "name": "", "age": 7}]);
    assert_eq!(rows(&app.anon(), "people?select=id,name,age&id=gte.10"), expected);
    let ragged = post("id,name\n12");
    assert_error(&ragged, StatusCode::BAD_REQUEST, "PGRST102", "All lines must have same number of fields");
    assert_eq!(post("id,name\n12,\"x").json()["code"], json!("PGRST102"));
    assert_eq!(post("id,age\n12,x").json()["code"], json!("22P02"));
    let refused = post("id,nope\n12,x");
    assert_eq!(refused.json()["code"], json!("PGRST204"));
}
