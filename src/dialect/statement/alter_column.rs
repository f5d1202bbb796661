//! `ALTER TABLE … ALTER COLUMN`: defaults, NOT NULL, types.

use sqlparser::ast::{self, AlterColumnOperation, Expr, Ident};

use super::constraint::same_types;
use super::ddl::stored_default;
use super::existing_rows::null_values;
use super::rebuild::Conversion;
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Piece, Place, declared_type};
use crate::dialect::name::folded;
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::schema::{Column, DataType, Identity, Table};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(super) fn alter_column(
        &mut self,
        table: &Table,
        name: &Ident,
        operation: &AlterColumnOperation,
    ) -> Result<(), DialectError> {
        use AlterColumnOperation as Operation;
        let name = folded(name);
        let column = table.column(&name).ok_or_else(|| {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            DialectError::new("42703", message)
        })?;
        match operation {
            Operation::SetDefault { value } => self.set_default(table, column, Some(value)),
            Operation::DropDefault => self.set_default(table, column, None),
            Operation::SetNotNull if !column.nullable => Ok(()),
            Operation::SetNotNull => {
                self.push(null_values(table, &name))?;
                self.rebuild(table, with_column(table, Column { nullable: false, ..column.clone() }), &[])
            }
            Operation::DropNotNull => self.drop_not_null(table, column),
            Operation::SetDataType { data_type, using, .. } => {
                self.set_type(table, column, data_type, using.as_ref())
            }
            Operation::AddGenerated { .. } => {
                Err(DialectError::unsupported("ADD GENERATED beside other changes")
                    .with_hint("Write it as a statement of its own."))
            }
        }
    }

    fn set_default(
        &mut self,
        table: &Table,
        column: &Column,
        value: Option<&Expr>,
    ) -> Result<(), DialectError> {
        let kind = match (column.identity, &column.generated) {
            (Some(Identity::Serial), _) if value.is_none() => {
                let plain = Column { identity: None, sequence: None, ..column.clone() };
                return self.rebuild(table, with_column(table, plain), &[]);
            }
            (Some(Identity::Serial), _) => {
                return Err(DialectError::unsupported("SET DEFAULT of a serial column")
                    .with_hint("DROP DEFAULT first."));
            }
            (Some(_), _) => Some("an identity"),
            (None, Some(_)) => Some("a generated"),
            (None, None) => None,
        };
        if let Some(kind) = kind {
            return Err(DialectError::new(
                "42601",
                format!("column \"{}\" of relation \"{}\" is {kind} column", column.name, table.name),
            ));
        }
        let text = value.map(ToString::to_string).filter(|text| !text.eq_ignore_ascii_case("null"));
        let changed = Column { default: text, ..column.clone() };
        // A default that depends on the caller is the registry's alone.
        let is_same = stored_default(&self.catalog, column)? == stored_default(&self.catalog, &changed)?;
        let after = with_column(table, changed);
        if is_same {
            self.catalog.tables.insert(physical_name(&table.schema, &table.name), after);
            return Ok(());
        }
        self.rebuild(table, after, &[])
    }

    fn drop_not_null(&mut self, table: &Table, column: &Column) -> Result<(), DialectError> {
        if table.primary_key_columns().contains(&column.name) {
            return Err(DialectError::new(
                "42P16",
                format!("column \"{}\" is in a primary key", column.name),
            ));
        }
        if column.nullable {
            return Ok(());
        }
        self.rebuild(table, with_column(table, Column { nullable: true, ..column.clone() }), &[])
    }

    /// The rows' values are cast as Postgres casts them, or as `USING` says.
    fn set_type(
        &mut self,
        table: &Table,
        column: &Column,
        data_type: &ast::DataType,
        using: Option<&Expr>,
    ) -> Result<(), DialectError> {
        let (to, domain) = declared_type(&self.catalog, data_type)?;
        if to == column.data_type && domain == column.domain && using.is_none() {
            return Ok(());
        }
        self.refuse_dependents(table, column)?;
        let sql = self.converted(table, column, &to, using)?;
        let changed = Column { data_type: to, domain, ..column.clone() };
        stored_default(&self.catalog, &changed).map_err(|_| {
            DialectError::new(
                "42804",
                format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    column.name,
                    changed.data_type.display_name()
                ),
            )
        })?;
        let after = with_column(table, changed);
        self.same_key_types(&after)?;
        self.rebuild(table, after, &[Conversion { column: column.name.clone(), sql }])
    }

    fn refuse_dependents(&self, table: &Table, column: &Column) -> Result<(), DialectError> {
        let cannot = |of: &str| {
            Err(DialectError::unsupported(format!("altering the type of a column used {of}"))
                .with_hint("Drop it first, and create it again afterwards."))
        };
        if column.generated.is_some() || column.identity.is_some_and(|_| !is_integer(column)) {
            return cannot("as a generated column");
        }
        for user in self.users_of_column(table, &column.name)? {
            match user {
                super::reference::User::Policy { name, table } => {
                    return cannot(&format!("in the definition of policy {name} on table {table}"));
                }
                super::reference::User::Generated(name) => {
                    return cannot(&format!("by the generated column {name}"));
                }
                super::reference::User::View(_) => {
                    let message = "cannot alter type of a column used by a view or rule";
                    return Err(DialectError::new("0A000", message)
                        .with_hint("Drop the view first, and create it again afterwards."));
                }
                super::reference::User::Check(_) | super::reference::User::Index(_) => {}
            }
        }
        Ok(())
    }

    fn converted(
        &self,
        table: &Table,
        column: &Column,
        to: &DataType,
        using: Option<&Expr>,
    ) -> Result<String, DialectError> {
        let row = table.physical();
        let mut environment = SystemEnvironment::default();
        let mut lowering = Lowering::over_row(&self.catalog, &mut environment, Place::Query, table, &row);
        let Some(using) = using else {
            let sql = format!("{row}.{}", quote_identifier(&column.name));
            return lowering.assign(Piece::Typed(sql, column.data_type.clone()), to).map_err(|error| {
                if error.code != "42804" {
                    return error;
                }
                let message = format!(
                    "column \"{}\" cannot be cast automatically to type {}",
                    column.name,
                    to.display_name()
                );
                DialectError::new("42804", message).with_hint("You might need to specify USING.")
            });
        };
        let piece = lowering.lower(using)?;
        lowering.assign(piece, to)
    }

    /// Keys compare values as stored, so both ends must stay alike.
    fn same_key_types(&self, after: &Table) -> Result<(), DialectError> {
        let find = |schema: &str, name: &str| {
            if schema == after.schema && name == after.name {
                Some(after)
            } else {
                self.catalog.table(schema, name)
            }
        };
        let others = self.catalog.tables.values().filter(|of| of.physical() != after.physical());
        for from in others.chain([after]) {
            for key in &from.foreign_keys {
                let Some(target) = find(&key.foreign_schema, &key.foreign_table) else { continue };
                for (column, foreign) in key.columns.iter().zip(&key.foreign_columns) {
                    same_types(from, column, target, foreign, &key.name)?;
                }
            }
        }
        Ok(())
    }
}

fn is_integer(column: &Column) -> bool {
    matches!(column.data_type, DataType::Int2 | DataType::Int4 | DataType::Int8)
}

/// The table with one column changed.
pub fn with_column(table: &Table, changed: Column) -> Table {
    let mut after = table.clone();
    for column in after.columns.iter_mut().filter(|column| column.name == changed.name) {
        *column = changed.clone();
    }
    after
}
