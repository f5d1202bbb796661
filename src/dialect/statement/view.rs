//! `CREATE VIEW`, `ALTER VIEW`, `REFRESH MATERIALIZED VIEW`.
//!
//! A view is a registry row and no SQLite statement. It is compiled here once, so that one which cannot be is refused
//! now. A materialized view is a table besides, which its query fills.

use sqlparser::ast::{AlterTableOperation, ObjectName, RenameTableNameKind};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::create_table::add_column;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::view::{Analysis, analyse, system_query};
use crate::dialect::{DialectError, name, parse};
use crate::schema::{CheckOption, Column, Table, View, Written};
use crate::sql::{physical_name, quote_identifier};

/// What may follow a view's query.
#[rustfmt::skip]
const TAILS: &[(&[&str], Tail)] = &[
    (&["WITH", "CHECK", "OPTION"],             Tail::Check(CheckOption::Cascaded)),
    (&["WITH", "CASCADED", "CHECK", "OPTION"], Tail::Check(CheckOption::Cascaded)),
    (&["WITH", "LOCAL", "CHECK", "OPTION"],    Tail::Check(CheckOption::Local)),
    (&["WITH", "NO", "DATA"],                  Tail::NoData),
    (&["WITH", "DATA"],                        Tail::Data),
];

#[derive(Clone, Copy)]
enum Tail {
    Check(CheckOption),
    Data,
    NoData,
}

/// The parameters of a view.
#[derive(Clone, Copy, Default)]
pub struct Options {
    security_invoker: Option<bool>,
    check_option: Option<CheckOption>,
}

impl Translator {
    pub(in crate::dialect) fn create_view(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("CREATE")?;
        let or_replace = reader.takes("OR REPLACE");
        let materialized = reader.takes("MATERIALIZED");
        reader.wants("VIEW")?;
        let if_not_exists = materialized && reader.takes("IF NOT EXISTS");
        let (schema, name) = reader.qualified_name()?;
        let mut names = Vec::new();
        if reader.peek() == Some(&Token::LParen) {
            for mut column in reader.parenthesised()?.list() {
                names.push(column.name()?);
            }
        }
        let mut options = Options::default();
        if !materialized && reader.takes("WITH") {
            options = read_options(reader.parenthesised()?)?;
        }
        reader.wants("AS")?;
        let mut tokens = reader.tokens_left();
        match take_tail(&mut tokens) {
            Some(Tail::Check(check)) if !materialized => options.check_option = Some(check),
            Some(Tail::Check(_)) => {
                return Err(DialectError::new("42601", "syntax error at or near \"CHECK\""));
            }
            Some(Tail::NoData) => return Err(DialectError::unsupported("WITH NO DATA")),
            Some(Tail::Data) | None => {}
        }
        if if_not_exists && self.catalog.relation(&schema, &name).is_some() {
            return Ok(());
        }
        let analysis = analyse(&self.catalog, &parse::query(tokens)?.to_string())?;
        let mut view = new_view((schema, name), &names, options, analysis, materialized)?;
        view.table.privileges = self.catalog.default_privileges.of_table(&view.table.schema);
        if materialized {
            return self.materialize(view);
        }
        match self.catalog.view(&view.table.schema, &view.table.name).cloned() {
            Some(before) if or_replace => self.replace_view(&before, view),
            _ => {
                if or_replace && self.catalog.table(&view.table.schema, &view.table.name).is_some() {
                    return Err(DialectError::new("42809", format!("\"{}\" is not a view", view.table.name)));
                }
                self.new_relation(&view.table.schema, &view.table.name)?;
                self.keep_view(view);
                Ok(())
            }
        }
    }

    fn keep_view(&mut self, view: View) {
        self.catalog.views.insert(physical_name(&view.table.schema, &view.table.name), view);
        self.catalog.find_view_keys();
    }

