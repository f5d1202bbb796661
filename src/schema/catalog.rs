//! The catalog's types, and finding things in it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{
    ApiSettings, DataType, DefaultPrivileges, Domain, Memory, Partitioning, Privileges, Routine, Trigger,
    View,
};
use crate::sql::{physical_name, quote_identifier};

/// The whole schema at one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Moves with every migration.
    pub version: i64,
    /// Every table, by its physical name, in the order of creation.
    pub tables: IndexMap<String, Table>,
    /// Every enum, by its physical name.
    pub enums: IndexMap<String, Enum>,
    /// Every composite type, by its physical name: a table of its fields.
    pub composites: IndexMap<String, Table>,
    /// Every domain, by its physical name.
    pub domains: IndexMap<String, Domain>,
    /// The project's indexes, by their physical names; those of constraints are not among them.
    pub indexes: IndexMap<String, Index>,
    /// The project's functions, by [`Routine::key`].
    pub routines: IndexMap<String, Routine>,
    /// The project's triggers, by [`Trigger::key`].
    pub triggers: IndexMap<String, Trigger>,
    /// Every view, by its physical name, in the order of creation: none reads one that comes later.
    pub views: IndexMap<String, View>,
    /// Every sequence, by its physical name.
    pub sequences: IndexMap<String, Sequence>,
    /// The schemas the project created.
    pub schemas: Vec<String>,
    /// How the project's migrations set up the data API.
    pub api_settings: ApiSettings,
    /// Who has what of tables and functions to come.
    pub default_privileges: DefaultPrivileges,
    /// The publications; which tables they have the tables say.
    pub publications: Vec<Publication>,
    /// What was made of this version.
    pub memory: Memory,
}

/// `CREATE PUBLICATION`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// Its name.
    pub name: String,
    /// `FOR ALL TABLES`.
    pub every_table: bool,
}

/// A table and what belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// `public`, `auth`, `storage` or the project's own.
    pub schema: String,
    /// As the migration wrote it, folded to lower case unless quoted.
    pub name: String,
    /// In declaration order.
    pub columns: Vec<Column>,
    /// The primary key's name and columns; `None` without one.
    pub primary_key: Option<Unique>,
    /// Unique constraints and unique indexes over plain columns.
    #[serde(default)]
    pub uniques: Vec<Unique>,
    /// CHECK constraints.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Foreign keys of this table.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// EXCLUDE constraints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// `COMMENT ON TABLE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// `ENABLE ROW LEVEL SECURITY`. Unlike Postgres, on for every new table (DESIGN §2): no policy, no rows.
    pub row_security: bool,
    /// Who may do what with it at all.
    #[serde(default, skip_serializing_if = "Privileges::is_default")]
    pub privileges: Privileges,
    /// `PARTITION BY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitioning: Option<Partitioning>,
    /// The publications that it was added to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<String>,
    /// What statements may write and none may read: a column, and how many are before it. Only built-in tables have some.
    #[serde(skip)]
    pub unread: Vec<(usize, Column)>,
    /// The table's policies. Kept in registry rows of their own.
    #[serde(skip)]
    pub policies: Vec<Policy>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// Its Postgres type.
    pub data_type: DataType,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// The default as a Postgres expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// `GENERATED … AS IDENTITY`, or serial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// `GENERATED ALWAYS AS (expression) STORED`, as a Postgres expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<String>,
    /// `COMMENT ON COLUMN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The sequence an identity column is numbered from, by its physical name; `None` when SQLite numbers it, as
    /// the rowid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// The domain that its values are of, by its physical name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The SQL that a given value goes through, in which it is `{0}`, and its default too, which every INSERT brings along.
    /// Only columns of built-in tables have one.
    #[serde(skip)]
    pub stored_as: Option<&'static str>,
}

impl Column {
    /// A column that takes NULL, and has nothing but a name and a type.
    pub fn new(name: String, data_type: DataType) -> Self {
        Self {
            name,
            data_type,
            nullable: true,
            default: None,
            identity: None,
            generated: None,
            comment: None,
            sequence: None,
            domain: None,
            stored_as: None,
        }
    }
}

/// `CREATE SEQUENCE`, or an identity column's. The next number is in the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `INCREMENT BY`; never 0.
    pub increment: i64,
    /// `MINVALUE`.
    pub least: i64,
    /// `MAXVALUE`.
    pub most: i64,
    /// `START WITH`.
    pub start: i64,
}

/// Who may choose an identity column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// `GENERATED ALWAYS`: only the database.
    Always,
    /// `GENERATED BY DEFAULT`: the insert, if it wants.
    ByDefault,
    /// `serial`: a default that takes numbers from a sequence.
    Serial,
}

