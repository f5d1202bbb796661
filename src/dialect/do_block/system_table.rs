//! Postgres' own tables, as far as guards ask them: their rows by the catalog.
//!
//! A number that leads from one to another (`oid`, `relnamespace`) is a text here: `schema public`, `relation todos`.

use crate::schema::{Catalog, Table, Timing};
use crate::sql::physical_name;

/// A row: columns and their values as text.
pub type Row = Vec<(String, Option<String>)>;

/// The roles that a project of Supabase has.
#[rustfmt::skip]
const ROLES: &[&str] = &[
    "anon", "authenticated", "service_role", "authenticator", "postgres", "supabase_admin", "supabase_auth_admin",
    "supabase_storage_admin", "dashboard_user",
];

/// The extensions that a new project of Supabase has.
#[rustfmt::skip]
const EXTENSIONS: &[&str] = &["plpgsql", "pgcrypto", "uuid-ossp", "pg_stat_statements", "pg_graphql", "supabase_vault"];

/// The schemas that are there besides the project's.
#[rustfmt::skip]
const SCHEMAS: &[&str] = &[
    "public", "auth", "storage", "extensions", "graphql", "graphql_public", "realtime", "vault", "pg_catalog",
    "information_schema",
];

/// The rows of a table; `None` for one that is not known here.
#[rustfmt::skip]
pub fn rows(catalog: &Catalog, schema: &str, table: &str) -> Option<Vec<Row>> {
    Some(match (schema, table) {
        ("pg_catalog", "pg_type")                          => types(catalog),
        ("pg_catalog", "pg_enum")                          => labels(catalog),
        ("pg_catalog", "pg_namespace")                     => schemas(catalog, "nspname"),
        ("information_schema", "schemata")                 => schemas(catalog, "schema_name"),
        ("pg_catalog", "pg_class")                         => classes(catalog),
        ("pg_catalog", "pg_tables")                        => tables(catalog, "schemaname", "tablename"),
        ("information_schema", "tables")                   => relations(catalog),
        ("pg_catalog", "pg_views")                         => views(catalog, "schemaname", "viewname"),
        ("information_schema", "views")                    => views(catalog, "table_schema", "table_name"),
        ("pg_catalog", "pg_indexes")                       => indexes(catalog),
        ("information_schema", "columns")                  => columns(catalog),
        ("pg_catalog", "pg_attribute")                     => attributes(catalog),
        ("pg_catalog", "pg_policies")                      => policies(catalog),
        ("pg_catalog", "pg_policy")                        => policies_by_number(catalog),
        ("pg_catalog", "pg_constraint")                    => constraints(catalog),
        ("information_schema", "table_constraints")        => table_constraints(catalog),
        ("pg_catalog", "pg_trigger")                       => triggers(catalog),
        ("information_schema", "triggers")                 => event_triggers(catalog),
        ("pg_catalog", "pg_proc")                          => functions(catalog),
        ("information_schema", "routines")                 => routines(catalog),
        ("pg_catalog", "pg_roles" | "pg_authid")           => ROLES.iter().map(|role| vec![of("rolname", role)]).collect(),
        ("pg_catalog", "pg_extension")                     => EXTENSIONS.iter().map(|name| vec![of("extname", name)]).collect(),
        ("pg_catalog", "pg_publication")                   => catalog.publications.iter().map(|known| vec![of("oid", &known.name), of("pubname", &known.name)]).collect(),
        ("pg_catalog", "pg_publication_tables")            => published(catalog),
        ("pg_catalog", "pg_publication_rel")               => members(catalog),
        _ => return None,
    })
}

fn of(column: &str, value: &str) -> (String, Option<String>) {
    (column.to_string(), Some(value.to_string()))
}

fn yes_or_no(truth: bool) -> &'static str {
    if truth { "YES" } else { "NO" }
}

fn relation(schema: &str, name: &str) -> String {
    format!("relation {}", physical_name(schema, name))
}

fn schema_number(schema: &str) -> String {
    format!("schema {schema}")
}

fn types(catalog: &Catalog) -> Vec<Row> {
    let row = |schema: &str, name: &str, kind: &str| {
        vec![
            of("oid", &format!("type {}", physical_name(schema, name))),
            of("typname", name),
            of("typtype", kind),
            of("typnamespace", &schema_number(schema)),
        ]
    };
    let enums = catalog.enums.values().map(|of| row(&of.schema, &of.name, "e"));
    let domains = catalog.domains.values().map(|of| row(&of.schema, &of.name, "d"));
    let tables = catalog.relations().map(|of| row(&of.schema, &of.name, "c"));
    enums.chain(domains).chain(tables).collect()
}

