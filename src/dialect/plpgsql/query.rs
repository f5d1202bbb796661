//! `PERFORM`, `SELECT … INTO`, and loops over rows that are one statement.

use sqlparser::ast::{Query, Statement};

use super::machine::Machine;
use super::machine::Returned;
use super::sink::Sink;
use super::state::{Place, variables};
use super::syntax::{Action, Into, Otherwise, Over, Step};
use crate::dialect::DialectError;
use crate::dialect::expression::{Field, Piece};
use crate::dialect::query::LoweredQuery;
use crate::dialect::routine::{CALL, needs_a_call, only_call, response_setting, set_response};
use crate::dialect::write::{has_writes, run_with, taken_apart, unwritten};
use crate::schema::{DataType, Storage};
use crate::sql::raise;

/// Where a query's columns go.
pub(super) enum Targets {
    /// One variable for each column.
    Fields(Vec<Place>),
    /// All of them into a row.
    Row(Place),
}

impl Machine<'_> {
    pub(super) fn perform(&mut self, query: &Query) -> Result<(), DialectError> {
        if let Some((kept, value)) = response_setting(query) {
            if !self.sink.takes_statements() || self.prefix != CALL {
                return Err(needs_a_call());
            }
            let value = self.lowered(|lowering| {
                let piece = lowering.lower(value)?;
                lowering.as_text(piece)
            })?;
            let statement = set_response(kept, &value, &self.state.running);
            self.sink.push(statement);
            return Ok(());
        }
        let query = match (self.lowered(|lowering| lowering.subquery(query)), only_call(query)) {
            (Err(error), Some(call)) => {
                self.nested_call(call, error)?;
                self.state.found = "TRUE".to_string();
                return Ok(());
            }
            (query, _) => query?,
        };
        // Counting each column has it computed.
        let counts: Vec<String> =
            (1..=query.columns.len()).map(|index| format!("count(\"/row\".\"{index}\")")).collect();
        let rows =
            format!("(SELECT count(*) + 0 * ({}) FROM ({}) AS \"/row\")", counts.join(" + "), query.sql);
        let found = self.keep_running(&format!("{rows} > 0"));
        if !self.sink.takes_statements() {
            self.guards.push(format!("CASE WHEN {found} THEN TRUE ELSE TRUE END"));
        }
        self.state.found = format!("coalesce({found}, 0)");
        Ok(())
    }

    /// Puts a value aside, NULL where this point is not reached.
    pub(super) fn keep_running(&mut self, sql: &str) -> String {
        let guarded = self.state.running.guarding(sql);
        self.sink.keep(&guarded)
    }

    pub(super) fn select_into(&mut self, query: &Query, into: &Into) -> Result<(), DialectError> {
        let targets = self.targets(into)?;
        let query = match (self.rows_of(query), only_call(query)) {
            (Err(error), Some(call)) => {
                let (sql, of) = self.nested_call(call, error)?.resolved(self.catalog)?;
                self.state.found = "TRUE".to_string();
                return self.fill(&targets, &[(String::new(), of)], vec![sql]);
            }
            (query, _) => query?,
        };
        if into.is_strict {
            self.refuse_unless_one(&query);
        }
        let first = format!("SELECT *, 1 AS \"/found\" FROM ({}) LIMIT 1", query.sql);
        let values = if self.sink.takes_statements() {
            let mut columns: Vec<String> =
                (1..=query.columns.len()).map(|index| format!("\"/row\".\"{index}\"")).collect();
            columns.push("\"/row\".\"/found\"".to_string());
            let runs = self.state.running.to_sql();
            let mut values = self.sink.keep_row(&first, &columns, &runs);
            let found = values.pop().unwrap_or_default();
            self.state.found = format!("({found} IS NOT NULL)");
            values
        } else {
            self.state.found = format!("EXISTS ({first})");
            self.first_row(&query, &first)?
        };
        self.fill(&targets, &query.columns, values)
    }

    /// A query, after those of its WITH queries that write.
    pub(super) fn rows_of(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        if !has_writes(query.with.as_ref()) {
            return self.lowered(|lowering| lowering.subquery(query));
        }
        if !self.sink.takes_statements() {
            return Err(DialectError::new("0A000", "a function that writes cannot stand in an expression")
                .with_hint("Call it by rpc, or in a trigger."));
        }
        let guard = self.state.running.clone();
        let mut sink = std::mem::replace(&mut self.sink, Sink::layers());
        let rows = self.lowered(|lowering| {
            let (with, statement) = taken_apart(&Statement::Query(Box::new(query.clone())));
            let (Some(with), Statement::Query(query)) = (with, statement) else {
                return Err(DialectError::unsupported("this form of query"));
            };
            let mut written = Vec::new();
            run_with(lowering, &mut sink, &with, &guard, &mut written)?;
            let rows = unwritten(lowering.subquery(&query)?, &written)?;
            Ok((sink.keep_rows(&rows, &guard), written))
        });
        self.sink = sink;
        let (rows, written) = rows?;
        self.writes.extend(written.into_iter().flat_map(|of| of.into_tables()));
        Ok(rows)
    }

    /// The values of a query's first row, as expressions.
    fn first_row(&mut self, query: &LoweredQuery, first: &str) -> Result<Vec<String>, DialectError> {
        if let (Some(value), [_]) = (&query.value, query.columns.as_slice()) {
            return Ok(vec![self.settle(value.clone())]);
        }
        if let [_] = query.columns.as_slice() {
            return Ok(vec![self.settle(format!("(SELECT \"1\" FROM ({first}))"))]);
        }
        let columns: Vec<String> = (1..=query.columns.len()).map(|index| format!("\"{index}\"")).collect();
        for (name, data_type) in &query.columns {
            if matches!(data_type.storage(), Storage::Real | Storage::Blob) {
                let what =
                    format!("SELECT INTO several variables with \"{name}\" {}", data_type.display_name());
                return Err(DialectError::unsupported(what).with_hint("Use a SELECT INTO for each."));
            }
        }
        let arrays: Vec<String> =
            columns.chunks(30).map(|chunk| format!("json_array({})", chunk.join(", "))).collect();
        let row = self.keep_running(&format!("(SELECT json_array({}) FROM ({first}))", arrays.join(", ")));
        Ok((0..columns.len())
            .map(|index| format!("({row} ->> '$[{}][{}]')", index / 30, index % 30))
            .collect())
    }

    /// `STRICT`.
    fn refuse_unless_one(&mut self, query: &LoweredQuery) {
        let (none, many) =
            (raise("'P0002:query returned no rows'"), raise("'P0003:query returned more than one row'"));
        let count = format!("(SELECT count(*) FROM (SELECT 1 FROM ({}) LIMIT 2))", query.sql);
        self.guard(&format!("CASE {count} WHEN 0 THEN {none} WHEN 2 THEN {many} ELSE TRUE END"));
    }

    pub(super) fn targets(&self, into: &Into) -> Result<Targets, DialectError> {
        let places: Vec<Place> =
            into.targets.iter().map(|target| self.assignable(target)).collect::<Result<_, _>>()?;
        match places.as_slice() {
            [one] if self.state.field(*one).is_none() => Ok(Targets::Row(*one)),
            _ if places.iter().all(|place| self.state.field(*place).is_some()) => Ok(Targets::Fields(places)),
            _ => Err(DialectError::new("42601", "record variable cannot be part of multiple-item INTO list")),
        }
    }

    /// Puts a row's values into the targets: variables without a column become NULL.
    pub(super) fn fill(
        &mut self,
        targets: &Targets,
        columns: &[(String, DataType)],
        values: Vec<String>,
    ) -> Result<(), DialectError> {
        let mut pieces =
            columns.iter().zip(values).map(|((_, data_type), sql)| Piece::Typed(sql, data_type.clone()));
        match targets {
            Targets::Fields(places) => {
                for place in places {
                    let Some(to) = self.state.field(*place).map(|field| field.data_type.clone()) else {
                        continue;
                    };
                    let sql = match pieces.next() {
                        Some(piece) => self.lowered(|lowering| lowering.assign_in_function(piece, &to))?,
                        None => "NULL".to_string(),
                    };
                    self.state.set(*place, sql);
                    self.refuse_null(*place)?;
                }
            }
            Targets::Row(place) => {
                let shape =
                    self.state.relation(*place).map(|relation| relation.columns.clone()).unwrap_or_default();
                let is_declared = !shape.is_empty() && shape.len() == columns.len();
                let mut fields = Vec::new();
                for (index, ((name, data_type), piece)) in columns.iter().zip(pieces).enumerate() {
                    let declared = shape.get(index).filter(|_| is_declared);
                    let name = declared.map_or(name, |field| &field.name).clone();
                    let (sql, data_type) = match (declared, piece) {
                        (Some(field), piece) => {
                            let to = field.data_type.clone();
                            (self.lowered(|lowering| lowering.assign_in_function(piece, &to))?, to)
                        }
                        (None, Piece::Typed(sql, _)) => (sql, data_type.clone()),
                        (None, _) => ("NULL".to_string(), data_type.clone()),
                    };
                    fields.push(Field { name, sql, data_type });
                }
                self.state.set_row(*place, fields);
            }
        }
        Ok(())
    }

    /// `FOR row IN query LOOP` around one INSERT (or RETURN NEXT) is that statement for all the rows; around what only
    /// computes it is a query of its own.
    pub(super) fn for_rows(
        &mut self,
        variable: &str,
        query: &Query,
        steps: &[Step],
    ) -> Result<(), DialectError> {
        let writes = matches!(steps, [Step { action: Action::Write(_, None), .. }]);
        if !writes && !gives_rows(steps) {
            let targets = vec![vec![variable.to_string()]];
            let over = Over::Rows { targets, query: Box::new(query.clone()), elements_of: None };
            return self.fold(&over, steps);
        }
        let query = self.lowered(|lowering| lowering.subquery(query))?;
        let fields = query.columns.iter().enumerate().map(|(index, (name, data_type))| Field {
            name: name.clone(),
            sql: format!("\"/each\".\"{}\"", index + 1),
            data_type: data_type.clone(),
        });
        let mut fields: Vec<Field> = fields.collect();
        let declared = self.state.place(&[variable.to_string()]).ok();
        let row = match (declared.and_then(|place| self.state.field(place)).cloned(), fields.pop()) {
            // A variable of one value.
            (Some(of), Some(field)) if fields.is_empty() => {
                let to = of.data_type.clone();
                let piece = Piece::Typed(field.sql, field.data_type);
                let sql = self.lowered(|lowering| lowering.assign_in_function(piece, &to))?;
                variables("", vec![Field { sql, ..of }])
            }
            (_, last) => {
                fields.extend(last);
                super::state::row(variable, fields)
            }
        };
        let before = self.state.scopes.len();
        self.state.scopes.push(crate::dialect::expression::Scope { relations: vec![row] });
        let source = format!("({}) AS \"/each\"", query.sql);
        let done = match steps {
            [Step { action: Action::Write(statement, None), .. }] => self.insert_each(statement, &source),
            steps => self.give_each(steps, &source),
        };
        self.state.scopes.truncate(before);
        done?;
        // After the loop the variable holds the last row, which nothing keeps.
        Ok(())
    }

    /// A loop that assigns and returns: for each row what it returns.
    fn give_each(&mut self, steps: &[Step], source: &str) -> Result<(), DialectError> {
        let mut before = self.state.clone();
        let assigned = self.assigned_in(steps);
        let forgotten = |state: &mut super::state::State, sql: &str| {
            for place in &assigned {
                (0..state.columns_at(*place).len())
                    .for_each(|index| state.set_at(*place, index, sql.to_string()));
            }
        };
        forgotten(&mut self.state, ROUND_BEFORE);
        forgotten(
            &mut before,
            &raise("'0A000:reading a variable that a loop around RETURN NEXT assigned is not supported'"),
        );
        let sink = std::mem::replace(&mut self.sink, Sink::layers_of("\"/each\""));
        let (outcomes, guards) = (std::mem::take(&mut self.outcomes), std::mem::take(&mut self.guards));
        self.state.running = super::condition::Condition::always();
        let run = self.steps(steps);
        let given = std::mem::replace(&mut self.outcomes, outcomes);
        let raises = !std::mem::replace(&mut self.guards, guards).is_empty();
        let computed = std::mem::replace(&mut self.sink, sink);
        self.state = before;
        run?;
        let ([outcome], Sink::Layers { layers, .. }, false) = (given.as_slice(), computed, raises) else {
            return Err(DialectError::unsupported("a loop with several RETURN NEXTs, or one that raises"));
        };
        let Returned::Rows(row) = &outcome.returned else {
            return Err(DialectError::unsupported("a loop around any RETURN but RETURN NEXT"));
        };
        let source = layers.iter().fold(source.to_string(), |source, layer| {
            format!("(SELECT \"/each\".*, {layer} FROM {source}) AS \"/each\"")
        });
        let sql = format!("{} FROM {source} WHERE {}", row.sql, outcome.condition.to_sql());
        if sql.contains(ROUND_BEFORE) {
            return Err(DialectError::unsupported(
                "a loop around RETURN NEXT whose rounds ask for those before",
            )
            .with_hint("Write a window function."));
        }
        self.give_row(LoweredQuery { sql, is_single: false, ..row.clone() });
        Ok(())
    }
}

/// Stands for what a round before left in a variable.
const ROUND_BEFORE: &str = "\"/round before\"";

/// Whether steps do no more than assign and RETURN NEXT.
fn gives_rows(steps: &[Step]) -> bool {
    fn has_next(steps: &[Step]) -> bool {
        steps.iter().any(|step| match &step.action {
            Action::ReturnNext(_) => true,
            Action::Choose(arms, Otherwise::Steps(otherwise)) => {
                arms.iter().any(|(_, steps)| has_next(steps)) || has_next(otherwise)
            }
            _ => false,
        })
    }
    has_next(steps) && only_gives_rows(steps)
}

fn only_gives_rows(steps: &[Step]) -> bool {
    steps.iter().all(|step| match &step.action {
        Action::Nothing | Action::Assign(..) | Action::ReturnNext(_) => true,
        Action::Choose(arms, Otherwise::Steps(otherwise)) => {
            arms.iter().all(|(_, steps)| only_gives_rows(steps)) && only_gives_rows(otherwise)
        }
        _ => false,
    })
}
