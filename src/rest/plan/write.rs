//! What is written: rows with their values read by column type, or the rows to change or remove.

use super::cell::{Row, Rows};
use super::read::Node;
use super::{Condition, Planner, Step, Test, Through, literal};
use crate::rest::error::{PostgresError, RestError};
use crate::rest::request::{Field, Json, Logic, Operation, Operator, Payload, Resolution, Return, RowRange};
use crate::rest::{Action, RestRequest};
use crate::schema::{Column, Command, Identity, Stored, Table, Trigger, as_it_stands};

/// A write and what it gives back.
#[derive(Debug)]
pub struct Write<'c> {
    /// The table.
    pub table: &'c Table,
    /// The view that it is written through, if it is.
    pub through: Option<Box<Through<'c>>>,
    /// The trigger of a view that runs for each row instead.
    pub instead: Option<&'c Trigger>,
    /// What is done.
    pub change: Change<'c>,
    /// How a written row is given back.
    pub returning: Node<'c>,
    /// Whether rows are given back at all.
    pub returns: Return,
    /// Whether exactly one row must be written, or none is.
    pub singular: bool,
    /// The most rows that may be written, or none is.
    pub affected_limit: Option<u64>,
    /// Whether the rows are counted although none is given back.
    pub counted: bool,
    /// Whether nothing of it takes effect.
    pub rolls_back: bool,
    /// The columns that an update gives their defaults, by name: `columns` has them, the body has not.
    pub defaulted: Vec<&'c str>,
    /// The inserts that it is made of, when rows have rows in them.
    pub steps: Vec<Step<'c>>,
}

/// One argument of a SQLite function each, and D1 allows 32.
const MOST_ORDER_KEYS: usize = 32;

/// D1 takes no query with more.
const MOST_COLUMNS: usize = 100;

/// What is done to the table.
#[derive(Debug)]
pub enum Change<'c> {
    /// New rows.
    Insert(Insert<'c>),
    /// New values, `None` for NULL, for the rows that satisfy the condition.
    Update(Vec<(&'c Column, Option<Stored<'c>>)>, Condition<'c>),
    /// The rows that satisfy the condition go.
    Delete(Condition<'c>),
    /// Nothing: an empty body.
    Nothing,
}

/// New rows, and what becomes of those that are there already.
#[derive(Debug)]
pub struct Insert<'c> {
    /// The columns with a value.
    pub columns: Vec<&'c Column>,
    /// For each row a cell for each column.
    pub rows: Rows<'c>,
    /// The upsert's part.
    pub conflict: Option<Conflict<'c>>,
}

/// Rows with these columns equal are the same.
#[derive(Clone, Debug)]
pub struct Conflict<'c> {
    /// All of a primary key or of a unique set.
    pub columns: Vec<&'c Column>,
    /// What is done with a row that is there.
    pub resolution: Resolution,
}

