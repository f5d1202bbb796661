//! What a caller does, said once: as a request to the data API, and as the SQL that PostgREST makes of it.

use crate::app::{Answer, TestApp};
use crate::chance::Chance;
use crate::tree::Kind;
use crate::world::{Column, VALUES, World, actors, text_of};

/// A request of one caller.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Which of the actors calls.
    pub actor: usize,
    pub table: usize,
    pub act: Act,
    /// Whether a write gives its rows back.
    pub returns: bool,
}

#[derive(Clone, Debug)]
pub enum Act {
    Select { columns: Vec<&'static str>, filters: Vec<Filter>, order: Option<Order>, embed: Option<Embed> },
    Insert { rows: Vec<Vec<(String, String)>> },
    Upsert { rows: Vec<Vec<(String, String)>>, ignores: bool },
    Update { cells: Vec<(String, String)>, filters: Vec<Filter> },
    Delete { filters: Vec<Filter> },
}

/// `column=op.value`, and the same in SQL.
#[derive(Clone, Debug)]
pub struct Filter {
    column: &'static str,
    negated: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Name in a URL, operator, value.
    Compare(&'static str, &'static str, String),
    Is(&'static str),
    In(Vec<String>),
}

/// The order of a read, which `id` makes total, and a window on it.
#[derive(Clone, Debug)]
pub struct Order {
    column: &'static str,
    descending: bool,
    nulls_first: Option<bool>,
    limit: Option<usize>,
    offset: usize,
}

/// Another table's rows inside: the parent of a column, or the children.
#[derive(Clone, Debug)]
pub struct Embed {
    table: usize,
    ours: &'static str,
    theirs: &'static str,
}

#[rustfmt::skip]
const OPERATORS: &[(&str, &str)] = &[("eq", "="), ("neq", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")];

const PATTERNS: &[&str] = &["a%", "%b%", "_", "%", "A*c", "b c"];

impl Statement {
    /// Some statement on one of the world's tables.
    pub fn random(chance: &mut Chance, world: &World) -> Self {
        let table = chance.below(world.tables.len());
        let actor = *chance.pick(&[0, 1, 1, 1, 2, 2, 2, 3]);
        let act = match chance.below(100) {
            0..35 => Act::random_select(chance, world, table),
            35..55 => Act::Insert { rows: Self::rows(chance, world, table) },
            55..72 => Act::Upsert { rows: Self::rows(chance, world, table), ignores: chance.percent(30) },
            72..91 => {
                // No bad values: Postgres reads the body when it meets a row, we read it at once.
                let mut cells = world.row(chance, table, 0, true, 0);
                cells.remove(0);
                if cells.is_empty() || chance.percent(6) {
                    cells.push(("id".to_string(), chance.between(1, 12).to_string()));
                }
                Act::Update { cells, filters: Self::some_filters(chance, world, table) }
            }
            _ => Act::Delete { filters: Self::some_filters(chance, world, table) },
        };
        Self { actor, table, act, returns: chance.percent(60) }
    }

    /// One row, sometimes two, all with the same keys.
    fn rows(chance: &mut Chance, world: &World, table: usize) -> Vec<Vec<(String, String)>> {
        let id = chance.between(1, 12);
        let first = world.row(chance, table, id, true, 1);
        if chance.percent(80) {
            return vec![first];
        }
        let id = chance.between(1, 12);
        let whole = world.row(chance, table, id, false, 0);
        let second =
            first.iter().map(|(name, _)| whole.iter().find(|(of, _)| of == name).unwrap().clone()).collect();
        vec![first, second]
    }

    fn some_filters(chance: &mut Chance, world: &World, table: usize) -> Vec<Filter> {
        let mut filters: Vec<Filter> =
            (0..chance.below(2)).map(|_| Filter::random(chance, world, table)).collect();
        let id = chance.between(1, 7).to_string();
        let test = match chance.below(3) {
            0 => Test::Compare("eq", "=", id),
            1 => Test::Compare("lte", "<=", id),
            _ => Test::Compare("gte", ">=", id),
        };
        filters.push(Filter { column: "id", negated: false, test });
        filters
    }

    /// Whether the rows that come back have an order.
    pub fn is_ordered(&self) -> bool {
        matches!(&self.act, Act::Select { order: Some(_), .. })
    }

    /// Whether rows may be changed.
    pub fn writes(&self) -> bool {
        !matches!(self.act, Act::Select { .. })
    }

    /// Whether several rows are sent, any of which may be at fault.
    pub fn sends_several(&self) -> bool {
        matches!(&self.act, Act::Insert { rows } | Act::Upsert { rows, .. } if rows.len() > 1)
    }

    /// Whether a row that is there is weighed besides the one that is sent.
    pub fn may_meet_several(&self) -> bool {
        matches!(&self.act, Act::Update { .. } | Act::Upsert { .. })
    }

    /// Makes the request.
    pub fn send(&self, app: &TestApp, world: &World) -> Answer {
        let (method, target, body) = self.request(world);
        let actor = app.with_token(&app.token(&actors()[self.actor]));
        let mut call = actor.call(method.parse().unwrap(), &target);
        if let Some(body) = body {
            call = call.body(body).header("content-type", "application/json");
        }
        for preference in self.preferences() {
            call = call.header("prefer", preference);
        }
        call.send()
    }

    fn preferences(&self) -> Vec<&'static str> {
        let mut preferences = Vec::new();
        if self.writes() {
            preferences.push(if self.returns { "return=representation" } else { "return=minimal" });
        }
        if let Act::Upsert { ignores, .. } = &self.act {
            preferences.push(if *ignores {
                "resolution=ignore-duplicates"
            } else {
                "resolution=merge-duplicates"
            });
        }
        preferences
    }

    /// Method, target and body.
    pub fn request(&self, world: &World) -> (&'static str, String, Option<String>) {
        let path = format!("/rest/v1/{}", world.tables[self.table].name);
        let with = |parameters: Vec<String>| match parameters.is_empty() {
            true => path.clone(),
            false => format!("{path}?{}", parameters.join("&")),
        };
        match &self.act {
            Act::Select { columns, filters, order, embed } => {
                let mut select: Vec<String> = columns.iter().map(ToString::to_string).collect();
                let mut parameters: Vec<String> = Vec::new();
                if let Some(embed) = embed {
                    let name = world.tables[embed.table].name;
                    select.push(format!("inner:{name}(*)"));
                    if embed.ours == "id" {
                        parameters.push("inner.order=id".to_string());
                    }
                }
                parameters.insert(0, format!("select={}", select.join(",")));
                parameters.extend(filters.iter().map(Filter::parameter));
                parameters.extend(order.iter().flat_map(Order::parameters));
                ("GET", with(parameters), None)
            }
            Act::Insert { rows } => ("POST", path.clone(), Some(body(rows))),
            Act::Upsert { rows, .. } => ("POST", with(vec!["on_conflict=id".to_string()]), Some(body(rows))),
            Act::Update { cells, filters } => {
                ("PATCH", with(filters.iter().map(Filter::parameter).collect()), Some(object(cells)))
            }
            Act::Delete { filters } => {
                ("DELETE", with(filters.iter().map(Filter::parameter).collect()), None)
            }
        }
    }

    /// One query whose only value is the JSON of the rows, or nothing of interest.
    pub fn sql(&self, world: &World) -> String {
        let table = &world.tables[self.table];
        let name = table.name;
        let returning = if self.returns { format!("{name}.*") } else { "1".to_string() };
        let written = |statement: String| {
            let rows = if self.returns {
                "coalesce(json_agg(row_to_json(source)), '[]')"
            } else {
                "left('[]', 2 + count(*)::int)"
            };
            format!("WITH source AS ({statement} RETURNING {returning}) SELECT {rows} FROM source")
        };
        match &self.act {
            Act::Select { columns, filters, order, embed } => {
                let mut select: Vec<String> =
                    columns.iter().map(|column| format!("{name}.{column}")).collect();
                let mut join = String::new();
                if let Some(Embed { table, ours, theirs }) = embed {
                    let inner = world.tables[*table].name;
                    if *ours == "id" {
                        select.push(format!(
                            "(SELECT coalesce(json_agg(row_to_json(many) ORDER BY many.id), '[]') FROM (SELECT * FROM {inner} WHERE {inner}.{theirs} = {name}.{ours}) AS many) AS \"inner\""
                        ));
                    } else {
                        select.push("row_to_json(one) AS \"inner\"".to_string());
                        join = format!(
                            " LEFT JOIN LATERAL (SELECT * FROM {inner} WHERE {inner}.{theirs} = {name}.{ours}) AS one ON true"
                        );
                    }
                }
                let filters = conditions(name, filters);
                let order = order.as_ref().map(|order| order.sql(name)).unwrap_or_default();
                format!(
                    "SELECT coalesce(json_agg(row_to_json(source)), '[]') FROM (SELECT {} FROM {name}{join}{filters}{order}) AS source",
                    select.join(", ")
                )
            }
            Act::Insert { rows } => written(self.insert(world, rows)),
            Act::Upsert { rows, ignores } => {
                let sets: Vec<String> =
                    rows[0].iter().map(|(column, _)| format!("{column} = EXCLUDED.{column}")).collect();
                let action = if *ignores {
                    "DO NOTHING".to_string()
                } else {
                    format!("DO UPDATE SET {}", sets.join(", "))
                };
                written(format!("{} ON CONFLICT (id) {action}", self.insert(world, rows)))
            }
            Act::Update { cells, filters } => {
                let sets: Vec<String> =
                    cells.iter().map(|(column, _)| format!("{column} = body.{column}")).collect();
                written(format!(
                    "UPDATE {name} SET {} FROM (SELECT * FROM json_to_record({}) AS _({})) AS body{}",
                    sets.join(", "),
                    quoted(&object(cells)),
                    definitions(&table.columns, cells),
                    conditions(name, filters)
                ))
            }
            Act::Delete { filters } => written(format!("DELETE FROM {name}{}", conditions(name, filters))),
        }
    }

    fn insert(&self, world: &World, rows: &[Vec<(String, String)>]) -> String {
        let table = &world.tables[self.table];
        let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        format!(
            "INSERT INTO {} ({names}) SELECT {names} FROM json_to_recordset({}) AS _({})",
            table.name,
            quoted(&body(rows)),
            definitions(&table.columns, &rows[0])
        )
    }
}

impl Act {
    fn random_select(chance: &mut Chance, world: &World, table: usize) -> Self {
        let all = &world.tables[table].columns;
        let columns = match chance.percent(60) {
            true => vec!["*"],
            false => {
                let mut columns: Vec<&'static str> =
                    all.iter().map(|column| column.name).filter(|_| chance.percent(50)).collect();
                columns.push("id");
                columns.dedup();
                columns.sort_unstable();
                columns.dedup();
                columns
            }
        };
        let filters = (0..chance.below(3)).map(|_| Filter::random(chance, world, table)).collect();
        let order = chance.percent(50).then(|| Order::random(chance, world, table));
        let other = chance.below(world.tables.len());
        let related = world.joins(table, other).filter(|_| other != table && chance.percent(40));
        let embed = related.map(|(ours, theirs)| Embed { table: other, ours, theirs });
        Self::Select { columns, filters, order, embed }
    }
}

impl Filter {
    fn random(chance: &mut Chance, world: &World, table: usize) -> Self {
        let column = chance.pick(&world.tables[table].columns).clone();
        let negated = chance.percent(15);
        let value = |chance: &mut Chance| loop {
            let values = VALUES.iter().find(|(kind, _)| *kind == column.kind).unwrap().1;
            if let Some(text) = text_of(column.kind, chance.pick::<&str>(values)) {
                return text;
            }
        };
        let compares = !matches!(column.kind, Kind::Jsonb);
        let test = match chance.below(10) {
            0..6 if compares => {
                let (name, operator) = if column.kind == Kind::Texts {
                    *chance.pick(&OPERATORS[..2])
                } else {
                    *chance.pick(OPERATORS)
                };
                Test::Compare(name, operator, value(chance))
            }
            6 if compares && column.kind != Kind::Texts => Test::In(vec![value(chance), value(chance)]),
            7 if column.kind == Kind::Text => {
                Test::Compare("like", "LIKE", (*chance.pick(PATTERNS)).to_string())
            }
            8 if column.kind == Kind::Text => {
                Test::Compare("ilike", "ILIKE", (*chance.pick(PATTERNS)).to_string())
            }
            7 if column.kind == Kind::Texts => Test::Compare("cs", "@>", value(chance)),
            8 if column.kind == Kind::Texts => Test::Compare("ov", "&&", value(chance)),
            7 if column.kind == Kind::Bool => Test::Is(chance.pick::<&str>(&["true", "false", "unknown"])),
            _ => Test::Is("null"),
        };
        Self { column: column.name, negated, test }
    }

    fn parameter(&self) -> String {
        let not = if self.negated { "not." } else { "" };
        let value = match &self.test {
            Test::Compare(name, _, value) => format!("{name}.{value}"),
            Test::Is(what) => format!("is.{what}"),
            Test::In(values) => {
                let quoted =
                    |value: &String| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
                format!("in.({})", values.iter().map(quoted).collect::<Vec<_>>().join(","))
            }
        };
        form_urlencoded::Serializer::new(String::new())
            .append_pair(self.column, &format!("{not}{value}"))
            .finish()
    }

    fn sql(&self, table: &str) -> String {
        let not = if self.negated { "NOT " } else { "" };
        let column = format!("{table}.{}", self.column);
        let test = match &self.test {
            // PostgREST takes * for % in patterns.
            Test::Compare("like" | "ilike", operator, value) => {
                format!("{operator} {}", quoted(&value.replace('*', "%")))
            }
            Test::Compare(_, operator, value) => format!("{operator} {}", quoted(value)),
            Test::Is(what) => format!("IS {what}"),
            Test::In(values) => {
                format!("IN ({})", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
            }
        };
        format!("{not}{column} {test}")
    }
}

impl Order {
    fn random(chance: &mut Chance, world: &World, table: usize) -> Self {
        let sortable: Vec<&Column> = world.tables[table]
            .columns
            .iter()
            .filter(|column| !matches!(column.kind, Kind::Jsonb | Kind::Texts))
            .collect();
        Self {
            column: chance.pick(&sortable).name,
            descending: chance.percent(50),
            nulls_first: chance.percent(30).then(|| chance.percent(50)),
            limit: chance.percent(40).then(|| chance.below(5)),
            offset: if chance.percent(20) { chance.below(3) } else { 0 },
        }
    }

    fn parameters(&self) -> Vec<String> {
        let direction = if self.descending { ".desc" } else { "" };
        let nulls = match self.nulls_first {
            Some(true) => ".nullsfirst",
            Some(false) => ".nullslast",
            None => "",
        };
        let mut parameters = vec![format!("order={}{direction}{nulls},id", self.column)];
        parameters.extend(self.limit.map(|limit| format!("limit={limit}")));
        if self.offset > 0 {
            parameters.push(format!("offset={}", self.offset));
        }
        parameters
    }

    fn sql(&self, table: &str) -> String {
        let direction = if self.descending { " DESC" } else { "" };
        let nulls = match self.nulls_first {
            Some(true) => " NULLS FIRST",
            Some(false) => " NULLS LAST",
            None => "",
        };
        let limit = self.limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        format!(
            " ORDER BY {table}.{}{direction}{nulls}, {table}.id{limit} OFFSET {}",
            self.column, self.offset
        )
    }
}

fn conditions(table: &str, filters: &[Filter]) -> String {
    match filters.is_empty() {
        true => String::new(),
        false => format!(
            " WHERE {}",
            filters.iter().map(|filter| filter.sql(table)).collect::<Vec<_>>().join(" AND ")
        ),
    }
}

/// `id int, title text` for the columns of these cells.
fn definitions(columns: &[Column], cells: &[(String, String)]) -> String {
    let definition = |(name, _): &(String, String)| {
        let kind = columns.iter().find(|column| column.name == name).unwrap().kind;
        format!("{name} {}", kind.type_name())
    };
    cells.iter().map(definition).collect::<Vec<_>>().join(", ")
}

fn object(cells: &[(String, String)]) -> String {
    let cells: Vec<String> = cells.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
    format!("{{{}}}", cells.join(","))
}

fn body(rows: &[Vec<(String, String)>]) -> String {
    format!("[{}]", rows.iter().map(|row| object(row)).collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
