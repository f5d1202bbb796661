//! The tables that every project has: what a migration may reference in `auth` and write policies
//! for in `storage`, and the Supabase CLI's list of migrations. Their SQLite side is in `migrations/`.

use super::catalog::{Catalog, Column, Publication, Table, Unique};
use super::data_type::DataType;
use super::privilege::Privileges;
use super::routine::{Language, Returns, Routine, Volatility};
use crate::sql::physical_name;

/// Column rows: name, type, nullable.
type Columns = &'static [(&'static str, &'static str, bool)];

#[rustfmt::skip]
const TABLES: &[(&str, &str, Columns)] = &[
    ("auth", "users", &[
        ("id",                  "uuid",        false),
        ("aud",                 "text",        true),
        ("role",                "text",        true),
        ("email",               "text",        true),
        ("phone",               "text",        true),
        ("email_confirmed_at",  "timestamptz", true),
        ("phone_confirmed_at",  "timestamptz", true),
        ("confirmed_at",        "timestamptz", true),
        ("last_sign_in_at",     "timestamptz", true),
        ("raw_app_meta_data",   "jsonb",       true),
        ("raw_user_meta_data",  "jsonb",       true),
        ("is_anonymous",        "bool",        false),
        ("banned_until",        "timestamptz", true),
        ("created_at",          "timestamptz", true),
        ("updated_at",          "timestamptz", true),
        ("deleted_at",          "timestamptz", true),
    ]),
    ("storage", "buckets", &[
        ("id",                  "text",        false),
        ("name",                "text",        false),
        ("owner",               "uuid",        true),
        ("owner_id",            "text",        true),
        ("public",              "bool",        true),
        ("avif_autodetection",  "bool",        true),
        ("file_size_limit",     "int8",        true),
        ("allowed_mime_types",  "text[]",      true),
        ("type",                "text",        false),
        ("created_at",          "timestamptz", true),
        ("updated_at",          "timestamptz", true),
    ]),
    ("storage", "objects", &[
        ("id",                  "uuid",        false),
        ("bucket_id",           "text",        true),
        ("name",                "text",        true),
        ("owner",               "uuid",        true),
        ("owner_id",            "text",        true),
        ("version",             "text",        true),
        ("metadata",            "jsonb",       true),
        ("user_metadata",       "jsonb",       true),
        ("path_tokens",         "text[]",      true),
        ("created_at",          "timestamptz", true),
        ("updated_at",          "timestamptz", true),
        ("last_accessed_at",    "timestamptz", true),
    ]),
    ("supabase_migrations", "schema_migrations", &[
        ("version",             "text",        false),
        ("name",                "text",        true),
        ("statements",          "text[]",      true),
    ]),
];

/// A catalog of the built-in tables alone.
pub fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (schema, name, columns) in TABLES {
        catalog.tables.insert(physical_name(schema, name), table(schema, name, columns));
    }
    catalog.insert_routine(size_by_bucket());
    catalog.publications = publications();
    catalog
}

/// The publications of a new project.
pub fn publications() -> Vec<Publication> {
    vec![Publication { name: "supabase_realtime".to_string(), every_table: false }]
}

/// `storage.get_size_by_bucket()`: of the objects that whoever asks may see, as upstream's.
fn size_by_bucket() -> Routine {
    Routine {
        schema: "storage".to_string(),
        name: "get_size_by_bucket".to_string(),
        arguments: Vec::new(),
        returns: Returns::Columns {
            columns: vec![("size".to_string(), DataType::Int8), ("bucket_id".to_string(), DataType::Text)],
            is_set: true,
        },
        language: Language::Sql,
        body: "select sum((metadata ->> 'size')::bigint)::bigint, bucket_id from storage.objects group by bucket_id"
            .to_string(),
        volatility: Volatility::Stable,
        strict: false,
        security_definer: false,
        rows: None,
        search_path: None,
        executors: vec!["public".to_string()],
        face: None,
    }
}

/// Whether the project's migrations did not make this function.
pub fn is_builtin_routine(routine: &Routine) -> bool {
    routine.schema == "storage" && routine.name == "get_size_by_bucket" && routine.arguments.is_empty()
}

/// Whether the project's migrations did not make this table.
pub fn is_builtin(table: &Table) -> bool {
    TABLES.iter().any(|(schema, name, _)| *schema == table.schema && *name == table.name)
}

fn table(schema: &str, name: &str, columns: Columns) -> Table {
    let column = |(name, data_type, nullable): &(&str, &str, bool)| Column {
        name: (*name).to_string(),
        data_type: DataType::from((*data_type).to_string()),
        nullable: *nullable,
        default: None,
        identity: None,
        generated: None,
        comment: None,
        sequence: None,
        domain: None,
    };
    Table {
        schema: schema.to_string(),
        name: name.to_string(),
        columns: columns.iter().map(column).collect(),
        primary_key: Some(Unique {
            name: format!("{name}_pkey"),
            columns: columns.iter().take(1).map(|(name, ..)| (*name).to_string()).collect(),
            is_constraint: true,
        }),
        uniques: Vec::new(),
        checks: Vec::new(),
        foreign_keys: Vec::new(),
        exclusions: Vec::new(),
        comment: None,
        row_security: true,
        // As hosted: callers meet the users only through what belongs to the owner.
        privileges: if schema == "auth" { Privileges::none() } else { Privileges::default() },
        partitioning: None,
        publications: Vec::new(),
        policies: Vec::new(),
    }
}
