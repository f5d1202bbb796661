//! Stage: requests to the data API. Tables of random types with random rows, read by random requests (columns, casts,
//! filters of every operator, logic, order, windows, embeds both ways), and the same in PostgreSQL's SQL: rows, their
//! order, their types and their number.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::TestApp;
use crate::chance::Chance;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::Report;

/// A type: its name, values as texts, what its values can be compared by, whether it has an order.
struct Kind {
    name: &'static str,
    values: &'static [&'static str],
    operators: &'static [&'static str],
    sorts: bool,
    casts: &'static [&'static str],
}

const NUMBERS: &[&str] = &["eq", "neq", "gt", "gte", "lt", "lte", "in", "isdistinct"];

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { name: "int",              values: &["-7", "0", "1", "2", "3", "10", "100000"],             operators: NUMBERS, sorts: true,  casts: &["text", "int8", "numeric", "float8"] },
    Kind { name: "bigint",           values: &["-7", "0", "1", "9007199254740993", "5000000000"],     operators: NUMBERS, sorts: true,  casts: &["text", "numeric"] },
    Kind { name: "numeric(10,2)",    values: &["-2.25", "0.00", "1.50", "1.55", "10.00", "99999.99"], operators: NUMBERS, sorts: true,  casts: &["text", "float8"] },
    Kind { name: "float8",           values: &["-3.75", "0.1", "0.5", "1.25", "100", "1e20"],         operators: NUMBERS, sorts: true,  casts: &["text"] },
    Kind { name: "text",             values: &["", "a", "ab", "Ab", "b_c", "B%", "x,y", "q\"q", "(z)"],
           operators: &["eq", "neq", "gt", "lte", "in", "isdistinct", "like", "ilike", "match"],       sorts: true,  casts: &["varchar"] },
    Kind { name: "boolean",          values: &["true", "false"],                                      operators: &["eq", "is", "neq", "gt"], sorts: true, casts: &["text", "int"] },
    Kind { name: "date",             values: &["2023-12-31", "2024-02-29", "2024-03-01"],             operators: NUMBERS, sorts: true,  casts: &["text", "timestamp"] },
    Kind { name: "timestamptz",      values: &["2023-12-31 23:59:59.5+00", "2024-01-01 00:00:00+00", "2024-01-01 10:00:00.000001+02"], operators: NUMBERS, sorts: true, casts: &["text", "date"] },
    Kind { name: "uuid",             values: &["00000000-0000-4000-8000-00000000000a", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], operators: &["eq", "neq", "in", "lt"], sorts: true, casts: &["text"] },
    Kind { name: "mood",             values: &["sad", "ok", "happy"],                                 operators: NUMBERS, sorts: true,  casts: &["text"] },
    Kind { name: "int[]",            values: &["{}", "{1}", "{1,2}", "{2,3,NULL}"],                   operators: &["eq", "cs", "cd", "ov", "neq"], sorts: false, casts: &["text"] },
    Kind { name: "text[]",           values: &["{}", "{a}", "{a,b}", "{\"x y\",NULL}"],               operators: &["eq", "cs", "cd", "ov"], sorts: false, casts: &[] },
    Kind { name: "int4range",        values: &["empty", "[1,5)", "[3,10)", "[5,)"],                   operators: &["eq", "cs", "cd", "ov", "sl", "sr", "nxl", "nxr", "adj"], sorts: true, casts: &["text"] },
    Kind { name: "jsonb",            values: &["{\"a\": 1, \"b\": \"x\"}", "{\"a\": [1, 2]}", "[1, 2]", "\"s\"", "null", "7"], operators: &["cs", "cd"], sorts: false, casts: &[] },
];