fn labels(catalog: &Catalog) -> Vec<Row> {
    let labels = catalog.enums.values().flat_map(|of| of.labels.iter().map(move |label| (of, label)));
    labels
        .map(|(enumeration, label)| {
            let number = format!("type {}", physical_name(&enumeration.schema, &enumeration.name));
            vec![of("enumtypid", &number), of("enumlabel", label)]
        })
        .collect()
}

fn schemas(catalog: &Catalog, column: &'static str) -> Vec<Row> {
    let own = catalog.schemas.iter().map(String::as_str);
    SCHEMAS
        .iter()
        .copied()
        .chain(own)
        .map(|name| vec![of(column, name), of("oid", &schema_number(name))])
        .collect()
}

fn classes(catalog: &Catalog) -> Vec<Row> {
    let row = |schema: &str, name: &str, kind: &str| {
        vec![
            of("oid", &relation(schema, name)),
            of("relname", name),
            of("relkind", kind),
            of("relnamespace", &schema_number(schema)),
        ]
    };
    let tables = catalog.tables.values().map(|of| row(&of.schema, &of.name, "r"));
    let views = catalog
        .views
        .values()
        .map(|view| row(&view.table.schema, &view.table.name, if view.materialized { "m" } else { "v" }));
    let indexes = catalog.indexes.values().map(|of| row(&of.schema, &of.name, "i"));
    let sequences = catalog.sequences.values().map(|of| row(&of.schema, &of.name, "S"));
    tables.chain(views).chain(indexes).chain(sequences).collect()
}

fn base_tables(catalog: &Catalog) -> impl Iterator<Item = &Table> {
    catalog.tables.iter().filter(|(name, _)| !catalog.views.contains_key(*name)).map(|(_, table)| table)
}

fn tables(catalog: &Catalog, schema: &'static str, name: &'static str) -> Vec<Row> {
    base_tables(catalog).map(|table| vec![of(schema, &table.schema), of(name, &table.name)]).collect()
}

fn views(catalog: &Catalog, schema: &'static str, name: &'static str) -> Vec<Row> {
    let plain = catalog.views.values().filter(|view| !view.materialized);
    plain.map(|view| vec![of(schema, &view.table.schema), of(name, &view.table.name)]).collect()
}

fn relations(catalog: &Catalog) -> Vec<Row> {
    let mut rows = tables(catalog, "table_schema", "table_name");
    rows.iter_mut().for_each(|row| row.push(of("table_type", "BASE TABLE")));
    let mut others = views(catalog, "table_schema", "table_name");
    others.iter_mut().for_each(|row| row.push(of("table_type", "VIEW")));
    rows.extend(others);
    rows
}

fn indexes(catalog: &Catalog) -> Vec<Row> {
    let plain = catalog.indexes.values().map(|index| {
        let table = catalog.tables.get(&index.table).map_or(index.table.as_str(), |table| &table.name);
        vec![of("schemaname", &index.schema), of("tablename", table), of("indexname", &index.name)]
    });
    let keys = base_tables(catalog).flat_map(|table| {
        let names = table.primary_key.iter().chain(table.uniques.iter().filter(|of| of.is_constraint));
        names.map(|key| {
            vec![of("schemaname", &table.schema), of("tablename", &table.name), of("indexname", &key.name)]
        })
    });
    plain.chain(keys).collect()
}

fn columns(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.relations().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    all.map(|(table, column)| {
        vec![
            of("table_schema", &table.schema),
            of("table_name", &table.name),
            of("column_name", &column.name),
            of("data_type", &column.data_type.display_name()),
            of("is_nullable", yes_or_no(column.nullable)),
            ("column_default".to_string(), column.default.clone()),
        ]
    })
    .collect()
}

fn attributes(catalog: &Catalog) -> Vec<Row> {
    let all = catalog.relations().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    all.map(|(table, column)| {
        vec![
            of("attrelid", &relation(&table.schema, &table.name)),
            of("attname", &column.name),
            of("attisdropped", "false"),
        ]
    })
    .collect()
}

fn policies(catalog: &Catalog) -> Vec<Row> {
    let all =
        catalog.tables.values().flat_map(|table| table.policies.iter().map(move |policy| (table, policy)));
    all.map(|(table, policy)| {
        vec![of("schemaname", &table.schema), of("tablename", &table.name), of("policyname", &policy.name)]
    })
    .collect()
}