impl<'c> Planner<'c> {
    pub(super) fn write(
        &self,
        relation: &'c Table,
        request: &'c RestRequest,
    ) -> Result<Write<'c>, RestError> {
        let instead = self.catalog.instead_of(relation, command(request.action));
        let mut through = match instead {
            Some(_) => None,
            None => Through::find(self.catalog, relation, request)?.map(Box::new),
        };
        if request.action == Action::Put {
            require_key(relation, request)?;
        }
        let mut returning = self.root(relation, &request.query, RowRange::default())?;
        let returns = request.preferences.representation.unwrap_or(Return::Minimal);
        refuse_unsupported(relation, &returning, returns)?;
        if returns == Return::Representation {
            returning.prepare(request.media)?;
        }
        let condition = match &mut through {
            Some(through) => through.split(&returning.condition),
            None => returning.condition.clone(),
        };
        let target = Target { relation, through: through.as_deref() };
        let steps = match request.action {
            Action::Insert if through.is_none() && instead.is_none() => self.steps(relation, request)?,
            _ => Vec::new(),
        };
        let change = match steps.is_empty() {
            true => self.change(&target, request, &returning.condition, condition)?,
            // Only that there is something: the steps are what is done.
            false => {
                Change::Insert(Insert { columns: Vec::new(), rows: Rows::of_width(0, 0), conflict: None })
            }
        };
        if instead.is_some() && matches!(&change, Change::Insert(Insert { conflict: Some(_), .. })) {
            return Err(no_constraint());
        }
        Ok(Write {
            table: target.base(),
            through,
            instead,
            change,
            returning,
            returns,
            singular: request.media.is_object(),
            affected_limit: request.preferences.affected_limit(),
            counted: request.preferences.count.is_some(),
            rolls_back: self.transaction_end.rolls_back(request.preferences.rolls_back),
            defaulted: self.defaulted(relation, request),
            steps,
        })
    }

    /// The columns without a value of an update under `missing=default`. A view's columns have no defaults of their own.
    fn defaulted(&self, relation: &'c Table, request: &'c RestRequest) -> Vec<&'c str> {
        let asks = request.action == Action::Update && request.preferences.missing_default == Some(true);
        let row = request.payload.rows().next();
        let Some(row) = row.filter(|_| asks && self.catalog.view(&relation.schema, &relation.name).is_none())
        else {
            return Vec::new();
        };
        let missing = request.payload.columns.iter().zip(row.iter()).filter(|(_, json)| json.is_none());
        missing.map(|(name, _)| name.as_str()).collect()
    }

    fn change(
        &self,
        target: &Target<'_, 'c>,
        request: &'c RestRequest,
        asked: &Condition<'c>,
        condition: Condition<'c>,
    ) -> Result<Change<'c>, RestError> {
        match request.action {
            Action::Delete => {
                require_filter(asked, "DELETE")?;
                Ok(Change::Delete(condition))
            }
            Action::Update => {
                let columns = target.payload_columns(&request.payload, "update")?;
                let Some(row) = request.payload.rows().next().filter(|_| !columns.is_empty()) else {
                    return Ok(Change::Nothing);
                };
                require_filter(asked, "UPDATE")?;
                let set = columns.into_iter().zip(row.iter());
                let set = set.map(|(column, json)| Ok((column, self.value(column, json)?)));
                Ok(Change::Update(set.collect::<Result<_, RestError>>()?, condition))
            }
            Action::Put => {
                let mut insert = self.insert(target, request, 1)?;
                require_equal_key(&insert, &condition)?;
                insert.conflict = Some(Conflict {
                    columns: target.key_columns(target.relation.primary_key_columns())?,
                    resolution: Resolution::MergeDuplicates,
                });
                Ok(Change::Insert(insert))
            }
            Action::Insert | Action::Read { .. } => {
                let insert = self.insert(target, request, usize::MAX)?;
                // Of no row it is still a statement, which may have triggers.
                let is_nothing = insert.rows.is_empty() && self.catalog.triggers.is_empty();
                Ok(if is_nothing { Change::Nothing } else { Change::Insert(insert) })
            }
        }
    }

    /// The first rows of the body, `most` of them.
    fn insert(
        &self,
        target: &Target<'_, 'c>,
        request: &'c RestRequest,
        most: usize,
    ) -> Result<Insert<'c>, RestError> {
        let columns = target.payload_columns(&request.payload, "insert")?;
        // A view's columns have no defaults of their own.
        let is_view = self.catalog.inlined_view(&target.relation.schema, &target.relation.name).is_some();
        let default = request.preferences.missing_default == Some(true) && !is_view;
        let mut rows = Rows::of_body(columns.len(), &request.payload);
        for row in request.payload.rows().take(most) {
            for (column, json) in columns.iter().zip(row.iter()) {
                let plain = json.and_then(Json::plain);
                match plain.and_then(|text| as_it_stands(self.catalog, &column.data_type, text)) {
                    Some(text) => rows.push_plain(text),
                    None if default && json.is_none() => rows.push_default(),
                    None => rows.push(self.value(column, json)?),
                }
            }
            rows.end_row();
        }
        let conflict = target.conflict(request)?;
        let insert = Insert { columns, rows, conflict };
        insert.refuse_repeated_keys()?;
        Ok(insert)
    }

    /// What a column stores of a cell; `None` for one that is null or missing.
    pub(super) fn value<'p>(
        &self,
        column: &Column,
        json: Option<Json<'p>>,
    ) -> Result<Option<Stored<'p>>, RestError> {
        let Some(json) = json else { return Ok(None) };
        let of = &column.data_type;
        Ok(self.read_json(of, json.text)?.map(|stored| match stored {
            Stored::Text(text) => Stored::Text(literal::stored(of, text)),
            plain @ Stored::Plain(_) => plain,
        }))
    }
}

