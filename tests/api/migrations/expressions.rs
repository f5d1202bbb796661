//! Expressions give on SQLite what they give in Postgres.

use serde_json::json;

use crate::app::TestApp;

#[test]
#[rustfmt::skip]
fn expressions_have_the_values_that_postgres_gives() {
    let app = TestApp::new();
    let rows = [
        ("1 + 2 * 3",                                       json!(7)),
        ("7 / 2",                                           json!(3)),
        ("-7 / 2",                                          json!(-3)),
        ("-7 % 3",                                          json!(-1)),
        ("7 / 2.0::float8",                                 json!(3.5)),
        ("2147483647::bigint + 1",                          json!(2_147_483_648_i64)),
        ("10.50",                                           json!(10.50)),
        ("1 = 1.0",                                         json!(true)),
        ("'10' < '9'",                                      json!(true)),
        ("10 < 9",                                          json!(false)),
        ("'a' || 1 || true",                                json!("a1true")),
        ("null || 'a'",                                     json!(null)),
        ("null = null",                                     json!(null)),
        ("null is not distinct from null",                  json!(true)),
        ("1 is distinct from null",                         json!(true)),
        ("not (null and false)",                            json!(true)),
        ("(null or true) and not false",                    json!(true)),
        ("true::text || false::text",                       json!("truefalse")),
        ("'t'::boolean and 'off'::text::boolean is false",  json!(true)),
        ("'abc' like 'a%'",                                 json!(true)),
        ("'ABC' like 'a%'",                                 json!(false)),
        ("'ABC' ilike 'a_c'",                               json!(true)),
        ("'a_c' like 'a\\_c' and not 'abc' like 'a\\_c'",   json!(true)),
        ("'a*c' like 'a*%'",                                json!(true)),
        ("'abc' like 'a' || '%'",                           json!(true)),
        ("'abc' like '%'",                                  json!(true)),
        ("null::text like '%'",                             json!(null)),
        ("'aXbXc' like 'a%b%c'",                            json!(true)),
        ("'ab' like 'ab%ab'",                               json!(false)),
        ("'a[b' like '%[%'",                                json!(true)),
        ("'ab_9' ~ '^[a-z0-9_]{3,20}$'",                    json!(true)),
        ("'ab!' ~ '^[a-z0-9_]+$'",                          json!(false)),
        ("'x' = any (array['x', 'y'])",                     json!(true)),
        ("'x' = any ('{x,y}')",                             json!(true)),
        ("1 = any (array[2, null])",                        json!(null)),
        ("1 <> all (array[2, 3])",                          json!(true)),
        ("2 > all (array[0, 1])",                           json!(true)),
        ("'ab' like any (array['a%', 'z%'])",               json!(true)),
        ("3 in (1, 2)",                                     json!(false)),
        ("3 not in (1, null)",                              json!(null)),
        ("3 between 1 and 3 and 3 not between 4 and 5",     json!(true)),
        ("(array['a', 'b'])[2]",                            json!("b")),
        ("(array['a', 'b'])[0]",                            json!(null)),
        ("array['a'] || array['b'] || 'c'::text",           json!(["a", "b", "c"])),
        ("array[1, 2] || 3",                                json!([1, 2, 3])),
        ("array['a', 'b'] @> array['b']",                   json!(true)),
        ("array['a', 'b'] && array['c']",                   json!(false)),
        ("array['a'] <@ array['a', 'b']",                   json!(true)),
        ("array['a', 'b'] = array['a', 'b']",               json!(true)),
        ("array_length(array['a', 'b'], 1)",                json!(2)),
        ("array_length(array[]::text[], 1)",                json!(null)),
        ("cardinality(array[1])",                           json!(1)),
        ("coalesce(null, 'x')",                             json!("x")),
        ("nullif(1, 1)",                                    json!(null)),
        ("greatest(1, null, 3, 2)",                         json!(3)),
        ("least('b', 'a')",                                 json!("a")),
        ("case 2 when 1 then 'a' when 2 then 'b' end",      json!("b")),
        ("case when false then 1 end",                      json!(null)),
        ("lower('ABC') || upper('x1')",                     json!("abcX1")),
        ("char_length('é😀')",                              json!(2)),
        ("trim('  a ') || btrim('xax', 'x') || ltrim('  b')", json!("aab")),
        ("substring('abcdef' from 2 for 3) || left('abc', 1) || right('abc', 2)", json!("bcdabc")),
        ("position('c' in 'abc') + strpos('abc', 'b')",     json!(5)),
        ("split_part('a/b\"/c', '/', 2)",                   json!("b\"")),
        ("split_part('a/b', '/', 3)",                       json!("")),
        ("string_to_array('a,b', ',')",                     json!(["a", "b"])),
        ("concat('a', null, 1)",                            json!("a1")),
        ("concat_ws('-', 'a', null, 'b')",                  json!("a-b")),
        ("replace('aba', 'a', 'x')",                        json!("xbx")),
        ("storage.foldername('a/b/c.png')",                 json!(["a", "b"])),
        ("(storage.foldername('c.png'))[1]",                json!(null)),
        ("storage.filename('a/b/c.tar.gz') || storage.extension('a/b/c.tar.gz')", json!("c.tar.gzgz")),
        ("'{\"a\": {\"b\": [1, \"x\", true, null, 1.50]}}'::jsonb -> 'a' -> 'b'", json!([1, "x", true, null, 1.5])),
        ("'{\"a\": true}'::jsonb ->> 'a'",                  json!("true")),
        ("'{\"a\": null}'::jsonb ->> 'a'",                  json!(null)),
        ("'{\"a\": 1.50}'::jsonb ->> 'a'",                  json!("1.50")),
        ("'{\"a\": \"it''s\"}'::jsonb ->> 'a'",             json!("it's")),
        ("'[1, 2, 3]'::jsonb ->> -1",                       json!("3")),
        ("'{\"a\": {\"b\": 1}}'::jsonb #>> '{a,b}'",        json!("1")),
        ("'{\"a\": 1}'::jsonb ? 'a' and not '[\"b\"]'::jsonb ? 'a'", json!(true)),
        ("'{\"a\": 1}'::jsonb ?| array['x', 'a']",          json!(true)),
        ("'{\"a\": \"x\"}'::jsonb -> 'a' = '\"x\"'",        json!(true)),
        ("'{\"a\": 1.0}'::jsonb -> 'a' = '1'",              json!(true)),
        ("jsonb_typeof('[]'::jsonb)",                       json!("array")),
        ("jsonb_array_length('[1, 2]'::jsonb)",             json!(2)),
        ("jsonb_build_object('a', 1, 'b', true, 'c', null)", json!({"a": 1, "b": true, "c": null})),
        ("to_jsonb('x'::text)",                             json!("x")),
        ("timestamptz '2026-01-31 10:00:00.123456+00' + interval '1 month'", json!("2026-02-28T10:00:00.123456+00:00")),
        ("timestamptz '2026-01-01' - interval '1 day 02:00:00'", json!("2025-12-30T22:00:00+00:00")),
        ("timestamptz '2026-01-01' + 3 * interval '1 hour'", json!("2026-01-01T03:00:00+00:00")),
        ("date '2026-03-01' - date '2026-02-01'",           json!(28)),
        ("date '2026-03-01' + 1",                           json!("2026-03-02")),
        ("date '2026-03-01' < timestamptz '2026-03-01 00:00:01'", json!(true)),
        ("timestamptz '2026-03-01 05:06:07' at time zone 'utc'", json!("2026-03-01T05:06:07")),
        ("(timestamptz '2026-03-01 05:06:07.5')::text",     json!("2026-03-01 05:06:07.5+00")),
        ("(timestamptz '2026-03-01 05:06:07')::date",       json!("2026-03-01")),
        ("date_trunc('hour', timestamptz '2026-03-01 05:06:07')", json!("2026-03-01T05:00:00+00:00")),
        ("extract(year from date '2026-03-01')",            json!(2026)),
        ("now() > timestamptz '2020-01-01' and current_date > date '2020-01-01'", json!(true)),
        ("length(gen_random_uuid()::text)",                 json!(36)),
        ("auth.uid() is null and auth.jwt() is null",       json!(true)),
        ("current_user",                                    json!("postgres")),
        ("'42'::int + '8'::text::int",                      json!(50)),
        ("(select 1)",                                      json!(1)),
        ("(select max(v) from (values (1), (3)) as x(v))",  json!(3)),
        ("exists (select 1 from auth.users)",               json!(false)),
        ("array(select v from (values (2), (1)) as x(v) order by v)", json!([1, 2])),
        ("(select string_agg(v, ',' order by v) from (values ('b'), ('a')) as x(v))", json!("a,b")),
        ("(select array_agg(v order by v desc) from (values (1), (2)) as x(v))", json!([2, 1])),
        ("(select sum(v) from (values (1), (2)) as x(v) where v > 9)", json!(null)),
        ("(select bool_and(v > 0) from unnest(array[1, 2]) as v)", json!(true)),
    ];
    for (expression, expected) in rows {
        assert_eq!(app.value(expression), expected, "{expression}");
    }
}

