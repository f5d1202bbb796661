//! What anon and two users read of a project's tables: rows made up for each table, put into both, and every table read
//! by everyone on both sides. Tables without row-level security are left out: here it is on unless switched off.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::app::TestApp;
use crate::chance::Chance;
use crate::ours;
use crate::postgres::Postgres;

/// What was compared, and what differed.
#[derive(Default)]
pub struct Reading {
    pub same: usize,
    pub rows: usize,
    pub different: Vec<String>,
}

const USERS: [&str; 2] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];

/// Each table's columns with what their values have to be like.
const COLUMNS: &str = "
SELECT coalesce(json_agg(x ORDER BY x.relid, x.attnum), '[]') FROM (
  SELECT c.oid::int AS relid, c.relname, c.relrowsecurity AS guarded, a.attname, a.attnum, a.attnotnull AS needed,
    format_type(a.atttypid, NULL) AS type, t.typtype, a.attgenerated <> '' OR a.attidentity = 'a' AS made,
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval%', false) AS numbered,
    (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid) AS labels,
    (SELECT json_build_array(fn.nspname, f.relname, fa.attname) FROM pg_constraint k
       JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
       JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = k.confkey[1]
     WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum] LIMIT 1) AS parent,
    (SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
     WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)) AS checks,
    EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u') AND a.attnum = ANY (k.conkey)) AS keyed
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
) AS x";

/// Values of types: few, so that they meet.
#[rustfmt::skip]
const VALUES: &[(&str, &[&str])] = &[
    ("boolean",                     &["true", "false"]),
    ("smallint",                    &["1", "2", "5"]),
    ("integer",                     &["1", "2", "5", "10"]),
    ("bigint",                      &["1", "2", "50"]),
    ("numeric",                     &["1", "2.50", "10"]),
    ("double precision",            &["1.5", "2"]),
    ("real",                        &["1.5", "2"]),
    ("text",                        &["a", "b", "admin", "active", "public", "published", "approved", "user", "owner", "member"]),
    ("character varying",           &["a", "admin", "active", "public"]),
    ("uuid",                        &[USERS[0], USERS[1], "00000000-0000-4000-8000-00000000000c"]),
    ("timestamp with time zone",    &["2024-01-01T00:00:00Z", "2034-06-30T12:00:00Z"]),
    ("timestamp without time zone", &["2024-01-01T00:00:00", "2034-06-30T12:00:00"]),
    ("date",                        &["2024-01-01", "2034-06-30"]),
    ("time without time zone",      &["09:00", "18:30"]),
    ("jsonb",                       &["{}", "{\"a\": 1}"]),
    ("json",                        &["{}"]),
    ("text[]",                      &["{}", "{a,b}"]),
    ("uuid[]",                      &["{}", "{00000000-0000-4000-8000-00000000000a}"]),
    ("integer[]",                   &["{}", "{1,2}"]),
    ("inet",                        &["10.0.0.1"]),
    ("citext",                      &["a", "b"]),
];

/// Columns left out of the comparison: each side's clock fills them.
const TIMED: &[&str] =
    &["timestamp with time zone", "timestamp without time zone", "date", "time without time zone"];

/// Fills both and compares what everyone reads.
pub fn compare(project: &str, postgres: &mut Postgres, app: &TestApp) -> Reading {
    let mut reading = Reading::default();
    let Ok(columns) = postgres.value(COLUMNS) else { return reading };
    let columns: Vec<Value> = serde_json::from_str(&columns).unwrap();
    let mut tables: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for column in columns {
        tables.entry(column["relid"].as_i64().unwrap()).or_default().push(column);
    }
    let mut chance = Chance::new(7);
    for (index, user) in USERS.iter().enumerate() {
        let sql = format!(
            "INSERT INTO auth.users (id, email, raw_user_meta_data, raw_app_meta_data, created_at, updated_at) VALUES ('{user}', 'user{index}@example.com', '{{\"name\": \"User {index}\", \"full_name\": \"User {index}\", \"username\": \"user{index}\"}}', '{{}}', now(), now())"
        );
        reading.insert(project, postgres, app, &sql);
    }
    // Later passes give rows to tables whose parents were empty in the first.
    for pass in 0..3 {
        for (place, table) in tables.values().enumerate() {
            for row in 0..3 {
                if let Some(sql) = insert(&mut chance, postgres, table, place, pass * 3 + row) {
                    reading.insert(project, postgres, app, &sql);
                }
            }
        }
    }
    for table in tables.values().filter(|table| table[0]["guarded"] == true) {
        for claims in callers() {
            reading.read(project, postgres, app, table, &claims);
        }
    }
    reading
}

fn callers() -> Vec<Value> {
    let user = |index: usize| {
        json!({
            "role": "authenticated", "aud": "authenticated", "sub": USERS[index], "exp": 4_102_444_800_i64,
            "email": format!("user{index}@example.com"), "app_metadata": {}, "user_metadata": {},
        })
    };
    vec![json!({"role": "anon", "iss": "supabase-demo", "exp": 4_102_444_800_i64}), user(0), user(1)]
}

