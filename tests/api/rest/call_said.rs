//! What functions say of the response to their call, what they ask of the request, and how many rows they may give.

use http::{Method, StatusCode};
use serde_json::json;

use super::{ANN, assert_error, rows};
use crate::app::TestApp;

const SCHEMA: &str = "
create table users (name text primary key, status text not null default 'ONLINE', weight float8, at timestamptz default '2024-01-02 03:04:05+00', picture bytea);
insert into users (name, weight, picture) values ('ann', 0.1, '\\x00ff'), ('bob', 2.5, null), ('cat', null, null);
create policy everybody on users using (true) with check (true);

create function teapot() returns void language plpgsql as $$
begin
  perform set_config('response.status', '418', true);
  perform set_config('response.headers', '[{\"X-Pot\": \"tea\"}, {\"Content-Type\": \"text/x-tea\"}]', true);
end $$;
create function maybe_teapot(really boolean) returns text language plpgsql as $$
begin
  if really then
    perform set_config('response.status', '418', true);
  end if;
  return 'tea';
end $$;
create function cached() returns text language sql as $$
  select set_config('response.headers', json_build_array(json_build_object('Cache-Control', 'max-age=60'))::text, true);
  select 'tea'::text;
$$;
create function bad_headers() returns void language plpgsql as $$
begin perform set_config('response.headers', '{\"a\": 1}', true); end $$;
create function bad_status() returns void language plpgsql as $$
begin perform set_config('response.status', 'tea', true); end $$;
create function refuse(why text) returns void language plpgsql as $$
begin
  raise sqlstate 'PGRST' using message = json_build_object('code', 'T418', 'message', why, 'hint', 'Drink tea.')::text,
    detail = '{\"status\": 418, \"headers\": {\"X-Pot\": \"tea\"}}';
end $$;
create function pay() returns void language plpgsql as $$
begin raise sqlstate 'PT402' using message = 'Payment required', hint = 'Upgrade'; end $$;
create function unreadable() returns void language plpgsql as $$
begin raise sqlstate 'PGRST' using message = 'x'; end $$;

create function asked() returns json language sql stable as $$
  select json_build_object(
    'method', current_setting('request.method', true),
    'path', current_setting('request.path', true),
    'agent', current_setting('request.headers', true)::json ->> 'user-agent',
    'theme', current_setting('request.cookies', true)::json ->> 'theme')
$$;
create table visits (id int primary key, agent text, path text);
create policy same_agent on visits for select using (agent = current_setting('request.headers', true)::json ->> 'user-agent');
create policy anybody on visits for insert with check (true);
create function note_visit() returns trigger language plpgsql as $$
begin
  new.agent := current_setting('request.headers', true)::json ->> 'user-agent';
  new.path := current_setting('request.path', true);
  return new;
end $$;
create trigger note before insert on visits for each row execute function note_visit();
create table log (id int generated always as identity primary key, agent text);
create function note_log() returns trigger language plpgsql security definer as $$
begin
  insert into log (agent) values (current_setting('request.headers', true)::json ->> 'user-agent');
  return null;
end $$;
create trigger note_after after insert on visits for each row execute function note_log();

create function set_offline(pattern text) returns setof users language sql as $$
  update users set status = 'OFFLINE' where name like pattern returning *
$$;
create function offline_one(who text) returns text language sql as $$
  update users set status = 'OFFLINE' where name = who returning status
$$;
create function drop_users(pattern text) returns setof users language sql as $$
  delete from users where name like pattern returning *
$$;
";

fn app() -> TestApp {
    let app = TestApp::with_vars(&[("DB_TX_END", "commit-allow-override")]);
    app.migrate("1", SCHEMA);
    app
}

