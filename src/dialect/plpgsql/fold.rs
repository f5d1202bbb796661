//! Loops that only compute: a recursive query whose every row is what the variables hold after a round.
//!
//! The body is run once, on the cells of the round before in the place of the variables that it assigns to. What it
//! leaves in them, whether it left the loop, and what it returned, is the next row: a JSON array, its cells packed so
//! that they come out as they went in.

use sqlparser::ast::Expr;

use super::condition::Condition;
use super::machine::{Machine, Outcome, Returned};
use super::sink::{Sink, over_layers, packed_row, unpacked_cell};
use super::state::{Place, State, negated, variables};
use super::syntax::{Action, Into, Otherwise, Over, Step};
use crate::dialect::DialectError;
use crate::dialect::expression::{Field, Piece, Scope, VARIABLES};
use crate::dialect::query::column_name;
use crate::schema::DataType;
use crate::sql::{balanced, quote_identifier, raise};

/// How deep loops may nest: a body is run twice at most for each.
const DEEPEST: usize = 4;

/// How many rounds a loop may have that counts nothing.
const MOST_ROUNDS: usize = 100_000;

/// The cells before those of the variables: whether the loop was left, which RETURN was reached, the rounds, FOUND.
const HEAD: usize = 4;

/// A way out of a round: when, whether out of the loop, and the variables then.
pub struct Leave {
    condition: Condition,
    is_exit: bool,
    state: State,
}

/// What runs the rounds: the relation of its rows, their number, when there is one more.
struct Rounds {
    each: Option<String>,
    goes_on: String,
}

/// What a round left.
struct Round {
    /// The next row.
    step: String,
    /// The RETURNs in it.
    outcomes: Vec<(Returned, DataType)>,
    /// What the variables are.
    state: State,
}

