//! `INSERT`, `UPDATE` and `DELETE` on views that are simple enough: they are the table's, with the view's names and
//! conditions. As the system runs them: no policies.

use sqlparser::ast::{
    AssignmentTarget, ConflictTarget, Delete, FromTable, Ident, Insert, ObjectName, OnConflictAction,
    OnInsert, SelectItem, TableFactor, TableObject, TableWithJoins, Update, UpdateTableFromKind,
};

use super::write::{assigned, is_default};
use crate::dialect::expression::{Expression, Field, Lowering, Relation, Scope};
use crate::dialect::name::folded;
use crate::dialect::query::json_object;
use crate::dialect::translate::Translator;
use crate::dialect::trigger::written;
use crate::dialect::write::has_before;
use crate::dialect::{DialectError, name};
use crate::schema::{
    Catalog, CheckOption, Column, Command, Identity, View, WritePath, WriteStop, is_builtin,
};
use crate::sql::{balanced, quote_identifier, quote_literal, raise};

/// What Postgres says of a write to a view that takes none.
#[derive(Clone, Copy)]
enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    fn command(self) -> Command {
        match self {
            Self::Insert => Command::Insert,
            Self::Update => Command::Update,
            Self::Delete => Command::Delete,
        }
    }
}

impl Translator {
    /// The view that a statement writes to; `None` when it is something else.
    pub(super) fn written_view(&self, object: &ObjectName) -> Result<Option<View>, DialectError> {
        let (schema, name) = name::qualified(object)?;
        match self.catalog.view(&schema, &name) {
            Some(view) if view.materialized => {
                Err(DialectError::new("42809", format!("cannot change materialized view \"{name}\"")))
            }
            view => Ok(view.cloned()),
        }
    }

    /// The same of an UPDATE's or DELETE's target, with its alias.
    pub(super) fn view_target(
        &self,
        target: &TableWithJoins,
    ) -> Result<Option<(View, Option<String>)>, DialectError> {
        let TableFactor::Table { name, alias, args: None, .. } = &target.relation else { return Ok(None) };
        let alias = alias.as_ref().map(|alias| folded(&alias.name));
        Ok(self.written_view(name)?.map(|view| (view, alias)))
    }

    pub(super) fn update_view(
        &mut self,
        view: &View,
        alias: Option<&str>,
        update: &Update,
    ) -> Result<(), DialectError> {
        if update.output.is_some()
            || update.or.is_some()
            || !update.order_by.is_empty()
            || update.limit.is_some()
        {
            return Err(DialectError::unsupported("this form of UPDATE"));
        }
        let mut names = Vec::new();
        for assignment in &update.assignments {
            let AssignmentTarget::ColumnName(object) = &assignment.target else {
                return Err(DialectError::unsupported(assignment));
            };
            names.push(name::single(object)?);
        }
        let path = path_of(&self.catalog, view, &names, Verb::Update)?;
        if has_before(&self.catalog, path.base, &[Command::Update])? {
            return Err(DialectError::unsupported("UPDATE in SQL of a view whose table has BEFORE triggers")
                .with_hint("Write to the table that it shows."));
        }
        let table = path.base.physical();
        let sources = match &update.from {
            None => &[],
            Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => {
                tables.as_slice()
            }
        };
        let (sql, returning) = self.lowered(|lowering| {
            let (scope, mut conditions) = view_scope(lowering, &path, alias)?;
            lowering.scopes.push(scope.clone());
            let from = lowering.sources_of_update(sources)?;
            let mut sets = Vec::new();
            for (name, assignment) in names.iter().zip(&update.assignments) {
                let column = base_column(&path, name)?;
                let value = if is_default(&assignment.value) {
                    let default = Expression::parse(column.default.as_deref().unwrap_or("null"))?;
                    let piece = lowering.lower(&default.0)?;
                    lowering.assign(piece, &column.data_type)?
                } else {
                    if column.generated.is_some() || column.identity == Some(Identity::Always) {
                        let message = format!("column \"{}\" can only be updated to DEFAULT", column.name);
                        return Err(DialectError::new("428C9", message));
                    }
                    let piece = lowering.lower(&assignment.value)?;
                    assigned(lowering, piece, column)?
                };
                sets.push(format!("{} = {value}", quote_identifier(&column.name)));
            }
            conditions.extend(from.filters);
            if let Some(selection) = &update.selection {
                conditions.push(lowering.condition(selection)?);
            }
            let from = if from.sql.is_empty() { String::new() } else { format!("\nFROM {}", from.sql) };
            let checks = checks(lowering, &path)?;
            let sql = format!("UPDATE {table}\nSET {}{from}{}", sets.join(", "), clause(conditions));
            Ok((sql, (returning(lowering, scope, update.returning.as_deref())?, checks)))
        })?;
        let columns = names.iter().map(|name| base_column(&path, name).map(|column| column.name.clone()));
        let writes = [written(path.base, Command::Update, columns.collect::<Result<_, _>>()?)];
        let base = path.base.clone();
        self.fired(&base, &writes, &mut |translator| translator.push_written(&sql, returning.clone()))
    }