    /// The columns that were there must stay as they were; new ones may follow.
    fn replace_view(&mut self, before: &View, mut after: View) -> Result<(), DialectError> {
        if before.materialized {
            return Err(DialectError::new("42809", format!("\"{}\" is not a view", before.table.name)));
        }
        if after.table.columns.len() < before.table.columns.len() {
            return Err(DialectError::new("42P16", "cannot drop columns from view"));
        }
        for (old, new) in before.table.columns.iter().zip(&after.table.columns) {
            if old.name != new.name {
                let message =
                    format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name);
                return Err(DialectError::new("42P16", message).with_hint(
                    "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.",
                ));
            }
            if old.data_type != new.data_type {
                let (from, to) = (old.data_type.display_name(), new.data_type.display_name());
                let message =
                    format!("cannot change data type of view column \"{}\" from {from} to {to}", old.name);
                return Err(DialectError::new("42P16", message));
            }
        }
        after.table.privileges = before.table.privileges.clone();
        let key = physical_name(&after.table.schema, &after.table.name);
        self.keep_view(after);
        if self.reads_itself(&key) {
            let message =
                format!("infinite recursion detected in rules for relation \"{}\"", before.table.name);
            return Err(DialectError::new("42P17", message));
        }
        // Views over it have their columns' origins through it.
        self.analyse_views_again()
    }

    fn reads_itself(&self, key: &str) -> bool {
        let mut pending = vec![key];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(next) = pending.pop() {
            let reads = self.catalog.views.get(next).map(|view| view.reads.as_slice()).unwrap_or_default();
            for read in reads {
                if read == key {
                    return true;
                }
                if !seen.contains(&read.as_str()) {
                    seen.push(read);
                    pending.push(read);
                }
            }
        }
        false
    }

    fn materialize(&mut self, view: View) -> Result<(), DialectError> {
        self.new_relation(&view.table.schema, &view.table.name)?;
        self.add_table(view.table.clone())?;
        self.fill(&view.table, &view.definition)?;
        self.keep_view(view);
        Ok(())
    }

    /// Puts a query's rows into a table of its columns.
    pub(super) fn fill(&mut self, table: &Table, definition: &str) -> Result<(), DialectError> {
        let columns: Vec<String> =
            table.columns.iter().map(|column| quote_identifier(&column.name)).collect();
        let query = system_query(&self.catalog, definition)?;
        self.push(format!(
            "INSERT INTO {} ({})\nSELECT *\nFROM ({query})",
            table.physical(),
            columns.join(", ")
        ))
    }

    pub(in crate::dialect) fn refresh_view(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("REFRESH MATERIALIZED VIEW")?;
        let concurrently = reader.takes("CONCURRENTLY");
        let (schema, name) = reader.qualified_name()?;
        if reader.takes("WITH NO DATA") {
            return Err(DialectError::unsupported("WITH NO DATA"));
        }
        reader.takes("WITH DATA");
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        let view = self.any_view(&schema, &name)?;
        if !view.materialized {
            return Err(DialectError::new("0A000", format!("\"{name}\" is not a materialized view")));
        }
        let has_key = |table: &Table| !table.uniques.is_empty();
        if concurrently && !self.catalog.table(&schema, &name).is_some_and(has_key) {
            let message = format!("cannot refresh materialized view \"{schema}.{name}\" concurrently");
            return Err(DialectError::new("55000", message).with_hint(
                "Create a unique index with no WHERE clause on one or more columns of the materialized view.",
            ));
        }
        self.push(format!("DELETE FROM {}", view.table.physical()))?;
        self.fill(&view.table, &view.definition)
    }

    pub(in crate::dialect) fn alter_view(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER")?;
        let materialized = reader.takes("MATERIALIZED");
        reader.wants("VIEW")?;
        let if_exists = reader.takes("IF EXISTS");
        let (schema, name) = reader.qualified_name()?;
        let mut view = match self.any_view(&schema, &name) {
            Err(error) if if_exists && error.code == "42P01" => return Ok(()),
            view => view?,
        };
        if view.materialized != materialized {
            let kind = if materialized { "materialized view" } else { "view" };
            return Err(DialectError::new("42809", format!("\"{name}\" is not a {kind}")));
        }
        if reader.takes("OWNER TO") {
            return Ok(());
        }
        if reader.takes("RENAME TO") {
            let new = reader.name()?;
            return self.rename_view(&view, &new);
        }
        if reader.takes("RENAME") && !materialized {
            reader.takes("COLUMN");
            let old = reader.name()?;
            reader.wants("TO")?;
            let new = reader.name()?;
            return self.rename_view_column(&view, &old, &new);
        }
        if !materialized && reader.takes("SET") && reader.peek() == Some(&Token::LParen) {
            let options = read_options(reader.parenthesised()?)?;
            if options.check_option.is_some() {
                refuse_needless_check(&view)?;
            }
            view.security_invoker = options.security_invoker.unwrap_or(view.security_invoker);
            view.check_option = options.check_option.or(view.check_option);
        } else if !materialized && reader.takes("RESET") {
            for mut option in reader.parenthesised()?.list() {
                match option.name()?.as_str() {
                    "security_invoker" => view.security_invoker = false,
                    "check_option" => view.check_option = None,
                    _ => {}
                }
            }
        } else {
            let kind = if materialized { "ALTER MATERIALIZED VIEW" } else { "ALTER VIEW" };
            return Err(DialectError::unsupported(format!("this form of {kind}")));
        }
        self.keep_view(view);
        Ok(())
    }

    /// The view that an ALTER TABLE names; `None` when it names none.
    pub(super) fn altered_view(&self, object: &ObjectName) -> Result<Option<View>, DialectError> {
        let (schema, name) = name::qualified(object)?;
        Ok(self.catalog.view(&schema, &name).cloned())
    }

    /// Postgres takes some forms of ALTER TABLE for views.
    pub(super) fn alter_view_as_table(
        &mut self,
        view: &View,
        operation: &AlterTableOperation,
    ) -> Result<(), DialectError> {
        use AlterTableOperation as Operation;
        if view.partition {
            return self.alter_partition(view, operation);
        }
        match operation {
            Operation::OwnerTo { .. } => Ok(()),
            Operation::RenameTable {
                table_name: RenameTableNameKind::As(object) | RenameTableNameKind::To(object),
            } => self.rename_view(view, &name::single(object)?),
            Operation::RenameColumn { old_column_name, new_column_name } if !view.materialized => {
                self.rename_view_column(view, &name::folded(old_column_name), &name::folded(new_column_name))
            }
            _ => Err(DialectError::new(
                "42809",
                format!("this ALTER action cannot be performed on relation \"{}\"", view.table.name),
            )
            .with_hint("This operation is not supported for views.")),
        }
    }

    pub(super) fn any_view(&self, schema: &str, name: &str) -> Result<View, DialectError> {
        if let Some(view) = self.catalog.view(schema, name) {
            return Ok(view.clone());
        }
        if self.catalog.table(schema, name).is_some() {
            return Err(DialectError::new("42809", format!("\"{name}\" is not a view")));
        }
        Err(DialectError::new("42P01", format!("relation \"{name}\" does not exist")))
    }
}