impl Machine<'_> {
    /// Runs a loop.
    pub(super) fn fold(&mut self, over: &Over, steps: &[Step]) -> Result<(), DialectError> {
        if self.looping >= DEEPEST {
            return Err(DialectError::new("54001", "loops nest too deeply"));
        }
        self.loops += 1;
        let name = |what: &str| quote_identifier(&format!("{}/{what}{}", self.prefix, self.loops));
        let (fold, each, row) = (name("fold"), name("each"), name("round"));
        let before = self.state.clone();
        let mut numbers = None;
        let rounds = self.rounds(over, &fold, &mut numbers)?;
        let mut places = self.assigned_in(steps);
        if let Over::Rows { targets, .. } = over {
            self.note(targets, &mut places);
        }
        self.looping += 1;
        let mut cells = self.cells(&places);
        let mut round = self.round(over, steps, (&fold, &each, &row), &cells, numbers.as_deref());
        if let Ok(done) = &round {
            // A record has the columns of whatever was put into it.
            let after = shapes(&done.state, &places);
            if cells.iter().zip(&after).any(|(cells, after)| !cells.is_empty() && cells != after) {
                return Err(DialectError::unsupported("a record that a loop gives other columns"));
            }
            if after != cells {
                cells = after;
                self.state = before.clone();
                self.shape(&places, &cells);
                round = self.round(over, steps, (&fold, &each, &row), &cells, numbers.as_deref());
            }
        }
        self.looping -= 1;
        let shaped = {
            self.state = before;
            self.shape(&places, &cells);
            self.state.clone()
        };
        let Round { step, outcomes, .. } = round?;
        let mut first = vec!["0".to_string(), "0".to_string(), "0".to_string(), shaped.found.clone()];
        let mut types = head();
        first.extend(values(&shaped, &places));
        types.extend(cells.iter().flatten().map(|(_, of)| of.clone()));
        for (_, of) in &outcomes {
            first.push("NULL".to_string());
            types.push(of.clone());
        }
        let with = rounds.each.as_ref().map(|rows| {
            format!("{each} AS MATERIALIZED (SELECT row_number() OVER () AS \"/place\", \"/row\".* FROM ({rows}) AS \"/row\"), ")
        });
        let join = match rounds.each {
            Some(_) => format!(" JOIN {each} ON {each}.\"/place\" = {fold}.\"/n\" + 1"),
            None => String::new(),
        };
        let zero = match &self.row_mark {
            Some(mark) if step.contains("random") => format!("CASE WHEN {mark} IS NULL OR TRUE THEN 0 END"),
            _ => "0".to_string(),
        };
        let sql = format!(
            "(WITH RECURSIVE {}{fold} (\"/n\", \"/state\") AS (SELECT {zero}, {} UNION ALL SELECT {fold}.\"/n\" + 1, {step} FROM {fold}{join} \
             WHERE {fold}.\"/state\" ->> '$[0][0]' = 0 AND {}) SELECT \"/state\" FROM {fold} ORDER BY \"/n\" DESC LIMIT 1)",
            with.unwrap_or_default(),
            packed_row(&mut types.iter().zip(first)),
            rounds.goes_on,
        );
        let kept = self.keep_running(&sql);
        if !self.sink.takes_statements() {
            // What its rounds raise is raised, used or not.
            self.guards.push(format!("CASE WHEN {kept} IS NULL THEN TRUE ELSE TRUE END"));
        }
        self.leave(over, &kept, &places, &cells, outcomes);
        Ok(())
    }

    /// After the loop: the variables as its last row has them.
    fn leave(
        &mut self,
        over: &Over,
        kept: &str,
        places: &[Place],
        cells: &[Vec<(String, DataType)>],
        outcomes: Vec<(Returned, DataType)>,
    ) {
        let head = |index: usize| format!("coalesce({kept} ->> '$[0][{index}]', 0)");
        let mut filled = Vec::new();
        if let Over::Rows { targets, elements_of: None, .. } = over {
            self.note(targets, &mut filled);
        }
        let mut at = HEAD;
        for (place, shape) in places.iter().zip(cells) {
            for (index, (_, of)) in shape.iter().enumerate() {
                let mut value = unpacked_cell(of, kept, at);
                if filled.contains(place) {
                    // Of no rows the variable is NULL.
                    value = format!("CASE WHEN {} > 0 THEN {value} END", head(2));
                }
                self.state.set_at(*place, index, value);
                at += 1;
            }
        }
        self.state.found = match over {
            Over::Rows { .. } | Over::Numbers { .. } => format!("({} > 0)", head(2)),
            Over::While(_) | Over::Forever => head(3),
        };
        let reached = head(1);
        let has_returned = !outcomes.is_empty();
        for (index, (returned, of)) in outcomes.into_iter().enumerate() {
            let returned = match returned {
                Returned::Value(_) => Returned::Value(Piece::Typed(unpacked_cell(&of, kept, at + index), of)),
                other => other,
            };
            let condition = self.state.running.and(&format!("({reached} = {})", index + 1));
            self.outcomes.push(Outcome { condition, returned });
        }
        if has_returned {
            self.state.running = self.state.running.and(&format!("({reached} = 0)"));
        }
    }

    fn rounds(
        &mut self,
        over: &Over,
        fold: &str,
        numbers: &mut Option<String>,
    ) -> Result<Rounds, DialectError> {
        let endless = raise("'54000:a loop may have 100000 rounds here'");
        match over {
            Over::While(_) | Over::Forever => Ok(Rounds {
                each: None,
                goes_on: format!("CASE WHEN {fold}.\"/n\" < {MOST_ROUNDS} THEN TRUE ELSE {endless} END"),
            }),
            Over::Rows { query, elements_of, .. } => {
                if let Some(array) = elements_of {
                    let array = self.lowered(|lowering| {
                        let catalog = lowering.catalog;
                        lowering.lower(array)?.into_sql(catalog)
                    })?;
                    let error = raise("'22004:FOREACH expression must not be null'");
                    self.guard(&format!("CASE WHEN {array} IS NULL THEN {error} ELSE TRUE END"));
                }
                let rows = self.rows_of(query)?;
                self.columns = rows.columns;
                Ok(Rounds { each: Some(rows.sql), goes_on: "TRUE".to_string() })
            }
            Over::Numbers { from, to, by, is_reverse, .. } => {
                let (from, to) = (self.bound(from, "lower bound")?, self.bound(to, "upper bound")?);
                let by = match by {
                    None => "1".to_string(),
                    Some(by) => {
                        let by = self.bound(by, "BY value")?;
                        let error = raise("'22023:BY value of FOR loop must be greater than zero'");
                        self.guard(&format!("CASE WHEN {by} > 0 THEN TRUE ELSE {error} END"));
                        by
                    }
                };
                let (sign, test) = if *is_reverse { ("-", ">=") } else { ("+", "<=") };
                let number = format!("({from} {sign} {fold}.\"/n\" * {by})");
                *numbers = Some(number.clone());
                Ok(Rounds { each: None, goes_on: format!("{by} > 0 AND {number} {test} {to}") })
            }
        }
    }

    fn bound(&mut self, value: &Expr, what: &str) -> Result<String, DialectError> {
        let sql = self.lowered(|lowering| {
            let piece = lowering.lower(value)?;
            lowering.assign_in_function(piece, &DataType::Int4)
        })?;
        let sql = self.settle(sql);
        let error = raise(&format!("'22004:{what} of FOR loop cannot be null'"));
        self.guard(&format!("CASE WHEN {sql} IS NULL THEN {error} ELSE TRUE END"));
        Ok(sql)
    }

    /// One round, from the row before.
    fn round(
        &mut self,
        over: &Over,
        steps: &[Step],
        (fold, each, row): (&str, &str, &str),
        cells: &[Vec<(String, DataType)>],
        number: Option<&str>,
    ) -> Result<Round, DialectError> {
        let places = self.places_of(over, steps);
        let outer = std::mem::replace(&mut self.sink, Sink::layers_of(row));
        let (outcomes, guards) = (std::mem::take(&mut self.outcomes), std::mem::take(&mut self.guards));
        let leaves = std::mem::take(&mut self.leaves);
        let mark = self.row_mark.replace(format!("{fold}.\"/n\""));
        let done = self.run_round(over, steps, (fold, each), &places, cells, number);
        self.row_mark = mark;
        let sink = std::mem::replace(&mut self.sink, outer);
        let given = std::mem::replace(&mut self.outcomes, outcomes);
        let raised = std::mem::replace(&mut self.guards, guards);
        let left = std::mem::replace(&mut self.leaves, leaves);
        done.map_err(|error| match error.message.contains("a function that writes cannot stand") {
            true => DialectError::unsupported("a loop that writes, of anything but one INSERT,")
                .with_hint("Write one statement for all the rows."),
            false => error,
        })?;
        let Sink::Layers { layers, .. } = sink else {
            return Err(DialectError::unsupported("this loop"));
        };
        let mut returned = Vec::new();
        let mut stops = Condition::never();
        let mut which = String::new();
        let mut results = Vec::new();
        for (index, outcome) in given.into_iter().enumerate() {
            stops = stops.or(&outcome.condition);
            let reached = outcome.condition.to_sql();
            which.push_str(&format!(" WHEN {reached} THEN {}", index + 1));
            let (sql, of, what) = match outcome.returned {
                Returned::Value(piece) => {
                    let (sql, of) = piece.resolved(self.catalog)?;
                    (format!("CASE WHEN {reached} THEN {sql} END"), of, Returned::Value(Piece::Null))
                }
                what @ (Returned::Null | Returned::Nothing) => ("NULL".to_string(), DataType::Text, what),
                Returned::Row(_) | Returned::Rows(_) => {
                    return Err(DialectError::unsupported("RETURN of rows in a loop that assigns")
                        .with_hint("Write one query for all the rows."));
                }
            };
            results.push(sql);
            returned.push((what, of));
        }
        for leave in left.iter().filter(|leave| leave.is_exit) {
            stops = stops.or(&leave.condition);
        }
        let which = if which.is_empty() { "0".to_string() } else { format!("CASE{which} ELSE 0 END") };
        let mut next = vec![format!("({})", stops.to_sql()), which, format!("{fold}.\"/n\" + 1")];
        next.push(leaving(&left, &self.state.found, |state| state.found.clone()));
        for (place, shape) in places.iter().zip(cells) {
            for index in 0..shape.len() {
                let value = |state: &State| state.at(*place, index);
                next.push(leaving(&left, &value(&self.state), value));
            }
        }
        next.extend(results);
        let mut types = head();
        types.extend(cells.iter().flatten().map(|(_, of)| of.clone()));
        types.extend(returned.iter().map(|(_, of)| of.clone()));
        let mut packed = packed_row(&mut types.iter().zip(next));
        if !raised.is_empty() {
            packed = format!("CASE WHEN {} THEN {packed} END", balanced(raised, " AND "));
        }
        let step = format!("({})", over_layers(row, &layers, &packed));
        Ok(Round { step, outcomes: returned, state: self.state.clone() })
    }

    fn run_round(
        &mut self,
        over: &Over,
        steps: &[Step],
        (fold, each): (&str, &str),
        places: &[Place],
        cells: &[Vec<(String, DataType)>],
        number: Option<&str>,
    ) -> Result<(), DialectError> {
        let state = format!("{fold}.\"/state\"");
        let mut read = vec![unpacked_cell(&DataType::Bool, &state, HEAD - 1)];
        read.extend(
            cells
                .iter()
                .flatten()
                .enumerate()
                .map(|(index, (_, of))| unpacked_cell(of, &state, HEAD + index)),
        );
        let mut read = self.sink.keep_together(&read).into_iter();
        self.state.found = read.next().unwrap_or_default();
        for (place, shape) in places.iter().zip(cells) {
            for index in 0..shape.len() {
                self.state.set_at(*place, index, read.next().unwrap_or_default());
            }
        }
        self.state.running = Condition::always();
        let scopes = self.state.scopes.len();
        match over {
            Over::Rows { targets, .. } => {
                let into = Into { is_strict: false, targets: targets.clone() };
                let targets = self.targets(&into)?;
                let columns = self.columns.clone();
                let values = (0..columns.len()).map(|index| format!("{each}.{}", column_name(index)));
                self.fill(&targets, &columns, values.collect())?;
            }
            Over::Numbers { name, .. } => {
                let sql = number.unwrap_or_default().to_string();
                let field = Field { name: name.clone(), sql, data_type: DataType::Int4 };
                self.state.scopes.push(Scope { relations: vec![variables("", vec![field])] });
            }
            Over::While(condition) => {
                let condition = self.lowered_condition(condition)?;
                let condition = self.settle(format!("({condition} IS TRUE)"));
                let ends = Condition::always().and(&negated(&condition));
                self.leaves.push(Leave { condition: ends, is_exit: true, state: self.state.clone() });
                self.state.running = Condition::always().and(&condition);
            }
            Over::Forever => {}
        }
        let columns = std::mem::take(&mut self.columns);
        let run = self.steps(steps);
        self.columns = columns;
        self.state.scopes.truncate(scopes);
        run
    }

    /// `EXIT` and `CONTINUE`.
    pub(super) fn leave_round(&mut self, is_exit: bool, when: Option<&Expr>) -> Result<(), DialectError> {
        let before = self.state.running.clone();
        let (condition, after) = match when {
            None => (before, Condition::never()),
            Some(when) => {
                let when = self.lowered_condition(when)?;
                let when = self.settle(format!("({when} IS TRUE)"));
                (before.and(&when), before.and(&negated(&when)))
            }
        };
        if self.looping == 0 {
            return Err(DialectError::new(
                "42601",
                "EXIT cannot be used outside a loop, unless it has a label",
            ));
        }
        self.leaves.push(Leave { condition, is_exit, state: self.state.clone() });
        self.state.running = after;
        Ok(())
    }

    fn places_of(&self, over: &Over, steps: &[Step]) -> Vec<Place> {
        let mut places = self.assigned_in(steps);
        if let Over::Rows { targets, .. } = over {
            self.note(targets, &mut places);
        }
        places
    }

    /// The variables from outside that steps assign to.
    pub(super) fn assigned_in(&self, steps: &[Step]) -> Vec<Place> {
        let mut places = Vec::new();
        self.collect(steps, &mut places);
        places
    }

    fn collect(&self, steps: &[Step], places: &mut Vec<Place>) {
        for step in steps {
            match &step.action {
                Action::Assign(target, _) | Action::RowCount(target) => {
                    self.note(std::slice::from_ref(target), places);
                }
                Action::Select(_, Some(into)) | Action::Write(_, Some(into)) => {
                    self.note(&into.targets, places);
                }
                Action::Choose(arms, otherwise) => {
                    arms.iter().for_each(|(_, steps)| self.collect(steps, places));
                    if let Otherwise::Steps(steps) = otherwise {
                        self.collect(steps, places);
                    }
                }
                Action::Block(block) => self.collect(&block.steps, places),
                Action::ForRows(name, _, steps) => {
                    self.note(&[vec![name.clone()]], places);
                    self.collect(steps, places);
                }
                Action::Loop(over, steps) => {
                    if let Over::Rows { targets, .. } = over.as_ref() {
                        self.note(targets, places);
                    }
                    self.collect(steps, places);
                }
                _ => {}
            }
        }
    }

    /// Notes the places of names that there are; a row's field stands for the row.
    fn note(&self, targets: &[Vec<String>], places: &mut Vec<Place>) {
        for target in targets {
            let Ok(mut place) = self.state.place(target) else { continue };
            if self.state.relation(place).is_some_and(|of| of.schema.as_deref() != Some(VARIABLES)) {
                place = place.whole();
            }
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    fn cells(&self, places: &[Place]) -> Vec<Vec<(String, DataType)>> {
        shapes(&self.state, places)
    }

    /// Gives records the columns that they have in the loop, NULL before it.
    fn shape(&mut self, places: &[Place], cells: &[Vec<(String, DataType)>]) {
        for (place, shape) in places.iter().zip(cells) {
            if self.state.columns_at(*place).len() != shape.len() {
                let field = |(name, of): &(String, DataType)| Field {
                    name: name.clone(),
                    sql: "NULL".to_string(),
                    data_type: of.clone(),
                };
                self.state.set_row(*place, shape.iter().map(field).collect());
            }
        }
    }
}

/// The names and types of what stands at places.
fn shapes(state: &State, places: &[Place]) -> Vec<Vec<(String, DataType)>> {
    let shape = |place: &Place| {
        let fields = state.columns_at(*place).iter();
        fields.map(|field| (field.name.clone(), field.data_type.clone())).collect()
    };
    places.iter().map(shape).collect()
}

fn values(state: &State, places: &[Place]) -> Vec<String> {
    let fields = places.iter().flat_map(|place| state.columns_at(*place));
    fields.map(|field| field.sql.clone()).collect()
}

fn head() -> Vec<DataType> {
    vec![DataType::Bool, DataType::Int4, DataType::Int4, DataType::Bool]
}

/// A value at a round's end: where it was left before, what it was then.
fn leaving(left: &[Leave], at_end: &str, value: impl Fn(&State) -> String) -> String {
    left.iter().rev().fold(at_end.to_string(), |otherwise, leave| {
        let then = value(&leave.state);
        match then == otherwise {
            true => otherwise,
            false => format!("CASE WHEN {} THEN {then} ELSE {otherwise} END", leave.condition.to_sql()),
        }
    })
}
