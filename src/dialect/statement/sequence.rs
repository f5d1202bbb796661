//! `CREATE`, `ALTER` and `DROP SEQUENCE`, the sequences of identity columns, `nextval` and `setval`.

use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, Query, SelectItem, SetExpr,
};

use sqlparser::tokenizer::Token;

use super::constraint::sequence_name;
use super::ddl::rowid_column;
use crate::dialect::expression::{called_name, called_sequence};
use crate::dialect::reader::Reader;
use crate::dialect::sequence::{create_sequence, drop_sequence, set_next, take_numbers, taken_number};
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{Column, DataType, Sequence, Table};
use crate::sql::{physical_name, quote_literal, raise};

/// What numbers: a sequence, or SQLite, which numbers a table's rowid.
enum Numbers {
    Sequence(Sequence),
    Rowid(Box<Table>),
}

/// What is said of a sequence.
#[derive(Default)]
struct Wanted {
    increment: Option<i64>,
    least: Option<i64>,
    most: Option<i64>,
    start: Option<i64>,
    /// `SEQUENCE NAME` of an identity column.
    name: Option<(String, String)>,
}

/// An identity column's sequence, still without a name.
pub fn shape(data_type: &DataType, options: &[ast::SequenceOptions]) -> Result<Sequence, DialectError> {
    let mut wanted = Wanted::default();
    for option in options {
        match option {
            ast::SequenceOptions::IncrementBy(value, _) => wanted.increment = Some(number(value)?),
            ast::SequenceOptions::MinValue(value) => wanted.least = value.as_ref().map(number).transpose()?,
            ast::SequenceOptions::MaxValue(value) => wanted.most = value.as_ref().map(number).transpose()?,
            ast::SequenceOptions::StartWith(value, _) => wanted.start = Some(number(value)?),
            // Numbers are not set aside for sessions here.
            ast::SequenceOptions::Cache(_) => {}
            ast::SequenceOptions::Cycle(true) => return Err(DialectError::unsupported("CYCLE")),
            ast::SequenceOptions::Cycle(false) => {}
        }
    }
    wanted.sequence(data_type)
}

impl Wanted {
    fn sequence(self, data_type: &DataType) -> Result<Sequence, DialectError> {
        let (low, high) = match data_type {
            DataType::Int2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            DataType::Int4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let wrong = |message: String| Err(DialectError::new("22023", message));
        let increment = self.increment.unwrap_or(1);
        if increment == 0 {
            return wrong("INCREMENT must not be zero".to_string());
        }
        let least = self.least.unwrap_or(if increment > 0 { 1 } else { low });
        let most = self.most.unwrap_or(if increment > 0 { high } else { -1 });
        let start = self.start.unwrap_or(if increment > 0 { least } else { most });
        if least >= most {
            return wrong(format!("MINVALUE ({least}) must be less than MAXVALUE ({most})"));
        }
        if start < least {
            return wrong(format!("START value ({start}) cannot be less than MINVALUE ({least})"));
        }
        if start > most {
            return wrong(format!("START value ({start}) cannot be greater than MAXVALUE ({most})"));
        }
        let (schema, name) = self.name.unwrap_or_default();
        Ok(Sequence { schema, name, increment, least, most, start })
    }
}

/// The options of `CREATE SEQUENCE`, in any order (the parser wants one of its own), and of an identity column of a type.
pub fn read_options(options: Option<Reader<'_>>, of: &DataType) -> Result<Sequence, DialectError> {
    let (mut wanted, mut data_type) = (Wanted::default(), of.clone());
    let Some(mut reader) = options else { return wanted.sequence(of) };
    let reader = &mut reader;
    while !reader.is_done() {
        if reader.takes("SEQUENCE NAME") {
            wanted.name = Some(reader.qualified_name()?);
        } else if reader.takes("AS") {
            let name = reader.name()?;
            data_type = DataType::named(&name)
                .filter(|of| matches!(of, DataType::Int2 | DataType::Int4 | DataType::Int8))
                .ok_or_else(|| {
                    DialectError::new("22023", "sequence type must be smallint, integer, or bigint")
                })?;
        } else if reader.takes("INCREMENT BY") || reader.takes("INCREMENT") {
            wanted.increment = Some(read_number(reader)?);
        } else if reader.takes("START WITH") || reader.takes("START") {
            wanted.start = Some(read_number(reader)?);
        } else if reader.takes("MINVALUE") {
            wanted.least = Some(read_number(reader)?);
        } else if reader.takes("MAXVALUE") {
            wanted.most = Some(read_number(reader)?);
        } else if reader.takes("CACHE") {
            read_number(reader)?;
        } else if reader.takes("OWNED BY") {
            // It goes with no column; it is dropped by its own name.
            reader.name()?;
            while reader.takes_token(&Token::Period) {
                reader.name()?;
            }
        } else if reader.takes("CYCLE") {
            return Err(DialectError::unsupported("CYCLE"));
        } else if !(reader.takes("NO MINVALUE") || reader.takes("NO MAXVALUE") || reader.takes("NO CYCLE")) {
            return Err(reader.syntax());
        }
    }
    wanted.sequence(&data_type)
}

/// What follows `RESTART`: a value, or that of the start.
pub fn read_restart(reader: &mut Reader<'_>) -> Result<Option<i64>, DialectError> {
    reader.takes("WITH");
    match reader.text_left().trim() {
        "" => Ok(None),
        text => text.parse::<i64>().map(Some).map_err(|_| reader.syntax()),
    }
}

fn read_number(reader: &mut Reader<'_>) -> Result<i64, DialectError> {
    let sign = if reader.takes_token(&Token::Minus) { "-" } else { "" };
    match reader.next() {
        Some(Token::Number(digits, _)) => format!("{sign}{digits}").parse().map_err(|_| reader.syntax()),
        _ => Err(reader.syntax()),
    }
}

fn number(value: &Expr) -> Result<i64, DialectError> {
    value
        .to_string()
        .replace(' ', "")
        .parse()
        .map_err(|_| DialectError::unsupported(format!("the number {value}")))
}

impl Translator {
    pub(in crate::dialect) fn create_sequence(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("CREATE SEQUENCE")?;
        let if_not_exists = reader.takes("IF NOT EXISTS");
        let (schema, name) = reader.qualified_name()?;
        let shape = read_options(Some(reader), &DataType::Int8)?;
        if if_not_exists && self.catalog.sequences.contains_key(&physical_name(&schema, &name)) {
            return Ok(());
        }
        self.new_relation(&schema, &name)?;
        if self.catalog.sequences.contains_key(&physical_name(&schema, &name)) {
            return Err(DialectError::new("42P07", format!("relation \"{name}\" already exists")));
        }
        self.add_sequence(Sequence { schema, name, ..shape })
    }

