//! Calls of functions that write: one batch, under the caller's policies or the owner's.

use http::StatusCode;
use serde_json::json;

use super::{ANN, BOB, assert_error, rows};
use crate::app::TestApp;

const SCHEMA: &str = "
create table accounts (id int primary key, owner uuid, balance int not null check (balance >= 0));
create table moves (id int generated always as identity primary key, source int references accounts, target int, amount int, made_by uuid default auth.uid());
insert into accounts values (1, 'ANN', 100), (2, 'BOB', 50);
create policy own on accounts using (owner = auth.uid());
create policy own on moves using (made_by = auth.uid());

create function deposit(account int, amount int) returns int language sql as $$
  update accounts set balance = balance + amount where id = account;
  select balance from accounts where id = account;
$$;
create function note(account int, amount int default 7) returns moves language sql as $$
  insert into moves (source, amount) values (account, amount) returning *;
$$;
create function forge(account int) returns void language sql as $$
  insert into moves (source, amount, made_by) values (account, 1, 'BOB')
$$;
create function wipe() returns void language sql security definer set search_path = '' as $$
  delete from public.moves; update public.accounts set balance = 0
$$;
create function quiet(account int) returns int language sql stable as 'delete from moves; select 1';
create function transfer(source int, target int, amount int) returns int language plpgsql security definer as $$
declare left_over int;
begin
  if amount <= 0 then
    raise exception 'amount must be positive' using errcode = '22023', hint = 'Send more.';
  end if;
  if (select a.owner from accounts a where a.id = source) is distinct from auth.uid() then
    raise exception 'not your account';
  end if;
  update accounts set balance = balance - amount where id = source;
  update accounts set balance = balance + amount where id = target;
  insert into moves (source, target, amount) values (source, target, amount);
  select balance into left_over from accounts where id = source;
  return left_over;
end $$;
create function is_rich(account int) returns boolean language plpgsql stable as $$
begin
  if account is null then return false; end if;
  return (select balance > 60 from accounts where id = account);
end $$;
";

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", &SCHEMA.replace("ANN", ANN).replace("BOB", BOB));
    app
}

fn balances(app: &TestApp) -> String {
    app.database.value("SELECT group_concat(balance, ' ' ORDER BY id) FROM accounts").unwrap()
}

#[test]
fn a_function_of_the_caller_writes_what_the_caller_may() {
    let app = app();
    let (ann, bob) = (app.user(ANN), app.user(BOB));
    let deposit = |account: i32| json!({"account": account, "amount": 5});
    assert_eq!(ann.post("/rest/v1/rpc/deposit").json(&deposit(1)).send().text(), "105");
    assert_eq!(ann.post("/rest/v1/rpc/deposit").json(&deposit(2)).send().text(), "null", "not hers to see");
    assert_eq!(app.anon().post("/rest/v1/rpc/deposit").json(&deposit(1)).send().text(), "null");
    assert_eq!(balances(&app), "105 50");
    let noted =
        ann.post("/rest/v1/rpc/note?select=source,amount,made_by").json(&json!({"account": 1})).send();
    assert_eq!(noted.json(), json!({"source": 1, "amount": 7, "made_by": ANN}));
    let forged = ann.post("/rest/v1/rpc/forge").json(&json!({"account": 1})).send();
    let denied = "new row violates row-level security policy for table \"moves\"";
    assert_error(&forged, StatusCode::FORBIDDEN, "42501", denied);
    assert_eq!(
        bob.post("/rest/v1/rpc/forge").json(&json!({"account": 2})).send().status,
        StatusCode::NO_CONTENT
    );
    let answer = ann.post("/rest/v1/rpc/deposit").json(&json!({"account": 1, "amount": -500})).send();
    assert_eq!(answer.json()["code"], "23514", "{}", answer.text());
    assert_eq!(balances(&app), "105 50");
    assert_eq!(app.database.value("SELECT count(*) FROM \"edgeward.frame\"").unwrap(), "0");
}

#[test]
fn a_definers_function_writes_as_its_owner_all_or_nothing() {
    let app = app();
    let (ann, bob) = (app.user(ANN), app.user(BOB));
    let transfer = |amount: i32| json!({"source": 1, "target": 2, "amount": amount});
    let done = ann.post("/rest/v1/rpc/transfer").json(&transfer(30)).send();
    assert_eq!((done.status, done.text()), (StatusCode::OK, "70".to_string()));
    assert_eq!(balances(&app), "70 80");
    assert_eq!(
        rows(&ann, "moves?select=source,target,amount"),
        json!([{"source": 1, "target": 2, "amount": 30}])
    );
    let others = bob.post("/rest/v1/rpc/transfer").json(&transfer(10)).send();
    assert_error(&others, StatusCode::BAD_REQUEST, "P0001", "not your account");
    let none = ann.post("/rest/v1/rpc/transfer").json(&transfer(0)).send();
    assert_error(&none, StatusCode::BAD_REQUEST, "22023", "amount must be positive");
    assert_eq!(none.json()["hint"], "Send more.");
    let too_much = ann.post("/rest/v1/rpc/transfer").json(&transfer(500)).send();
    assert_eq!(too_much.json()["code"], "23514", "{}", too_much.text());
    assert_eq!(balances(&app), "70 80");
    assert_eq!(app.anon().post("/rest/v1/rpc/wipe").send().status, StatusCode::NO_CONTENT, "its owner may");
    assert_eq!(balances(&app), "0 0");
    assert_eq!(app.database.value("SELECT count(*) FROM \"edgeward.frame\"").unwrap(), "0");
}

