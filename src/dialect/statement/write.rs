//! `SELECT`, `UPDATE`, `DELETE` and `TRUNCATE` as the system runs them: no policies.

use sqlparser::ast::{
    self, Assignment, AssignmentTarget, Delete, Expr, FromTable, Query, SelectItem, SetExpr, TableFactor,
    TableWithJoins, Truncate, Update, UpdateTableFromKind, With,
};

use crate::dialect::expression::{Expression, Lowering, Piece, Place, Relation, Scope, row_fields};
use crate::dialect::name::folded;
use crate::dialect::plpgsql::{Condition, Machine, Sink, cleared};
use crate::dialect::query::{LoweredQuery, Output, column_name, row_object};
use crate::dialect::routine::{needs_statements, only_call};
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::trigger::written;
use crate::dialect::write::{
    has_before, has_writes, refuse_written, returned, run_with, taken_apart, unwritten,
};
use crate::dialect::{DialectError, name};
use crate::schema::{Column, Command, Identity, Table};
use crate::sql::{balanced, quote_identifier, quote_literal, raise};

impl Translator {
    pub(in crate::dialect) fn query(&mut self, query: &Query) -> Result<(), DialectError> {
        if has_writes(query.with.as_ref()) {
            return self.with_writes(query);
        }
        match query.body.as_ref() {
            SetExpr::Insert(ast::Statement::Insert(insert)) => {
                return self.insert_with(insert, query.with.as_ref());
            }
            SetExpr::Update(ast::Statement::Update(update)) => {
                return self.update_with(update, query.with.as_ref());
            }
            SetExpr::Delete(ast::Statement::Delete(delete)) => {
                return self.delete_with(delete, query.with.as_ref());
            }
            _ => {}
        }
        if self.sequence_query(query)? {
            return Ok(());
        }
        let lowered = match self.lowered(|lowering| lowering.subquery(query)) {
            Err(error) if needs_statements(&error) => return self.call(query, error),
            lowered => lowered?,
        };
        self.answer_with(&lowered)
    }

    fn answer_with(&mut self, rows: &LoweredQuery) -> Result<(), DialectError> {
        let object = row_object(rows);
        self.push(format!("SELECT {object} AS \"row\" FROM ({}) AS \"/answer\"", rows.sql))?;
        self.answer = Some(self.statements.len() - 1);
        Ok(())
    }

    /// `SELECT f(…)` of a function that writes: its statements, then its value.
    fn call(&mut self, query: &Query, error: DialectError) -> Result<(), DialectError> {
        let Some(Expr::Function(function)) = only_call(query) else { return Err(error) };
        self.restore_triggers()?;
        let prefix = format!("/call/{}", self.statements.len());
        let catalog = self.catalog.clone();
        let mut environment = SystemEnvironment::of_statement();
        let mut machine = Machine::new(&catalog, &mut environment, Sink::statements(&prefix), Vec::new());
        machine.prefix.clone_from(&prefix);
        let value = match machine.nested_call(&Expr::Function(function.clone()), error)? {
            // What a function of type void gives is no NULL.
            Piece::Null => Piece::text("''"),
            value => value,
        };
        if let Sink::Statements { statements, .. } = machine.sink {
            statements.into_iter().try_for_each(|sql| self.push(sql))?;
        }
        let (sql, data_type) = value.resolved(&catalog)?;
        let name = name::parts(&function.name)?.pop().unwrap_or_default();
        let sql = format!("SELECT {sql} AS {}", column_name(0));
        self.answer_with(&LoweredQuery {
            sql,
            columns: vec![(name, data_type)],
            is_single: true,
            value: None,
        })?;
        self.push(cleared(&prefix))
    }

