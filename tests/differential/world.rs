//! A random project: tables with keys, rows, policies, and the statements that callers make on it.
//! All of it is data, so that a failing one can be made smaller.

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::functions::Function;
use crate::statement::Statement;
use crate::tree::Kind::{self, *};
use crate::tree::{Grammar, Tree};

/// A project and what is done with it.
#[derive(Clone, Debug)]
pub struct World {
    pub tables: Vec<Table>,
    pub policies: Vec<Policy>,
    /// What policies may call.
    pub functions: Vec<Function>,
    /// Calls of them, as templates.
    pub calls: Vec<(Kind, String)>,
    /// Table and cells, each a column and its JSON.
    pub rows: Vec<(usize, Vec<(String, String)>)>,
    pub statements: Vec<Statement>,
}

/// A table; `id int PRIMARY KEY` and `owner uuid` come first.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<Column>,
    pub row_security: bool,
    /// Of a view the statement that makes it.
    pub view: Option<String>,
}

/// A column and what follows its type in DDL.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub clause: String,
    /// The table that it refers to.
    pub parent: Option<usize>,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    pub table: &'static str,
    pub name: String,
    pub permissive: bool,
    pub command: &'static str,
    pub roles: &'static str,
    pub using: Option<Tree>,
    pub check: Option<Tree>,
}

/// What stands for the clause of a view's column that is no table's.
pub const COMPUTED: &str = "computed";

const TABLE_NAMES: &[&str] = &["teams", "members", "notes"];

/// The column that each table's children refer to it by.
const PARENT_COLUMNS: &[&str] = &["team_id", "member_id", "note_id"];

/// Columns a table may have, with what may follow their type.
#[rustfmt::skip]
const COLUMNS: &[(&str, Kind, &[&str])] = &[
    ("flag",  Bool,    &["", "", "NOT NULL DEFAULT false", "DEFAULT true"]),
    ("rank",  Int,     &["", "", "NOT NULL DEFAULT 0", "UNIQUE", "CHECK (rank < 6)"]),
    ("title", Text,    &["", "", "NOT NULL", "DEFAULT 'new'", "CHECK (char_length(title) < 6)"]),
    ("mood",  Mood,    &["", "DEFAULT 'ok'", "NOT NULL DEFAULT 'sad'"]),
    ("made",  Stamp,   &["", ""]),
    ("data",  Jsonb,   &["", "DEFAULT '{}'"]),
    ("tags",  Texts,   &["", "DEFAULT '{}'"]),
    ("price", Numeric, &["", "CHECK (price >= 0)"]),
    ("due",   Date,    &["", ""]),
];

/// The values that rows and filters have, as JSON. Few, so that they meet.
#[rustfmt::skip]
pub const VALUES: &[(Kind, &[&str])] = &[
    (Bool,    &["true", "false", "null"]),
    (Int,     &["1", "2", "3", "4", "5", "7", "null"]),
    (Text,    &["\"a\"", "\"abc\"", "\"A\"", "\"b c\"", "\"\"", "\"it's\"", "\"abcdefg\"", "null"]),
    (Mood,    &["\"sad\"", "\"ok\"", "\"happy\"", "null"]),
    (Stamp,   &["\"2024-01-01T00:00:00+00:00\"", "\"2024-06-30T12:30:00.5+00:00\"", "\"2025-01-01T00:00:00+02:00\"", "null"]),
    (Jsonb,   &["{\"a\": 1}", "{\"a\": null, \"role\": \"admin\"}", "[1, \"x\"]", "\"s\"", "null"]),
    (Texts,   &["[]", "[\"a\"]", "[\"a\", \"b c\"]", "[null, \"x\"]", "null"]),
    (Numeric, &["1.50", "0", "2", "-1", "10.25", "null"]),
    (Date,    &["\"2024-01-01\"", "\"2024-02-29\"", "\"2030-12-31\"", "null"]),
    (Uuid,    &[ANN_JSON, BOB_JSON, "\"00000000-0000-4000-8000-00000000000c\"", "null"]),
];

const ANN_JSON: &str = "\"00000000-0000-4000-8000-00000000000a\"";
const BOB_JSON: &str = "\"00000000-0000-4000-8000-00000000000b\"";

/// Values that their type refuses, as JSON.
#[rustfmt::skip]
const BAD_VALUES: &[(Kind, &str)] = &[
    (Bool, "\"maybe\""), (Int, "\"x\""), (Int, "2147483648"), (Mood, "\"angry\""), (Uuid, "\"not-a-uuid\""),
    (Date, "\"2024-02-30\""), (Stamp, "\"yesterday at noon\""), (Numeric, "\"1,5\""), (Int, "1.5"),
];