/// The view of a name that a query is, its columns under these names as far as they go.
pub fn new_view(
    (schema, name): (String, String),
    names: &[String],
    options: Options,
    analysis: Analysis,
    materialized: bool,
) -> Result<View, DialectError> {
    if names.len() > analysis.columns.len() {
        let message = "CREATE VIEW specifies more column names than columns";
        return Err(DialectError::new("42601", message));
    }
    let mut table = Table::new(schema, name);
    for (index, (name, data_type)) in analysis.columns.into_iter().enumerate() {
        let name = names.get(index).cloned().unwrap_or(name);
        add_column(&mut table, Column::new(name, data_type))?;
    }
    let view = View {
        table,
        definition: analysis.definition,
        security_invoker: options.security_invoker.unwrap_or(false),
        check_option: options.check_option,
        origins: analysis.origins,
        reads: analysis.reads,
        written: analysis.written,
        below: analysis.below,
        materialized,
        partition: false,
    };
    if view.check_option.is_some() {
        refuse_needless_check(&view)?;
    }
    Ok(view)
}

fn refuse_needless_check(view: &View) -> Result<(), DialectError> {
    match &view.written {
        Written::Through(_) => Ok(()),
        Written::Refused(reason) => {
            let message = "WITH CHECK OPTION is supported only on automatically updatable views";
            Err(DialectError::new("0A000", message).with_hint(reason.clone()))
        }
    }
}

/// `(security_invoker = on, security_barrier, check_option = local)`.
fn read_options(list: Reader<'_>) -> Result<Options, DialectError> {
    let mut options = Options::default();
    for mut option in list.list() {
        let name = option.name()?;
        let value = if option.takes_token(&Token::Eq) {
            let token = option.next().ok_or_else(|| option.syntax())?;
            token.to_string().trim_matches('\'').to_lowercase()
        } else {
            "true".to_string()
        };
        let truth = || match value.as_str() {
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => {
                let message = format!("invalid value for boolean option \"{name}\": {value}");
                Err(DialectError::new("22023", message))
            }
        };
        match name.as_str() {
            "security_invoker" => options.security_invoker = Some(truth()?),
            // No function of a caller's sees a row before the conditions have passed it: there are none that could tell.
            "security_barrier" => {
                truth()?;
            }
            "check_option" => {
                options.check_option = Some(match value.as_str() {
                    "local" => CheckOption::Local,
                    "cascaded" => CheckOption::Cascaded,
                    _ => {
                        let message = format!("invalid value for enum option \"check_option\": {value}");
                        return Err(DialectError::new("22023", message)
                            .with_hint("Valid values are \"local\" and \"cascaded\"."));
                    }
                });
            }
            _ => return Err(DialectError::new("22023", format!("unrecognized parameter \"{name}\""))),
        }
    }
    Ok(options)
}

/// Takes `WITH [NO] DATA` from a query's end: whether its rows are wanted.
pub fn takes_rows(tokens: &mut Vec<TokenWithSpan>) -> Result<bool, DialectError> {
    match take_tail(tokens) {
        Some(Tail::NoData) => Ok(false),
        Some(Tail::Data) | None => Ok(true),
        Some(Tail::Check(_)) => Err(DialectError::new("42601", "syntax error at or near \"CHECK\"")),
    }
}

fn take_tail(tokens: &mut Vec<TokenWithSpan>) -> Option<Tail> {
    let word = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    };
    let ends = |words: &[&str]| {
        let start = tokens.len().checked_sub(words.len());
        let last = start.and_then(|start| tokens.get(start..)).unwrap_or_default();
        last.len() == words.len() && last.iter().map(word).eq(words.iter().copied())
    };
    let (words, tail) = TAILS.iter().find(|(words, _)| ends(words))?;
    tokens.truncate(tokens.len() - words.len());
    Some(*tail)
}