    /// A statement with WITH queries that write: several, the answer's rows last.
    pub(super) fn with_writes(&mut self, query: &Query) -> Result<(), DialectError> {
        let prefix = format!("/statement/{}", self.statements.len());
        let mut sink = Sink::statements(&prefix);
        let answer = self.lowered(|lowering| {
            let (with, statement) = taken_apart(&ast::Statement::Query(Box::new(query.clone())));
            let mut written = Vec::new();
            let always = Condition::always();
            if let Some(with) = with {
                run_with(lowering, &mut sink, &with, &always, &mut written)?;
            }
            match &statement {
                ast::Statement::Query(query) => unwritten(lowering.subquery(query)?, &written).map(Some),
                statement => {
                    let (of, rows) = returned(lowering, &mut sink, statement, &always)?;
                    refuse_written(&of.sql, &written)?;
                    Ok(rows)
                }
            }
        })?;
        if let Sink::Statements { statements, .. } = sink {
            statements.into_iter().try_for_each(|sql| self.push(sql))?;
        }
        if let Some(rows) = &answer {
            self.push(format!("SELECT {} AS \"row\" FROM ({}) AS \"/answer\"", row_object(rows), rows.sql))?;
        }
        self.answer = answer.map(|_| self.statements.len() - 1);
        self.push(cleared(&prefix))
    }

    /// `WITH … INSERT`: the WITH goes to the query that gives the rows.
    fn insert_with(&mut self, insert: &ast::Insert, with: Option<&With>) -> Result<(), DialectError> {
        let mut insert = insert.clone();
        match (&mut insert.source, with) {
            (_, None) => {}
            (Some(source), Some(with)) if source.with.is_none() => source.with = Some(with.clone()),
            _ => return Err(DialectError::unsupported("WITH around this INSERT")),
        }
        self.insert(&insert)
    }

    pub(in crate::dialect) fn update(&mut self, update: &Update) -> Result<(), DialectError> {
        self.update_with(update, None)
    }

    fn update_with(&mut self, update: &Update, with: Option<&With>) -> Result<(), DialectError> {
        if let Some((view, alias)) = self.view_target(&update.table)? {
            return self.update_view(&view, alias.as_deref(), update);
        }
        if update.output.is_some()
            || update.or.is_some()
            || !update.order_by.is_empty()
            || update.limit.is_some()
        {
            return Err(DialectError::unsupported("this form of UPDATE"));
        }
        let (table, alias) = self.target(&update.table)?;
        let names = assigned_names(&update.assignments)?;
        if has_before(&self.catalog, &table, &[Command::Update])? {
            let sql = self.lowered(|lowering| {
                let with = with.map(|with| lowering.with(with)).transpose()?;
                let written = crate::dialect::write::update(lowering, update, &Condition::always())?;
                Ok(with.map(|with| format!("{with}\n")).unwrap_or_default() + &written.sql)
            })?;
            let returning = self.returning(&table, alias.as_deref(), update.returning.as_deref())?;
            return self.push_fired(&table, Command::Update, names, &sql, returning.as_deref());
        }
        let sources = match &update.from {
            None => &[],
            Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => {
                tables.as_slice()
            }
        };
        let sql = self.lowered(|lowering| {
            let with = with.map(|with| lowering.with(with)).transpose()?;
            lowering.scopes.push(target_scope(&table, alias.as_deref()));
            let from = lowering.sources_of_update(sources)?;
            let assignments = assignments(lowering, &table, &update.assignments)?;
            let mut conditions = from.filters;
            if let Some(selection) = &update.selection {
                conditions.push(lowering.condition(selection)?);
            }
            let with = with.map(|with| format!("{with}\n")).unwrap_or_default();
            let mut sql = format!("{with}UPDATE {}\nSET {assignments}", table.physical());
            if !from.sql.is_empty() {
                sql.push_str(&format!("\nFROM {}", from.sql));
            }
            if !conditions.is_empty() {
                sql.push_str(&format!("\nWHERE {}", balanced(conditions, " AND ")));
            }
            Ok(sql)
        })?;
        let returning = self.returning(&table, alias.as_deref(), update.returning.as_deref())?;
        self.push_fired(&table, Command::Update, names, &sql, returning.as_deref())
    }

    pub(in crate::dialect) fn delete(&mut self, delete: &Delete) -> Result<(), DialectError> {
        self.delete_with(delete, None)
    }