/// Who calls: the claims of each.
pub fn actors() -> Vec<Value> {
    let user = |id: &str, name: &str, team: i64, role: &str| {
        json!({
            "role": "authenticated", "aud": "authenticated", "sub": id, "exp": 4_102_444_800_i64,
            "email": format!("{name}@example.com"), "app_metadata": {"team": team, "role": role, "teams": [1, team]},
            "user_metadata": {"name": name},
        })
    };
    vec![
        json!({"role": "anon", "iss": "supabase-demo"}),
        user("00000000-0000-4000-8000-00000000000a", "ann", 1, "admin"),
        user("00000000-0000-4000-8000-00000000000b", "bob", 2, "member"),
        json!({"role": "service_role", "iss": "supabase-demo"}),
    ]
}

/// What policies say besides naming columns and looking into tables.
#[rustfmt::skip]
const CONDITIONS: &[(Kind, &str)] = &[
    (Bool, "({bool} AND {bool})"), (Bool, "({bool} OR {bool})"), (Bool, "(NOT {bool})"), (Bool, "({bool} IS NOT TRUE)"), (Bool, "coalesce({bool}, false)"),
    (Bool, "(auth.uid() = {uuid})"), (Bool, "({uuid} = auth.uid())"), (Bool, "((SELECT auth.uid()) = {uuid})"), (Bool, "(auth.uid() IS NOT NULL)"), (Bool, "({uuid} IS DISTINCT FROM auth.uid())"),
    (Bool, "(auth.role() = 'authenticated')"), (Bool, "((SELECT auth.role()) <> 'anon')"), (Bool, "(auth.email() = 'ann@example.com')"), (Bool, "(current_user = 'anon')"),
    (Bool, "(auth.jwt() ->> 'email' = 'bob@example.com')"), (Bool, "((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin')"), (Bool, "((auth.jwt() -> 'app_metadata' ->> 'team')::int = {int})"),
    (Bool, "((current_setting('request.jwt.claims', true)::jsonb ->> 'role') = 'anon')"), (Bool, "((auth.jwt() #>> '{user_metadata,name}') = 'ann')"), (Bool, "((auth.jwt() -> 'user_metadata' ->> 'name') = {text})"),
    (Bool, "({int} = {int})"), (Bool, "({int} > {int})"), (Bool, "({int} <= {int})"), (Bool, "({int} IN (1, 3, {int}))"), (Bool, "({int} BETWEEN 2 AND 5)"), (Bool, "({int} IS NULL)"), (Bool, "({int} IS DISTINCT FROM {int})"),
    (Bool, "({int} % 2 = 1)"), (Bool, "({int} + 1 < {int})"), (Bool, "({numeric} > 1)"), (Bool, "({numeric} = {numeric})"), (Bool, "({numeric} IS NOT NULL)"),
    (Bool, "({text} = {text})"), (Bool, "({text} <> 'a')"), (Bool, "({text} LIKE 'a%')"), (Bool, "({text} ILIKE '%B%')"), (Bool, "(lower({text}) = 'a')"), (Bool, "({text} IN ('a', 'abc'))"), (Bool, "(char_length({text}) > 1)"), (Bool, "({text} IS NULL)"), (Bool, "(coalesce({text}, 'a') = 'a')"),
    (Bool, "({mood} = 'ok')"), (Bool, "({mood} < 'happy')"), (Bool, "({mood} IN ('sad', 'ok'))"), (Bool, "({mood}::text = {text})"),
    (Bool, "({stamp} < '2024-07-01')"), (Bool, "({stamp} <= now())"), (Bool, "({stamp} >= {stamp})"), (Bool, "({date} > '2024-01-15')"), (Bool, "({date} <= current_date)"), (Bool, "({stamp} + interval '1 month' > '2024-07-01')"),
    (Bool, "('a' = ANY ({texts}))"), (Bool, "({text} = ANY ({texts}))"), (Bool, "({texts} @> ARRAY['a'])"), (Bool, "({texts} && ARRAY['x', 'b c'])"), (Bool, "(cardinality({texts}) = 0)"),
    (Bool, "(({jsonb} ->> 'a') = '1')"), (Bool, "({jsonb} ? 'role')"), (Bool, "(({jsonb} ->> 'role') = (auth.jwt() -> 'app_metadata' ->> 'role'))"), (Bool, "({jsonb} IS NOT NULL)"),
    (Bool, "(CASE WHEN {bool} THEN {bool} ELSE {bool} END)"), (Bool, "(auth.uid()::text = {uuid}::text)"), (Bool, "({uuid} IN (auth.uid(), {uuid}))"), (Bool, "({uuid} = (auth.jwt() ->> 'sub')::uuid)"),
];

