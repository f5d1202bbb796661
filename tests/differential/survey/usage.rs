//! A project in use: the same made-up rows on both sides, and what anonymous and signed-in callers read and change of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{ANN, BEN, Maker};
use crate::app::{Actor, TestApp};
use crate::ours;
use crate::postgres::{Failure, Outcome, Postgres};
use crate::report::{Verdict, is_refusal};

/// A table of `public`, as PostgreSQL has it.
#[derive(Deserialize)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// The text of its CHECK constraints.
    pub checks: Vec<String>,
}

/// A column, with what a value for it has to know.
#[derive(Deserialize)]
pub struct Column {
    pub name: String,
    pub data_type: String,
    pub is_required: bool,
    pub has_default: bool,
    /// Generated, or an identity: no value is given.
    pub is_made: bool,
    /// Of the primary key, or unique alone.
    pub is_key: bool,
    /// An enum's labels.
    pub labels: Option<Vec<String>>,
    /// What it refers to: `schema.table` and the column.
    pub refers_to: Option<(String, String)>,
}

/// Its tables in the order they were made in.
const TABLES: &str = "
SELECT coalesce(json_agg(json_build_object(
  'name', c.relname,
  'columns', (SELECT json_agg(json_build_object(
      'name', a.attname,
      'data_type', format_type(a.atttypid, a.atttypmod),
      'is_required', a.attnotnull,
      'has_default', d.adbin IS NOT NULL,
      'is_made', a.attgenerated <> '' OR a.attidentity <> '',
      'is_key', EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u') AND a.attnum = ANY (k.conkey)
                          AND (k.contype = 'p' OR cardinality(k.conkey) = 1)),
      'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid),
      'refers_to', (SELECT json_build_array(r.relnamespace::regnamespace::text || '.' || r.relname, ra.attname)
                      FROM pg_constraint k
                      JOIN pg_class r ON r.oid = k.confrelid
                      JOIN pg_attribute ra ON ra.attrelid = r.oid AND ra.attnum = k.confkey[1]
                     WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
                     LIMIT 1)
    ) ORDER BY a.attnum)
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'checks', (SELECT coalesce(json_agg(pg_get_constraintdef(k.oid)), '[]') FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c')
) ORDER BY c.oid), '[]')
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)";

/// Fills the project's tables and asks of each, as each caller, every kind of statement.
pub fn compare(name: &str, app: &TestApp, postgres: &mut Postgres) -> Vec<Verdict> {
    let tables: Vec<Table> = serde_json::from_str(&postgres.value(TABLES).unwrap()).unwrap();
    for table in &tables {
        // Here a table without row-level security shows nothing, there everything.
        postgres.execute(&format!("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", table.sql())).unwrap();
    }
    let mut usage = Usage { name, app, postgres, verdicts: Vec::new() };
    let (tables, mut makers) = usage.fill(tables);
    // Policies look at other tables: only where all rows are the same can what is seen of them be compared.
    if usage.verdicts.iter().any(|verdict| matches!(verdict, Verdict::Disagreed(_) | Verdict::Refused(_))) {
        return usage.verdicts;
    }
    for table in &tables {
        for caller in CALLERS {
            usage.ask(table, &mut makers, caller);
        }
    }
    usage.verdicts
}

/// Who asks: a name, and a user's id.
const CALLERS: &[(&str, Option<&str>)] = &[("anon", None), ("Ann", Some(ANN)), ("Ben", Some(BEN))];

/// How many rows each table is given.
const ROWS: usize = 4;

struct Usage<'a> {
    name: &'a str,
    app: &'a TestApp,
    postgres: &'a mut Postgres,
    verdicts: Vec<Verdict>,
}

