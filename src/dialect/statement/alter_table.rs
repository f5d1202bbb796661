//! `ALTER TABLE`: row-level security, columns where SQLite changes them in place, names.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, DropBehavior, Expr, Ident,
};

use super::column::read_column;
use super::constraint::Constraints;
use super::create_table::add_column;
use super::ddl::{column_sql, stored_default, type_check};
use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, parse};
use crate::schema::{Table, is_builtin};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(in crate::dialect) fn alter_table(&mut self, alter: &AlterTable) -> Result<(), DialectError> {
        let table = match self.any_table(&alter.name) {
            Err(error) if alter.if_exists && error.code == "42P01" => return Ok(()),
            table => table?,
        };
        for operation in &alter.operations {
            self.alter(&table, operation)?;
        }
        Ok(())
    }

    fn alter(&mut self, table: &Table, operation: &AlterTableOperation) -> Result<(), DialectError> {
        use AlterTableOperation as Operation;
        let physical = physical_name(&table.schema, &table.name);
        // An earlier operation of the same statement may have changed it.
        let table = self.catalog.tables.get(&physical).cloned().unwrap_or_else(|| table.clone());
        if is_builtin(&table) {
            return match operation {
                Operation::EnableRowLevelSecurity if table.schema == "storage" => Ok(()),
                _ => Err(DialectError::new("42501", format!("must be owner of table {}", table.name))),
            };
        }
        match operation {
            Operation::EnableRowLevelSecurity => self.set_row_security(&physical, true),
            Operation::DisableRowLevelSecurity => self.set_row_security(&physical, false),
            // Only the table's owner is exempt without it, and nobody acts as the owner here.
            Operation::ForceRowLevelSecurity | Operation::NoForceRowLevelSecurity => Ok(()),
            // Everything belongs to the project.
            Operation::OwnerTo { .. } => Ok(()),
            Operation::AddColumn { if_not_exists, column_def, column_position: None, .. } => {
                self.add_column(table, *if_not_exists, column_def)
            }
            Operation::DropColumn { column_names, if_exists, drop_behavior, .. } => column_names
                .iter()
                .try_for_each(|name| self.drop_column(&physical, name, *if_exists, drop_behavior.as_ref())),
            Operation::AlterColumn { column_name, op } => self.alter_column(table, column_name, op),
            Operation::RenameTable { .. }
            | Operation::RenameColumn { .. }
            | Operation::RenameConstraint { .. }
            | Operation::AddConstraint { .. }
            | Operation::DropConstraint { .. } => {
                Err(DialectError::unsupported(format!("ALTER TABLE … {operation}"))
                    .with_hint("Write it in CREATE TABLE."))
            }
            other => Err(DialectError::unsupported(format!("ALTER TABLE … {other}"))),
        }
    }

    fn set_row_security(&mut self, physical: &str, enabled: bool) -> Result<(), DialectError> {
        if let Some(table) = self.catalog.tables.get_mut(physical) {
            table.row_security = enabled;
        }
        Ok(())
    }

    /// SQLite adds a column in place when old rows can have it: nullable or with a constant default,
    /// no key, and a foreign key only when the default is NULL.
    fn add_column(
        &mut self,
        mut table: Table,
        if_not_exists: bool,
        definition: &ColumnDef,
    ) -> Result<(), DialectError> {
        if table.column(&folded(&definition.name)).is_some() {
            if if_not_exists {
                return Ok(());
            }
            let message = format!(
                "column \"{}\" of relation \"{}\" already exists",
                folded(&definition.name),
                table.name
            );
            return Err(DialectError::new("42701", message));
        }
        let before = table.clone();
        let mut constraints = Constraints::default();
        let column = read_column(&self.catalog, definition, &mut constraints)?;
        add_column(&mut table, column.clone())?;
        constraints.resolve(&self.catalog, &mut table)?;
        let refused = |what: &str| {
            Err(DialectError::unsupported(format!("ALTER TABLE … ADD COLUMN with {what}"))
                .with_hint("Write the column in CREATE TABLE."))
        };
        let default = stored_default(&self.catalog, &column)?;
        if table.primary_key != before.primary_key
            || table.uniques != before.uniques
            || column.identity.is_some()
        {
            return refused("a key");
        }
        if column.generated.is_some() {
            return refused("a generated value");
        }
        if column.default.is_some() && default.is_none() {
            return refused("a default that depends on the caller");
        }
        if default.as_deref().is_some_and(|sql| sql.contains('(')) {
            return refused("a default that is computed");
        }
        if !column.nullable && default.is_none() {
            return Err(DialectError::new(
                "23502",
                format!("column \"{}\" of relation \"{}\" contains null values", column.name, table.name),
            )
            .with_hint("Give it a DEFAULT."));
        }
        if table.foreign_keys.len() > before.foreign_keys.len() && default.is_some() {
            return refused("a reference and a default");
        }
        let sql = self.added_column(&table, &before, &column)?;
        self.push(format!("ALTER TABLE {} ADD COLUMN {sql}", table.physical()))?;
        self.catalog.tables.insert(physical_name(&table.schema, &table.name), table);
        Ok(())
    }

    fn added_column(
        &self,
        table: &Table,
        before: &Table,
        column: &crate::schema::Column,
    ) -> Result<String, DialectError> {
        let mut sql = column_sql(&self.catalog, table, column)?;
        if let Some(check) = type_check(&self.catalog, column) {
            sql.push_str(&format!(" {check}"));
        }
        for check in table.checks.iter().skip(before.checks.len()) {
            let condition =
                super::ddl::stored_condition(&self.catalog, table, &check.expression, "a CHECK constraint")?;
            sql.push_str(&format!(" CONSTRAINT {} CHECK ({condition})", quote_identifier(&check.name)));
        }
        for key in table.foreign_keys.iter().skip(before.foreign_keys.len()) {
            sql.push_str(&super::ddl::references(key));
        }
        Ok(sql)
    }

    fn drop_column(
        &mut self,
        physical: &str,
        name: &Ident,
        if_exists: bool,
        behavior: Option<&DropBehavior>,
    ) -> Result<(), DialectError> {
        let name = folded(name);
        let Some(mut table) = self.catalog.tables.get(physical).cloned() else { return Ok(()) };
        if table.column(&name).is_none() {
            if if_exists {
                return Ok(());
            }
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(DialectError::new("42703", message));
        }
        if let Some(user) = self.user_of_column(&table, &name)? {
            if behavior == Some(&DropBehavior::Cascade) {
                return Err(DialectError::unsupported(format!("DROP COLUMN … CASCADE over {user}")));
            }
            return Err(DialectError::new(
                "2BP01",
                format!(
                    "cannot drop column {name} of table {} because other objects depend on it: {user}",
                    table.name
                ),
            )
            .with_hint("Drop what depends on it first."));
        }
        self.push(format!("ALTER TABLE {} DROP COLUMN {}", table.physical(), quote_identifier(&name)))?;
        table.columns.retain(|column| column.name != name);
        self.catalog.tables.insert(physical.to_string(), table);
        Ok(())
    }

    /// What names a column, if anything does: a constraint, an index, a policy.
    fn user_of_column(&self, table: &Table, name: &str) -> Result<Option<String>, DialectError> {
        let has = |columns: &[String]| columns.iter().any(|column| column == name);
        if let Some(unique) =
            table.primary_key.iter().chain(&table.uniques).find(|unique| has(&unique.columns))
        {
            return Ok(Some(format!("constraint {}", unique.name)));
        }
        if let Some(key) = table.foreign_keys.iter().find(|key| has(&key.columns)) {
            return Ok(Some(format!("constraint {}", key.name)));
        }
        let physical = physical_name(&table.schema, &table.name);
        for index in self.catalog.indexes.values().filter(|index| index.table == physical) {
            if names(&index.definition, name)? {
                return Ok(Some(format!("index {}", index.name)));
            }
        }
        for check in &table.checks {
            if names(&check.expression, name)? {
                return Ok(Some(format!("constraint {}", check.name)));
            }
        }
        for column in &table.columns {
            if column.generated.as_deref().map_or(Ok(false), |text| names(text, name))? {
                return Ok(Some(format!("column {}", column.name)));
            }
        }
        for of in self.catalog.tables.values() {
            for policy in &of.policies {
                for text in policy.using.iter().chain(&policy.check) {
                    if names(text, name)? {
                        return Ok(Some(format!("policy {} on table {}", policy.name, of.name)));
                    }
                }
            }
            let referenced = |key: &&crate::schema::ForeignKey| {
                key.foreign_schema == table.schema
                    && key.foreign_table == table.name
                    && has(&key.foreign_columns)
            };
            if let Some(key) = of.foreign_keys.iter().find(referenced) {
                return Ok(Some(format!("constraint {} on table {}", key.name, of.name)));
            }
        }
        Ok(None)
    }

    /// Defaults that only the registry holds can change; those in SQLite's DDL cannot, in place.
    fn alter_column(
        &mut self,
        table: Table,
        name: &Ident,
        operation: &AlterColumnOperation,
    ) -> Result<(), DialectError> {
        let name = folded(name);
        let column = table.column(&name).ok_or_else(|| {
            DialectError::new(
                "42703",
                format!("column \"{name}\" of relation \"{}\" does not exist", table.name),
            )
        })?;
        let default = |value: &Expr| Some(value.to_string());
        let new_default = match operation {
            AlterColumnOperation::SetDefault { value } => default(value),
            AlterColumnOperation::DropDefault => None,
            AlterColumnOperation::SetNotNull if !column.nullable => return Ok(()),
            AlterColumnOperation::DropNotNull if column.nullable => return Ok(()),
            other => {
                return Err(DialectError::unsupported(format!("ALTER TABLE … ALTER COLUMN … {other}"))
                    .with_hint("Write it in CREATE TABLE."));
            }
        };
        let mut changed = column.clone();
        changed.default = new_default;
        if stored_default(&self.catalog, column)? != stored_default(&self.catalog, &changed)? {
            return Err(DialectError::unsupported("ALTER TABLE … ALTER COLUMN … DEFAULT")
                .with_hint("Write it in CREATE TABLE."));
        }
        let physical = physical_name(&table.schema, &table.name);
        if let Some(column) = self
            .catalog
            .tables
            .get_mut(&physical)
            .and_then(|table| table.columns.iter_mut().find(|column| column.name == name))
        {
            *column = changed;
        }
        Ok(())
    }
}

/// Whether SQL text has the name among its words.
fn names(text: &str, name: &str) -> Result<bool, DialectError> {
    use sqlparser::tokenizer::Token;
    Ok(parse::tokens(text)?.into_iter().any(|token| match token.token {
        Token::Word(word) => {
            folded(&Ident { value: word.value, quote_style: word.quote_style, span: token.span }) == name
        }
        _ => false,
    }))
}
