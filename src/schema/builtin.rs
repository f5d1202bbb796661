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
        ("instance_id",                 "uuid",        true),
        ("id",                          "uuid",        false),
        ("aud",                         "text",        true),
        ("role",                        "text",        true),
        ("email",                       "text",        true),
        ("email_confirmed_at",          "timestamptz", true),
        ("invited_at",                  "timestamptz", true),
        ("confirmation_token",          "text",        true),
        ("confirmation_sent_at",        "timestamptz", true),
        ("recovery_token",              "text",        true),
        ("recovery_sent_at",            "timestamptz", true),
        ("email_change_token_new",      "text",        true),
        ("email_change",                "text",        true),
        ("email_change_sent_at",        "timestamptz", true),
        ("last_sign_in_at",             "timestamptz", true),
        ("raw_app_meta_data",           "jsonb",       true),
        ("raw_user_meta_data",          "jsonb",       true),
        ("is_super_admin",              "bool",        true),
        ("created_at",                  "timestamptz", true),
        ("updated_at",                  "timestamptz", true),
        ("phone",                       "text",        true),
        ("phone_confirmed_at",          "timestamptz", true),
        ("phone_change",                "text",        true),
        ("phone_change_token",          "text",        true),
        ("phone_change_sent_at",        "timestamptz", true),
        ("confirmed_at",                "timestamptz", true),
        ("email_change_token_current",  "text",        true),
        ("email_change_confirm_status", "int2",        true),
        ("banned_until",                "timestamptz", true),
        ("reauthentication_token",      "text",        true),
        ("reauthentication_sent_at",    "timestamptz", true),
        ("is_sso_user",                 "bool",        false),
        ("deleted_at",                  "timestamptz", true),
        ("is_anonymous",                "bool",        false),
    ]),
    ("auth", "identities", &[
        ("provider_id",                 "text",        false),
        ("user_id",                     "uuid",        false),
        ("identity_data",               "jsonb",       false),
        ("provider",                    "text",        false),
        ("last_sign_in_at",             "timestamptz", true),
        ("created_at",                  "timestamptz", true),
        ("updated_at",                  "timestamptz", true),
        ("email",                       "text",        true),
        ("id",                          "uuid",        false),
    ]),
    ("auth", "instances", &[
        ("id",                          "uuid",        false),
        ("uuid",                        "uuid",        true),
        ("raw_base_config",             "text",        true),
        ("created_at",                  "timestamptz", true),
        ("updated_at",                  "timestamptz", true),
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

/// How a column of accounts is written by SQL: its default, where every statement has to bring it along, and the SQL that a given
/// value goes through.
type Writing = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

/// In lower case, as accounts are looked up.
const ADDRESS: &str = "CASE WHEN {0} <> lower({0}) THEN json_extract('{}', 'edgeward!0A000:an address with capital letters in auth.users.email is not supported: accounts are found by lower case') ELSE {0} END";
const CONFIRMATIONS: &str = "CASE WHEN {0} NOT BETWEEN 0 AND 2 THEN json_extract('{}', 'edgeward!23514:new row for relation \"users\" violates check constraint \"users_email_change_confirm_status_check\"') ELSE coalesce({0}, 0) END";
const TEXT: Option<&str> = Some("nullif({0}, '')");
const OBJECT: Option<&str> = Some("coalesce({0}, '{}')");
const GIVEN: Option<&str> = Some("{0}");

/// GoTrue's own rows have NULL where a seed has an empty text, and are never without times and metadata.
#[rustfmt::skip]
const WRITING: &[Writing] = &[
    ("users",      "email",                       None,                      Some(ADDRESS)),
    ("users",      "encrypted_password",          None,                      TEXT),
    ("users",      "email_change",                None,                      TEXT),
    ("users",      "phone",                       None,                      TEXT),
    ("users",      "phone_change",                None,                      TEXT),
    ("users",      "raw_app_meta_data",           Some("'{}'"),              OBJECT),
    ("users",      "raw_user_meta_data",          Some("'{}'"),              OBJECT),
    ("users",      "created_at",                  Some("now()"),             GIVEN),
    ("users",      "updated_at",                  Some("now()"),             GIVEN),
    ("users",      "email_change_confirm_status", Some("0"),                 Some(CONFIRMATIONS)),
    ("users",      "is_sso_user",                 Some("false"),             None),
    ("users",      "is_anonymous",                Some("false"),             None),
    ("identities", "id",                          Some("gen_random_uuid()"), GIVEN),
    ("identities", "created_at",                  Some("now()"),             GIVEN),
    ("identities", "updated_at",                  Some("now()"),             GIVEN),
];

/// The columns that SQL writes and does not read, with how many are before them: no view, function or log of a project's shows what
/// a password is known by.
const UNREAD: &[(&str, usize, (&str, &str, bool))] = &[("users", 5, ("encrypted_password", "text", true))];

/// The columns that are made of others: table, column, Postgres' expression.
const GENERATED: &[(&str, &str, &str)] = &[
    ("users", "confirmed_at", "least(email_confirmed_at, phone_confirmed_at)"),
    ("identities", "email", "lower(identity_data ->> 'email')"),
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
    let column = |(column, data_type, nullable): &(&str, &str, bool)| {
        let is_it = |table: &str, of: &str| schema == "auth" && table == name && of == *column;
        let writing = WRITING.iter().find(|(table, of, ..)| is_it(table, of));
        let generated = GENERATED.iter().find(|(table, of, _)| is_it(table, of));
        Column {
            name: (*column).to_string(),
            data_type: DataType::from((*data_type).to_string()),
            nullable: *nullable,
            default: writing.and_then(|(_, _, default, _)| default.map(str::to_string)),
            identity: None,
            generated: generated.map(|(.., expression)| (*expression).to_string()),
            comment: None,
            sequence: None,
            domain: None,
            stored_as: writing.and_then(|(.., stored_as)| *stored_as),
        }
    };
    let unread = UNREAD.iter().filter(|(table, ..)| schema == "auth" && *table == name);
    let unique = |name: String, columns: &[&str]| Unique {
        name,
        columns: columns.iter().map(|name| (*name).to_string()).collect(),
        is_constraint: true,
    };
    // In SQLite an identity's id is no key: see `migrations/0002_auth.sql`.
    let is_identities = name == "identities";
    let key = columns.iter().map(|(name, ..)| *name).find(|name| ["id", "version"].contains(name));
    Table {
        schema: schema.to_string(),
        name: name.to_string(),
        columns: columns.iter().map(column).collect(),
        primary_key: key.filter(|_| !is_identities).map(|key| unique(format!("{name}_pkey"), &[key])),
        uniques: is_identities
            .then(|| {
                unique("identities_provider_id_provider_unique".to_string(), &["provider_id", "provider"])
            })
            .into_iter()
            .collect(),
        unread: unread.map(|(_, place, of)| (*place, column(of))).collect(),
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