impl Usage<'_> {
    /// Two accounts, and rows in every table that both sides have.
    fn fill(&mut self, tables: Vec<Table>) -> (Vec<Table>, Maker) {
        let mut maker = Maker::default();
        for (id, name) in [(ANN, "ann"), (BEN, "ben")] {
            let sql = format!(
                "INSERT INTO auth.users (id, email, raw_user_meta_data, raw_app_meta_data, created_at, updated_at) VALUES ('{id}', '{name}@example.com', '{{\"full_name\": \"{name}\"}}', '{{}}', now(), now())"
            );
            self.both(&sql);
        }
        let ours: Vec<Table> = tables
            .into_iter()
            .filter(|table| ours::query(self.app, &format!("SELECT 1 FROM {} LIMIT 0", table.sql())).is_ok())
            .collect();
        for (place, table) in ours.iter().enumerate() {
            for row in 0..ROWS {
                let Some(values) = maker.row(place, table, row) else { continue };
                if self.both(&insert(table, &values)) {
                    maker.keep(table, &values);
                }
            }
            let sql = format!("SELECT count(*) AS n FROM {}", table.sql());
            let theirs = self.postgres.value(&sql).unwrap();
            let count = ours::query(self.app, &sql)
                .map(|rows| serde_json::from_str::<Value>(&rows).unwrap()[0]["n"].to_string());
            if count.as_deref() != Ok(theirs.as_str()) {
                self.verdicts.push(Verdict::Disagreed(format!(
                    "{}: {} has {theirs} rows, ours {count:?}",
                    self.name, table.name
                )));
            }
        }
        (ours, maker)
    }

    /// One statement as the owner on both sides. Gives whether both took it.
    fn both(&mut self, sql: &str) -> bool {
        let theirs = self.postgres.value(sql).map(|_| String::new());
        let ours = ours::query(self.app, sql).map(|_| String::new());
        self.weigh("owner", sql, &theirs, &ours);
        theirs.is_ok() && ours.is_ok()
    }

    fn ask(&mut self, table: &Table, maker: &mut Maker, (who, id): &(&str, Option<&str>)) {
        let claims = match id {
            None => json!({"role": "anon"}),
            Some(id) => {
                json!({"role": "authenticated", "aud": "authenticated", "sub": id, "email": format!("{}@example.com", who.to_lowercase())})
            }
        };
        let app = self.app;
        let actor = app.with_token(&app.token(&claims));
        let keys: Vec<&str> = table.key().map(|column| column.name.as_str()).collect();
        let path = format!("/rest/v1/{}", encoded(&table.name));
        let named =
            |list: &[&str]| list.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");

        let texts = keys.iter().map(|key| format!("t.\"{key}\"::text")).collect::<Vec<_>>().join(", ");
        let sql =
            format!("SELECT coalesce(json_agg(json_build_array({texts})), '[]') FROM {} AS t", table.sql());
        let theirs = self.postgres_as(&claims, &sql).map(|rows| known_rows(&rows));
        let casts = keys.iter().map(|key| format!("\"{key}\"::text")).collect::<Vec<_>>().join(",");
        let ours = outcome(&actor, "GET", &format!("{path}?select={}", encoded(&casts)), None)
            .map(|(body, _)| known_rows(&in_order(&body, &keys)));
        self.weigh(who, &format!("SELECT {} FROM {}", named(&keys), table.sql()), &theirs, &ours);

        let Some(first) = keys.first() else { return };
        let condition = format!("{}=not.is.null", encoded(&format!("\"{first}\"")));
        if let Some((column, value)) = maker.change(table) {
            let sql = format!(
                "WITH w AS (UPDATE {} SET \"{column}\" = {value} WHERE \"{first}\" IS NOT NULL RETURNING 1) SELECT count(*) FROM w",
                table.sql()
            );
            let theirs = self.postgres_as(&claims, &sql);
            let body = json!({column: unquoted(&value)});
            let ours =
                outcome(&actor, "PATCH", &format!("{path}?{condition}"), Some(&body)).map(|(_, count)| count);
            self.weigh(who, &sql, &theirs, &ours);
        }
        let sql = format!(
            "WITH w AS (DELETE FROM {} WHERE \"{first}\" IS NOT NULL RETURNING 1) SELECT count(*) FROM w",
            table.sql()
        );
        let theirs = self.postgres_as(&claims, &sql);
        let ours = outcome(&actor, "DELETE", &format!("{path}?{condition}"), None).map(|(_, count)| count);
        self.weigh(who, &sql, &theirs, &ours);

        for row in [ROWS, ROWS + 1] {
            let Some(values) = maker.row(99, table, row) else { continue };
            let sql = insert(table, &values);
            let theirs = self.postgres_as(&claims, &sql).map(|_| String::new());
            let body: serde_json::Map<String, Value> =
                values.iter().map(|(name, value)| (name.clone(), unquoted(value))).collect();
            let ours = outcome(&actor, "POST", &path, Some(&Value::Object(body))).map(|_| String::new());
            self.weigh(who, &sql, &theirs, &ours);
        }
    }

    /// As someone, and never mind what it changes.
    fn postgres_as(&mut self, claims: &Value, sql: &str) -> Outcome {
        let role = claims["role"].as_str().unwrap();
        let claims = claims.to_string();
        let before = format!(
            "BEGIN; SELECT set_config('request.jwt.claims', '{claims}', true); SET LOCAL ROLE {role};"
        );
        self.postgres.client.batch_execute(&before).unwrap();
        let outcome = self.postgres.value(sql);
        self.postgres.client.batch_execute("ROLLBACK").unwrap();
        outcome
    }

    fn weigh(&mut self, who: &str, sql: &str, theirs: &Outcome, ours: &Outcome) {
        let verdict = match (theirs, ours) {
            (_, Err(failure)) if is_refusal(failure) => Verdict::Refused(failure.message.clone()),
            (Ok(theirs), Ok(ours)) if theirs == ours => Verdict::Agreed,
            (Err(theirs), Err(ours)) if theirs.code == ours.code || both_constraints(theirs, ours) => {
                Verdict::Agreed
            }
            // Of several errors another one first: a policy's before a constraint's, or a trigger's own.
            (Err(_), Err(ours)) if ours.code == "42501" => Verdict::Agreed,
            _ => Verdict::Disagreed(format!(
                "{} {who}: {sql}\n    postgres {theirs:?}\n    ours     {ours:?}",
                self.name
            )),
        };
        self.verdicts.push(verdict);
    }
}