#[test]
fn a_function_sets_the_status_and_the_headers_of_its_response() {
    let app = app();
    let anon = app.anon();
    let teapot = anon.post("/rest/v1/rpc/teapot").send();
    assert_eq!((teapot.status.as_u16(), teapot.header("x-pot")), (418, Some("tea")));
    assert_eq!(teapot.header("content-type"), Some("text/x-tea"));
    assert_eq!(anon.get("/rest/v1/rpc/teapot").send().status.as_u16(), 418);
    let call = |really: bool| anon.post("/rest/v1/rpc/maybe_teapot").json(&json!({"really": really})).send();
    assert_eq!((call(true).status.as_u16(), call(true).text()), (418, "\"tea\"".to_string()));
    assert_eq!(call(false).status, StatusCode::OK, "nothing is left of the call before");
    let cached = anon.post("/rest/v1/rpc/cached").send();
    assert_eq!((cached.header("cache-control"), cached.text()), (Some("max-age=60"), "\"tea\"".to_string()));
    assert_eq!(anon.post("/rest/v1/rpc/bad_headers").send().json()["code"], "PGRST111");
    assert_eq!(anon.post("/rest/v1/rpc/bad_status").send().json()["code"], "PGRST112");
    assert_eq!(app.database.value("SELECT count(*) FROM \"edgeward.frame\"").unwrap(), "0");
}

#[test]
fn a_function_raises_a_whole_response() {
    let app = app();
    let anon = app.anon();
    let refused = anon.post("/rest/v1/rpc/refuse").json(&json!({"why": "No coffee"})).send();
    assert_eq!((refused.status.as_u16(), refused.header("x-pot")), (418, Some("tea")));
    assert_eq!(
        refused.json(),
        json!({"code": "T418", "message": "No coffee", "details": null, "hint": "Drink tea."})
    );
    let unpaid = anon.post("/rest/v1/rpc/pay").send();
    assert_error(&unpaid, StatusCode::PAYMENT_REQUIRED, "PT402", "Payment required");
    let unreadable = anon.post("/rest/v1/rpc/unreadable").send();
    assert_eq!((unreadable.status.as_u16(), unreadable.json()["code"].clone()), (500, json!("PGRST121")));
}

#[test]
fn functions_policies_and_triggers_ask_for_the_request() {
    let app = app();
    let anon = app.anon();
    let asked = |agent: &str| {
        anon.get("/rest/v1/rpc/asked").header("user-agent", agent).header("cookie", "a=1; theme=dark").send()
    };
    let expected =
        |agent: &str| json!({"method": "GET", "path": "/rpc/asked", "agent": agent, "theme": "dark"});
    assert_eq!(asked("one").json(), expected("one"));
    assert_eq!(asked("two").json(), expected("two"), "it is not part of a remembered plan");
    let insert = anon.post("/rest/v1/visits").header("user-agent", "one").json(&json!({"id": 1})).send();
    assert_eq!(insert.status, StatusCode::CREATED, "{}", insert.text());
    let visits = |agent: &str| anon.get("/rest/v1/visits").header("user-agent", agent).send().json();
    assert_eq!(visits("one"), json!([{"id": 1, "agent": "one", "path": "/visits"}]));
    assert_eq!(visits("two"), json!([]));
    assert_eq!(app.database.value("SELECT agent FROM log").unwrap(), "one");
    assert_eq!(app.database.value("SELECT count(*) FROM \"edgeward.caller\"").unwrap(), "0");
}

#[test]
fn rows_changed_and_removed_come_back_from_functions() {
    let app = app();
    let anon = app.anon();
    let set = anon
        .post("/rest/v1/rpc/set_offline?select=name,status&order=name.desc")
        .json(&json!({"pattern": "%a%"}));
    assert_eq!(
        set.send().json(),
        json!([{"name": "cat", "status": "OFFLINE"}, {"name": "ann", "status": "OFFLINE"}])
    );
    assert_eq!(
        anon.post("/rest/v1/rpc/offline_one").json(&json!({"who": "bob"})).send().text(),
        "\"OFFLINE\""
    );
    assert_eq!(anon.post("/rest/v1/rpc/offline_one").json(&json!({"who": "eve"})).send().text(), "null");
    let dropped = anon
        .post("/rest/v1/rpc/drop_users")
        .json(&json!({"pattern": "%"}))
        .header("prefer", "count=exact")
        .send();
    assert_eq!(dropped.header("content-range"), Some("0-2/3"));
    assert_eq!(
        dropped.json(),
        json!([
            {"name": "ann", "status": "OFFLINE", "weight": 0.1, "at": "2024-01-02T03:04:05+00:00", "picture": "\\x00ff"},
            {"name": "bob", "status": "OFFLINE", "weight": 2.5, "at": "2024-01-02T03:04:05+00:00", "picture": null},
            {"name": "cat", "status": "OFFLINE", "weight": null, "at": "2024-01-02T03:04:05+00:00", "picture": null},
        ])
    );
    assert_eq!(rows(&anon, "users"), json!([]));
}