/// A named set of columns whose values are unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unique {
    /// The constraint's or index's name.
    pub name: String,
    /// In the constraint's order.
    pub columns: Vec<String>,
    /// Whether it is a constraint; a unique index is not, and makes no relationship one-to-one.
    pub is_constraint: bool,
}

/// `CREATE INDEX`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Its table's schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its table's physical name.
    pub table: String,
    /// The statement, in Postgres' syntax.
    pub definition: String,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The constraint's name.
    pub name: String,
    /// The Postgres expression.
    pub expression: String,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The constraint's name, `table_column_fkey` unless given.
    pub name: String,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The referenced table's schema.
    pub foreign_schema: String,
    /// The referenced table's name.
    pub foreign_table: String,
    /// The referenced columns, one for each of `columns`.
    pub foreign_columns: Vec<String>,
    /// `ON DELETE`.
    pub on_delete: ReferentialAction,
    /// `ON UPDATE`.
    pub on_update: ReferentialAction,
    /// `INITIALLY DEFERRED`: looked at when the transaction ends.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deferred: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(truth: &bool) -> bool {
    !truth
}

/// `EXCLUDE (element WITH operator, …)`: no two rows for which all operators hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The constraint's name.
    pub name: String,
    /// Each element as a Postgres expression, and the operator it is compared with.
    pub elements: Vec<(String, String)>,
    /// `WHERE`: the rows it is about, a Postgres expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
}

/// What a foreign key does when its target goes or changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReferentialAction {
    /// Refuse at the end of the statement.
    #[default]
    NoAction,
    /// Refuse.
    Restrict,
    /// Delete or change along.
    Cascade,
    /// Set the columns NULL.
    SetNull,
    /// Set the columns to their defaults.
    SetDefault,
}

/// `CREATE TYPE … AS ENUM`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Enum {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// In order of declaration, which is their sort order.
    pub labels: Vec<String>,
}

/// `CREATE POLICY`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Unique among the table's policies.
    pub name: String,
    /// `AS PERMISSIVE` (true, the default) or `AS RESTRICTIVE`.
    pub permissive: bool,
    /// The command it is for; `None` is ALL.
    pub command: Option<Command>,
    /// The roles it is for; `public` is everyone.
    pub roles: Vec<String>,
    /// `USING`: the rows that are there, a Postgres expression.
    pub using: Option<String>,
    /// `WITH CHECK`: the rows that may come to be; the `using` expression when absent.
    pub check: Option<String>,
}

/// A command that policies tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Reading.
    Select,
    /// New rows.
    Insert,
    /// Changing rows.
    Update,
    /// Removing rows.
    Delete,
    /// Removing all rows, which only triggers tell from the other.
    Truncate,
}

impl Command {
    /// In upper case.
    pub fn word(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

impl Catalog {
    /// The table of a schema, or `None`. A request may ask for the name `auth.users` in `public`,
    /// whose physical name is another table's; so the table found must be the one that was meant.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.get(&physical_name(schema, name)).filter(|of| of.schema == schema && of.name == name)
    }

    /// The enum of a schema, or `None`.
    pub fn enumeration(&self, schema: &str, name: &str) -> Option<&Enum> {
        self.enums.get(&physical_name(schema, name)).filter(|of| of.schema == schema && of.name == name)
    }
}

impl Table {
    /// All that an INSERT may name, in order.
    pub fn written_columns(&self) -> Vec<Column> {
        let mut columns = self.columns.clone();
        for (place, column) in &self.unread {
            columns.insert((*place).min(columns.len()), column.clone());
        }
        columns
    }

    /// A table with nothing in it yet, and without row-level security.
    pub fn new(schema: String, name: String) -> Self {
        Self {
            schema,
            name,
            columns: Vec::new(),
            primary_key: None,
            uniques: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            exclusions: Vec::new(),
            comment: None,
            row_security: false,
            privileges: Privileges::default(),
            unread: Vec::new(),
            partitioning: None,
            publications: Vec::new(),
            policies: Vec::new(),
        }
    }

    /// The name in SQLite, quoted: `"todos"`, `"storage.objects"`.
    pub fn physical(&self) -> String {
        quote_identifier(&physical_name(&self.schema, &self.name))
    }

    /// The column of that name, or `None`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The primary key's columns; empty without one.
    pub fn primary_key_columns(&self) -> &[String] {
        self.primary_key.as_ref().map_or(&[], |key| &key.columns)
    }
}