/// How each operator is written in SQL.
#[rustfmt::skip]
const SQL: &[(&str, &str)] = &[
    ("eq", "="), ("neq", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="), ("isdistinct", "IS DISTINCT FROM"),
    ("like", "LIKE"), ("ilike", "ILIKE"), ("match", "~"), ("cs", "@>"), ("cd", "<@"), ("ov", "&&"), ("sl", "<<"), ("sr", ">>"),
    ("nxr", "&<"), ("nxl", "&>"), ("adj", "-|-"),
];

const PATTERNS: &[&str] = &["a%", "%b", "%a%", "_b", "A%", "%", "b\\_c", "%\\%"];

const EXPRESSIONS: &[&str] = &["^a", "b$", "^[a-b]+$", "a|x"];

/// A table's columns besides `id` and `parent_id`: `c0`, `c1`….
type Columns = Vec<&'static Kind>;

pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let mut columns = || -> Columns { (0..4).map(|_| chance.pick(KINDS)).collect() };
        let tables = [columns(), columns()];
        let mut chance = Chance::new(seed ^ 0x5EED);
        let schema = schema(&tables, &mut chance);
        let app = TestApp::new();
        postgres.migrate(&schema).unwrap();
        ours::migrate(&app, &schema).unwrap();
        for _ in 0..25 {
            let root = chance.below(2);
            let mut request = Request::new(&mut chance, &tables, root);
            let order = request.order();
            let (target, sql) = request.finish(&order);
            let theirs = postgres.value(&sql);
            let answer = app.anon().get(&target).send();
            report.add(seed, judge(&format!("{target}\n  {sql}"), &theirs, &ours::outcome(&answer)));
            // A window that begins beyond the rows is refused once they are counted.
            let counted = app.anon().get(&target).header("prefer", "count=exact").send();
            if let (true, Some(range)) = (counted.status.is_success(), counted.header("content-range")) {
                let total = range.rsplit('/').next().unwrap_or_default().to_string();
                let sql = format!("SELECT count(*) FROM {} t0{}", NAMES[root], request.clause());
                let what = format!("the number of {target}\n  {sql}");
                report.add(seed, judge(&what, &postgres.value(&sql), &Ok(total)));
            }
        }
    }
}

const NAMES: [&str; 2] = ["parents", "children"];

fn schema(tables: &[Columns; 2], chance: &mut Chance) -> String {
    let mut sql = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\n".to_string();
    for (name, columns) in NAMES.iter().zip(tables) {
        let list: Vec<String> =
            columns.iter().enumerate().map(|(index, kind)| format!(", c{index} {}", kind.name)).collect();
        let key = if *name == "children" { ", parent_id int REFERENCES parents" } else { "" };
        sql += &format!(
            "CREATE TABLE {name} (id int PRIMARY KEY{key}{});\nALTER TABLE {name} DISABLE ROW LEVEL SECURITY;\n",
            list.concat()
        );
    }
    for (name, columns) in NAMES.iter().zip(tables) {
        let rows = if *name == "children" { 14 } else { 7 };
        for id in 1..=rows {
            let mut values = vec![id.to_string()];
            if *name == "children" {
                values.push(if chance.percent(15) {
                    "NULL".into()
                } else {
                    chance.between(1, 7).to_string()
                });
            }
            for kind in columns {
                let value = chance.pick(kind.values);
                values.push(if chance.percent(20) { "NULL".into() } else { literal(value) });
            }
            sql += &format!("INSERT INTO {name} VALUES ({});\n", values.join(", "));
        }
    }
    sql
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A request in the making: its parameters, and the parts of the same query.
struct Request<'r> {
    chance: &'r mut Chance,
    tables: &'r [Columns; 2],
    root: usize,
    select: String,
    fields: Vec<String>,
    parameters: Vec<String>,
    terms: Vec<String>,
}