    pub(super) fn delete_from_view(
        &mut self,
        view: &View,
        alias: Option<&str>,
        delete: &Delete,
    ) -> Result<(), DialectError> {
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        if tables.len() != 1 || delete.using.is_some() || delete.limit.is_some() {
            return Err(DialectError::unsupported("this form of DELETE"));
        }
        let path = path_of(&self.catalog, view, &[], Verb::Delete)?;
        let table = path.base.physical();
        let (sql, returning) = self.lowered(|lowering| {
            let (scope, mut conditions) = view_scope(lowering, &path, alias)?;
            lowering.scopes.push(scope.clone());
            if let Some(selection) = &delete.selection {
                conditions.push(lowering.condition(selection)?);
            }
            let sql = format!("DELETE FROM {table}{}", clause(conditions));
            Ok((sql, (returning(lowering, scope, delete.returning.as_deref())?, Vec::new())))
        })?;
        let (base, writes) = (path.base.clone(), [written(path.base, Command::Delete, Vec::new())]);
        self.fired(&base, &writes, &mut |translator| translator.push_written(&sql, returning.clone()))
    }

    /// The same INSERT on the table below, under the names of its columns.
    pub(super) fn insert_into_view(&mut self, view: &View, insert: &Insert) -> Result<(), DialectError> {
        let mut names = insert.columns.iter().map(name::single).collect::<Result<Vec<_>, _>>()?;
        let width = insert.source.as_ref().and_then(|query| match query.body.as_ref() {
            sqlparser::ast::SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
            sqlparser::ast::SetExpr::Select(select) => Some(select.projection.len()),
            _ => None,
        });
        if names.is_empty() && insert.source.is_some() {
            let all = view.table.columns.iter().map(|column| column.name.clone());
            names = all.take(width.unwrap_or(usize::MAX)).collect();
        }
        let path = path_of(&self.catalog, view, &names, Verb::Insert)?;
        let column = |name: &str| base_column(&path, name).map(|column| quoted(&column.name));
        let mut into = insert.clone();
        into.table = TableObject::TableName(ObjectName::from(vec![
            quoted(&path.base.schema),
            quoted(&path.base.name),
        ]));
        into.columns =
            names.iter().map(|name| Ok(ObjectName::from(vec![column(name)?]))).collect::<Result<_, _>>()?;
        into.returning = None;
        into.table_alias = None;
        if let Some(OnInsert::OnConflict(conflict)) = &mut into.on {
            if !matches!(conflict.action, OnConflictAction::DoNothing) {
                return Err(DialectError::unsupported("ON CONFLICT DO UPDATE on a view in SQL")
                    .with_hint("Write to the table that it shows."));
            }
            if let Some(ConflictTarget::Columns(columns)) = &mut conflict.conflict_target {
                *columns = columns.iter().map(|name| column(&folded(name))).collect::<Result<_, _>>()?;
            }
        }
        let alias = insert.table_alias.as_ref().map(|alias| folded(&alias.alias));
        let returning = self.lowered(|lowering| {
            let (scope, _) = view_scope(lowering, &path, alias.as_deref())?;
            Ok((returning(lowering, scope, insert.returning.as_deref())?, checks(lowering, &path)?))
        })?;
        let before = self.statements.len();
        self.insert(&into)?;
        let inserts: Vec<String> =
            self.statements.drain(before..).map(|statement| statement.text.into_owned()).collect();
        // What is around it takes numbers, and fires triggers.
        let is_insert =
            |sql: &&String| sql.starts_with("INSERT INTO") && !sql.starts_with("INSERT INTO \"edgeward.");
        if returning.0.is_some() && inserts.iter().filter(is_insert).count() > 1 {
            return Err(DialectError::new("54000", "the INSERT is too long to return its rows"));
        }
        for sql in inserts {
            if is_insert(&&sql) {
                self.push_written(&sql, returning.clone())?;
            } else {
                self.push(sql)?;
            }
        }
        Ok(())
    }

    fn push_written(&mut self, sql: &str, (returning, checks): Returned) -> Result<(), DialectError> {
        let has_answer = returning.is_some();
        let mut value = returning;
        for (condition, error) in checks {
            let row = value.unwrap_or_else(|| "NULL".to_string());
            value = Some(format!("CASE WHEN {condition} THEN {row} ELSE {error} END"));
        }
        let returning = value.map(|value| format!("\nRETURNING {value} AS \"row\"")).unwrap_or_default();
        self.push(format!("{sql}{returning}"))?;
        self.answer = has_answer.then(|| self.statements.len() - 1);
        Ok(())
    }
}

