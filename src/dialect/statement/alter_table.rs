//! `ALTER TABLE`: row-level security, new columns, columns dropped; the rest is in the files beside.

use sqlparser::ast::{AlterTable, AlterTableOperation, ColumnDef, DropBehavior, Ident};

use super::column::read_column;
use super::constraint::Constraints;
use super::create_table::add_column;
use super::ddl::{column_sql, is_numbered, stored_default, type_check};
use super::existing_rows::any_row;
use super::rebuild::Conversion;
use super::reference::User;
use crate::dialect::DialectError;
use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::schema::{ForeignKey, Table, is_builtin};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(in crate::dialect) fn alter_table(&mut self, alter: &AlterTable) -> Result<(), DialectError> {
        if let Some(view) = self.altered_view(&alter.name)? {
            return alter
                .operations
                .iter()
                .try_for_each(|operation| self.alter_view_as_table(&view, operation));
        }
        let table = match self.any_table(&alter.name) {
            Err(error) if alter.if_exists && error.code == "42P01" => return Ok(()),
            table => table?,
        };
        if table.partitioning.is_none() {
            return alter.operations.iter().try_for_each(|operation| self.alter(&table, operation));
        }
        // Its partitions are views of it as it will be.
        self.forget_partitions(&table);
        for operation in &alter.operations {
            self.refuse_change_of_key(&table, operation)?;
            self.alter(&table, operation)?;
        }
        self.name_partitions()
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
            // What logical replication says of old rows changes no answer here.
            Operation::ReplicaIdentity { .. } => Ok(()),
            Operation::AddColumn { if_not_exists, column_def, column_position: None, .. } => {
                self.add_column(table, *if_not_exists, column_def)
            }
            Operation::DropColumn { column_names, if_exists, drop_behavior, .. } => column_names
                .iter()
                .try_for_each(|name| self.drop_column(&physical, name, *if_exists, drop_behavior.as_ref())),
            Operation::AlterColumn { column_name, op } => self.alter_column(&table, column_name, op),
            Operation::RenameTable { table_name } => self.rename_table(&table, table_name),
            Operation::RenameColumn { old_column_name, new_column_name } => {
                self.rename_column(&table, old_column_name, new_column_name)
            }
            Operation::RenameConstraint { old_name, new_name } => {
                self.rename_constraint(&table, old_name, new_name)
            }
            Operation::EnableTrigger { name } => self.enable_trigger(&table, &folded(name), true),
            Operation::DisableTrigger { name } => self.enable_trigger(&table, &folded(name), false),
            Operation::AddConstraint { constraint, .. } => self.add_constraint(&table, constraint),
            Operation::ValidateConstraint { name } => self.validate_constraint(&table, name),
            Operation::DropConstraint { if_exists, name, drop_behavior } => {
                self.drop_constraint(&table, name, *if_exists, drop_behavior.as_ref())
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
        let name = folded(&definition.name);
        if table.column(&name).is_some() {
            if if_not_exists {
                return Ok(());
            }
            let message = format!("column \"{name}\" of relation \"{}\" already exists", table.name);
            return Err(DialectError::new("42701", message));
        }
        let before = table.clone();
        let mut constraints = Constraints::default();
        let column = read_column(&self.catalog, definition, &mut constraints)?;
        if !constraints.alike.is_empty() {
            return Err(DialectError::unsupported("ADD COLUMN … UNIQUE NULLS NOT DISTINCT")
                .with_hint("Add the constraint in a statement of its own."));
        }
        add_column(&mut table, column)?;
        let shapes = std::mem::take(&mut constraints.sequences);
        constraints.resolve(&self.catalog, &mut table)?;
        self.number_columns(&mut table, &shapes)?;
        if before.primary_key.is_some() && table.primary_key != before.primary_key {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
            return Err(DialectError::new("42P16", message));
        }
        let Some(column) = table.column(&name).cloned() else { return Ok(()) };
        if column.sequence.is_none() && is_numbered(&column) {
            return Err(DialectError::unsupported("ADD COLUMN … DEFAULT nextval()")
                .with_hint("Make it an identity column, or add the column first and its default then."));
        }
        if let Some(sql) = self.numbers_of_rows(&before, &column)? {
            return self.rebuild(&before, table, &[Conversion { column: name, sql }]);
        }
        let default = stored_default(&self.catalog, &column)?;
        let has_value = default.is_some() || column.identity.is_some() || column.generated.is_some();
        if !column.nullable && !has_value {
            self.push(any_row(&before, &name))?;
        }
        let is_key = table.primary_key != before.primary_key || table.uniques != before.uniques;
        let has_reference = table.foreign_keys.len() > before.foreign_keys.len();
        let is_computed = default.as_deref().is_some_and(|sql| sql.contains('('));
        let in_place = !is_key
            && column.identity.is_none()
            && column.generated.is_none()
            && column.domain.is_none()
            && !is_computed
            && (column.nullable || default.is_some())
            && !(has_reference && default.is_some());
        if !in_place {
            return self.rebuild(&before, table, &[]);
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
        if table.columns.len() == 1 {
            return Err(DialectError::unsupported("a table without columns"));
        }
        self.drop_column_of_triggers(&table, &name, behavior == Some(&DropBehavior::Cascade))?;
        let checks = self.drop_users_of_column(&table, &name, behavior)?;
        let Some(before) = self.catalog.tables.get(physical).cloned() else { return Ok(()) };
        table.clone_from(&before);
        let has = |columns: &[String]| columns.contains(&name);
        table.primary_key = table.primary_key.filter(|key| !has(&key.columns));
        table.uniques.retain(|unique| !has(&unique.columns));
        table.foreign_keys.retain(|key| !has(&key.columns));
        table.columns.retain(|column| column.name != name);
        table.privileges.drop_column(&name);
        table.checks.retain(|check| !checks.contains(&check.name));
        let has_constraint = before.checks != table.checks
            || before.primary_key != table.primary_key
            || before.uniques != table.uniques
            || before.foreign_keys != table.foreign_keys;
        if has_constraint {
            return self.rebuild(&before, table, &[]);
        }
        self.push(format!("ALTER TABLE {} DROP COLUMN {}", table.physical(), quote_identifier(&name)))?;
        self.catalog.tables.insert(physical.to_string(), table);
        Ok(())
    }

    /// Drops the table's indexes over the column, and, with CASCADE, what else needs it: foreign keys
    /// to it, policies. Gives the names of the CHECKs over it, which go with it.
    fn drop_users_of_column(
        &mut self,
        table: &Table,
        name: &str,
        behavior: Option<&DropBehavior>,
    ) -> Result<Vec<String>, DialectError> {
        let mut checks = Vec::new();
        let what = format!("column {name} of table {}", table.name);
        let cascade = behavior == Some(&DropBehavior::Cascade);
        let needed = |user: String| {
            let message = format!("cannot drop {what} because other objects depend on it: {user}");
            Err(DialectError::new("2BP01", message).with_hint("Drop what depends on it first, or CASCADE."))
        };
        for user in self.users_of_column(table, name)? {
            match user {
                User::Check(name) => checks.push(name),
                User::Index(key) => {
                    self.push(format!("DROP INDEX IF EXISTS {}", quote_identifier(&key)))?;
                    let index = self.catalog.indexes.shift_remove(&key);
                    let of = self.catalog.tables.get_mut(&physical_name(&table.schema, &table.name));
                    if let (Some(index), Some(of)) = (index, of) {
                        of.uniques.retain(|unique| unique.is_constraint || unique.name != index.name);
                    }
                }
                User::View(key) if cascade => self.drop_view_and_users(&key)?,
                User::View(key) => {
                    let kind = self.kind_of_view(&key);
                    return needed(format!("{kind} {key} depends on {what}"));
                }
                User::Generated(column) if cascade => {
                    return Err(DialectError::unsupported(format!(
                        "DROP COLUMN … CASCADE over column {column}"
                    )));
                }
                User::Generated(column) => return needed(format!("column {column}")),
                User::Policy { name, table } if !cascade => {
                    return needed(format!("policy {name} on table {table}"));
                }
                User::Policy { name: policy, table: of } => {
                    if let Some(table) = self.catalog.tables.get_mut(&of) {
                        table.policies.retain(|other| other.name != policy);
                    }
                }
            }
        }
        let needs = |key: &ForeignKey| key.foreign_columns.iter().any(|column| column == name);
        self.drop_references(table, &what, behavior, needs)?;
        Ok(checks)
    }
}