    fn delete_with(&mut self, delete: &Delete, with: Option<&With>) -> Result<(), DialectError> {
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        if let Some((view, alias)) = tables.first().map(|of| self.view_target(of)).transpose()?.flatten() {
            return self.delete_from_view(&view, alias.as_deref(), delete);
        }
        let plain = delete.tables.is_empty()
            && delete.output.is_none()
            && delete.order_by.is_empty()
            && delete.limit.is_none();
        let ([target], true) = (tables.as_slice(), plain) else {
            return Err(DialectError::unsupported("this form of DELETE"));
        };
        let (table, alias) = self.target(target)?;
        let condition = self.lowered(|lowering| {
            let with = with.map(|with| lowering.with(with)).transpose()?;
            let condition = match &delete.using {
                None => {
                    lowering.scopes.push(target_scope(&table, alias.as_deref()));
                    delete.selection.as_ref().map(|selection| lowering.condition(selection)).transpose()?
                }
                Some(sources) => {
                    Some(beside(lowering, &table, alias.as_deref(), sources, delete.selection.as_ref())?)
                }
            };
            Ok((with, condition))
        })?;
        let (with, condition) = condition;
        let with = with.map(|with| format!("{with}\n")).unwrap_or_default();
        let condition = condition.map(|sql| format!("\nWHERE {sql}")).unwrap_or_default();
        let returning = self.returning(&table, alias.as_deref(), delete.returning.as_deref());
        let returning = returning.map_err(|error| match (error.code, &delete.using) {
            ("42P01" | "42703", Some(_)) => DialectError::unsupported("RETURNING of the tables in USING"),
            _ => error,
        })?;
        let sql = format!("{with}DELETE FROM {}{condition}", table.physical());
        self.push_fired(&table, Command::Delete, Vec::new(), &sql, returning.as_deref())
    }