fn both_constraints(theirs: &Failure, ours: &Failure) -> bool {
    theirs.code.starts_with("23") && ours.code.starts_with("23")
}

/// Our answer's body and, of a write, how many rows it changed.
fn outcome(
    actor: &Actor<'_>,
    method: &str,
    target: &str,
    body: Option<&Value>,
) -> Result<(String, String), Failure> {
    let call = actor
        .call(method.parse().unwrap(), target)
        .header("prefer", "tx=rollback, count=exact, return=minimal");
    let call = match body {
        Some(body) => call.json(body),
        None => call,
    };
    let answer = call.send();
    let range = answer.headers.get("content-range").and_then(|range| range.to_str().ok()).unwrap_or_default();
    let count = range.rsplit('/').next().unwrap_or_default().to_string();
    ours::outcome(&answer).map(|body| (body, count))
}

impl Table {
    fn sql(&self) -> String {
        format!("public.\"{}\"", self.name)
    }

    /// What tells its rows apart: the key, or else all that has a plain text.
    fn key(&self) -> impl Iterator<Item = &Column> {
        let has_key = self.columns.iter().any(|column| column.is_key);
        let is_plain =
            |column: &Column| ["uuid", "text", "integer", "bigint"].contains(&column.data_type.as_str());
        self.columns.iter().filter(move |column| if has_key { column.is_key } else { is_plain(column) })
    }
}

fn insert(table: &Table, values: &BTreeMap<String, String>) -> String {
    let columns = values.keys().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let texts = values.values().cloned().collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {} ({columns}) VALUES ({texts})", table.sql())
}

/// A literal's value as JSON has it.
fn unquoted(literal: &str) -> Value {
    match literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(text) => Value::String(text.replace("''", "'")),
        None => serde_json::from_str(&literal.to_lowercase()).unwrap(),
    }
}

/// Rows of objects as rows of arrays.
fn in_order(body: &str, keys: &[&str]) -> String {
    let rows: Vec<Value> = serde_json::from_str(body).unwrap_or_default();
    let row = |row: &Value| keys.iter().map(|key| row[*key].clone()).collect::<Vec<_>>();
    json!(rows.iter().map(row).collect::<Vec<_>>()).to_string()
}

/// The rows in a fixed order, with ids that chance chose blotted out.
fn known_rows(rows: &str) -> String {
    let rows: Vec<Vec<Value>> = serde_json::from_str(rows).unwrap();
    let known = |value: &Value| match value.as_str() {
        Some(text) if is_random(text) => json!("?"),
        _ => value.clone(),
    };
    let mut rows: Vec<String> =
        rows.iter().map(|row| json!(row.iter().map(known).collect::<Vec<_>>()).to_string()).collect();
    rows.sort();
    rows.join(" ")
}

fn is_random(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4 && !text.contains("-0000-4000-8000-")
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