#[rustfmt::skip]
const CONDITION_LITERALS: &[(Kind, &[&str])] = &[
    (Bool, &["true", "false"]), (Int, &["1", "2", "3", "5"]), (Text, &["'a'", "'abc'", "'ann'"]), (Numeric, &["1.5", "0", "2.0"]), (Mood, &["'ok'::mood"]),
    (Uuid, &["auth.uid()", "'00000000-0000-4000-8000-00000000000a'::uuid"]), (Stamp, &["'2024-06-30T12:30:00.5Z'::timestamptz"]), (Date, &["'2024-02-29'::date"]),
    (Texts, &["ARRAY['a']", "'{}'::text[]"]), (Jsonb, &["'{\"a\": 1}'::jsonb"]),
];

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> Self {
        Self::grown(seed, |_, _| {})
    }

    /// The same with views, which policies and statements are about too.
    pub fn with_views(seed: u64) -> Self {
        Self::grown(seed, crate::views::add)
    }

    /// The same with functions, which policies call.
    pub fn with_functions(seed: u64) -> Self {
        Self::grown(seed, crate::functions::add)
    }

    fn grown(seed: u64, more: fn(&mut Chance, &mut Self)) -> Self {
        let mut chance = Chance::new(seed);
        let tables = tables(&mut chance);
        let mut world = Self {
            tables,
            policies: Vec::new(),
            functions: Vec::new(),
            calls: Vec::new(),
            rows: Vec::new(),
            statements: Vec::new(),
        };
        for table in 0..world.tables.len() {
            for number in 0..chance.between(0, 4) {
                let policy = world.policy(&mut chance, table, number);
                world.policies.push(policy);
            }
            for id in 1..=chance.between(2, 6) {
                let row = world.row(&mut chance, table, id, false, 0);
                world.rows.push((table, row));
            }
        }
        more(&mut chance, &mut world);
        for _ in 0..chance.between(10, 30) {
            let statement = Statement::random(&mut chance, &world);
            world.statements.push(statement);
        }
        world
    }

    /// DDL and policies, and the rows without those that break a constraint.
    pub fn migration(&self) -> String {
        let mut sql = String::from("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');\n");
        for table in self.tables.iter().filter(|table| table.view.is_none()) {
            let columns: Vec<String> = table
                .columns
                .iter()
                .map(|column| {
                    format!("  {} {} {}", column.name, column.kind.type_name(), column.clause)
                        .trim_end()
                        .to_string()
                })
                .collect();
            sql.push_str(&format!("CREATE TABLE {} (\n{}\n);\n", table.name, columns.join(",\n")));
            let verb = if table.row_security { "ENABLE" } else { "DISABLE" };
            sql.push_str(&format!("ALTER TABLE {} {verb} ROW LEVEL SECURITY;\n", table.name));
        }
        for view in self.tables.iter().filter_map(|table| table.view.as_ref()) {
            sql.push_str(view);
        }
        for function in &self.functions {
            sql.push_str(&function.sql());
        }
        for policy in &self.policies {
            sql.push_str(&policy.sql());
        }
        sql
    }

    /// An INSERT for each row.
    pub fn seeds(&self) -> Vec<String> {
        let insert = |(table, cells): &(usize, Vec<(String, String)>)| {
            let table = &self.tables[*table];
            let names: Vec<&str> = cells.iter().map(|(name, _)| name.as_str()).collect();
            let values: Vec<String> = cells
                .iter()
                .map(|(name, json)| {
                    literal(table.columns.iter().find(|column| column.name == name).unwrap().kind, json)
                })
                .collect();
            format!("INSERT INTO {} ({}) VALUES ({});", table.name, names.join(", "), values.join(", "))
        };
        self.rows.iter().map(insert).collect()
    }

    /// Cells for a row with that id: all of its columns, or some; so many in a hundred hold no value of
    /// their type.
    pub fn row(
        &self,
        chance: &mut Chance,
        table: usize,
        id: usize,
        partial: bool,
        bad: usize,
    ) -> Vec<(String, String)> {
        let mut cells = vec![("id".to_string(), id.to_string())];
        for column in &self.tables[table].columns[1..] {
            let skipped = if column.clause == COMPUTED { 93 } else { 35 };
            if partial && chance.percent(skipped) {
                continue;
            }
            cells.push((column.name.to_string(), self.value(chance, column, bad)));
        }
        cells
    }

    /// A value for a column, as JSON; so many in a hundred are no value of its type.
    pub fn value(&self, chance: &mut Chance, column: &Column, bad: usize) -> String {
        let bad_values: Vec<&str> =
            BAD_VALUES.iter().filter(|(kind, _)| *kind == column.kind).map(|(_, json)| *json).collect();
        if !bad_values.is_empty() && chance.percent(bad) {
            return (*chance.pick(&bad_values)).to_string();
        }
        if column.parent.is_some() {
            return chance.between(1, 5).to_string();
        }
        let values = VALUES.iter().find(|(kind, _)| *kind == column.kind).unwrap().1;
        (*chance.pick(values)).to_string()
    }

    pub fn policy(&self, chance: &mut Chance, table: usize, number: usize) -> Policy {
        let command = *chance.pick(&["ALL", "SELECT", "SELECT", "INSERT", "UPDATE", "DELETE"]);
        let roles = *chance.pick(&[
            "public",
            "public",
            "authenticated",
            "authenticated",
            "anon",
            "anon, authenticated",
        ]);
        let takes_using = command != "INSERT";
        let takes_check = ["ALL", "INSERT", "UPDATE"].contains(&command);
        let using =
            (takes_using && chance.percent(93)).then(|| self.condition(chance, &mut vec![(None, table)], 3));
        let wants_check = if command == "INSERT" { 95 } else { 40 };
        let check = (takes_check && chance.percent(wants_check))
            .then(|| self.condition(chance, &mut vec![(None, table)], 3));
        Policy {
            table: self.tables[table].name,
            name: format!("{} {number}", self.tables[table].name),
            permissive: chance.percent(82),
            command,
            roles,
            using,
            check,
        }
    }

    /// A condition over the rows in sight: `(alias, table)`, the outermost first.
    pub fn condition(
        &self,
        chance: &mut Chance,
        scope: &mut Vec<(Option<String>, usize)>,
        depth: usize,
    ) -> Tree {
        if depth > 1 && chance.percent(25) {
            let template = *chance.pick(&["({bool} AND {bool})", "({bool} OR {bool})", "(NOT {bool})"]);
            return Tree::filled(Bool, template, |_| self.condition(chance, scope, depth - 1));
        }
        if !self.calls.is_empty() && chance.percent(45) {
            let (kind, template) = chance.pick(&self.calls).clone();
            let columns = self.columns_in(chance, scope);
            let grammar = Grammar { productions: &[], columns, literals: CONDITION_LITERALS };
            return Tree::filled(kind, &template, |kind| grammar.grow(chance, kind, 1));
        }
        if depth > 0 && scope.len() < 3 && chance.percent(35) {
            return self.subquery(chance, scope, depth - 1);
        }
        let grammar = Grammar {
            productions: CONDITIONS,
            columns: self.columns_in(chance, scope),
            literals: CONDITION_LITERALS,
        };
        let depth = depth.clamp(1, 2);
        grammar.grow(chance, Bool, depth)
    }

    /// The columns in sight; those of the innermost row three times as likely.
    fn columns_in(&self, chance: &mut Chance, scope: &[(Option<String>, usize)]) -> Vec<(Kind, String)> {
        let mut columns = Vec::new();
        for (level, (alias, table)) in scope.iter().enumerate() {
            let table = &self.tables[*table];
            let repeat = if level + 1 == scope.len() { 3 } else { 1 };
            for column in &table.columns {
                let qualifier = alias.as_deref().unwrap_or(table.name);
                // Bare where nothing else is in sight, now and then.
                let name = match scope.len() == 1 && chance.percent(60) {
                    true => column.name.to_string(),
                    false => format!("{qualifier}.{}", column.name),
                };
                columns.extend(std::iter::repeat_n((column.kind, name), repeat));
            }
        }
        columns
    }

    fn subquery(&self, chance: &mut Chance, scope: &mut Vec<(Option<String>, usize)>, depth: usize) -> Tree {
        let outer = scope.last().unwrap().clone();
        let mut table = chance.below(self.tables.len());
        // A table that looks into itself is an error (42P17) more often than not.
        if table == outer.1 && chance.percent(80) {
            table = (table + 1) % self.tables.len();
        }
        let alias = format!("x{}", scope.len());
        let outer_name = outer.0.clone().unwrap_or_else(|| self.tables[outer.1].name.to_string());
        let join = self.joins(outer.1, table).map_or_else(
            || "true".to_string(),
            |(ours, theirs)| format!("{alias}.{theirs} = {outer_name}.{ours}"),
        );
        let name = self.tables[table].name;
        #[rustfmt::skip]
        let templates = [
            format!("(EXISTS (SELECT 1 FROM {name} AS {alias} WHERE {join} AND {{bool}}))"),
            format!("(EXISTS (SELECT 1 FROM {name} {alias} WHERE {{bool}}))"),
            format!("(NOT EXISTS (SELECT 1 FROM {name} AS {alias} WHERE {join} AND {{bool}}))"),
            format!("({outer_name}.id IN (SELECT {alias}.id FROM {name} AS {alias} WHERE {{bool}}))"),
            format!("({outer_name}.owner IN (SELECT {alias}.owner FROM {name} AS {alias} WHERE {{bool}}))"),
            format!("({outer_name}.id NOT IN (SELECT {alias}.id FROM {name} AS {alias} WHERE {{bool}}))"),
            format!("((SELECT {alias}.owner FROM {name} AS {alias} WHERE {join} AND {{bool}} ORDER BY {alias}.id LIMIT 1) = auth.uid())"),
            format!("((SELECT count(*) FROM {name} AS {alias} WHERE {{bool}}) < 3)"),
            format!("((SELECT max({alias}.id) FROM {name} AS {alias} WHERE {join}) > {outer_name}.id AND {{bool}})"),
            format!("({outer_name}.owner = ANY (SELECT {alias}.owner FROM {name} AS {alias} WHERE {{bool}}))"),
        ];
        let template = chance.pick(&templates).clone();
        scope.push((Some(alias), table));
        let tree = Tree::filled(Bool, &template, |_| self.condition(chance, scope, depth));
        scope.pop();
        tree
    }

    /// The columns that relate two tables: one of the first, one of the second.
    pub fn joins(&self, one: usize, other: usize) -> Option<(&'static str, &'static str)> {
        let refers = |from: usize, to: usize| {
            self.tables[from]
                .columns
                .iter()
                .find(|column| column.parent == Some(to))
                .map(|column| column.name)
        };
        refers(one, other)
            .map(|column| (column, "id"))
            .or_else(|| refers(other, one).map(|column| ("id", column)))
    }
}