#[test]
#[rustfmt::skip]
fn expressions_fail_as_postgres_fails() {
    let app = TestApp::new();
    let rows = [
        ("1 / 0",                                         "22012", "division by zero"),
        ("1 % (select 0)",                                "22012", "division by zero"),
        ("2147483647 + 1",                                "22003", "integer out of range"),
        ("9223372036854775807 * 2",                       "22003", "bigint out of range"),
        ("'x'::text::int",                                "22P02", "invalid input syntax for type integer: \"x\""),
        ("'maybe'::text::boolean",                        "22P02", "invalid input syntax for type boolean: \"maybe\""),
        ("(select v from (values (1), (2)) as x(v))",     "21000", "more than one row returned by a subquery used as an expression"),
        ("jsonb_array_length('{}'::jsonb)",               "22023", "cannot get array length of a non-array"),
        ("lower('É')",                                    "0A000", "lower() of text outside ASCII is not supported"),
        ("'a' + 1",                                       "22P02", "invalid input syntax for type integer: \"a\""),
        ("true + 1",                                      "42883", "operator does not exist: boolean + integer"),
        ("lower(1)",                                      "42883", "function lower(integer) does not exist"),
        ("array[1, 'a'::text]",                           "42804", "ARRAY types integer and text cannot be matched"),
        ("array[]",                                       "42P18", "cannot determine type of empty array"),
        ("coalesce(1, true)",                             "42804", "COALESCE types integer and boolean cannot be matched"),
        ("now() + true",                                  "42883", "operator does not exist: timestamp with time zone + boolean"),
        ("sha256('a')",                                   "0A000", "the function sha256() is not supported"),
        ("12345678901234567890.1 * 1234567890.12",                  "0A000", "a numeric of more than 18 digits is not supported in arithmetic"),
        ("1.5 / 0.0",                                     "22012", "division by zero"),
        ("'a' collate \"en_US\"",                         "0A000", "the collation \"en_US\" is not supported"),
    ];
    for (expression, code, message) in rows {
        let refusal = app.refusal(&format!("select {expression}"));
        assert_eq!((refusal.0.as_str(), refusal.1.as_str()), (code, message), "{expression}");
    }
}