    fn add_sequence(&mut self, sequence: Sequence) -> Result<(), DialectError> {
        let sql = create_sequence(&sequence);
        self.catalog.sequences.insert(physical_name(&sequence.schema, &sequence.name), sequence);
        self.push(sql)
    }

    /// Gives each identity column that SQLite cannot number a sequence, before its table is made, and gives
    /// the start of the one it does number.
    pub(super) fn number_columns(
        &mut self,
        table: &mut Table,
        shapes: &[(String, Sequence)],
    ) -> Result<Option<i64>, DialectError> {
        let mut rowid_start = None;
        for (column, shape) in shapes {
            let name = sequence_name(&self.catalog, table, column);
            let is_usual = shape.name.is_empty() || shape.name == name;
            let is_rowid =
                is_usual && rowid_column(table) == Some(column) && shape.increment == 1 && shape.least == 1;
            if is_rowid {
                rowid_start = Some(shape.start).filter(|start| *start != 1);
                continue;
            }
            let name = if is_usual { name } else { shape.name.clone() };
            self.new_relation(&table.schema, &name)?;
            let sequence = Sequence { schema: table.schema.clone(), name, ..shape.clone() };
            let key = physical_name(&sequence.schema, &sequence.name);
            for of in table.columns.iter_mut().filter(|of| of.name == *column) {
                of.sequence = Some(key.clone());
            }
            self.add_sequence(sequence)?;
        }
        Ok(rowid_start)
    }

    /// Numbers the rows of a new identity column from its sequence; gives their SQL.
    pub(super) fn numbers_of_rows(
        &mut self,
        table: &Table,
        column: &Column,
    ) -> Result<Option<String>, DialectError> {
        let Some(sequence) =
            column.sequence.as_ref().and_then(|key| self.catalog.sequences.get(key)).cloned()
        else {
            return Ok(None);
        };
        let count = format!("SELECT count(*) FROM {}", table.physical());
        for sql in take_numbers(&sequence, &count) {
            self.push(sql)?;
        }
        Ok(Some(taken_number(&sequence, "count(*) OVER () - row_number() OVER (ORDER BY rowid) + 1")))
    }

    /// Where SQLite's own numbering of a table goes on.
    pub(super) fn set_rowid(&mut self, table: &Table, next: &str) -> Result<(), DialectError> {
        let name = quote_literal(&physical_name(&table.schema, &table.name));
        self.push(format!("DELETE FROM sqlite_sequence\nWHERE name = {name}\n  AND ({next}) IS NOT NULL"))?;
        self.push(format!(
            "INSERT INTO sqlite_sequence (name, seq)\nSELECT {name}, value - 1\nFROM (SELECT ({next}) AS value)\nWHERE value IS NOT NULL"
        ))
    }

