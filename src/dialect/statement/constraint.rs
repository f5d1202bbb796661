//! Constraints: from syntax to the catalog, with the names Postgres would choose.

use sqlparser::ast::{
    self, CheckConstraint, ForeignKeyConstraint, IndexColumn, TableConstraint, UniqueConstraint,
};

use super::column::{is_deferred, refuse_characteristics};
use super::exclusion::exclusion;
use crate::dialect::expression::{common_type, family};
use crate::dialect::name::folded;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{Catalog, Check, DataType, ForeignKey, ReferentialAction, Table, Unique};

/// The constraints of a definition before their names and references are resolved, which needs all columns.
#[derive(Default)]
pub struct Constraints {
    primary_key: Option<(Option<String>, Vec<String>)>,
    uniques: Vec<(Option<String>, Vec<String>)>,
    /// `UNIQUE NULLS NOT DISTINCT`: unique indexes, since SQLite's constraints take each NULL for another value.
    pub alike: Vec<(Option<String>, Vec<String>)>,
    foreign_keys: Vec<(Option<String>, Vec<String>, ForeignKeyConstraint)>,
    checks: Vec<(Option<String>, String)>,
    exclusions: Vec<ast::ExcludeConstraint>,
    /// How the identity columns are numbered.
    pub sequences: Vec<(String, crate::schema::Sequence)>,
}

impl Constraints {
    /// `PRIMARY KEY`.
    pub fn primary_key(
        &mut self,
        name: Option<&ast::Ident>,
        columns: Vec<String>,
    ) -> Result<(), DialectError> {
        if self.primary_key.is_some() {
            return Err(DialectError::new("42P16", "multiple primary keys are not allowed"));
        }
        self.primary_key = Some((name.map(folded), columns));
        Ok(())
    }

    /// `UNIQUE`.
    pub fn unique(&mut self, unique: &UniqueConstraint, name: Option<&ast::Ident>, columns: Vec<String>) {
        let of = match unique.nulls_distinct {
            ast::NullsDistinctOption::NotDistinct => &mut self.alike,
            _ => &mut self.uniques,
        };
        of.push((name.map(folded), columns));
    }

    /// `REFERENCES`.
    pub fn foreign_key(
        &mut self,
        name: Option<&ast::Ident>,
        columns: Vec<String>,
        key: &ForeignKeyConstraint,
    ) -> Result<(), DialectError> {
        // Of one column, FULL is SIMPLE.
        let matches = key.match_kind.unwrap_or(ast::ConstraintReferenceMatchKind::Simple);
        if matches != ast::ConstraintReferenceMatchKind::Simple && columns.len() > 1 {
            return Err(DialectError::unsupported("MATCH FULL over several columns"));
        }
        self.foreign_keys.push((name.map(folded), columns, key.clone()));
        Ok(())
    }

    /// `CHECK`.
    pub fn check(&mut self, name: Option<&ast::Ident>, check: &CheckConstraint) -> Result<(), DialectError> {
        if check.enforced == Some(false) {
            return Err(DialectError::unsupported("NOT ENFORCED"));
        }
        self.checks.push((name.map(folded), check.expr.to_string()));
        Ok(())
    }

    /// A CHECK that another table has.
    pub fn copied_check(&mut self, name: &str, expression: &str) {
        self.checks.push((Some(name.to_string()), expression.to_string()));
    }