#[test]
#[rustfmt::skip]
fn queries_answer_as_postgres_does() {
    let app = TestApp::new();
    app.migrate("1", "
        create table teams (id int primary key, name text not null);
        create table people (id int primary key, team_id int references teams, name text, age int, joined date);
        insert into teams values (1, 'red'), (2, 'blue'), (3, 'none');
        insert into people values (1, 1, 'ann', 30, '2026-01-01'), (2, 1, 'bob', null, '2026-01-02'), (3, 2, 'cyd', 20, null);");
    let rows = [
        ("select name from people order by age",                          json!([{"name": "cyd"}, {"name": "ann"}, {"name": "bob"}])),
        ("select name from people order by age desc limit 1",             json!([{"name": "bob"}])),
        ("select name n from people order by n offset 1",                 json!([{"n": "bob"}, {"n": "cyd"}])),
        ("select t.name, count(p.id) from teams t left join people p on p.team_id = t.id group by t.name order by 2 desc, 1",
            json!([{"name": "red", "count": 2}, {"name": "blue", "count": 1}, {"name": "none", "count": 0}])),
        ("select team_id, max(age) from people group by team_id having count(*) > 1", json!([{"team_id": 1, "max": 30}])),
        ("select p.name, t.name as team from people p join teams t on t.id = p.team_id where t.name = 'blue'", json!([{"name": "cyd", "team": "blue"}])),
        ("select id, t.name from teams t join (select team_id as id from people) p using (id) where id = 2", json!([{"id": 2, "name": "blue"}])),
        ("with old as (select * from people where age > 25) select name from old",   json!([{"name": "ann"}])),
        ("select name from people where id = 1 union all select name from teams where id = 1 order by name desc", json!([{"name": "red"}, {"name": "ann"}])),
        ("select distinct team_id from people order by team_id",          json!([{"team_id": 1}, {"team_id": 2}])),
        ("select count(*), count(distinct team_id) as teams from people", json!([{"count": 3, "teams": 2}])),
        ("select 1 as a, 'x' as b, null as c, true",                      json!([{"a": 1, "b": "x", "c": null, "?column?": true}])),
        ("select (select name from teams where id = p.team_id) as team from people p where p.id = 3", json!([{"team": "blue"}])),
        ("select json_agg(name order by name) as names from people where age is not null", json!([{"names": ["ann", "cyd"]}])),
        ("values (1, 'a'), (2, 'b')",                                     json!([{"column1": 1, "column2": "a"}, {"column1": 2, "column2": "b"}])),
        ("select * from people where false",                              json!([])),
        ("select 1; select 2 as b",                                       json!([{"b": 2}])),
        ("select 1; update people set age = 1 where false",               json!([])),
        ("",                                                              json!([])),
    ];
    for (sql, expected) in rows {
        assert_eq!(app.rows(sql), expected, "{sql}");
    }
    let wide: Vec<String> = (0..40).map(|index| format!("{index} as \"c{index}\"")).collect();
    assert_eq!(app.rows(&format!("select {}", wide.join(", ")))[0]["c39"], json!(39));
    let refused = [
        ("select name, count(*) from people",                             "42803"),
        ("select id from people p join teams t on t.id = p.team_id",      "42702"),
        ("select people.id from people p",                                "42P01"),
        ("select * from people, people",                                  "42712"),
        ("select * from pg_class",                                        "0A000"),
        ("select * from \"edgeward.catalog\"",                            "42P01"),
        ("select * from sqlite_master",                                   "42P01"),
        ("select encrypted_password from auth.users",                     "42703"),
        ("select id from people union select name from teams",            "42804"),
        ("select * from people where age",                                "42804"),
        ("select distinct on (team_id) name from people order by name",   "42P10"),
        ("select name from people where rank() over () = 1",              "42P20"),
    ];
    for (sql, code) in refused {
        let refusal = app.refusal(sql);
        assert_eq!(refusal.0, code, "{sql}: {}", refusal.1);
    }
}

#[test]
fn random_bytes_have_the_form_that_was_asked_for() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table keys (id int primary key, hex text default encode(gen_random_bytes(24), 'hex'), token text default encode(gen_random_bytes(16), 'base64'));
         insert into keys (id) values (1), (2);",
    );
    let rows = app.rows(
        "select distinct length(hex) as hex, length(token) as token, right(token, 2) as last from keys",
    );
    assert_eq!(rows, json!([{"hex": 48, "token": 24, "last": "=="}]));
    assert_eq!(app.rows("select count(distinct hex) as n from keys"), json!([{"n": 2}]));
    assert_eq!(app.value("encode('hello world'::bytea, 'base64')"), json!("aGVsbG8gd29ybGQ="));
    assert_eq!(app.value("encode('\\xfbff'::bytea, 'base64')"), json!("+/8="));
    assert_eq!(app.value("encode(''::bytea, 'base64')"), json!(""));
    let long = format!("encode('\\x{}'::bytea, 'base64')", "00".repeat(58));
    assert_eq!(app.value(&long), json!(format!("{}\n{}==", "A".repeat(76), "A".repeat(2))));
    assert_eq!(app.refusal("select gen_random_bytes(1025)").0, "39000");
}

