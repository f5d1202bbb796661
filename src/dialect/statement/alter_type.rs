//! `ALTER TYPE … ADD VALUE`, `RENAME VALUE`, `RENAME TO`.
//!
//! The tables with a column of the type list its labels in a CHECK, so each is made anew. Policies, views and checks
//! are texts here: one that names what is renamed is refused, where Postgres, which keeps numbers, carries it along.

use sqlparser::ast::{AlterType, AlterTypeAddValue, AlterTypeAddValuePosition, AlterTypeOperation, Ident};

use sqlparser::tokenizer::Token;

use super::rebuild::Conversion;
use crate::dialect::name::folded;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{DataType, Enum, Returns, RoutineType, Table};
use crate::sql::{physical_name, quote_identifier, quote_literal};

impl Translator {
    pub(in crate::dialect) fn alter_type(&mut self, alter: &AlterType) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(&alter.name)?;
        let Some(of) = self.catalog.enumeration(&schema, &name).cloned() else {
            if self.catalog.domains.contains_key(&physical_name(&schema, &name)) {
                return Err(
                    DialectError::unsupported("ALTER TYPE of a domain").with_hint("Use ALTER DOMAIN.")
                );
            }
            if self.catalog.composites.contains_key(&physical_name(&schema, &name)) {
                return Err(DialectError::unsupported("ALTER TYPE of a composite type")
                    .with_hint("Create another, and move the columns to it."));
            }
            return Err(DialectError::new("42704", format!("type \"{name}\" does not exist")));
        };
        match &alter.operation {
            AlterTypeOperation::AddValue(add) => self.add_value(of, add),
            AlterTypeOperation::RenameValue(rename) => {
                self.rename_value(of, &rename.from.value, &rename.to.value)
            }
            AlterTypeOperation::Rename(rename) => self.rename_type(of, folded(&rename.new_name)),
        }
    }

    /// `ALTER TYPE name OWNER TO role`: everything belongs to the project.
    pub(in crate::dialect) fn own_type(&self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER TYPE")?;
        let written = reader
            .until(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("owner")));
        let (schema, name) = { written }.qualified_name()?;
        let physical = physical_name(&schema, &name);
        let is_there = self.catalog.enums.contains_key(&physical)
            || self.catalog.composites.contains_key(&physical)
            || self.catalog.domains.contains_key(&physical);
        match is_there {
            true => Ok(()),
            false => {
                let written = written.text_left().replace('"', "");
                Err(DialectError::new("42704", format!("type \"{written}\" does not exist")))
            }
        }
    }

    fn add_value(&mut self, mut of: Enum, add: &AlterTypeAddValue) -> Result<(), DialectError> {
        if !add_label(&mut of.labels, add)? {
            return Ok(());
        }
        let physical = physical_name(&of.schema, &of.name);
        self.catalog.enums.insert(physical.clone(), of);
        let tables: Vec<Table> =
            self.catalog.tables.values().filter(|table| has_column_of(table, &physical)).cloned().collect();
        tables.into_iter().try_for_each(|table| self.rebuild(&table, table.clone(), &[]))
    }

    fn rename_value(&mut self, mut of: Enum, from: &str, to: &str) -> Result<(), DialectError> {
        if of.labels.iter().any(|label| label == to) {
            return Err(DialectError::new("42710", format!("enum label \"{to}\" already exists")));
        }
        let Some(label) = of.labels.iter_mut().find(|label| *label == from) else {
            return Err(DialectError::new("22023", format!("\"{from}\" is not an existing enum label")));
        };
        *label = to.to_string();
        let (physical, shown) = (physical_name(&of.schema, &of.name), of.name.clone());
        self.catalog.enums.insert(physical.clone(), of);
        let tables: Vec<Table> =
            self.catalog.tables.values().filter(|table| has_column_of(table, &physical)).cloned().collect();
        let (old, new) = (quote_literal(from), quote_literal(to));
        for table in tables {
            let mut after = table.clone();
            let mut conversions = Vec::new();
            for column in after.columns.iter_mut().filter(|column| is_of(&column.data_type, &physical)) {
                if let Some(default) = &mut column.default
                    && let Some(cast) = default.strip_prefix(&old)
                    && (cast.is_empty() || cast.starts_with("::"))
                {
                    *default = format!("{new}{cast}");
                }
                let quoted = quote_identifier(&column.name);
                let sql = match &column.data_type {
                    DataType::Array(_) => format!(
                        "CASE WHEN {quoted} IS NOT NULL THEN (SELECT json_group_array(CASE \"/item\".value WHEN {old} THEN {new} ELSE \"/item\".value END ORDER BY \"/item\".key) FROM json_each({quoted}) AS \"/item\") END"
                    ),
                    _ => format!("CASE {quoted} WHEN {old} THEN {new} ELSE {quoted} END"),
                };
                if column.generated.is_none() {
                    conversions.push(Conversion { column: column.name.clone(), sql });
                }
            }
            self.rebuild(&table, after, &conversions).map_err(|error| uses(&shown, &error))?;
        }
        self.refuse_users_of_old_name(&shown)
    }

    fn rename_type(&mut self, of: Enum, new: String) -> Result<(), DialectError> {
        self.new_type(&of.schema, &new)?;
        let (old_key, new_key) = (physical_name(&of.schema, &of.name), physical_name(&of.schema, &new));
        let shown = of.name.clone();
        let catalog = &mut self.catalog;
        catalog.enums.shift_remove(&old_key);
        catalog.enums.insert(new_key.clone(), Enum { name: new, ..of });
        let carry = |data_type: &mut DataType| match data_type {
            DataType::Enum(name) if *name == old_key => name.clone_from(&new_key),
            DataType::Array(element) if **element == DataType::Enum(old_key.clone()) => {
                **element = DataType::Enum(new_key.clone());
            }
            _ => {}
        };
        let tables: Vec<Table> =
            catalog.tables.values().filter(|table| has_column_of(table, &old_key)).cloned().collect();
        for domain in catalog.domains.values_mut() {
            carry(&mut domain.data_type);
        }
        for view in catalog.views.values_mut() {
            view.table.columns.iter_mut().for_each(|column| carry(&mut column.data_type));
        }
        let routines: Vec<_> = catalog.routines.values().cloned().collect();
        let of_type = |of: &mut RoutineType| {
            if let RoutineType::Value(data_type) = of {
                carry(data_type);
            }
        };
        for mut routine in routines {
            let before = routine.key();
            routine.arguments.iter_mut().for_each(|argument| of_type(&mut argument.data_type));
            match &mut routine.returns {
                Returns::One(of) | Returns::Set(of) => of_type(of),
                Returns::Columns { columns, .. } => columns.iter_mut().for_each(|(_, of)| carry(of)),
                Returns::Void | Returns::Trigger => {}
            }
            if routine.key() != before {
                catalog.routines.shift_remove(&before);
            }
            catalog.insert_routine(routine);
        }
        for table in tables {
            let mut after = table.clone();
            for column in &mut after.columns {
                carry(&mut column.data_type);
                if let Some(default) = &mut column.default {
                    *default = with_new_cast(default, &shown, &new_key);
                }
            }
            self.rebuild(&table, after, &[]).map_err(|error| uses(&shown, &error))?;
        }
        self.refuse_users_of_old_name(&shown)
    }

    /// What is text here and named the old name does not compile any more.
    fn refuse_users_of_old_name(&self, name: &str) -> Result<(), DialectError> {
        self.refuse_broken_views(&format!("type {name}")).map_err(|error| uses(name, &error))?;
        for table in self.catalog.tables.values() {
            for column in &table.columns {
                super::ddl::stored_default(&self.catalog, column).map_err(|error| uses(name, &error))?;
            }
            let texts = table.policies.iter().flat_map(|policy| policy.using.iter().chain(&policy.check));
            for text in texts {
                self.compile_policy(table, text).map_err(|error| uses(name, &error))?;
            }
        }
        Ok(())
    }
}