    /// Sequences of columns that are gone go too.
    pub(in crate::dialect) fn drop_unused_sequences(
        &mut self,
        before: &[String],
    ) -> Result<(), DialectError> {
        let used = |key: &String| {
            self.catalog
                .tables
                .values()
                .flat_map(|of| &of.columns)
                .any(|of| of.sequence.as_ref() == Some(key))
        };
        let gone: Vec<String> = before.iter().filter(|key| !used(key)).cloned().collect();
        for key in gone {
            if self.catalog.sequences.shift_remove(&key).is_some() {
                self.push(drop_sequence(&key))?;
            }
        }
        Ok(())
    }

    /// The sequences that columns own.
    pub(in crate::dialect) fn owned_sequences(&self) -> Vec<String> {
        self.catalog.tables.values().flat_map(|of| &of.columns).filter_map(|of| of.sequence.clone()).collect()
    }

    pub(super) fn drop_sequence(&mut self, object: &ObjectName, if_exists: bool) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let key = physical_name(&schema, &name);
        if !self.catalog.sequences.contains_key(&key) {
            if if_exists {
                return Ok(());
            }
            return Err(DialectError::new("42P01", format!("sequence \"{name}\" does not exist")));
        }
        for table in self.catalog.tables.values() {
            for column in &table.columns {
                let names_it = column
                    .default
                    .as_ref()
                    .is_some_and(|text| text.contains("nextval") && text.contains(&name));
                if column.sequence.as_ref() == Some(&key) || names_it {
                    let message = format!(
                        "cannot drop sequence {name} because other objects depend on it: default value for column {} of table {}",
                        column.name, table.name
                    );
                    return Err(
                        DialectError::new("2BP01", message).with_hint("Drop what depends on it first.")
                    );
                }
            }
        }
        self.catalog.sequences.shift_remove(&key);
        self.push(drop_sequence(&key))
    }

    /// `ALTER SEQUENCE name RESTART [WITH n]`, and what changes nothing here: its owner, its column.
    pub(in crate::dialect) fn alter_sequence(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER SEQUENCE")?;
        let if_exists = reader.takes("IF EXISTS");
        let (schema, name) = reader.qualified_name()?;
        let Some(numbers) = self.numbers(&schema, &name) else {
            let missing = DialectError::new("42P01", format!("relation \"{name}\" does not exist"));
            return if if_exists { Ok(()) } else { Err(missing) };
        };
        if reader.takes("OWNER TO") || reader.takes("OWNED BY") {
            return Ok(());
        }
        if !reader.takes("RESTART") {
            return Err(DialectError::unsupported("ALTER SEQUENCE other than … RESTART")
                .with_hint("Drop the sequence, and create it again."));
        }
        let value = read_restart(&mut reader)?;
        self.restart(numbers, value)
    }

    /// The same of an identity column's numbers.
    pub(super) fn restart_column(
        &mut self,
        table: &Table,
        column: &Column,
        value: Option<i64>,
    ) -> Result<(), DialectError> {
        let sequence = column.sequence.as_ref().and_then(|key| self.catalog.sequences.get(key)).cloned();
        let rowid = || Numbers::Rowid(Box::new(table.clone()));
        self.restart(sequence.map_or_else(rowid, Numbers::Sequence), value)
    }

    fn restart(&mut self, numbers: Numbers, value: Option<i64>) -> Result<(), DialectError> {
        match numbers {
            Numbers::Sequence(sequence) => {
                let value = value.unwrap_or(sequence.start);
                if value < sequence.least || value > sequence.most {
                    let message = format!(
                        "RESTART value ({value}) is out of bounds ({}..{})",
                        sequence.least, sequence.most
                    );
                    return Err(DialectError::new("22023", message));
                }
                self.push(set_next(&sequence, &value.to_string()))
            }
            Numbers::Rowid(table) => self.set_rowid(&table, &value.unwrap_or(1).to_string()),
        }
    }

    fn numbers(&self, schema: &str, name: &str) -> Option<Numbers> {
        if let Some(sequence) = self.catalog.sequences.get(&physical_name(schema, name)) {
            return Some(Numbers::Sequence(sequence.clone()));
        }
        let is_its = |table: &&Table| {
            table.schema == schema
                && rowid_column(table).is_some_and(|column| name == format!("{}_{column}_seq", table.name))
        };
        self.catalog.tables.values().find(is_its).cloned().map(|table| Numbers::Rowid(Box::new(table)))
    }