#[test]
fn decimals_are_computed_where_no_query_may_stand() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table lines (id int primary key, quantity int, price numeric(10,2), discount numeric(4,3) default 0,
           total numeric(12,2) generated always as (quantity * price) stored,
           net numeric(12,2) generated always as (round(quantity * price * (1 - discount), 2)) stored,
           check (price * quantity < 1000000));
         insert into lines (id, quantity, price, discount) values (1, 3, 19.99, 0.125), (2, -3, 0.05, 0.5), (3, null, 1, 0);",
    );
    assert_eq!(
        app.rows("select id, total::text, net::text from lines order by id"),
        json!([
            {"id": 1, "total": "59.97", "net": "52.47"},
            {"id": 2, "total": "-0.15", "net": "-0.08"},
            {"id": 3, "total": null, "net": null},
        ])
    );
    assert_eq!(app.refusal("insert into lines (id, quantity, price) values (4, 1000, 1000)").0, "23514");
    assert_eq!(app.value("round(100.0 * 0 / 3)::text"), json!("0"));
    #[rustfmt::skip]
    let wide = [
        ("(1::numeric / 3) * 100",                    "33.33333333333333333300"),
        ("round((2::numeric / 3) * 100, 2)",          "66.67"),
        ("-100 * (1::numeric / 3)",                   "-33.33333333333333333300"),
        ("(1::numeric / 3) * -0.5",                   "-0.166666666666666666665"),
        ("1 - 1::numeric / 3",                        "0.66666666666666666667"),
        ("1::numeric / 3 - 1",                        "-0.66666666666666666667"),
        ("1::numeric / 3 - 2::numeric / 3",           "-0.33333333333333333334"),
        ("1::numeric / 3 + 2::numeric / 3",           "1.00000000000000000000"),
        ("100 - round((1::numeric / 7) * 100, 1)",    "85.7"),
        ("(1::numeric / 3) * 0",                      "0.00000000000000000000"),
        ("('12345678901234567890.123'::numeric + id) * 10 - 1", "123456789012345678910.230"),
        ("null::numeric / 3 * 100",                   ""),
    ];
    for (expression, value) in wide {
        let sql = format!("select ({expression})::text as v from (values (1)) as one (id)");
        let value = if value.is_empty() { json!(null) } else { json!(value) };
        assert_eq!(app.rows(&sql)[0]["v"], value, "{expression}");
    }
    assert_eq!(app.value("round(2.0 / 3, 3)::text || ' ' || ceil(1.00000000000000000001)::text || ' ' || floor(-1.00000000000000000001)::text"), json!("0.667 2 -2"));
}

