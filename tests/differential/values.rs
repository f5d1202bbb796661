//! Stage 3: values of every type, in by the data API as JSON and out again, and how they sort.

use serde_json::json;

use crate::app::TestApp;
use crate::chance::Chance;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};

/// Types and the texts that are tried as their values, good and bad; `#` in one is a random digit.
#[rustfmt::skip]
const VALUES: &[(&str, &[&str])] = &[
    ("boolean",       &["t", "TRUE", "yes", "off", "0", "1", " true ", "tr", "maybe", "", "2"]),
    ("smallint",      &["#", "-#", "32767", "32768", "-32768", " 7 ", "+5", "1.5", "1e2", "", "0##"]),
    ("integer",       &["####", "-###", "2147483647", "-2147483649", " 12", "+#", "0x1F", "1_000", "abc", "00#"]),
    ("bigint",        &["##########", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "9007199254740993", "-#", "1.0"]),
    ("numeric",       &["#.##", "-0.##0", "1e3", "1.50e-2", ".5", "5.", "NaN", "12345678901234567890.123456789", "-0", "00#.#", "abc", "1,5", "Infinity", "0.000#", "1e20"]),
    ("numeric(10,2)", &["#.###", "-#.##5", "99999999.99", "99999999.995", "123456789.1", "1e3", "-0.001", "#"]),
    ("real",          &["#.#", "0.1", "1e10", "3.4e38", "1e39", "-#.##", "NaN", "16777217", "1e-5"]),
    ("double precision", &["#.##", "0.1", "1e100", "1e309", "-0.5", "1e15", "1e16", "123456789.123456789", "NaN", "Infinity", "-Infinity", "x", "1e-7", "100"]),
    ("text",          &["", "a", "ünï ☃ 😀", "line\nbreak", "tab\t", "\"quoted\"", "back\\slash", " pad ", "null", "{a}", "\u{1}"]),
    ("varchar(5)",    &["", "abcde", "abcdef", "abcde  ", "ünïcö", "ünïcöd", " ab"]),
    ("char(3)",       &["", "a", "abc", "abcd", "ab ", "abc  ", "ü"]),
    ("uuid",          &["00000000-0000-4000-8000-00000000000#", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A1#", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "x", ""]),
    ("date",          &["2024-02-29", "2023-02-29", "202#-0#-1#", "20240115", "January 8, 1999", "1999-Jan-08", "01/02/2024", "2024-1-5", "infinity", "2024-01-15T10:00:00Z", "", "0000-01-01", "epoch", "2024-13-01", "0044-03-15 BC"]),
    ("time",          &["12:34:56", "1#:2#", "23:59:59.999999", "24:00:00", "24:00:01", "04:05 PM", "040506", "12:60", "10:00:00.1234567", "10:00+02"]),
    ("timestamp",     &["2024-02-29 12:34:56", "2024-02-29T12:34:56.789Z", "2024-01-01", "2024-01-01 24:00:00", "202#-06-30T1#:2#:3#.#", "2024-01-01 10:00:00+05", "infinity", "2024-06-30 12:30 PM", "nope", "1999-12-31 23:59:59.9999999"]),
    ("timestamptz",   &["2024-02-29 12:34:56+00", "2024-02-29T12:34:56.789Z", "2024-01-01T00:00:00+02:00", "2024-01-01", "202#-0#-1# 1#:00:00-0#:30", "2024-06-30 12:30:00.000001+14", "infinity", "-infinity", "2024-02-30", "epoch", "2024-01-01T10:00:00", "2024-01-01 00:00:60Z", "2024-06-30 12:00 UTC", "1970-01-01T00:00:00.1+0530"]),
    ("interval",      &["1 day", "# hours", "1 year 2 months 3 days 04:05:06", "P1Y2M3DT4H5M6S", "-1 day", "90 minutes", "1.5 days", "1 week", "1 mon -1 day", "00:00:00", "2 years ago", "1 decade", "@ 1 minute", "36:00:00", "nope", "1-2", "#.5 seconds"]),
    ("json",          &["{\"b\": 1,  \"a\": [1, 2.50, 1e2]}", "[]", "null", "\"s\"", "#.#0", "{\"a\":1,\"a\":2}", "{a:1}", "", "[1,]", "true"]),
    ("jsonb",         &["{\"bb\": 1,  \"a\": [1, 2.50, 1e2, -0.0]}", "[]", "null", "\"s\"", "#.#0", "{\"a\":1,\"a\":2}", "{a:1}", "", "\"\\u00fc\"", "\"\\u0000\"", "12345678901234567890", "{\"\": {}}", "1E400"]),
    ("bytea",         &["\\x", "\\xDEADbeef", "\\x0", "abc", "a\\001b", "\\\\", "\\xzz"]),
    ("inet",          &["10.0.0.#", "10.0.0.0/8", "::1", "2001:DB8::1/64", "10.0.0", "300.1.1.1", "192.168.1.1/32", "::ffff:1.2.3.4"]),
    ("cidr",          &["10.#.0.0/16", "10.0.0.1", "10.0.0.1/8", "::/0", "2001:db8::/32", "x", ""]),
    ("macaddr",       &["08:00:2b:01:02:0#", "08-00-2B-01-02-0#", "08002b:01020#", "0800.2b01.020#", "08002b01020#", "0800-2b01-020#", "08:00:2b:01:02", "x"]),
    ("int4range",     &["[#,1#)", "(#,#0]", "[#,#]", "(#,#)", "empty", " [ # , 1# ) ", "[,#)", "(,)", "[9,1]", "[#", "[a,b)", "[1,2147483647]", ""]),
    ("int8range",     &["[#,1#)", "[1,9223372036854775807]", "(,5000000000]"]),
    ("numrange",      &["[#.50,1#)", "(1.#,2.0]", "[2,1]", "[1.0,1]", "(1.0,1]", "[NaN,)"]),
    ("daterange",     &["[2024-01-0#,2024-02-01]", "(2024-01-0#,)", "[2024-02-28,2024-02-28]", "[today,)", "[2024-13-01,)", "[-infinity,infinity]"]),
    ("tsrange",       &["[2024-01-0# 10:00,2024-02-01]", "[\"2024-01-01 10:00\",\"2024-01-01 12:00:00.#\")", "[2024-01-01T00:00,2024-01-01)"]),
    ("tstzrange",     &["[2024-01-0# 10:00+02,2024-02-01)", "[2024-01-01T00:00:00Z,)", "(,2024-01-01 00:00]", "[x,)"]),
    ("tsvector",      &["fat cat", "'fat':2 cat:1A", "a:3,1b,3A 'b c':4", "", "a:0", "'it''s' \\\\x", "a:99999", "'", "a:b", "a: b", "x:1,"]),
    ("text[]",        &["{}", "{a,b}", "{\"a b\",NULL}", "{\"null\",null}", "{a,{b}}", "{{a,b},{c,d}}", "a", "{a", "{\"q\\\"x\",\"\"}", "{ a , b }", "[1:2]={a,b}"]),
    ("integer[]",     &["{}", "{#,##,-#}", "{1,NULL}", "{x}", "{1.5}", "{{1,2},{3,4}}", "{ 1 , 2 }", "{2147483648}"]),
    ("boolean[]",     &["{t,f}", "{true,NULL}", "{x}"]),
    ("mood",          &["sad", "ok", "angry", "", "OK"]),
];

/// Tries so many values: each is inserted, given back, and compared with the one before it.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let app = TestApp::new();
    let columns: Vec<String> =
        VALUES.iter().enumerate().map(|(index, (data_type, _))| format!("v{index} {data_type}")).collect();
    let schema = format!(
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE TABLE things (id bigint PRIMARY KEY, {});
         ALTER TABLE things DISABLE ROW LEVEL SECURITY;",
        columns.join(", ")
    );
    postgres.migrate(&schema).unwrap();
    ours::migrate(&app, &schema).unwrap();
    let service = json!({"role": "service_role"});
    for (id, seed) in seeds.enumerate() {
        let mut chance = Chance::new(seed);
        let index = chance.below(VALUES.len());
        let (data_type, texts) = VALUES[index];
        let text: String = chance
            .pick(texts)
            .chars()
            .map(|letter| {
                if letter == '#' { char::from(b'1' + u8::try_from(chance.below(9)).unwrap()) } else { letter }
            })
            .collect();
        let body = json!([{"id": id, format!("v{index}"): text}]).to_string();
        let quoted = body.replace('\'', "''");
        let theirs = postgres.run(
            &service,
            &format!(
                "WITH source AS (INSERT INTO things (id, v{index}) SELECT id, v{index} FROM json_to_recordset('{quoted}') AS _(id bigint, v{index} {data_type}) RETURNING id, v{index}) SELECT json_agg(row_to_json(source)) FROM source"
            ),
        );
        let answer = app
            .service_role()
            .post(&format!("/rest/v1/things?select=id,v{index}"))
            .header("prefer", "return=representation")
            .header("content-type", "application/json")
            .body(body)
            .send();
        let ours = ours::outcome(&answer);
        match (&theirs, &ours) {
            (Ok(_), Err(failure)) if ["22007", "22008", "22P02"].contains(&failure.code.as_str()) => {
                // A spelling that we do not read is refused aloud; the row is there on neither side.
                report.add(seed, Verdict::Refused(format!("the {data_type} {text:?}")));
                postgres.value(&format!("DELETE FROM things WHERE id = {id}")).unwrap();
            }
            _ => report.add(seed, judge(&format!("{data_type} {text:?}"), &theirs, &ours)),
        }
        if !["json", "jsonb", "text[]", "integer[]", "boolean[]", "inet", "cidr", "numrange", "tsvector"]
            .contains(&data_type)
            && chance.percent(20)
        {
            report.add(seed, sorted(postgres, &app, index));
        }
    }
}

fn sorted(postgres: &mut Postgres, app: &TestApp, index: usize) -> Verdict {
    let order = format!("v{index}");
    let theirs = postgres.value(&format!(
        "SELECT coalesce(json_agg(id), '[]') FROM (SELECT id FROM things WHERE {order} IS NOT NULL ORDER BY {order}, id) AS rows"
    ));
    let target = format!("/rest/v1/things?select=id&{order}=not.is.null&order={order},id");
    let ours = ours::outcome(&app.service_role().get(&target).send()).map(|text| {
        let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ids = rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        serde_json::Value::Array(ids).to_string()
    });
    judge(&format!("order of {}", VALUES[index].0), &theirs, &ours)
}
