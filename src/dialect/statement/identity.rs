//! `ALTER COLUMN … ADD GENERATED … AS IDENTITY`, `SET GENERATED`, `RESTART`, `DROP IDENTITY`: as `pg_dump` writes tables.

use sqlparser::tokenizer::Token;

use super::alter_column::with_column;
use super::sequence::{read_options, read_restart};
use crate::dialect::DialectError;
use crate::dialect::name;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::schema::{Column, DataType, Identity, Table};
use crate::sql::physical_name;

impl Translator {
    /// Reads an `ALTER TABLE` that is one of these; `false` when it is another.
    pub(in crate::dialect) fn alter_identity(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<bool, DialectError> {
        reader.wants("ALTER TABLE")?;
        let if_exists = reader.takes("IF EXISTS");
        reader.takes("ONLY");
        let Ok((schema, relation)) = reader.qualified_name() else { return Ok(false) };
        if !reader.takes("ALTER") {
            return Ok(false);
        }
        reader.takes("COLUMN");
        let Ok(column) = reader.name() else { return Ok(false) };
        let adds = reader.takes("ADD GENERATED");
        let sets = !adds && reader.takes("SET GENERATED");
        let restarts = !adds && !sets && reader.takes("RESTART");
        let drops = !adds && !sets && !restarts && reader.takes("DROP IDENTITY");
        if !(adds || sets || restarts || drops) {
            return Ok(false);
        }
        if if_exists && self.catalog.relation(&schema, &relation).is_none() {
            return Ok(true);
        }
        let table = self.own_table(&name::object(&schema, &relation))?;
        let missing = || {
            let message = format!("column \"{column}\" of relation \"{relation}\" does not exist");
            DialectError::new("42703", message)
        };
        let of = table.column(&column).cloned().ok_or_else(missing)?;
        if adds {
            let kind = always_or_by_default(&mut reader)?;
            reader.wants("AS IDENTITY")?;
            self.add_identity(&table, of, kind, reader)?;
            return Ok(true);
        }
        let is_identity = of.identity.is_some_and(|kind| kind != Identity::Serial);
        if drops && reader.takes("IF EXISTS") && !is_identity {
            return Ok(true);
        }
        if !is_identity {
            let message = format!("column \"{column}\" of relation \"{relation}\" is not an identity column");
            return Err(DialectError::new("55000", message));
        }
        if restarts {
            let value = read_restart(&mut reader)?;
            self.restart_column(&table, &of, value)?;
            return Ok(true);
        }
        let identity = if sets { Some(always_or_by_default(&mut reader)?) } else { None };
        if !reader.is_done() {
            return Err(DialectError::unsupported("several changes of an identity column at once"));
        }
        if sets {
            // Who may choose its values is the registry's to know.
            let after = with_column(&table, Column { identity, ..of });
            self.catalog.tables.insert(physical_name(&schema, &relation), after);
        } else {
            let after = with_column(&table, Column { identity, sequence: None, ..of });
            self.rebuild(&table, after, &[])?;
        }
        Ok(true)
    }

    fn add_identity(
        &mut self,
        table: &Table,
        column: Column,
        kind: Identity,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        let (of, name) = (&table.name, &column.name);
        let wrong = |message: String| Err(DialectError::new("55000", message));
        if !matches!(column.data_type, DataType::Int2 | DataType::Int4 | DataType::Int8) {
            let message = "identity column type must be smallint, integer, or bigint";
            return Err(DialectError::new("22023", message));
        }
        if column.nullable {
            let rest = "must be declared NOT NULL before identity can be added";
            return wrong(format!("column \"{name}\" of relation \"{of}\" {rest}"));
        }
        if column.identity.is_some_and(|kind| kind != Identity::Serial) {
            return wrong(format!("column \"{name}\" of relation \"{of}\" is already an identity column"));
        }
        if column.default.is_some() || column.identity.is_some() {
            return wrong(format!("column \"{name}\" of relation \"{of}\" already has a default value"));
        }
        let options =
            if reader.peek() == Some(&Token::LParen) { Some(reader.parenthesised()?) } else { None };
        if !reader.is_done() {
            return Err(DialectError::unsupported("several changes of an identity column at once"));
        }
        let shape = read_options(options, &column.data_type)?;
        let shapes = [(column.name.clone(), shape)];
        let mut after = with_column(table, Column { identity: Some(kind), ..column });
        let start = self.number_columns(&mut after, &shapes)?;
        self.rebuild(table, after.clone(), &[])?;
        start.map_or(Ok(()), |start| self.set_rowid(&after, &start.to_string()))
    }
}

fn always_or_by_default(reader: &mut Reader<'_>) -> Result<Identity, DialectError> {
    if reader.takes("ALWAYS") {
        return Ok(Identity::Always);
    }
    reader.wants("BY DEFAULT").map(|()| Identity::ByDefault)
}