    /// A constraint of the table.
    pub fn add(&mut self, constraint: &TableConstraint) -> Result<(), DialectError> {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                refuse_characteristics(key.characteristics.as_ref())?;
                self.primary_key(key.name.as_ref(), plain_columns(&key.columns)?)
            }
            TableConstraint::Unique(unique) => {
                refuse_characteristics(unique.characteristics.as_ref())?;
                self.unique(unique, unique.name.as_ref(), plain_columns(&unique.columns)?);
                Ok(())
            }
            TableConstraint::ForeignKey(key) => {
                self.foreign_key(key.name.as_ref(), key.columns.iter().map(folded).collect(), key)
            }
            TableConstraint::Check(check) => self.check(check.name.as_ref(), check),
            TableConstraint::Exclude(exclude) => {
                self.exclusions.push(exclude.clone());
                Ok(())
            }
            other => Err(DialectError::unsupported(other)),
        }
    }

    /// Adds everything to a table whose columns are complete.
    pub fn resolve(self, catalog: &Catalog, table: &mut Table) -> Result<(), DialectError> {
        if let Some((name, columns)) = self.primary_key {
            known_columns(table, &columns)?;
            for column in table.columns.iter_mut().filter(|column| columns.contains(&column.name)) {
                column.nullable = false;
            }
            let name = name.unwrap_or_else(|| chosen_name(catalog, table, &[], "pkey"));
            table.primary_key = Some(Unique { name, columns, is_constraint: true });
        }
        for (name, columns) in self.uniques {
            known_columns(table, &columns)?;
            let name = name.unwrap_or_else(|| chosen_name(catalog, table, &columns, "key"));
            new_constraint(table, &name)?;
            table.uniques.push(Unique { name, columns, is_constraint: true });
        }
        for (name, expression) in self.checks {
            let columns = named_columns(table, &expression)?;
            let columns = if columns.len() == 1 { columns } else { Vec::new() };
            let name = name.unwrap_or_else(|| chosen_name(catalog, table, &columns, "check"));
            new_constraint(table, &name)?;
            table.checks.push(Check { name, expression });
        }
        for (name, columns, key) in self.foreign_keys {
            known_columns(table, &columns)?;
            let name = name.unwrap_or_else(|| chosen_name(catalog, table, &columns, "fkey"));
            new_constraint(table, &name)?;
            let key = foreign_key(catalog, table, name, columns, &key)?;
            table.foreign_keys.push(key);
        }
        for exclude in &self.exclusions {
            let of = exclusion(catalog, table, exclude)?;
            table.exclusions.push(of);
        }
        Ok(())
    }
}