/// A default whose literal is cast to a type that has another name now.
fn with_new_cast(default: &str, old: &str, new_key: &str) -> String {
    let bare = default.strip_suffix(old).map(|before| before.trim_end_matches("public."));
    match bare.and_then(|before| before.strip_suffix("::")) {
        Some(literal) if literal.starts_with('\'') => format!("{literal}::{new_key}"),
        _ => default.to_string(),
    }
}

fn uses(name: &str, error: &DialectError) -> DialectError {
    DialectError::unsupported(format!(
        "renaming in the type {name} what expressions name ({})",
        error.message
    ))
    .with_hint("Drop the policy, view, check or default first, and create it again afterwards.")
}

/// Whether the label is new.
fn add_label(labels: &mut Vec<String>, add: &AlterTypeAddValue) -> Result<bool, DialectError> {
    let label = &add.value.value;
    if labels.contains(label) {
        if add.if_not_exists {
            return Ok(false);
        }
        return Err(DialectError::new("42710", format!("enum label \"{label}\" already exists")));
    }
    if label.len() > 63 {
        return Err(DialectError::new("42602", format!("invalid enum label \"{label}\"")));
    }
    let place = |neighbor: &Ident| {
        labels.iter().position(|of| *of == neighbor.value).ok_or_else(|| {
            DialectError::new("22023", format!("\"{}\" is not an existing enum label", neighbor.value))
        })
    };
    let at = match &add.position {
        None => labels.len(),
        Some(AlterTypeAddValuePosition::Before(neighbor)) => place(neighbor)?,
        Some(AlterTypeAddValuePosition::After(neighbor)) => place(neighbor)? + 1,
    };
    labels.insert(at, label.clone());
    Ok(true)
}

fn has_column_of(table: &Table, physical: &str) -> bool {
    table.columns.iter().any(|column| is_of(&column.data_type, physical))
}

/// Whether a type is the enum, or an array of it.
fn is_of(data_type: &DataType, physical: &str) -> bool {
    match data_type {
        DataType::Array(element) => is_of(element, physical),
        DataType::Enum(name) => name == physical,
        _ => false,
    }
}
