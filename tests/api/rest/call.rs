//! Calls of functions: `rpc()`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ANN, BOB, assert_error, rows};
use crate::app::TestApp;

const SCHEMA: &str = "
create type mood as enum ('sad', 'happy');
create table orgs (id int primary key, name text, size bigint, score numeric(6,2));
create table projects (id int primary key, org_id int references orgs, name text, owner uuid);
insert into orgs values (1, 'Red', 9007199254740993, 1.50), (2, 'Blue', null, null), (3, 'Green', 3, 7);
insert into projects values (1, 1, 'one', 'ANN'), (2, 2, 'two', 'BOB'), (3, 1, 'three', 'BOB');
create policy everyone on orgs for select using (true);
create policy own on projects for select using (owner = auth.uid());

create function add_them(a int, b int default 2) returns int language sql immutable as 'select a + b';
create function hello() returns text language sql stable as $$ select 'hello \"you\"' $$;
create function nothing() returns void language sql as 'select 1';
create function whoami() returns jsonb language sql stable as $$ select jsonb_build_object('id', auth.uid(), 'role', auth.role(), 'now', current_user) $$;
create function get_orgs(min_id int default 0) returns setof orgs language sql stable as 'select * from orgs where id > min_id order by id desc';
create function get_org(org_id int) returns orgs language sql stable as 'select * from orgs where id = org_id';
create function my_projects() returns setof projects language sql stable as 'select * from projects';
create function all_projects() returns setof projects language sql stable security definer set search_path = public as 'select * from projects';
create function org_sizes() returns table (id int, label text, size bigint) language sql stable as $$ select id, name || '!', size from orgs $$;
create function org_ids() returns setof int language sql stable as 'select id from orgs order by id';
create function pair(a int, out twice int, out half numeric) language sql as 'select a * 2, 2.5';
create function echo_all(inout t text, inout n numeric, inout b boolean, inout f float8, inout u uuid, inout j jsonb, inout a text[], inout m mood, inout d timestamptz)
  language sql immutable as 'select t, n, b, f, u, j, a, m, d';
create function over(a int) returns text language sql as $$ select 'int' $$;
create function over(a int, b text) returns text language sql as $$ select 'int, text' $$;
create function over(c text) returns text language sql as $$ select 'text' $$;
create function twice_over(a int) returns text language sql as $$ select 'int' $$;
create function twice_over(a text) returns text language sql as $$ select 'text' $$;
create function body_of(jsonb) returns jsonb language sql as $$ select $1 -> 'x' $$;
create function text_of(text) returns text language sql as $$ select $1 || '?' $$;
create function bytes_of(bytea) returns bytea language sql as $$ select $1 $$;
create function named(variadic parts text[] default '{}') returns int language sql as 'select cardinality(parts)';
create function label(o orgs) returns text language sql as $$ select o.id || ':' || o.name $$;
create function strictly(a int) returns int language sql strict as 'select 1';
create function secret() returns int language sql as 'select 42';
revoke execute on function secret() from public, anon, authenticated;
";

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", &SCHEMA.replace("ANN", ANN).replace("BOB", BOB).replace("\\\"", "\""));
    app
}