    /// `SELECT nextval('s')` and `SELECT setval('s', …)`; `false` for any other query.
    pub(super) fn sequence_query(&mut self, query: &Query) -> Result<bool, DialectError> {
        let SetExpr::Select(select) = query.body.as_ref() else { return Ok(false) };
        let [
            SelectItem::UnnamedExpr(Expr::Function(function))
            | SelectItem::ExprWithAlias { expr: Expr::Function(function), .. },
        ] = select.projection.as_slice()
        else {
            return Ok(false);
        };
        let called = called_name(function)?;
        if called != "nextval" && called != "setval" {
            return Ok(false);
        }
        let output = match select.projection.first() {
            Some(SelectItem::ExprWithAlias { alias, .. }) => name::folded(alias),
            _ => called.clone(),
        };
        let output = quote_literal(&output);
        let FunctionArguments::List(list) = &function.args else { return Ok(false) };
        let arguments: Vec<&Expr> = list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                _ => None,
            })
            .collect();
        let [of, values @ ..] = arguments.as_slice() else { return Ok(false) };
        let piece = self.lowered(|lowering| lowering.lower(of))?;
        let (schema, name) = called_sequence(&piece)?;
        let numbers = self
            .numbers(&schema, &name)
            .ok_or_else(|| DialectError::new("42P01", format!("relation \"{name}\" does not exist")))?;
        let answer = match (called.as_str(), values, numbers) {
            ("nextval", [], Numbers::Sequence(sequence)) if select.from.is_empty() => {
                for sql in take_numbers(&sequence, "1") {
                    self.push(sql)?;
                }
                taken_number(&sequence, "1")
            }
            ("nextval", ..) => {
                return Err(DialectError::unsupported(
                    "nextval() of the primary key's sequence, or over rows",
                ));
            }
            (_, [_] | [_, _], numbers) => self.set_value(query, values, numbers)?,
            _ => return Ok(false),
        };
        self.push(format!("SELECT json_object({output}, {answer}) AS \"row\""))?;
        self.answer = Some(self.statements.len() - 1);
        Ok(true)
    }

    /// `setval`; gives the value.
    fn set_value(
        &mut self,
        query: &Query,
        values: &[&Expr],
        numbers: Numbers,
    ) -> Result<String, DialectError> {
        let mut query = query.clone();
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.projection =
                values.iter().map(|value| SelectItem::UnnamedExpr((*value).clone())).collect();
        }
        let lowered = self.lowered(|lowering| lowering.subquery(&query))?;
        let fits = lowered
            .columns
            .first()
            .is_some_and(|(_, of)| matches!(of, DataType::Int2 | DataType::Int4 | DataType::Int8));
        if !fits {
            return Err(DialectError::new("42883", "setval() wants a bigint").with_hint("Cast the value."));
        }
        let (value, called) = (lowered.column_sql(0, "set"), lowered.column_sql(1, "set"));
        let called = if values.len() == 2 { called } else { "1".to_string() };
        let of = |sql: &str| format!("(SELECT {sql} FROM ({}) AS \"/set\")", lowered.sql);
        match numbers {
            Numbers::Sequence(sequence) => {
                let (least, most) = (sequence.least, sequence.most);
                let error = raise(&format!(
                    "'22003:setval: value ' || {value} || {}",
                    quote_literal(&format!(
                        " is out of bounds for sequence \"{}\" ({least}..{most})",
                        sequence.name
                    ))
                ));
                self.push(format!(
                    "SELECT {}",
                    of(&format!("CASE WHEN {value} NOT BETWEEN {least} AND {most} THEN {error} END"))
                ))?;
                let step = sequence.increment;
                self.push(set_next(
                    &sequence,
                    &of(&format!("{value} + CASE WHEN {called} THEN {step} ELSE 0 END")),
                ))?;
            }
            Numbers::Rowid(table) => {
                let name = rowid_column(&table)
                    .map(|column| format!("{}_{column}_seq", table.name))
                    .unwrap_or_default();
                let error = raise(&format!(
                    "'22003:setval: value ' || {value} || {}",
                    quote_literal(&format!(
                        " is out of bounds for sequence \"{name}\" (1..9223372036854775807)"
                    ))
                ));
                self.push(format!("SELECT {}", of(&format!("CASE WHEN {value} < 1 THEN {error} END"))))?;
                self.set_rowid(&table, &of(&format!("{value} + CASE WHEN {called} THEN 1 ELSE 0 END")))?;
            }
        }
        Ok(of(&value))
    }
}