impl<'r> Request<'r> {
    fn new(chance: &'r mut Chance, tables: &'r [Columns; 2], root: usize) -> Self {
        let (select, fields) = fields(chance, &tables[root], "t0");
        let mut request =
            Self { chance, tables, root, select, fields, parameters: Vec::new(), terms: Vec::new() };
        for _ in 0..request.chance.below(3) {
            let (parameter, term) = if request.chance.percent(25) {
                let members: Vec<_> =
                    (0..request.chance.between(1, 3)).map(|_| request.filter(root, "t0")).collect();
                let (word, joined) = *request.chance.pick(&[("or", " OR "), ("and", " AND ")]);
                let list: Vec<String> = members.iter().map(|(in_tree, ..)| in_tree.clone()).collect();
                let sql: Vec<&str> = members.iter().map(|(_, _, sql)| sql.as_str()).collect();
                let (before, not) = if request.chance.percent(30) { ("not.", "NOT ") } else { ("", "") };
                let parameter = format!("{before}{word}={}", encoded(&format!("({})", list.join(","))));
                (parameter, format!("{not}({})", sql.join(joined)))
            } else {
                let (_, parameter, sql) = request.filter(root, "t0");
                (parameter, sql)
            };
            request.parameters.push(parameter);
            request.terms.push(term);
        }
        if request.chance.percent(50) {
            request.embed();
        }
        request
    }

    /// A filter in a tree, as a parameter, and in SQL.
    fn filter(&mut self, table: usize, row: &str) -> (String, String, String) {
        let columns = &self.tables[table];
        let index = self.chance.below(columns.len());
        let kind = columns[index];
        let (name, column) = (format!("c{index}"), format!("{row}.c{index}"));
        let (not, negated) = if self.chance.percent(20) { ("not.", true) } else { ("", false) };
        let wrap = |sql: String| if negated { format!("NOT ({sql})") } else { sql };
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        if self.chance.percent(12) {
            let sql = wrap(format!("{column} IS NULL"));
            return (format!("{name}.{not}is.null"), format!("{name}={not}is.null"), sql);
        }
        let operator = *self.chance.pick(kind.operators);
        if operator == "is" {
            let truth = *self.chance.pick(&["true", "false", "unknown"]);
            let sql = wrap(format!("{column} IS {truth}"));
            return (format!("{name}.{not}is.{truth}"), format!("{name}={not}is.{truth}"), sql);
        }
        if operator == "in" {
            let values: Vec<&str> =
                (0..self.chance.below(4)).map(|_| *self.chance.pick(kind.values)).collect();
            let list = values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(",");
            let of = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
            let sql = if values.is_empty() { "FALSE".to_string() } else { format!("{column} IN ({of})") };
            let condition = format!("{not}in.({list})");
            return (format!("{name}.{condition}"), format!("{name}={}", encoded(&condition)), wrap(sql));
        }
        let value = match operator {
            "like" | "ilike" => *self.chance.pick(PATTERNS),
            "match" => *self.chance.pick(EXPRESSIONS),
            _ => *self.chance.pick(kind.values),
        };
        let symbol = SQL.iter().find(|(word, _)| *word == operator).unwrap().1;
        let sql = wrap(format!("{column} {symbol} {}", literal(value)));
        let condition = format!("{not}{operator}.");
        (
            format!("{name}.{condition}{}", quoted(value)),
            format!("{name}={}{}", condition, encoded(value)),
            sql,
        )
    }

    /// The other table, in each row.
    fn embed(&mut self) {
        let other = 1 - self.root;
        let (select, fields) = fields(self.chance, &self.tables[other], "t1");
        let (on, to_one) = match self.root {
            1 => ("t1.id = t0.parent_id", true),
            _ => ("t1.parent_id = t0.id", false),
        };
        let (key, is_inner) = (NAMES[other], self.chance.percent(40));
        let mut terms = vec![on.to_string()];
        if self.chance.percent(50) {
            let (_, parameter, sql) = self.filter(other, "t1");
            self.parameters.push(format!("{key}.{parameter}"));
            terms.push(format!("({sql})"));
        }
        let mut window = "ORDER BY t1.id".to_string();
        if !to_one {
            let descending = self.chance.percent(50);
            self.parameters.push(format!("{key}.order=id{}", if descending { ".desc" } else { "" }));
            window = format!("ORDER BY t1.id{}", if descending { " DESC" } else { "" });
            if self.chance.percent(40) {
                let (limit, offset) = (self.chance.below(3), self.chance.below(2));
                self.parameters.push(format!("{key}.limit={limit}&{key}.offset={offset}"));
                window += &format!(" LIMIT {limit} OFFSET {offset}");
            }
        }
        let clause = terms.join(" AND ");
        let rows = format!("SELECT {} FROM {key} t1 WHERE {clause} {window}", fields.join(", "));
        let value = match to_one {
            true => format!("(SELECT row_to_json(e) FROM ({rows}) e)"),
            false => format!("(SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM ({rows}) e)"),
        };
        self.fields.push(format!("{value} AS \"{key}\""));
        self.select += &format!(",{key}{}({select})", if is_inner { "!inner" } else { "" });
        if is_inner {
            self.terms.push(format!("EXISTS (SELECT 1 FROM {key} t1 WHERE {clause})"));
        }
    }