/// What a request names, and what it writes to.
pub(super) struct Target<'t, 'c> {
    pub(super) relation: &'c Table,
    pub(super) through: Option<&'t Through<'c>>,
}

impl<'c> Target<'_, 'c> {
    fn base(&self) -> &'c Table {
        self.through.map_or(self.relation, |through| through.path.base)
    }

    /// The same of new rows whose columns these are.
    pub(super) fn insert_columns(&self, names: &[String]) -> Result<Vec<&'c Column>, RestError> {
        self.written_columns(names, "insert")
    }

    /// The columns a body writes; each must be there and be writable.
    fn payload_columns(&self, payload: &Payload, verb: &str) -> Result<Vec<&'c Column>, RestError> {
        self.written_columns(&payload.columns, verb)
    }

    fn written_columns(&self, names: &[String], verb: &str) -> Result<Vec<&'c Column>, RestError> {
        let column = |name: &String| {
            let table = self.relation;
            let mut column = table
                .column(name)
                .ok_or_else(|| RestError::NoColumn { table: table.name.clone(), column: name.clone() })?;
            if let Some(through) = self.through {
                column = through.base_column(name).unwrap_or(column);
            }
            let name = &column.name;
            let details = if column.generated.is_some() {
                format!("Column \"{name}\" is a generated column.")
            } else if column.identity == Some(Identity::Always) {
                format!("Column \"{name}\" is an identity column defined as GENERATED ALWAYS.")
            } else {
                return Ok(column);
            };
            let message = match verb {
                "update" => format!("column \"{name}\" can only be updated to DEFAULT"),
                _ => format!("cannot insert a non-DEFAULT value into column \"{name}\""),
            };
            Err(RestError::Postgres(PostgresError {
                details: Some(details),
                ..PostgresError::new("428C9", message)
            }))
        };
        names.iter().map(column).collect()
    }

    /// The conflict target of an upsert; without a key there is nothing to conflict with.
    fn conflict(&self, request: &RestRequest) -> Result<Option<Conflict<'c>>, RestError> {
        let Some(resolution) = request.preferences.resolution else { return Ok(None) };
        let names = request.query.on_conflict.as_deref().unwrap_or(self.relation.primary_key_columns());
        if names.is_empty() {
            return Ok(None);
        }
        let (columns, base) = (self.key_columns(names)?, self.base());
        let same = |of: &[String]| {
            of.len() == columns.len() && columns.iter().all(|column| of.contains(&column.name))
        };
        if !same(base.primary_key_columns()) && !base.uniques.iter().any(|unique| same(&unique.columns)) {
            return Err(no_constraint());
        }
        Ok(Some(Conflict { columns, resolution }))
    }

    fn key_columns(&self, names: &[String]) -> Result<Vec<&'c Column>, RestError> {
        let column = |name: &String| {
            let missing = || RestError::postgres("42703", format!("column \"{name}\" does not exist"));
            let column = self.relation.column(name).ok_or_else(missing)?;
            let Some(through) = self.through else { return Ok(column) };
            // Of what is computed nothing is unique.
            through.base_column(name).ok_or_else(no_constraint)
        };
        names.iter().map(column).collect()
    }
}

fn no_constraint() -> RestError {
    let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
    RestError::postgres("42P10", message)
}