fn policies_by_number(catalog: &Catalog) -> Vec<Row> {
    let all =
        catalog.tables.values().flat_map(|table| table.policies.iter().map(move |policy| (table, policy)));
    all.map(|(table, policy)| {
        vec![of("polrelid", &relation(&table.schema, &table.name)), of("polname", &policy.name)]
    })
    .collect()
}

/// Each constraint of the tables: its table, name and kind.
fn each_constraint(catalog: &Catalog) -> Vec<(&Table, &str, &'static str)> {
    let mut all = Vec::new();
    for table in base_tables(catalog) {
        all.extend(table.primary_key.iter().map(|key| (table, key.name.as_str(), "PRIMARY KEY")));
        let uniques = table.uniques.iter().filter(|of| of.is_constraint);
        all.extend(uniques.map(|key| (table, key.name.as_str(), "UNIQUE")));
        all.extend(table.checks.iter().map(|check| (table, check.name.as_str(), "CHECK")));
        all.extend(table.foreign_keys.iter().map(|key| (table, key.name.as_str(), "FOREIGN KEY")));
        all.extend(table.exclusions.iter().map(|of| (table, of.name.as_str(), "EXCLUDE")));
    }
    all
}

fn constraints(catalog: &Catalog) -> Vec<Row> {
    let letter = |kind: &str| match kind {
        "PRIMARY KEY" => "p",
        "UNIQUE" => "u",
        "CHECK" => "c",
        "FOREIGN KEY" => "f",
        _ => "x",
    };
    let row = |(table, name, kind): (&Table, &str, &'static str)| {
        vec![
            of("conname", name),
            of("conrelid", &relation(&table.schema, &table.name)),
            of("connamespace", &schema_number(&table.schema)),
            of("contype", letter(kind)),
        ]
    };
    each_constraint(catalog).into_iter().map(row).collect()
}

fn table_constraints(catalog: &Catalog) -> Vec<Row> {
    let row = |(table, name, kind): (&Table, &str, &'static str)| {
        vec![
            of("constraint_schema", &table.schema),
            of("table_schema", &table.schema),
            of("table_name", &table.name),
            of("constraint_name", name),
            of("constraint_type", kind),
        ]
    };
    each_constraint(catalog).into_iter().filter(|(.., kind)| *kind != "EXCLUDE").map(row).collect()
}

fn triggers(catalog: &Catalog) -> Vec<Row> {
    let row = |trigger: &crate::schema::Trigger| {
        vec![
            of("tgname", &trigger.name),
            of("tgrelid", &relation(&trigger.schema, &trigger.table)),
            of("tgisinternal", "false"),
        ]
    };
    catalog.triggers.values().map(row).collect()
}

fn event_triggers(catalog: &Catalog) -> Vec<Row> {
    let row = |trigger: &crate::schema::Trigger| {
        let timing = if trigger.timing == Timing::Before { "BEFORE" } else { "AFTER" };
        vec![
            of("trigger_schema", &trigger.schema),
            of("event_object_schema", &trigger.schema),
            of("event_object_table", &trigger.table),
            of("trigger_name", &trigger.name),
            of("action_timing", timing),
        ]
    };
    catalog.triggers.values().map(row).collect()
}

/// The publications and their tables, those of all tables too.
fn published(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for publication in &catalog.publications {
        for table in catalog.tables.values() {
            if publication.every_table || table.publications.contains(&publication.name) {
                rows.push(vec![
                    of("pubname", &publication.name),
                    of("schemaname", &table.schema),
                    of("tablename", &table.name),
                ]);
            }
        }
    }
    rows
}

fn members(catalog: &Catalog) -> Vec<Row> {
    let row = |table: &Table, name: &str| {
        vec![of("prpubid", name), of("prrelid", &relation(&table.schema, &table.name))]
    };
    let tables = catalog.tables.values();
    tables.flat_map(|table| table.publications.iter().map(move |name| row(table, name))).collect()
}

fn functions(catalog: &Catalog) -> Vec<Row> {
    let row = |routine: &crate::schema::Routine| {
        vec![
            of("oid", &format!("function {}", routine.display())),
            of("proname", &routine.name),
            of("pronamespace", &schema_number(&routine.schema)),
            of("prokind", "f"),
        ]
    };
    catalog.routines.values().map(row).collect()
}

fn routines(catalog: &Catalog) -> Vec<Row> {
    let row = |routine: &crate::schema::Routine| {
        vec![
            of("routine_schema", &routine.schema),
            of("routine_name", &routine.name),
            of("routine_type", "FUNCTION"),
        ]
    };
    catalog.routines.values().map(row).collect()
}
