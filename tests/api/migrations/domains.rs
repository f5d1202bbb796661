//! Domains: a type's values under conditions, in columns, casts and functions' arguments.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

const SCHEMA: &str = "
create domain email as citext check (value ~ '^[^@ ]+@[^@ ]+$');
create domain public.percent numeric(5,2) default 10 constraint in_range check (value >= 0 and value <= 100) check (value <> 13);
create domain small_percent as percent check (value < 50);
create domain word text not null check (length(value) between 1 and 5);
create table people (
  id int primary key,
  address email,
  share percent,
  little small_percent default 5,
  nick word
);
";

fn project() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app
}

#[test]
fn columns_hold_values_of_their_domain() {
    let app = project();
    app.rows("insert into people (id, address, nick) values (1, 'ann@example.com', 'ann')");
    assert_eq!(
        app.rows("select address, share, little, nick from people"),
        json!([{"address": "ann@example.com", "share": 10.00, "little": 5.00, "nick": "ann"}])
    );
    #[rustfmt::skip]
    let rows = [
        ("(2, 'nobody', 1, 1, 'a')",      "23514", "value for domain email violates check constraint \"email_check\""),
        ("(2, null, 101, 1, 'a')",        "23514", "value for domain percent violates check constraint \"in_range\""),
        ("(2, null, 13, 1, 'a')",         "23514", "value for domain percent violates check constraint \"percent_check\""),
        ("(2, null, 60, 60, 'a')",        "23514", "value for domain small_percent violates check constraint \"small_percent_check\""),
        ("(2, null, 60, 101, 'a')",       "23514", "value for domain percent violates check constraint \"in_range\""),
        ("(2, null, 1, 1, null)",         "23502", "domain word does not allow null values"),
        ("(2, null, 1, 1, 'too long')",   "23514", "value for domain word violates check constraint \"word_check\""),
        ("(2, null, 'x', 1, 'a')",        "22P02", "invalid input syntax for type numeric: \"x\""),
    ];
    for (values, code, message) in rows {
        let refusal = app.refusal(&format!("insert into people values {values}"));
        assert_eq!((refusal.0.as_str(), refusal.1.as_str()), (code, message), "{values}");
    }
    let answer = app
        .service_role()
        .post("/rest/v1/people")
        .json(&json!({"id": 3, "address": "no", "nick": "x"}))
        .send();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["code"], "23514");
    assert_eq!(answer.json()["message"], "value for domain email violates check constraint \"email_check\"");
}

#[test]
fn casts_and_arguments_ask_the_domain() {
    let app = project();
    assert_eq!(app.value("('5'::percent + 1)::text"), json!("6.00"));
    assert_eq!(app.value("null::email"), json!(null));
    assert_eq!(app.refusal("select '500'::percent").0, "23514");
    assert_eq!(app.refusal("select null::word").0, "23502");
    app.migrate(
        "2",
        "create function half(of small_percent, who word default 'me') returns text language sql immutable as $$ select who || ' ' || (of / 2)::numeric(5,2) $$;",
    );
    assert_eq!(app.value("half(5)"), json!("me 2.50"));
    assert_eq!(app.refusal("select half(60)").0, "23514");
    assert_eq!(app.refusal("select half(5, null)").0, "23502");
    let call = |body: serde_json::Value| app.service_role().post("/rest/v1/rpc/half").json(&body).send();
    assert_eq!(call(json!({"of": 3, "who": "you"})).json(), json!("you 1.50"));
    assert_eq!(call(json!({"of": 3, "who": "somebody"})).json()["code"], "23514");
}

#[test]
fn domains_are_altered_and_dropped() {
    let app = project();
    app.rows("insert into people (id, share, nick) values (1, 60, 'ann')");
    let refusal = app.refusal("alter domain percent add constraint half check (value <= 50)");
    assert_eq!(refusal.0, "23514");
    assert_eq!(
        refusal.1,
        "column \"share\" of table \"people\" contains values that violate the new constraint"
    );
    app.rows("alter domain percent add check (value <> 14)");
    assert_eq!(
        app.refusal("update people set share = 14").1,
        "value for domain percent violates check constraint \"percent_check1\""
    );
    assert_eq!(app.refusal("update people set little = 14").0, "23514");
    app.rows("alter domain percent drop constraint percent_check1; alter domain percent drop constraint if exists nothing");
    app.rows("update people set share = 14");
    app.rows("alter domain word drop not null; alter domain word rename to short_word; update people set nick = null");
    assert_eq!(
        app.refusal("update people set nick = 'too long'").1,
        "value for domain short_word violates check constraint \"word_check\""
    );
    assert_eq!(app.refusal("alter domain short_word set not null").0, "23514");
    assert_eq!(app.refusal("alter domain nothing set not null").0, "42704");
    assert_eq!(app.refusal("drop domain short_word").0, "2BP01");
    assert_eq!(app.refusal("drop type percent").0, "2BP01");
    app.rows("alter table people alter column nick type text; drop domain short_word; update people set nick = 'too long'");
    assert_eq!(app.refusal("select 'x'::short_word").0, "42704");
    app.rows("alter table people alter column nick type email using null");
    assert_eq!(app.refusal("update people set nick = 'x'").0, "23514");
    app.rows("alter table people add column other percent");
    assert_eq!(app.rows("select other from people"), json!([{"other": 10.00}]));
    assert_eq!(app.refusal("create domain email as text").0, "42710");
    assert_eq!(app.refusal("create domain d as text check (value > 5)").0, "42883");
    assert_eq!(app.refusal("create table t (id int, names email[])").0, "0A000");
}