/// What an action does to rows.
pub(super) fn command(action: Action) -> Command {
    match action {
        Action::Update => Command::Update,
        Action::Delete => Command::Delete,
        Action::Insert | Action::Put | Action::Read { .. } => Command::Insert,
    }
}

/// What pg-safeupdate says at hosted Supabase.
fn require_filter(condition: &Condition<'_>, verb: &str) -> Result<(), RestError> {
    if *condition == Condition::All(Vec::new()) {
        return Err(RestError::postgres("21000", format!("{verb} requires a WHERE clause")));
    }
    Ok(())
}

/// Refuses what cannot be given back of written rows.
fn refuse_unsupported(relation: &Table, returning: &Node<'_>, returns: Return) -> Result<(), RestError> {
    let refused = |what: &str| Err(RestError::NotImplemented(what.into()));
    if relation.columns.len() + returning.computed.len() > MOST_COLUMNS {
        return refused("more than 100 columns are not supported");
    }
    if returning.order.len() > MOST_ORDER_KEYS {
        return refused("ordering written rows by more than 32 keys is not supported");
    }
    if returns == Return::Representation && (returning.only_count || returning.is_grouped()) {
        return refused("aggregates of written rows are not supported yet");
    }
    Ok(())
}

/// A PUT names its row by `eq` on each column of the primary key, and by nothing else.
fn require_key(table: &Table, request: &RestRequest) -> Result<(), RestError> {
    if !request.query.limits.is_empty() || !request.query.offsets.is_empty() {
        return Err(RestError::PutLimit);
    }
    let key = table.primary_key_columns();
    let names_key_column = |logic: &Logic| match logic {
        Logic::Filter { field: Field { name, json_path }, negated: false, operation } => {
            json_path.is_empty()
                && key.contains(name)
                && matches!(operation, Operation::Compare { operator: Operator::Equal, quantifier: None, .. })
        }
        _ => false,
    };
    let own: Vec<_> = request.query.filters.iter().filter(|filter| filter.path.is_empty()).collect();
    let all = own.iter().all(|filter| names_key_column(&filter.value));
    if key.is_empty() || own.len() != key.len() || !all {
        return Err(RestError::PutFilters);
    }
    Ok(())
}

fn require_equal_key(insert: &Insert<'_>, condition: &Condition<'_>) -> Result<(), RestError> {
    let (Condition::All(tests), 1, Some(row)) = (condition, insert.rows.len(), insert.rows.iter().next())
    else {
        return Err(RestError::PutMismatch);
    };
    let equal = |test: &Condition<'_>| match test {
        Condition::Test(operand, Test::Compare(_, value)) => {
            let mut cells = insert.columns.iter().zip(row.iter());
            let cell = cells.find(|(column, _)| column.name == operand.column.name);
            cell.is_some_and(|(_, cell)| cell.text() == Some(value))
        }
        _ => false,
    };
    if tests.iter().all(equal) { Ok(()) } else { Err(RestError::PutMismatch) }
}

impl Insert<'_> {
    /// The cells of a row's conflict key; `None` when one has no value, so that nothing conflicts.
    pub fn key<'r>(&self, row: Row<'r>) -> Option<Vec<&'r str>> {
        let conflict = self.conflict.as_ref()?;
        let cell = |column: &&Column| {
            let position = self.columns.iter().position(|of| of.name == column.name)?;
            row.get(position)?.text()
        };
        conflict.columns.iter().map(cell).collect()
    }

    /// SQLite would update such a row twice without a word.
    fn refuse_repeated_keys(&self) -> Result<(), RestError> {
        let merges = |conflict: &Conflict<'_>| conflict.resolution == Resolution::MergeDuplicates;
        if !self.conflict.as_ref().is_some_and(merges) {
            return Ok(());
        }
        let mut seen = std::collections::HashSet::new();
        if self.rows.iter().filter_map(|row| self.key(row)).all(|key| seen.insert(key)) {
            return Ok(());
        }
        let hint = "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.";
        Err(RestError::Postgres(PostgresError {
            hint: Some(hint.to_string()),
            ..PostgresError::new("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time")
        }))
    }
}