    /// Postgres refuses to truncate what other tables refer to, even when no row does.
    pub(in crate::dialect) fn truncate(&mut self, truncate: &Truncate) -> Result<(), DialectError> {
        let mut tables = Vec::new();
        for target in &truncate.table_names {
            tables.push(self.own_table(&target.name)?);
        }
        let cascades = truncate.cascade == Some(ast::CascadeOption::Cascade);
        if cascades {
            self.with_referring(&mut tables);
        }
        for table in &tables {
            let refers = |other: &&Table| {
                !tables.iter().any(|along| along.schema == other.schema && along.name == other.name)
                    && other
                        .foreign_keys
                        .iter()
                        .any(|key| key.foreign_schema == table.schema && key.foreign_table == table.name)
            };
            if let Some(other) = self.catalog.tables.values().find(refers) {
                return Err(DialectError::new(
                    "0A000",
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .with_hint(format!("Truncate table \"{}\" at the same time.", other.name)));
            }
        }
        if truncate.partitions.is_some() {
            return Err(DialectError::unsupported("TRUNCATE … PARTITION"));
        }
        let restarts = truncate.identity == Some(sqlparser::ast::TruncateIdentityOption::Restart);
        self.truncated(&tables, &mut |translator| {
            // Those that refer to others come after them, and lose their rows first.
            for table in tables.iter().rev() {
                translator.push(format!("DELETE FROM {}", table.physical()))?;
                if restarts {
                    let name = quote_literal(&crate::sql::physical_name(&table.schema, &table.name));
                    translator.push(format!("DELETE FROM sqlite_sequence WHERE name = {name}"))?;
                }
            }
            Ok(())
        })
    }

    /// A write with the statement-level triggers that it fires.
    pub(super) fn push_fired(
        &mut self,
        table: &Table,
        command: Command,
        columns: Vec<String>,
        sql: &str,
        returning: Option<&str>,
    ) -> Result<(), DialectError> {
        self.fired(table, &[written(table, command, columns)], &mut |translator| {
            translator.push_write(sql.to_string(), returning.map(str::to_string))
        })
    }

    /// Adds the tables that refer to those listed, and to the added ones.
    fn with_referring(&self, tables: &mut Vec<Table>) {
        let mut at = 0;
        while let Some(table) = tables.get(at).cloned() {
            let refers = |other: &&Table| {
                let to_it = |key: &crate::schema::ForeignKey| {
                    key.foreign_schema == table.schema && key.foreign_table == table.name
                };
                other.foreign_keys.iter().any(to_it)
                    && !tables.iter().any(|along| along.schema == other.schema && along.name == other.name)
            };
            let more: Vec<Table> = self.catalog.tables.values().filter(refers).cloned().collect();
            tables.extend(more);
            at += 1;
        }
    }

    pub(super) fn push_write(&mut self, sql: String, returning: Option<String>) -> Result<(), DialectError> {
        self.push(format!("{sql}{}", returning.clone().unwrap_or_default()))?;
        self.answer = returning.map(|_| self.statements.len() - 1);
        Ok(())
    }

    fn target(&self, target: &TableWithJoins) -> Result<(Table, Option<String>), DialectError> {
        let TableFactor::Table { name, alias, args: None, .. } = &target.relation else {
            return Err(DialectError::unsupported(target));
        };
        if !target.joins.is_empty() {
            return Err(DialectError::unsupported(target));
        }
        Ok((self.any_table(name)?, alias.as_ref().map(|alias| folded(&alias.name))))
    }

    /// ` RETURNING` one JSON object, or `None`.
    pub(super) fn returning(
        &self,
        table: &Table,
        alias: Option<&str>,
        items: Option<&[SelectItem]>,
    ) -> Result<Option<String>, DialectError> {
        let Some(items) = items else { return Ok(None) };
        let outputs: Vec<Output> = self.lowered(|lowering| {
            lowering.scopes.push(target_scope(table, alias));
            lowering.outputs(items, &[])
        })?;
        let pairs = outputs.into_iter().map(|output| (output.name, output.sql, output.data_type));
        Ok(Some(format!("\nRETURNING {} AS \"row\"", crate::dialect::query::json_object(pairs))))
    }

    /// Lowers something for the system.
    pub(super) fn lowered<T>(
        &self,
        work: impl FnOnce(&mut Lowering<'_>) -> Result<T, DialectError>,
    ) -> Result<T, DialectError> {
        let mut environment = SystemEnvironment::of_statement();
        let mut lowering = Lowering::new(&self.catalog, &mut environment, Place::Query);
        work(&mut lowering)
    }
}

/// The rows of `DELETE … USING`, which SQLite has not: those that a join with the other tables finds.
fn beside(
    lowering: &mut Lowering<'_>,
    table: &Table,
    alias: Option<&str>,
    sources: &[TableWithJoins],
    selection: Option<&Expr>,
) -> Result<String, DialectError> {
    const ROW: &str = "\"/target\"";
    let mut relation = Relation::of_table(table, ROW);
    if let Some(alias) = alias {
        relation.schema = None;
        relation.name = alias.to_string();
    }
    lowering.scopes.push(Scope { relations: vec![relation] });
    let from = lowering.sources_of_update(sources)?;
    let mut conditions = from.filters;
    if let Some(selection) = selection {
        conditions.push(lowering.condition(selection)?);
    }
    // A column may have the usual name of the row's number.
    let names = ["rowid", "_rowid_", "oid"];
    let number = names.iter().find(|name| table.column(name).is_none()).unwrap_or(&"rowid");
    Ok(format!(
        "{number} IN (SELECT {ROW}.{number} FROM {} AS {ROW} CROSS JOIN {} WHERE {})",
        table.physical(),
        from.sql,
        balanced(conditions, " AND ")
    ))
}

/// The written table's row, under its alias or name.
pub fn target_scope(table: &Table, alias: Option<&str>) -> Scope {
    let mut relation = Relation::of_table(table, &table.physical());
    if let Some(alias) = alias {
        relation.schema = None;
        relation.name = alias.to_string();
    }
    Scope { relations: vec![relation] }
}

pub fn written_column<'a>(table: &'a Table, name: &str) -> Result<&'a Column, DialectError> {
    let unread = || table.unread.iter().map(|(_, column)| column).find(|column| column.name == name);
    table.column(name).or_else(unread).ok_or_else(|| {
        DialectError::new("42703", format!("column \"{name}\" of relation \"{}\" does not exist", table.name))
    })
}

/// The word DEFAULT, which the parser takes for a name.
pub fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

/// Stores a value in a column; Postgres names the column when the types do not fit.
pub fn assigned(lowering: &mut Lowering<'_>, piece: Piece, column: &Column) -> Result<String, DialectError> {
    let from = piece.type_name();
    let sql = lowering.assign(piece, &column.data_type).map_err(|error| match error.code {
        "42804" => DialectError::new(
            "42804",
            format!(
                "column \"{}\" is of type {} but expression is of type {from}",
                column.name,
                column.data_type.display_name()
            ),
        )
        .with_hint("You will need to rewrite or cast the expression."),
        _ => error,
    })?;
    match column.stored_as {
        None => Ok(sql),
        Some(stored_as) if stored_as.matches("{0}").count() == 1 => Ok(stored_as.replace("{0}", &sql)),
        Some(stored_as) => lowering.once(sql, |sql| stored_as.replace("{0}", sql)),
    }
}