fn foreign_key(
    catalog: &Catalog,
    table: &Table,
    name: String,
    columns: Vec<String>,
    key: &ForeignKeyConstraint,
) -> Result<ForeignKey, DialectError> {
    let (schema, target_name) = name::qualified(&key.foreign_table)?;
    let is_self = schema == table.schema && target_name == table.name;
    let target = if is_self { Some(table) } else { catalog.table(&schema, &target_name) };
    let target = target.ok_or_else(|| {
        let written = name::parts(&key.foreign_table).unwrap_or_default().join(".");
        DialectError::new("42P01", format!("relation \"{written}\" does not exist"))
    })?;
    let mut foreign_columns: Vec<String> = key.referred_columns.iter().map(folded).collect();
    if foreign_columns.is_empty() {
        foreign_columns = target.primary_key_columns().to_vec();
        if foreign_columns.is_empty() {
            return Err(DialectError::new(
                "42704",
                format!("there is no primary key for referenced table \"{target_name}\""),
            ));
        }
    }
    known_columns(target, &foreign_columns)?;
    if foreign_columns.len() != columns.len() {
        return Err(DialectError::new(
            "42830",
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    let mut sorted = foreign_columns.clone();
    sorted.sort();
    let is_key = |unique: &Unique| {
        let mut of = unique.columns.clone();
        of.sort();
        of == sorted
    };
    if !target.primary_key.iter().chain(&target.uniques).any(is_key) {
        return Err(DialectError::new(
            "42830",
            format!(
                "there is no unique constraint matching given keys for referenced table \"{target_name}\""
            ),
        ));
    }
    for (column, foreign) in columns.iter().zip(&foreign_columns) {
        same_types(table, column, target, foreign, &name)?;
    }
    Ok(ForeignKey {
        name,
        columns,
        foreign_schema: schema,
        foreign_table: target_name,
        foreign_columns,
        on_delete: action(key.on_delete),
        on_update: action(key.on_update),
        deferred: is_deferred(key.characteristics.as_ref())?,
    })
}

/// SQLite compares keys as stored, so both must be stored alike.
pub fn same_types(
    table: &Table,
    column: &str,
    target: &Table,
    foreign: &str,
    name: &str,
) -> Result<(), DialectError> {
    let (Some(one), Some(other)) = (table.column(column), target.column(foreign)) else { return Ok(()) };
    let (one, other) = (&one.data_type, &other.data_type);
    let alike = one == other
        || (family(one) == family(other)
            && !matches!(one, DataType::Char(_) | DataType::Citext)
            && !matches!(other, DataType::Char(_) | DataType::Citext))
        || (family(one).is_number() && family(other).is_number() && one.storage() == other.storage());
    if alike && common_type(one, other).is_some() {
        return Ok(());
    }
    Err(DialectError::new("42804", format!("foreign key constraint \"{name}\" cannot be implemented"))
        .with_hint(format!(
            "Key columns \"{column}\" and \"{foreign}\" are of incompatible types: {} and {}.",
            one.display_name(),
            other.display_name()
        )))
}

fn action(action: Option<ast::ReferentialAction>) -> ReferentialAction {
    match action {
        None | Some(ast::ReferentialAction::NoAction) => ReferentialAction::NoAction,
        Some(ast::ReferentialAction::Restrict) => ReferentialAction::Restrict,
        Some(ast::ReferentialAction::Cascade) => ReferentialAction::Cascade,
        Some(ast::ReferentialAction::SetNull) => ReferentialAction::SetNull,
        Some(ast::ReferentialAction::SetDefault) => ReferentialAction::SetDefault,
    }
}

/// The names in a list of index columns, which must be plain.
pub fn plain_columns(columns: &[IndexColumn]) -> Result<Vec<String>, DialectError> {
    columns
        .iter()
        .map(|column| match &column.column.expr {
            ast::Expr::Identifier(name) => Ok(folded(name)),
            other => Err(DialectError::unsupported(format!("{other} in a constraint"))),
        })
        .collect()
}

fn known_columns(table: &Table, columns: &[String]) -> Result<(), DialectError> {
    match columns.iter().find(|column| table.column(column).is_none()) {
        Some(column) => Err(DialectError::new("42703", format!("column \"{column}\" does not exist"))),
        None => Ok(()),
    }
}

/// The table's columns that an expression names, each once.
pub fn named_columns(table: &Table, expression: &str) -> Result<Vec<String>, DialectError> {
    use sqlparser::tokenizer::Token;
    let mut columns: Vec<String> = Vec::new();
    for token in parse::tokens(expression)? {
        let Token::Word(word) = token.token else { continue };
        let name = folded(&ast::Ident { value: word.value, quote_style: word.quote_style, span: token.span });
        if table.column(&name).is_some() && !columns.contains(&name) {
            columns.push(name);
        }
    }
    Ok(columns)
}

/// Refuses a constraint's name that the table has.
pub fn new_constraint(table: &Table, name: &str) -> Result<(), DialectError> {
    if constraint_names(table).any(|other| other == name) {
        let message = format!("constraint \"{name}\" for relation \"{}\" already exists", table.name);
        return Err(DialectError::new("42710", message));
    }
    Ok(())
}

/// The names of a table's constraints, and of its unique indexes.
pub fn constraint_names(table: &Table) -> impl Iterator<Item = &String> {
    let uniques = table.primary_key.iter().chain(&table.uniques).map(|unique| &unique.name);
    let checks = table.checks.iter().map(|check| &check.name);
    let exclusions = table.exclusions.iter().map(|exclusion| &exclusion.name);
    uniques.chain(checks).chain(table.foreign_keys.iter().map(|key| &key.name)).chain(exclusions)
}

/// `table_columns_label`, shortened to 63 bytes and numbered when taken, as Postgres chooses names.
pub fn chosen_name(catalog: &Catalog, table: &Table, columns: &[String], label: &str) -> String {
    let taken = |name: &str| {
        let is_relation = matches!(label, "pkey" | "key" | "idx" | "excl")
            && (catalog.table(&table.schema, name).is_some()
                || catalog.indexes.values().any(|index| index.schema == table.schema && index.name == name)
                || catalog.tables.values().filter(|other| other.schema == table.schema).any(|other| {
                    other.primary_key.iter().chain(&other.uniques).any(|unique| unique.name == name)
                }));
        is_relation || constraint_names(table).any(|other| other == name)
    };
    let mut number = 0;
    loop {
        let label = if number == 0 { label.to_string() } else { format!("{label}{number}") };
        let name = object_name(&table.name, &columns.join("_"), &label);
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

/// Shortens the longer of the first two parts until all fit in 63 bytes.
fn object_name(table: &str, columns: &str, label: &str) -> String {
    let (mut table, mut columns) = (table.to_string(), columns.to_string());
    loop {
        let separators = if columns.is_empty() { 1 } else { 2 };
        if table.len() + columns.len() + label.len() + separators <= 63 {
            break;
        }
        if table.len() > columns.len() {
            table.pop()
        } else {
            columns.pop()
        };
    }
    if columns.is_empty() { format!("{table}_{label}") } else { format!("{table}_{columns}_{label}") }
}

/// The name of an identity column's sequence: `table_column_seq`, numbered when taken.
pub fn sequence_name(catalog: &Catalog, table: &Table, column: &str) -> String {
    let taken = |name: &str| {
        let key = crate::sql::physical_name(&table.schema, name);
        catalog.sequences.contains_key(&key)
            || catalog.tables.contains_key(&key)
            || catalog.indexes.contains_key(&key)
    };
    let mut number = 0;
    loop {
        let label = if number == 0 { "seq".to_string() } else { format!("seq{number}") };
        let name = object_name(&table.name, column, &label);
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}