impl Policy {
    fn sql(&self) -> String {
        let kind = if self.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
        let using = self.using.as_ref().map(|tree| format!("\n  USING ({})", tree.sql())).unwrap_or_default();
        let check =
            self.check.as_ref().map(|tree| format!("\n  WITH CHECK ({})", tree.sql())).unwrap_or_default();
        let Self { table, name, command, roles, .. } = self;
        format!("CREATE POLICY \"{name}\" ON {table} AS {kind} FOR {command} TO {roles}{using}{check};\n")
    }
}

fn tables(chance: &mut Chance) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for (index, name) in TABLE_NAMES.iter().enumerate().take(chance.between(2, 3)) {
        let owner = *chance.pick(&["", "", "DEFAULT auth.uid()", "NOT NULL DEFAULT auth.uid()"]);
        let column =
            |name, kind, clause: &str, parent| Column { name, kind, clause: clause.to_string(), parent };
        let mut columns = vec![column("id", Int, "PRIMARY KEY", None), column("owner", Uuid, owner, None)];
        for parent in 0..index {
            if chance.percent(60) {
                let action = *chance.pick(&["", "", " ON DELETE CASCADE", " ON DELETE SET NULL"]);
                let clause = format!("REFERENCES {} (id){action}", TABLE_NAMES[parent]);
                columns.push(column(PARENT_COLUMNS[parent], Int, &clause, Some(parent)));
            }
        }
        for (name, kind, clauses) in COLUMNS {
            if chance.percent(45) {
                let clause = *chance.pick(clauses);
                columns.push(column(name, *kind, clause, None));
            }
        }
        tables.push(Table { name, columns, row_security: chance.percent(92), view: None });
    }
    tables
}

/// A JSON value as a SQL literal of no type.
pub fn literal(kind: Kind, json: &str) -> String {
    match text_of(kind, json) {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "NULL".to_string(),
    }
}

/// A JSON value in the text form that a filter or a literal has.
pub fn text_of(kind: Kind, json: &str) -> Option<String> {
    match (kind, serde_json::from_str::<Value>(json).unwrap()) {
        (_, Value::Null) => None,
        (Kind::Jsonb, _) => Some(json.to_string()),
        (_, Value::String(text)) => Some(text),
        (_, Value::Array(items)) => {
            let item = |item: &Value| match item {
                Value::Null => "NULL".to_string(),
                item => format!("\"{}\"", item.as_str().unwrap()),
            };
            Some(format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(",")))
        }
        _ => Some(json.to_string()),
    }
}