/// An INSERT of a made-up row; `None` when a parent that it needs has no rows.
fn insert(
    chance: &mut Chance,
    postgres: &mut Postgres,
    table: &[Value],
    place: usize,
    row: usize,
) -> Option<String> {
    let mut names = Vec::new();
    let mut values = Vec::new();
    for column in table.iter().filter(|column| column["made"] == false) {
        let text = |key: &str| column[key].as_str().unwrap_or_default();
        let value = match column["parent"].as_array() {
            Some(parent) => {
                let part = |index: usize| parent[index].as_str().unwrap().replace('"', "\"\"");
                let sql = format!(
                    "SELECT json_agg(v) FROM (SELECT \"{}\"::text AS v FROM \"{}\".\"{}\" ORDER BY 1) AS x",
                    part(2),
                    part(0),
                    part(1)
                );
                let known =
                    postgres.value(&sql).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
                let mut known: Vec<String> =
                    known.and_then(|known| serde_json::from_value(known).ok()).unwrap_or_default();
                known.retain(|value| !is_chance(value));
                if known.is_empty() { None } else { Some(chance.pick(&known).clone()) }
            }
            None => value(chance, column, place, row),
        };
        let is_needed = column["needed"] == true;
        let left_out = !is_needed && chance.percent(15);
        match value {
            Some(value) if !left_out => {
                names.push(format!("\"{}\"", text("attname").replace('"', "\"\"")));
                values.push(format!("'{}'", value.replace('\'', "''")));
            }
            None if is_needed => return None,
            _ => {}
        }
    }
    let name = table[0]["relname"].as_str().unwrap().replace('"', "\"\"");
    Some(format!("INSERT INTO public.\"{name}\" ({}) VALUES ({})", names.join(", "), values.join(", ")))
}

fn value(chance: &mut Chance, column: &Value, place: usize, row: usize) -> Option<String> {
    let of = column["type"].as_str().unwrap_or_default();
    if let Some(labels) = column["labels"].as_array() {
        return Some(chance.pick(labels).as_str().unwrap().to_string());
    }
    if column["numbered"] == true {
        return Some((100 + row).to_string());
    }
    let keyed = column["keyed"] == true;
    if of == "uuid" && keyed && chance.percent(70) {
        return Some(format!("00000000-0000-4000-9{place:03x}-{row:012x}"));
    }
    // The literals of a check are what it lets in.
    let checks = column["checks"].as_str().unwrap_or_default();
    let literals: Vec<&str> =
        checks.split('\'').skip(1).step_by(2).filter(|text| !text.contains('[')).collect();
    if !literals.is_empty() && (of == "text" || of.starts_with("character varying")) {
        return Some((*chance.pick(&literals)).to_string());
    }
    let values = VALUES.iter().find(|(name, _)| *name == of)?.1;
    let value = (*chance.pick(values)).to_string();
    Some(if keyed && matches!(of, "text" | "character varying") { format!("{value}{row}") } else { value })
}

/// Whether a value is a uuid that each side made for itself.
fn is_chance(value: &str) -> bool {
    value.len() == 36 && value.split('-').count() == 5 && !value.starts_with("00000000")
}

impl Reading {
    /// Puts a row into both; what only one of them takes is a difference.
    fn insert(&mut self, project: &str, postgres: &mut Postgres, app: &TestApp, sql: &str) {
        let theirs = postgres.execute(sql);
        let ours = ours::query(app, sql);
        match (theirs, ours) {
            (Ok(()), Ok(_)) => self.rows += 1,
            (Err(one), Err(other)) if one.code == other.code => {}
            (theirs, ours) => {
                let told = |outcome: Result<(), crate::postgres::Failure>| match outcome {
                    Ok(()) => "done".to_string(),
                    Err(failure) => format!("{} {}", failure.code, failure.message),
                };
                self.different.push(format!(
                    "{project}: {sql}\n    postgres {}\n    ours     {}",
                    told(theirs),
                    told(ours.map(|_| ()))
                ));
            }
        }
    }

    fn read(
        &mut self,
        project: &str,
        postgres: &mut Postgres,
        app: &TestApp,
        table: &[Value],
        claims: &Value,
    ) {
        let name = table[0]["relname"].as_str().unwrap();
        let quoted = name.replace('"', "\"\"");
        let sql = format!("SELECT coalesce(json_agg(t), '[]') FROM public.\"{quoted}\" AS t");
        let theirs = postgres.run(claims, &sql);
        let token = app.token(claims);
        let path: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let ours = ours::outcome(
            &app.with_token(&token).get(&format!("/rest/v1/{}", path.replace('+', "%20"))).send(),
        );
        let left_out: Vec<&str> = table
            .iter()
            .filter(|column| {
                // A number that a failed statement took is given again here.
                let is_counted = column["made"] == true && column["numbered"] == true;
                is_counted || TIMED.contains(&column["type"].as_str().unwrap_or_default())
            })
            .map(|column| column["attname"].as_str().unwrap())
            .collect();
        let rows = |text: &str| {
            let mut rows: Vec<Value> = serde_json::from_str(text).unwrap();
            for row in &mut rows {
                row.sort_all_objects();
                let row = row.as_object_mut().unwrap();
                row.retain(|name, _| !left_out.contains(&name.as_str()));
                row.values_mut().filter(|value| value.as_str().is_some_and(is_chance)).for_each(|value| {
                    *value = Value::Null;
                });
            }
            rows.sort_by_key(ToString::to_string);
            rows
        };
        let same = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) => rows(theirs) == rows(ours),
            (Err(theirs), Err(ours)) => theirs.code == ours.code,
            _ => false,
        };
        if same {
            self.same += 1;
        } else {
            let who = claims["sub"].as_str().unwrap_or("anon");
            self.different.push(format!(
                "{project}: {who} reads {name}\n    postgres {theirs:?}\n    ours     {ours:?}"
            ));
        }
    }
}