/// The view's row, and which of the table's rows it has.
fn view_scope(
    lowering: &mut Lowering<'_>,
    path: &WritePath<'_>,
    alias: Option<&str>,
) -> Result<(Scope, Vec<String>), DialectError> {
    let row = lowering.view_row(path, &path.base.physical(), &|_| true)?;
    let face = path.views.first().map(|view| &view.table);
    let fields = row.columns.into_iter().map(|(name, sql, data_type)| Field { name, sql, data_type });
    let relation = Relation {
        schema: face.filter(|_| alias.is_none()).map(|face| face.schema.clone()),
        name: alias.map(str::to_string).or_else(|| face.map(|face| face.name.clone())).unwrap_or_default(),
        row: String::new(),
        columns: fields.collect(),
        merged: Vec::new(),
    };
    Ok((Scope { relations: vec![relation] }, row.conditions.into_iter().flatten().collect()))
}

/// One JSON object of the view's row, or `None`; and which conditions the row must meet, each with what raises.
type Returned = (Option<String>, Vec<(String, String)>);

/// One JSON object of the view's row, or `None`.
fn returning(
    lowering: &mut Lowering<'_>,
    scope: Scope,
    items: Option<&[SelectItem]>,
) -> Result<Option<String>, DialectError> {
    let Some(items) = items else { return Ok(None) };
    lowering.scopes = vec![scope];
    let outputs = lowering.outputs(items, &[])?;
    let pairs = outputs.into_iter().map(|output| (output.name, output.sql, output.data_type));
    Ok(Some(json_object(pairs)))
}

/// `WITH CHECK OPTION` of the views on the way, and the bounds of a partition.
fn checks(lowering: &mut Lowering<'_>, path: &WritePath<'_>) -> Result<Vec<(String, String)>, DialectError> {
    let cascades = |view: &&View| view.check_option == Some(CheckOption::Cascaded);
    let from = path.views.iter().position(cascades).unwrap_or(path.views.len());
    let checked: Vec<&View> = path
        .views
        .iter()
        .enumerate()
        .filter(|(index, view)| *index >= from || view.check_option.is_some() || view.partition)
        .map(|(_, view)| *view)
        .collect();
    let is_checked = |of: &View| checked.iter().any(|view| std::ptr::eq(*view, of));
    let row = lowering.view_row(path, &path.base.physical(), &is_checked)?;
    let mut checks = Vec::new();
    for (view, condition) in path.views.iter().zip(row.conditions) {
        let name = &view.table.name;
        let message = match view.partition {
            true => format!("23514:new row for relation \"{name}\" violates partition constraint"),
            false => format!("44000:new row violates check option for view \"{name}\""),
        };
        checks.extend(condition.map(|condition| (condition, raise(&quote_literal(&message)))));
    }
    // The innermost is looked at first, so it stands outermost.
    Ok(checks)
}

fn path_of<'c>(
    catalog: &'c Catalog,
    view: &View,
    columns: &'c [String],
    verb: Verb,
) -> Result<WritePath<'c>, DialectError> {
    let missing = || DialectError::new("42P01", format!("relation \"{}\" does not exist", view.table.name));
    let view = catalog.view(&view.table.schema, &view.table.name).ok_or_else(missing)?;
    if let Some(column) = columns.iter().find(|column| view.table.column(column).is_none()) {
        let message = format!("column \"{column}\" of relation \"{}\" does not exist", view.table.name);
        return Err(DialectError::new("42703", message));
    }
    let refused_instead = || {
        let what = format!("{} in SQL of a view with INSTEAD OF triggers", verb.command().word());
        Err(DialectError::unsupported(what).with_hint("Write to it by the data API, or to its tables."))
    };
    if catalog.instead_of(&view.table, verb.command()).is_some() {
        return refused_instead();
    }
    let path = catalog.write_path(view, columns).map_err(|stop| refused(stop, verb))?;
    if catalog.stops_at(&path, verb.command()).is_some() {
        return refused_instead();
    }
    if is_builtin(path.base) {
        return Err(DialectError::unsupported("writing to the system's tables through a view"));
    }
    Ok(path)
}

fn refused(stop: WriteStop<'_>, verb: Verb) -> DialectError {
    let (view, reason) = match stop {
        WriteStop::View(view, reason) => (view, reason),
        WriteStop::Column(view, column) => {
            let doing = if matches!(verb, Verb::Update) { "update" } else { "insert into" };
            let message = format!("cannot {doing} column \"{column}\" of view \"{}\"", view.table.name);
            return DialectError::new("0A000", message)
                .with_hint("View columns that are not columns of their base relation are not updatable.");
        }
    };
    let doing = match verb {
        Verb::Insert => "insert into",
        Verb::Update => "update",
        Verb::Delete => "delete from",
    };
    DialectError::new("55000", format!("cannot {doing} view \"{}\"", view.table.name)).with_hint(reason)
}

fn base_column<'c>(path: &WritePath<'c>, name: &str) -> Result<&'c Column, DialectError> {
    path.base_column(name)
        .ok_or_else(|| DialectError::new("42703", format!("column \"{name}\" does not exist")))
}

fn clause(conditions: Vec<String>) -> String {
    if conditions.is_empty() { String::new() } else { format!("\nWHERE {}", balanced(conditions, " AND ")) }
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}