    /// The order and the window, as parameters and as SQL.
    fn order(&mut self) -> (String, String) {
        let columns = &self.tables[self.root];
        let (mut keys, mut sql) = (Vec::new(), Vec::new());
        for _ in 0..self.chance.below(3) {
            let index = self.chance.below(columns.len());
            if !columns[index].sorts {
                continue;
            }
            let (word, direction) = *self.chance.pick(&[("", ""), (".desc", " DESC"), (".asc", " ASC")]);
            let (nulls, place) = *self.chance.pick(&[
                ("", ""),
                (".nullsfirst", " NULLS FIRST"),
                (".nullslast", " NULLS LAST"),
            ]);
            keys.push(format!("c{index}{word}{nulls}"));
            sql.push(format!("t0.c{index}{direction}{place}"));
        }
        keys.push("id".to_string());
        sql.push("t0.id".to_string());
        let (mut parameters, mut window) =
            (format!("order={}", keys.join(",")), format!("ORDER BY {}", sql.join(", ")));
        if self.chance.percent(40) {
            let (limit, offset) = (self.chance.below(5), self.chance.below(2));
            parameters += &format!("&limit={limit}&offset={offset}");
            window += &format!(" LIMIT {limit} OFFSET {offset}");
        }
        (parameters, window)
    }

    fn clause(&self) -> String {
        let terms: Vec<String> = self.terms.iter().map(|term| format!("({term})")).collect();
        if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) }
    }

    fn finish(&self, (order, window): &(String, String)) -> (String, String) {
        let mut parameters = vec![format!("select={}", encoded(&self.select)), order.clone()];
        parameters.extend(self.parameters.iter().cloned());
        let name = NAMES[self.root];
        let sql = format!(
            "SELECT coalesce(json_agg(row_to_json(r)), '[]')::text FROM (SELECT {} FROM {name} t0{} {window}) r",
            self.fields.join(", "),
            self.clause()
        );
        (format!("/rest/v1/{name}?{}", parameters.join("&")), sql)
    }
}

/// A select list, and the same in SQL.
fn fields(chance: &mut Chance, columns: &Columns, row: &str) -> (String, Vec<String>) {
    let (mut select, mut sql) = (vec!["id".to_string()], vec![format!("{row}.id")]);
    for (index, kind) in columns.iter().enumerate() {
        let name = format!("c{index}");
        match chance.below(6) {
            0 => {}
            1 => {
                select.push(format!("a{index}:{name}"));
                sql.push(format!("{row}.{name} AS a{index}"));
            }
            2 if !kind.casts.is_empty() => {
                let cast = *chance.pick(kind.casts);
                select.push(format!("{name}::{cast}"));
                sql.push(format!("{row}.{name}::{cast} AS {name}"));
            }
            2 if kind.name == "jsonb" => {
                let (arrow, key) = (*chance.pick(&["->", "->>"]), *chance.pick(&["a", "b"]));
                select.push(format!("j{index}:{name}{arrow}{key}"));
                sql.push(format!("{row}.{name}{arrow}'{key}' AS j{index}"));
            }
            _ => {
                select.push(name.clone());
                sql.push(format!("{row}.{name}"));
            }
        }
    }
    (select.join(","), sql)
}
