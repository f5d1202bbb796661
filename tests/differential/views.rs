//! Random views for a random project: simple ones, which can be written to, joins and groups.

use crate::chance::Chance;
use crate::tree::Kind;
use crate::world::{COMPUTED, Column, Table, World};

const VIEW_NAMES: &[&str] = &["view_a", "view_b", "view_c"];

/// What columns are called in views that rename them.
const NEW_NAMES: &[(&str, &str)] = &[
    ("flag", "mark"),
    ("rank", "grade"),
    ("title", "label"),
    ("mood", "temper"),
    ("made", "since"),
    ("price", "cost"),
    ("due", "deadline"),
];

/// Columns that a view may compute, from a column of the kind.
#[rustfmt::skip]
const COMPUTATIONS: &[(Kind, &str, Kind, &str)] = &[
    (Kind::Int,  "more",   Kind::Int,  "{} + 1"),
    (Kind::Int,  "odd",    Kind::Bool, "({} % 2 = 1)"),
    (Kind::Text, "shown",  Kind::Text, "coalesce({}, '-')"),
    (Kind::Uuid, "is_own", Kind::Bool, "({} = auth.uid())"),
];

/// Adds views, each of a table or of a view before it, and some policies that look into them.
pub fn add(chance: &mut Chance, world: &mut World) {
    let tables = world.tables.len();
    for name in VIEW_NAMES.iter().take(chance.between(1, 3)) {
        let view = match chance.below(10) {
            0..7 => simple(chance, world, name),
            7 | 8 => joined(chance, world, name).unwrap_or_else(|| simple(chance, world, name)),
            _ => grouped(chance, world, name),
        };
        world.tables.push(view);
    }
    for table in 0..tables {
        if chance.percent(30) {
            let policy = world.policy(chance, table, 9);
            world.policies.push(policy);
        }
    }
}

fn options(chance: &mut Chance) -> &'static str {
    chance.pick::<&str>(&[
        "",
        " WITH (security_invoker = on)",
        " WITH (security_invoker = on)",
        " WITH (security_barrier)",
    ])
}

fn view(name: &'static str, columns: Vec<Column>, sql: String) -> Table {
    Table { name, columns, row_security: false, view: Some(sql) }
}

fn simple(chance: &mut Chance, world: &World, name: &'static str) -> Table {
    let from = chance.below(world.tables.len());
    let of = &world.tables[from];
    let condition = chance.percent(70).then(|| world.condition(chance, &mut vec![(None, from)], 2).sql());
    let condition = condition.map(|sql| format!(" WHERE {sql}")).unwrap_or_default();
    let check = *chance.pick(&["", "", "", " WITH CHECK OPTION", " WITH LOCAL CHECK OPTION"]);
    let options = options(chance);
    if chance.percent(40) {
        let sql = format!("CREATE VIEW {name}{options} AS SELECT * FROM {}{condition}{check};\n", of.name);
        return view(name, of.columns.clone(), sql);
    }
    let (mut columns, mut list) = (Vec::new(), Vec::new());
    for column in &of.columns {
        if !["id", "owner"].contains(&column.name) && chance.percent(25) {
            continue;
        }
        let new = NEW_NAMES.iter().find(|(old, _)| *old == column.name).filter(|_| chance.percent(30));
        list.push(match new {
            Some((_, new)) => format!("{}.{} AS {new}", of.name, column.name),
            None => column.name.to_string(),
        });
        columns.push(Column { name: new.map_or(column.name, |(_, new)| new), ..column.clone() });
    }
    for (kind, named, of_kind, sql) in COMPUTATIONS {
        let source = of.columns.iter().find(|column| column.kind == *kind);
        let is_free = !of.columns.iter().any(|column| column.name == *named);
        if let Some(source) = source.filter(|_| is_free && chance.percent(25)) {
            list.push(format!("{} AS {named}", sql.replace("{}", source.name)));
            columns.push(computed(named, *of_kind));
        }
    }
    let sql = format!(
        "CREATE VIEW {name}{options} AS SELECT {} FROM {}{condition}{check};\n",
        list.join(", "),
        of.name
    );
    view(name, columns, sql)
}

fn computed(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, clause: COMPUTED.to_string(), parent: None }
}

fn joined(chance: &mut Chance, world: &World, name: &'static str) -> Option<Table> {
    let (from, to) = (chance.below(world.tables.len()), chance.below(world.tables.len()));
    let refers = world.tables[from].columns.iter().find(|column| column.parent == Some(to))?;
    let (child, parent) = (&world.tables[from], &world.tables[to]);
    let kind = *chance.pick(&["JOIN", "LEFT JOIN"]);
    let mut columns: Vec<Column> = child.columns.clone();
    for column in &mut columns {
        column.clause = COMPUTED.to_string();
        column.parent = None;
    }
    columns.push(computed("parent_owner", Kind::Uuid));
    let condition =
        world.condition(chance, &mut vec![(Some("c".to_string()), from), (Some("p".to_string()), to)], 1);
    let sql = format!(
        "CREATE VIEW {name}{} AS SELECT c.*, p.owner AS parent_owner FROM {} c {kind} {} AS p ON p.id = c.{} WHERE {};\n",
        options(chance),
        child.name,
        parent.name,
        refers.name,
        condition.sql()
    );
    Some(view(name, columns, sql))
}

fn grouped(chance: &mut Chance, world: &World, name: &'static str) -> Table {
    let of = &world.tables[chance.below(world.tables.len())];
    let sql = format!(
        "CREATE VIEW {name}{} AS SELECT max(id) AS id, owner, count(*)::int AS rank FROM {} GROUP BY owner;\n",
        options(chance),
        of.name
    );
    view(
        name,
        vec![computed("id", Kind::Int), computed("owner", Kind::Uuid), computed("rank", Kind::Int)],
        sql,
    )
}