#[test]
fn functions_give_values_rows_and_nothing() {
    let app = app();
    let ann = app.user(ANN);
    #[rustfmt::skip]
    let cases: Vec<(&str, Value, &str)> = vec![
        ("add_them", json!({"a": 1, "b": 5}), "6"),
        ("add_them", json!({"a": 1}), "3"),
        ("add_them", json!({"a": "7"}), "9"),
        ("add_them", json!({"a": null}), "null"),
        ("add_them", json!([{"a": 2}, {"a": 3}]), "4"),
        ("hello", json!({}), r#""hello \"you\"""#),
        ("get_org", json!({"org_id": 1}), r#"{"id":1,"name":"Red","size":9007199254740993,"score":1.50}"#),
        ("get_org", json!({"org_id": 9}), r#"{"id":null,"name":null,"size":null,"score":null}"#),
        ("get_orgs", json!({"min_id": 1}), r#"[{"id":3,"name":"Green","size":3,"score":7.00},{"id":2,"name":"Blue","size":null,"score":null}]"#),
        ("org_sizes?order=id&limit=1", json!({}), r#"[{"id":1,"label":"Red!","size":9007199254740993}]"#),
        ("org_ids", json!({}), "[1,2,3]"),
        ("pair", json!({"a": 4}), r#"{"twice":8,"half":2.5}"#),
        ("over", json!({"a": 1}), r#""int""#),
        ("over", json!({"a": 1, "b": "x"}), r#""int, text""#),
        ("over", json!({"c": "x"}), r#""text""#),
        ("body_of", json!({"x": [1, null]}), "[1,null]"),
        ("named", json!({"parts": ["a", "b"]}), "2"),
        ("named", json!({}), "0"),
        ("label", json!({"o": {"id": 5, "name": "Five"}}), r#""5:Five""#),
        ("strictly", json!({"a": null}), "null"),
        ("strictly", json!({"a": 3}), "1"),
    ];
    for (target, body, expected) in cases {
        let answer = ann.post(&format!("/rest/v1/rpc/{target}")).json(&body).send();
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, expected.to_string()), "{target} {body}");
    }
    let answer = ann.post("/rest/v1/rpc/nothing").json(&json!({})).send();
    assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(
        ann.post("/rest/v1/rpc/hello").send().json(),
        json!("hello \"you\""),
        "no body is no arguments"
    );
    let who = ann.post("/rest/v1/rpc/whoami").json(&json!({})).send().json();
    assert_eq!(who, json!({"id": ANN, "role": "authenticated", "now": "authenticated"}));
}

#[test]
fn every_type_goes_in_and_out() {
    let app = app();
    let given = json!({
        "t": "it's", "n": "1.50", "b": true, "f": 0.1, "u": ANN.to_uppercase(), "j": {"b": 1, "a": [2]},
        "a": ["x", null, "y,z"], "m": "happy", "d": "2026-01-02 03:04:05+02",
    });
    let expected = json!({
        "t": "it's", "n": 1.50, "b": true, "f": 0.1, "u": ANN, "j": {"a": [2], "b": 1},
        "a": ["x", null, "y,z"], "m": "happy", "d": "2026-01-02T01:04:05+00:00",
    });
    let answer = app.anon().post("/rest/v1/rpc/echo_all").json(&given).send();
    assert_eq!(answer.json(), expected, "{}", answer.text());
    let query = "t=it's&n=1.50&b=true&f=0.1&u=00000000-0000-4000-8000-00000000000A&j={\"b\":1,\"a\":[2]}\
                 &a={x,null,\"y,z\"}&m=happy&d=2026-01-02T03:04:05%2B02:00";
    assert_eq!(rows(&app.anon(), &format!("rpc/echo_all?{query}")), expected);
    let form = app
        .anon()
        .post("/rest/v1/rpc/add_them")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=4&b=5")
        .send();
    assert_eq!(form.text(), "9");
    let text =
        app.anon().post("/rest/v1/rpc/text_of").header("content-type", "text/plain").body("why").send();
    assert_eq!(text.text(), "\"why?\"");
    let bytes = app
        .anon()
        .post("/rest/v1/rpc/bytes_of")
        .header("content-type", "application/octet-stream")
        .body(vec![0u8, 255])
        .send();
    assert_eq!(bytes.text(), "\"\\\\x00ff\"");
    let answer = app.anon().post("/rest/v1/rpc/add_them").json(&json!({"a": "x"})).send();
    assert_error(&answer, StatusCode::BAD_REQUEST, "22P02", "invalid input syntax for type integer: \"x\"");
    let answer = app.anon().get("/rest/v1/rpc/echo_all?t=1&n=1&b=1&f=1&u=1&j=1&a=1&m=bad&d=1").send();
    assert_eq!(answer.json()["code"], "22P02");
}

#[test]
fn results_are_selected_filtered_ordered_paged_counted_and_embedded_into() {
    let app = app();
    let ann = app.user(ANN);
    #[rustfmt::skip]
    let cases = [
        ("rpc/get_orgs?select=name", json!([{"name": "Green"}, {"name": "Blue"}, {"name": "Red"}])),
        ("rpc/get_orgs?min_id=1&select=id&name=eq.Blue", json!([{"id": 2}])),
        ("rpc/get_orgs?select=id&order=name", json!([{"id": 2}, {"id": 3}, {"id": 1}])),
        ("rpc/get_orgs?select=id&order=id&limit=1&offset=1", json!([{"id": 2}])),
        ("rpc/get_orgs?select=n:name,projects(name)&order=id&id=lt.3", json!([{"n": "Red", "projects": [{"name": "one"}]}, {"n": "Blue", "projects": []}])),
        ("rpc/get_orgs?select=id,projects!inner(id)", json!([{"id": 1, "projects": [{"id": 1}]}])),
        ("rpc/all_projects?select=id,orgs(name)&order=id", json!([{"id": 1, "orgs": {"name": "Red"}}, {"id": 2, "orgs": {"name": "Blue"}}, {"id": 3, "orgs": {"name": "Red"}}])),
        ("rpc/org_sizes?label=like.*e*&select=label&order=label.desc", json!([{"label": "Red!"}, {"label": "Green!"}, {"label": "Blue!"}])),
        ("rpc/get_org?org_id=1&select=name", json!({"name": "Red"})),
        ("rpc/named?parts=a&parts=b&parts=c", json!(3)),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&ann, target), expected, "{target}");
    }
    let counted = ann.get("/rest/v1/rpc/get_orgs?select=id&limit=1").header("prefer", "count=exact").send();
    assert_eq!(
        (counted.status, counted.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, Some("0-0/3"))
    );
    let ranged = ann.get("/rest/v1/rpc/get_orgs?select=id").header("range", "1-1").send();
    assert_eq!(ranged.text(), r#"[{"id":2}]"#);
    let head = ann.call(Method::HEAD, "/rest/v1/rpc/get_orgs").header("prefer", "count=exact").send();
    assert_eq!((head.text().as_str(), head.header("content-range")), ("", Some("0-2/3")));
    let object = "application/vnd.pgrst.object+json";
    let one = ann.get("/rest/v1/rpc/get_orgs?name=eq.Red&select=id").header("accept", object).send();
    assert_eq!(one.json(), json!({"id": 1}));
    let several = ann.get("/rest/v1/rpc/get_orgs").header("accept", object).send();
    assert_eq!(
        (several.status, several.json()["code"].clone()),
        (StatusCode::NOT_ACCEPTABLE, json!("PGRST116"))
    );
    let csv =
        ann.get("/rest/v1/rpc/get_orgs?select=id,name&order=id&limit=2").header("accept", "text/csv").send();
    assert_eq!(csv.text(), "id,name\n1,Red\n2,Blue");
    let posted =
        ann.post("/rest/v1/rpc/get_orgs?select=id&order=id&limit=1").json(&json!({"min_id": 1})).send();
    assert_eq!(posted.json(), json!([{"id": 2}]));
    let answer = ann.get("/rest/v1/rpc/get_orgs?select=nothing").send();
    assert_error(&answer, StatusCode::BAD_REQUEST, "42703", "column orgs.nothing does not exist");
}

#[test]
fn a_call_sees_what_its_caller_may_see() {
    let app = app();
    let ids = |actor: &crate::app::Actor<'_>, function: &str| {
        rows(actor, &format!("rpc/{function}?select=id&order=id")).as_array().unwrap().len()
    };
    assert_eq!(ids(&app.user(ANN), "my_projects"), 1);
    assert_eq!(ids(&app.user(BOB), "my_projects"), 2);
    assert_eq!(ids(&app.anon(), "my_projects"), 0);
    assert_eq!(ids(&app.service_role(), "my_projects"), 3);
    assert_eq!(ids(&app.anon(), "all_projects"), 3, "its owner sees everything");
    // Neither filters nor embeds nor arguments lead around the policies.
    for target in [
        "my_projects?name=neq.x",
        "my_projects?or=(id.gt.0,id.lt.0)",
        "get_orgs?select=projects(id)&projects=not.is.null",
    ] {
        let text = app.anon().get(&format!("/rest/v1/rpc/{target}")).send().text();
        assert!(!text.contains("one") && !text.contains("\"id\""), "{target}: {text}");
    }
    let hostile = "x' or 1=1 --";
    let answer =
        app.anon().post("/rest/v1/rpc/text_of").header("content-type", "text/plain").body(hostile).send();
    assert_eq!(answer.json(), json!(format!("{hostile}?")));
    let answer = app.user(ANN).post("/rest/v1/rpc/secret").json(&json!({})).send();
    assert_error(&answer, StatusCode::FORBIDDEN, "42501", "permission denied for function secret");
    let answer = app.anon().get("/rest/v1/rpc/secret").send();
    assert_error(&answer, StatusCode::UNAUTHORIZED, "42501", "permission denied for function secret");
    assert_eq!(rows(&app.service_role(), "rpc/secret"), json!(42));
}

#[test]
fn functions_that_are_not_found_say_what_was_looked_for() {
    let app = app();
    let anon = app.anon();
    let error = |answer: crate::app::Answer| (answer.status.as_u16(), answer.json());
    assert_eq!(
        error(anon.post("/rest/v1/rpc/add_them").json(&json!({"b": 1, "c": 2})).send()),
        (
            404,
            json!({
                "code": "PGRST202",
                "details": "Searched for the function public.add_them with parameters b, c or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.",
                "hint": "Perhaps you meant to call the function public.add_them(a, b)",
                "message": "Could not find the function public.add_them(b, c) in the schema cache",
            })
        )
    );
    assert_eq!(
        error(anon.get("/rest/v1/rpc/get_org").send()),
        (
            404,
            json!({
                "code": "PGRST202",
                "details": "Searched for the function public.get_org without parameters, but no matches were found in the schema cache.",
                "hint": null,
                "message": "Could not find the function public.get_org without parameters in the schema cache",
            })
        )
    );
    assert_eq!(
        anon.get("/rest/v1/rpc/org_sizez").send().json()["hint"],
        "Perhaps you meant to call the function public.org_sizes"
    );
    assert_eq!(
        error(anon.get("/rest/v1/rpc/twice_over?a=1").send()),
        (
            300,
            json!({
                "code": "PGRST203",
                "details": null,
                "hint": "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
                "message": "Could not choose the best candidate function between: public.twice_over(a => integer), public.twice_over(a => text)",
            })
        )
    );
    assert_eq!(
        anon.post("/rest/v1/rpc/hello").body("{").header("content-type", "application/json").send().json()["code"],
        "PGRST102"
    );
    assert_eq!(
        anon.post("/rest/v1/rpc/hello").body("x").header("content-type", "text/plain").send().json()["message"],
        "Could not find the function public.hello in the schema cache"
    );
    let options = |name: &str| {
        let answer = anon.call(Method::OPTIONS, &format!("/rest/v1/rpc/{name}")).send();
        answer.header("allow").map(str::to_string)
    };
    assert_eq!(options("hello").as_deref(), Some("OPTIONS,GET,HEAD,POST"));
    assert_eq!(options("nothing").as_deref(), Some("OPTIONS,POST"));
}

#[test]
fn a_call_is_one_batch_and_knows_a_new_body() {
    let app = app();
    assert_eq!(rows(&app.anon(), "rpc/org_ids"), json!([1, 2, 3]));
    let before = app.database.fault.calls();
    assert_eq!(rows(&app.anon(), "rpc/get_orgs?select=id&limit=1"), json!([{"id": 3}]));
    assert_eq!(app.database.fault.calls() - before, 1);
    app.migrate(
        "2",
        "create or replace function org_ids() returns setof int language sql stable as 'select 7'",
    );
    assert_eq!(rows(&app.anon(), "rpc/org_ids"), json!([7]));
    app.migrate(
        "3",
        "create function brand_new() returns int language sql as 'select 8'; drop function org_ids()",
    );
    assert_eq!(rows(&app.anon(), "rpc/brand_new"), json!(8));
    assert_eq!(app.anon().get("/rest/v1/rpc/org_ids").send().json()["code"], "PGRST202");
}

#[test]
fn functions_of_rows_are_columns_and_relationships() {
    let app = app();
    app.migrate(
        "2",
        "create function full_name(orgs) returns text language sql stable as $$ select $1.name || '/' || $1.id $$;
         create function project_count(o orgs) returns bigint language sql stable as 'select count(*) from projects p where p.org_id = o.id';
         create function all_count(o orgs) returns bigint language sql stable security definer as 'select count(*) from projects p where p.org_id = o.id';
         create function its_projects(orgs) returns setof projects language sql stable as 'select * from projects where org_id = $1.id';
         create function first_project(o orgs) returns setof projects rows 1 language sql stable security definer as 'select * from projects where org_id = o.id order by id limit 1';
         create function its_org(p projects) returns orgs language sql stable as 'select * from orgs where id = p.org_id';",
    );
    let ann = app.user(ANN);
    #[rustfmt::skip]
    let cases = [
        ("orgs?select=id,full_name&order=id&limit=2", json!([{"id": 1, "full_name": "Red/1"}, {"id": 2, "full_name": "Blue/2"}])),
        ("orgs?select=id&full_name=eq.Blue/2", json!([{"id": 2}])),
        ("orgs?select=id&order=full_name.desc", json!([{"id": 1}, {"id": 3}, {"id": 2}])),
        ("orgs?select=n:project_count,all_count&order=id", json!([{"n": 1, "all_count": 2}, {"n": 0, "all_count": 1}, {"n": 0, "all_count": 0}])),
        ("orgs?select=*&id=eq.3", json!([{"id": 3, "name": "Green", "size": 3, "score": 7.00}])),
        ("orgs?select=id,its_projects(name)&order=id&limit=2", json!([{"id": 1, "its_projects": [{"name": "one"}]}, {"id": 2, "its_projects": []}])),
        ("orgs?select=id,first_project(name)&order=id", json!([{"id": 1, "first_project": {"name": "one"}}, {"id": 2, "first_project": {"name": "two"}}, {"id": 3, "first_project": null}])),
        ("orgs?select=id,first:first_project!inner(id)&first.name=eq.two", json!([{"id": 2, "first": {"id": 2}}])),
        ("projects?select=id,its_org(full_name,name)", json!([{"id": 1, "its_org": {"full_name": "Red/1", "name": "Red"}}])),
        ("orgs?select=id,projects(id,its_org(id))&id=eq.1", json!([{"id": 1, "projects": [{"id": 1, "its_org": {"id": 1}}]}])),
        ("rpc/get_orgs?select=full_name,first_project(id)&id=eq.2", json!([{"full_name": "Blue/2", "first_project": {"id": 2}}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&ann, target), expected, "{target}");
    }
    let counted =
        ann.get("/rest/v1/orgs?select=id&full_name=like.*e*").header("prefer", "count=exact").send();
    assert_eq!(counted.header("content-range"), Some("0-2/3"));
    let answer = ann.get("/rest/v1/projects?select=full_name").send();
    assert_eq!(answer.json()["code"], "42703", "a function of another row");
    app.migrate("3", "revoke execute on function all_count(orgs) from public, anon, authenticated");
    let answer = ann.get("/rest/v1/orgs?select=all_count").send();
    assert_error(&answer, StatusCode::FORBIDDEN, "42501", "permission denied for function all_count");
}