#[test]
fn a_call_that_gives_too_many_rows_takes_no_effect() {
    let app = app();
    let user = app.user(ANN);
    let online = || app.database.value("SELECT count(*) FROM users WHERE status = 'ONLINE'").unwrap();
    let call = |prefer: &str, accept: &str| {
        let call = user.post("/rest/v1/rpc/set_offline").json(&json!({"pattern": "%"}));
        call.header("prefer", prefer).header("accept", accept).send()
    };
    let many = call("handling=strict, max-affected=2", "application/json");
    assert_error(
        &many,
        StatusCode::BAD_REQUEST,
        "PGRST124",
        "Query result exceeds max-affected preference constraint",
    );
    assert_eq!(call("", "application/vnd.pgrst.object+json").json()["code"], "PGRST116");
    assert_eq!(online(), "3");
    let undone = call("tx=rollback, count=exact", "application/json");
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text());
    assert_eq!(undone.json().as_array().unwrap().len(), 3);
    assert_eq!(undone.header("preference-applied"), Some("count=exact, tx=rollback"));
    assert_eq!((undone.header("content-range"), online()), (Some("0-2/3"), "3".to_string()));
    let one = user
        .post("/rest/v1/rpc/offline_one")
        .json(&json!({"who": "bob"}))
        .header("prefer", "tx=rollback")
        .send();
    assert_eq!((one.text(), online()), ("\"OFFLINE\"".to_string(), "3".to_string()));
    let single = user.post("/rest/v1/rpc/offline_one").json(&json!({"who": "bob"}));
    let single = single.header("prefer", "handling=strict, max-affected=1").send();
    assert_eq!((single.json()["code"].clone(), online()), (json!("PGRST128"), "3".to_string()));
    let few = call("handling=strict, max-affected=3", "application/json");
    assert_eq!(few.header("preference-applied"), Some("handling=strict, max-affected=3"));
    assert_eq!(online(), "0");
}

#[test]
fn functions_are_called_in_a_batch() {
    let app = app();
    let anon = app.anon();
    let batch = json!({"requests": [
        {"method": "POST", "path": "/rpc/set_offline?select=name", "body": {"pattern": "a%"}},
        {"method": "GET", "path": "/users?select=name&status=eq.OFFLINE"},
        {"method": "POST", "path": "/rpc/teapot"},
        {"method": "GET", "path": "/rpc/asked"},
    ]});
    let answer = anon.post("/rest/v1/batch").json(&batch).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answers = answer.json();
    assert_eq!(answers[0]["body"], json!([{"name": "ann"}]));
    assert_eq!(answers[1]["body"], json!([{"name": "ann"}]));
    assert_eq!(answers[2]["status"], 418);
    assert_eq!(answers[3]["body"]["method"], "POST", "the request is the batch");
    let batch = json!({"requests": [
        {"method": "POST", "path": "/rpc/drop_users", "body": {"pattern": "%"}},
        {"method": "POST", "path": "/rpc/pay"},
    ]});
    let refused = anon.post("/rest/v1/batch").json(&batch).send();
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text());
    assert_eq!(rows(&anon, "users").as_array().unwrap().len(), 3);
    let put = json!({"requests": [{"method": "PUT", "path": "/rpc/pay"}]});
    assert_eq!(anon.call(Method::POST, "/rest/v1/batch").json(&put).send().json()["code"], "PGRST101");
}