#[test]
fn regular_expressions_of_runs_match_as_in_postgres() {
    let app = TestApp::new();
    #[rustfmt::skip]
    let rows: &[(&str, &[&str], &[&str])] = &[
        (r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$", &["a.b+c@mail.example.com", "a@b.co"], &["a@b", "a@b.c", "@b.com", "a@@b.com", "a@b.c0", "a b@c.de", "a@.com1"]),
        (r"^[^@\s]+@[^@\s]+\.[^@\s]+$",          &["é@b.c", "a@b..c"], &["a@b", "a@b.", "a@.b", "a b@c.d", "a@b@c.d", "a@b\t.c"]),
        (r"^[a-z0-9]+(?:-[a-z0-9]+)*$",           &["a", "a-b-c1", "ab"], &["", "-a", "a-", "a--b", "A", "a_b"]),
        (r"^\+?[1-9]\d{1,14}$",                   &["+4912345", "12"], &["+", "1", "+012", "++12", "1234567890123456"]),
        (r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$",   &["#abc", "#A1b2C3"], &["#abcd", "abc", "#ab", "#ggg"]),
        (r"^https?://.+",                         &["http://a", "https://b/c"], &["ftp://a", "https://", "xhttp://a"]),
        (r"^\d{5}(-\d{4})?$",                     &["12345", "12345-6789"], &["1234", "12345-", "12345-67890"]),
        (r"^[a-z][a-z0-9_]{2,19}$",               &["abc", "a_9"], &["ab", "9ab", "a-b", "abcdefghijklmnopqrstu"]),
        (r"^\w+$",                                &["a_1"], &["", "a-b"]),
        (r"^[\p]$",                               &[], &[]),
    ];
    for (pattern, matching, other) in rows {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        if matching.is_empty() {
            assert_eq!(app.refusal(&format!("select 'x' ~ '{pattern}'")).0, "0A000");
            continue;
        }
        for (text, is_match) in
            matching.iter().map(|text| (text, true)).chain(other.iter().map(|text| (text, false)))
        {
            let text = quoted(text);
            assert_eq!(
                app.value(&format!("({text} || '') ~ '{pattern}'")),
                json!(is_match),
                "{text} ~ {pattern}"
            );
        }
    }
    assert_eq!(app.refusal("select 'a\u{2003}b' ~ '^[^\\s]+x$'").0, "0A000");
    #[rustfmt::skip]
    let splits = [
        (r"regexp_split_to_array(E' the  quick\tbrown\n\nfox ', '\s+')", json!(["", "the", "quick", "brown", "fox", ""])),
        (r"regexp_split_to_array('', '\s+')",                             json!([""])),
        (r"regexp_split_to_array('a,b;;c', '[,;]')",                      json!(["a", "b", "", "c"])),
        ("regexp_split_to_array('--a-\"b\\n\"--', '-+')",                    json!(["", "a", "\"b\\n\"", ""])),
        (r"regexp_split_to_array(null::text, '-+')",                      json!(null)),
        (r"ceil(array_length(regexp_split_to_array(trim('one two three'), '\s+'), 1) / 2.0)::int", json!(2)),
    ];
    for (expression, value) in splits {
        assert_eq!(app.value(expression), value, "{expression}");
    }
    assert_eq!(app.value("'ABC@X.ORG' ~* '^[a-z]+@[a-z.]+\\.[a-z]{2,3}$'"), json!(true));
    assert_eq!(app.refusal("select 'é' || '' ~ '^\\w+$'").0, "0A000");
}

#[test]
fn md5_is_that_of_rfc_1321() {
    let app = TestApp::new();
    for (text, expected) in [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        ),
    ] {
        assert_eq!(app.value(&format!("md5('{text}')")), json!(expected), "{text}");
    }
    // Where a block of 64 bytes is full, and where its length fits no more.
    for length in [55, 56, 57, 63, 64, 65, 119, 120, 128] {
        let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
        let expected = edgeward::crypto::hex(&edgeward::crypto::md5(text.as_bytes()));
        assert_eq!(app.value(&format!("md5('{text}')")), json!(expected), "{length}");
    }
    assert_eq!(app.value("md5('random(')"), json!(edgeward::crypto::hex(&edgeward::crypto::md5(b"random("))));
    assert_eq!(app.value("md5(null)"), json!(null));
    app.rows(
        "create table people (id int primary key, email text, code text not null default substr(md5(random()::text), 1, 8), avatar text);
         create function avatar() returns trigger language plpgsql as $$
         begin new.avatar := 'https://example.com/' || md5(lower(trim(new.email))); return new; end $$;
         create trigger avatar before insert on people for each row execute function avatar();
         insert into people (id, email) values (1, ' Ann@example.com'), (2, null)",
    );
    let expected = edgeward::crypto::hex(&edgeward::crypto::md5(b"ann@example.com"));
    assert_eq!(
        app.rows(
            "select avatar, length(code) as length, code ~ '^[0-9a-f]+$' as hex from people order by id"
        ),
        json!([
            {"avatar": format!("https://example.com/{expected}"), "length": 8, "hex": true},
            {"avatar": null, "length": 8, "hex": true},
        ])
    );
    assert_eq!(app.rows("select count(distinct code) as codes from people"), json!([{"codes": 2}]));
    assert_eq!(
        app.refusal("alter table people add column hash text generated always as (md5(email)) stored").0,
        "0A000"
    );
}