pub fn assignments(
    lowering: &mut Lowering<'_>,
    table: &Table,
    list: &[Assignment],
) -> Result<String, DialectError> {
    let set = assigned_values(lowering, table, list)?;
    let parts = set.iter().map(|(name, sql)| format!("{} = {sql}", quote_identifier(name)));
    Ok(parts.collect::<Vec<_>>().join(", "))
}

/// The columns of assignments, and their values' SQL.
pub fn assigned_values(
    lowering: &mut Lowering<'_>,
    table: &Table,
    list: &[Assignment],
) -> Result<Vec<(String, String)>, DialectError> {
    let mut parts = Vec::new();
    for assignment in list {
        match &assignment.target {
            AssignmentTarget::ColumnName(object) => {
                let column = assignable(table, object)?;
                let sql = assigned_value(lowering, column, &assignment.value)?;
                parts.push((column.name.clone(), sql));
            }
            AssignmentTarget::Tuple(objects) => {
                let columns: Vec<&Column> =
                    objects.iter().map(|object| assignable(table, object)).collect::<Result<_, _>>()?;
                parts.extend(several(lowering, &columns, &assignment.value)?);
            }
        }
    }
    Ok(parts)
}

/// The columns that assignments name.
pub fn assigned_names(list: &[Assignment]) -> Result<Vec<String>, DialectError> {
    let objects = list.iter().flat_map(|assignment| match &assignment.target {
        AssignmentTarget::ColumnName(object) => std::slice::from_ref(object),
        AssignmentTarget::Tuple(objects) => objects.as_slice(),
    });
    objects.map(name::single).collect()
}

fn assignable<'a>(table: &'a Table, object: &ast::ObjectName) -> Result<&'a Column, DialectError> {
    let column = written_column(table, &name::single(object)?)?;
    if column.generated.is_some() || column.identity == Some(Identity::Always) {
        return Err(DialectError::new(
            "428C9",
            format!("column \"{}\" can only be updated to DEFAULT", column.name),
        ));
    }
    Ok(column)
}

fn assigned_value(
    lowering: &mut Lowering<'_>,
    column: &Column,
    value: &Expr,
) -> Result<String, DialectError> {
    if is_default(value) {
        let default = Expression::parse(column.default.as_deref().unwrap_or("null"))?;
        let piece = lowering.lower(&default.0)?;
        return lowering.assign(piece, &column.data_type);
    }
    let piece = lowering.lower_as(value, &column.data_type)?;
    assigned(lowering, piece, column)
}

/// `(a, b) = (1, 2)` and `(a, b) = (SELECT …)`.
fn several(
    lowering: &mut Lowering<'_>,
    columns: &[&Column],
    value: &Expr,
) -> Result<Vec<(String, String)>, DialectError> {
    let uneven = || DialectError::new("42601", "number of columns does not match number of values");
    if let Some(values) = row_fields(value) {
        if values.len() != columns.len() {
            return Err(uneven());
        }
        let mut parts = Vec::new();
        for (column, value) in columns.iter().zip(values) {
            let sql = assigned_value(lowering, column, value)?;
            parts.push((column.name.clone(), sql));
        }
        return Ok(parts);
    }
    let Expr::Subquery(query) = value else {
        return Err(DialectError::unsupported("this value of several columns"));
    };
    lowering.targets = columns.iter().map(|column| column.data_type.clone()).collect();
    let lowered = lowering.subquery(query)?;
    if lowered.columns.len() != columns.len() {
        return Err(uneven());
    }
    let error = raise("'21000:more than one row returned by a subquery used as an expression'");
    let mut values = Vec::new();
    for (index, (column, (_, data_type))) in columns.iter().zip(&lowered.columns).enumerate() {
        let piece = Piece::Typed(lowered.column_sql(index, "set"), data_type.clone());
        let sql = assigned(lowering, piece, column)?;
        let sql = match lowered.is_single {
            true => sql,
            false => format!("CASE WHEN count(*) OVER () > 1 THEN {error} ELSE {sql} END"),
        };
        values.push((column.name.clone(), format!("(SELECT {sql} FROM ({}) AS \"/set\")", lowered.sql)));
    }
    Ok(values)
}