#[test]
fn what_reads_only_does_not_write() {
    let app = app();
    let ann = app.user(ANN);
    let got = ann.get("/rest/v1/rpc/deposit?account=1&amount=1").send();
    assert_error(
        &got,
        StatusCode::METHOD_NOT_ALLOWED,
        "25006",
        "cannot execute UPDATE in a read-only transaction",
    );
    let stable = ann.post("/rest/v1/rpc/quiet").json(&json!({"account": 1})).send();
    assert_eq!(stable.json()["message"], "DELETE is not allowed in a non-volatile function");
    assert_eq!(balances(&app), "100 50");
    assert_eq!(rows(&ann, "rpc/is_rich?account=1"), json!(true));
    assert_eq!(rows(&ann, "rpc/is_rich?account=2"), json!(null), "no row of hers");
}

#[test]
fn a_call_that_writes_is_one_batch() {
    let app = app();
    let ann = app.user(ANN);
    rows(&ann, "accounts");
    let before = app.database.fault.calls();
    ann.post("/rest/v1/rpc/deposit").json(&json!({"account": 1, "amount": 5})).send();
    assert_eq!(app.database.fault.calls() - before, 1);
}

#[test]
fn what_real_projects_write_is_called() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create schema private;
         create table private.limits (id int primary key, hits int not null default 0);
         create table jobs (id int generated always as identity primary key, name text, done boolean default false);
         insert into jobs (name) values ('a'), ('b'), ('c');
         create function take(p_name text) returns jsonb language plpgsql security definer set search_path = public, private as $$
         declare
           v_job jobs%rowtype;
           n int;
         begin
           perform pg_advisory_xact_lock(hashtext(p_name));
           select * into v_job from jobs where name = p_name and not done for update;
           if v_job is null then
             return jsonb_build_object('error', 'none left');
           end if;
           with took as (update jobs set done = true where id = v_job.id returning id)
           insert into limits (id) select id from took;
           with all_done as (select id from jobs where done)
           update limits set hits = hits + 1 from all_done where limits.id = all_done.id;
           get diagnostics n = row_count;
           return jsonb_build_object('job', v_job.id, 'counted', n, 'tenant', current_setting('app.tenant', true));
         end $$;
         create function lost() returns void language plpgsql set search_path = '' as $$
         begin
           delete from jobs;
         end $$;",
    );
    let call = |name: &str| {
        app.service_role().post("/rest/v1/rpc/take").json(&json!({"p_name": name})).send().json()
    };
    assert_eq!(call("b"), json!({"job": 2, "counted": 1, "tenant": null}));
    assert_eq!(call("c"), json!({"job": 3, "counted": 2, "tenant": null}));
    assert_eq!(call("b"), json!({"error": "none left"}));
    let lost = app.service_role().post("/rest/v1/rpc/lost").json(&json!({})).send();
    assert_error(
        &lost,
        StatusCode::NOT_FOUND,
        "42P01",
        "relation \"jobs\" does not exist (line 3 of the function)",
    );
}

#[test]
fn a_function_that_writes_calls_another() {
    let app = TestApp::new();
    app.migrate(
        "1",
        &"create table logs (id int generated always as identity primary key, who uuid default auth.uid(), what text);
         create policy own on logs using (who = auth.uid());
         create table secrets (id int generated always as identity primary key, what text);
         create function log_it(what text) returns int language plpgsql as $$
         declare new_id int;
         begin
           insert into logs (what) values (log_it.what) returning id into new_id;
           return new_id;
         end $$;
         create function keep(what text) returns void language plpgsql security definer as $$
         begin
           insert into secrets (what) values (keep.what || current_user);
         end $$;
         create function both(what text) returns jsonb language plpgsql as $$
         declare n int;
         begin
           n := log_it(what || '!');
           perform keep(what);
           if n > 1 then
             return jsonb_build_object('many', n);
           end if;
           return jsonb_build_object('first', n, 'again', log_it('again'));
         end $$;
         create function loop_it() returns int language plpgsql as $$
         begin
           return loop_it();
         end $$;
         create function forge() returns int language plpgsql as $$
         begin
           insert into secrets (what) values ('forged');
           return 1;
         end $$;
         create function forges() returns int language plpgsql as $$
         declare n int;
         begin
           n := forge();
           return n;
         end $$;"
            .replace("ANN", ANN),
    );
    let call = |name: &str, body: serde_json::Value| {
        app.user(ANN).post(&format!("/rest/v1/rpc/{name}")).json(&body).send()
    };
    let refused = call("both", json!({"what": "a"})).json();
    assert_eq!(refused["code"], json!("0A000"), "a call beside others in an expression: {refused}");
    app.migrate(
        "2",
        "create or replace function both(what text) returns jsonb language plpgsql as $$
         declare n int;
         begin
           n := log_it(what || '!');
           perform keep(what);
           return jsonb_build_object('n', n);
         end $$;",
    );
    assert_eq!(call("both", json!({"what": "a"})).json(), json!({"n": 1}));
    assert_eq!(call("both", json!({"what": "b"})).json(), json!({"n": 2}));
    assert_eq!(
        rows(&app.service_role(), "secrets?select=what&order=id"),
        json!([{"what": "apostgres"}, {"what": "bpostgres"}])
    );
    // The caller's policies hold in those that are the caller's.
    assert_eq!(call("forges", json!({})).json()["code"], json!("42501"));
    assert_eq!(call("loop_it", json!({})).json()["code"], json!("54001"));
}
