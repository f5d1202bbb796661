//! Runs a function's body on what its values will be, not on values: each variable stands for the SQL
//! that gives its present value, each point for the condition under which it is reached.

use std::rc::Rc;

use sqlparser::ast::{self, Expr};

use super::condition::Condition;
use super::parse::at;
use super::sink::Sink;
use super::state::{Place, Shape, State, negated, row, shape, variables};
use super::syntax::{Action, Block, Otherwise, Step};
use crate::dialect::expression::{Field, Lowering, Piece, Relation};
use crate::dialect::query::{CommonTable, LoweredQuery};
use crate::dialect::{DialectError, Environment};
use crate::schema::{Catalog, DataType, WrittenTable};
use crate::sql::{quote_identifier, raise};

/// A run of one function.
pub struct Machine<'a> {
    /// The schema.
    pub catalog: &'a Catalog,
    /// For whom.
    pub environment: &'a mut dyn Environment,
    /// `SET search_path` of the function.
    pub search_path: Option<Vec<String>>,
    /// What the aliases in its SQL start with; unlike those around the call.
    pub prefix: String,
    /// Where values and statements go.
    pub sink: Sink,
    /// The variables.
    pub state: State,
    /// What is known when the function is compiled: `TG_OP` and its like.
    pub constants: Vec<(&'static str, String)>,
    /// Conditions and their results, in order; the first whose condition holds is the function's.
    pub outcomes: Vec<Outcome>,
    /// Values that must be computed, used or not: each is true, or raises.
    pub guards: Vec<String>,
    /// The tables written.
    pub writes: Vec<WrittenTable>,
    /// Variables that may not be assigned to, or not NULL.
    pub(super) constant: Vec<Place>,
    pub(super) not_null: Vec<(Place, String)>,
    /// Whether the body asks for `FOUND` or `ROW_COUNT`.
    pub(super) counts: bool,
    /// A value of the row around the call: see [`Lowering::row_mark`].
    pub row_mark: Option<String>,
    /// How many loops there were, and how many are around.
    pub(super) loops: usize,
    pub looping: usize,
    /// The ways out of the round at hand, and the columns of the loop's rows.
    pub(super) leaves: Vec<super::fold::Leave>,
    pub(super) columns: Vec<(String, DataType)>,
    /// The types of the rows that the function gives, for untyped literals in its queries.
    pub result_types: Vec<DataType>,
    /// The names of the parameters that come out.
    pub out: Vec<String>,
    /// What it may read by name besides the schema's tables: a trigger's transition tables.
    pub tables: Vec<CommonTable>,
    /// Whether it runs inside of another statement.
    pub in_trigger: bool,
}

/// A RETURN and what leads to it.
pub struct Outcome {
    /// When.
    pub condition: Condition,
    /// What.
    pub returned: Returned,
}

/// What belongs to a function while another one that it calls runs.
pub struct Outside {
    state: State,
    search_path: Option<Vec<String>>,
    constants: Vec<(&'static str, String)>,
    outcomes: Vec<Outcome>,
    constant: Vec<Place>,
    not_null: Vec<(Place, String)>,
    out: Vec<String>,
    result_types: Vec<DataType>,
    counts: bool,
}

/// What a RETURN gives.
pub enum Returned {
    /// `RETURN;`
    Nothing,
    /// `RETURN NULL`.
    Null,
    /// A row variable, as it is then.
    Row(Relation),
    /// Any other value.
    Value(Piece),
    /// `RETURN QUERY` and `RETURN NEXT`: rows besides those before; the function goes on.
    Rows(LoweredQuery),
}

impl<'a> Machine<'a> {
    /// Before the first step: `given` are the function's parameters, or a trigger's rows.
    pub fn new(
        catalog: &'a Catalog,
        environment: &'a mut dyn Environment,
        sink: Sink,
        given: Vec<Relation>,
    ) -> Self {
        Self {
            catalog,
            environment,
            search_path: None,
            prefix: String::new(),
            sink,
            state: State::over(given),
            constants: Vec::new(),
            outcomes: Vec::new(),
            guards: Vec::new(),
            writes: Vec::new(),
            constant: Vec::new(),
            not_null: Vec::new(),
            counts: true,
            row_mark: None,
            loops: 0,
            looping: 0,
            leaves: Vec::new(),
            columns: Vec::new(),
            result_types: Vec::new(),
            out: Vec::new(),
            tables: Vec::new(),
            in_trigger: false,
        }
    }

    /// Before the first step again, with other places for values.
    pub fn restart(&mut self, sink: Sink, given: Vec<Relation>) {
        self.sink = sink;
        self.state = State::over(given);
        self.outcomes.clear();
        self.guards.clear();
    }

    /// Leaves what belongs to this function for another one that is called here: give it to [`Self::step_out`].
    pub fn step_into(&mut self, state: State, routine: &crate::schema::Routine) -> Outside {
        let counts = self.counts;
        self.set_counts(&routine.body);
        Outside {
            state: std::mem::replace(&mut self.state, state),
            search_path: std::mem::replace(&mut self.search_path, routine.search_path.clone()),
            constants: std::mem::take(&mut self.constants),
            outcomes: std::mem::take(&mut self.outcomes),
            constant: std::mem::take(&mut self.constant),
            not_null: std::mem::take(&mut self.not_null),
            out: std::mem::take(&mut self.out),
            result_types: std::mem::take(&mut self.result_types),
            counts,
        }
    }

    /// Goes on where it was left.
    pub fn step_out(&mut self, outside: Outside) {
        self.state = outside.state;
        self.search_path = outside.search_path;
        self.constants = outside.constants;
        self.outcomes = outside.outcomes;
        self.constant = outside.constant;
        self.not_null = outside.not_null;
        self.out = outside.out;
        self.result_types = outside.result_types;
        self.counts = outside.counts;
    }

    /// Whether a body asks how many rows its statements wrote.
    pub fn set_counts(&mut self, body: &str) {
        let body = body.to_ascii_lowercase();
        self.counts = body.contains("found") || body.contains("row_count");
    }

    /// A condition over the variables, in SQL.
    pub fn lowered_condition(&mut self, condition: &Expr) -> Result<String, DialectError> {
        self.lowered(|lowering| lowering.condition(condition))
    }

    /// Runs a body.
    pub fn run(&mut self, body: &Rc<Block>) -> Result<(), DialectError> {
        let block = body.clone();
        self.block(&block)
    }

    fn block(&mut self, block: &Block) -> Result<(), DialectError> {
        let scopes = self.state.scopes.len();
        let (constant, not_null) = (self.constant.len(), self.not_null.len());
        self.state.scopes.push(crate::dialect::expression::Scope {
            relations: vec![variables(block.label.as_deref().unwrap_or_default(), Vec::new())],
        });
        for declaration in &block.declarations {
            self.declare(declaration).map_err(|error| at(error, declaration.line))?;
        }
        self.steps(&block.steps)?;
        self.state.scopes.truncate(scopes);
        self.constant.truncate(constant);
        self.not_null.truncate(not_null);
        Ok(())
    }

    fn declare(&mut self, declaration: &super::syntax::Declaration) -> Result<(), DialectError> {
        let name = &declaration.name;
        let shape = shape(self.catalog, &self.state, &declaration.of)?;
        let names = std::slice::from_ref(name);
        match shape {
            Shape::Value(data_type) => {
                let sql = match &declaration.default {
                    Some(default) => self.assigned(default, &data_type)?,
                    None => "NULL".to_string(),
                };
                let sql = self.settle(sql);
                let field = Field { name: name.clone(), sql, data_type };
                if let Some(relation) =
                    self.state.scopes.last_mut().and_then(|scope| scope.relations.first_mut())
                {
                    relation.columns.push(field);
                }
            }
            Shape::Row(columns) => {
                if let Some(scope) = self.state.scopes.last_mut() {
                    scope.relations.push(row(name, columns));
                }
                if let Some(default) = &declaration.default {
                    self.assign(names, default)?;
                }
            }
        }
        let place = self.state.place(names)?;
        if declaration.is_constant {
            self.constant.push(place);
        }
        if declaration.not_null {
            self.not_null.push((place, name.clone()));
            self.refuse_null(place)?;
        }
        Ok(())
    }

    /// Runs steps until they end or nothing is left that gets here.
    pub(super) fn steps(&mut self, steps: &[Step]) -> Result<(), DialectError> {
        for step in steps {
            if self.state.running.is_never() {
                return Ok(());
            }
            self.step(&step.action).map_err(|error| at(error, step.line))?;
        }
        Ok(())
    }

    fn step(&mut self, action: &Action) -> Result<(), DialectError> {
        match action {
            Action::Nothing => Ok(()),
            Action::Assign(target, value) => self.assign(target, value),
            Action::Choose(arms, otherwise) => self.choose(arms, otherwise),
            Action::Raise(of) => self.raise(of),
            Action::Select(query, None) => self.perform(query),
            Action::Select(query, Some(into)) => self.select_into(query, into),
            Action::Write(statement, into) => self.write(statement, into.as_ref()),
            Action::Refresh(view) => self.refresh(view),
            Action::Return(value) => self.returns(value.as_ref()),
            Action::ReturnNext(value) => self.return_next(value.as_ref()),
            Action::ReturnQuery(query) => self.return_query(query),
            Action::RowCount(target) => {
                let place = self.assignable(target)?;
                let count = self.state.row_count.clone();
                self.state.set(place, count);
                Ok(())
            }
            Action::Block(block) => self.block(block),
            Action::ForRows(variable, query, steps) => match self.unrolled_rows(variable, query, steps)? {
                true => Ok(()),
                false => self.for_rows(variable, query, steps),
            },
            Action::Loop(over, steps) => match self.unrolled(over, steps)? {
                true => Ok(()),
                false => self.fold(over, steps),
            },
            Action::Leave(is_exit, when) => self.leave_round(*is_exit, when.as_ref()),
        }
    }

    fn assign(&mut self, target: &[String], value: &Expr) -> Result<(), DialectError> {
        let place = self.assignable(target)?;
        if let Some(data_type) = self.state.field(place).map(|field| field.data_type.clone()) {
            let sql = self.assigned(value, &data_type)?;
            let sql = self.settle(sql);
            self.state.set(place, sql);
        } else {
            let Expr::Identifier(name) = value else {
                return Err(DialectError::unsupported("assigning anything but a row variable to a row"));
            };
            let from = self.state.place(&[crate::dialect::name::folded(name)])?;
            let columns = self.state.relation(from).map(|of| of.columns.clone()).unwrap_or_default();
            self.state.set_row(place, columns);
        }
        self.refuse_null(place)
    }

    /// Where a value may be put.
    pub(super) fn assignable(&self, target: &[String]) -> Result<Place, DialectError> {
        let place = self.state.place(target)?;
        if self.constant.contains(&place) {
            return Err(DialectError::new(
                "22005",
                format!("variable \"{}\" is declared CONSTANT", target.join(".")),
            ));
        }
        Ok(place)
    }

    /// A value as a variable of a type holds it.
    fn assigned(&mut self, value: &Expr, data_type: &DataType) -> Result<String, DialectError> {
        let assigned = self.lowered(|lowering| {
            let piece = lowering.lower(value)?;
            lowering.assign_in_function(piece, data_type)
        });
        assigned.or_else(|error| {
            let piece = self.nested_call(value, error)?;
            self.lowered(|lowering| lowering.assign_in_function(piece, data_type))
        })
    }

    pub(super) fn refuse_null(&mut self, place: Place) -> Result<(), DialectError> {
        let Some((_, name)) = self.not_null.iter().find(|(of, _)| *of == place) else { return Ok(()) };
        let error = raise(&crate::sql::quote_literal(&format!(
            "22004:null value cannot be assigned to variable \"{name}\" declared NOT NULL"
        )));
        let sql = self.state.field(place).map(|field| field.sql.clone()).unwrap_or_default();
        self.guard(&format!("CASE WHEN {sql} IS NULL THEN {error} ELSE TRUE END"));
        Ok(())
    }

    /// Has an expression computed where this point is reached: it is true, or raises.
    pub fn guard(&mut self, sql: &str) {
        let guarded = match self.state.running.is_always() {
            true => sql.to_string(),
            false => format!("CASE WHEN {} THEN {sql} ELSE TRUE END", self.state.running.to_sql()),
        };
        if self.sink.takes_statements() {
            self.sink.push(format!("SELECT {guarded}"));
        } else {
            let kept = self.sink.keep(&guarded);
            self.guards.push(kept);
        }
    }

    /// Puts aside what is dear or changes; not computed where this point is not reached.
    pub fn settle(&mut self, sql: String) -> String {
        let settled = self.sink.settle(sql.clone());
        if settled == sql || self.state.running.is_always() {
            return settled;
        }
        self.sink.forget_last();
        let guarded = self.state.running.guarding(&sql);
        self.sink.keep(&guarded)
    }

    fn choose(&mut self, arms: &[(Expr, Vec<Step>)], otherwise: &Otherwise) -> Result<(), DialectError> {
        let Some(((condition, steps), rest)) = arms.split_first() else {
            return match otherwise {
                Otherwise::Steps(steps) => self.steps(steps),
                Otherwise::NoCase => {
                    let error = raise("'20000:case not found'");
                    self.guard(&error);
                    self.state.running = Condition::never();
                    Ok(())
                }
            };
        };
        match known(&self.constants, condition) {
            Some(true) => return self.steps(steps),
            Some(false) => return self.choose(rest, otherwise),
            None => {}
        }
        let condition = self.lowered(|lowering| lowering.condition(condition))?;
        let condition = self.settle(format!("({condition} IS TRUE)"));
        let before = self.state.clone();
        self.state.running = before.running.and(&condition);
        self.steps(steps)?;
        let then = std::mem::replace(&mut self.state, before.clone());
        self.state.running = before.running.and(&negated(&condition));
        self.choose(rest, otherwise)?;
        let otherwise = std::mem::replace(&mut self.state, before.clone());
        self.state = State::merged(&before, &condition, then, otherwise);
        Ok(())
    }

    fn returns(&mut self, value: Option<&Expr>) -> Result<(), DialectError> {
        let returned = match value {
            None => self.out().map_or(Returned::Nothing, Returned::Row),
            Some(value) => match self.row_named(value) {
                Some(relation) => Returned::Row(relation),
                None => match self
                    .lowered(|lowering| lowering.lower(value))
                    .or_else(|error| self.nested_call(value, error))?
                {
                    Piece::Null => Returned::Null,
                    piece => Returned::Value(piece),
                },
            },
        };
        self.outcome(returned);
        self.state.running = Condition::never();
        Ok(())
    }

    fn return_next(&mut self, value: Option<&Expr>) -> Result<(), DialectError> {
        let fields = match value {
            None => self.out(),
            Some(value) => self.row_named(value),
        };
        let fields: Vec<(String, String, DataType)> = match (fields, value) {
            (Some(row), _) => {
                row.columns.into_iter().map(|field| (field.name, field.sql, field.data_type)).collect()
            }
            (None, Some(value)) => {
                let (sql, data_type) = self.lowered(|lowering| {
                    let catalog = lowering.catalog;
                    lowering.lower(value)?.resolved(catalog)
                })?;
                vec![("?column?".to_string(), sql, data_type)]
            }
            (None, None) => return Err(DialectError::new("42601", "RETURN NEXT must have a parameter")),
        };
        let list: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(index, (_, sql, _))| format!("{sql} AS \"{}\"", index + 1))
            .collect();
        self.give_row(LoweredQuery {
            sql: format!("SELECT {}", list.join(", ")),
            columns: fields.into_iter().map(|(name, _, data_type)| (name, data_type)).collect(),
            is_single: true,
            value: None,
        });
        Ok(())
    }

    pub(super) fn outcome(&mut self, returned: Returned) {
        self.outcomes.push(Outcome { condition: self.state.running.clone(), returned });
    }

    /// The row variable that an expression names; `COALESCE(NEW, OLD)` is the one that there is.
    fn row_named(&self, value: &Expr) -> Option<Relation> {
        match value {
            Expr::Nested(inner) => self.row_named(inner),
            Expr::Identifier(name) => {
                let place = self.state.place(&[crate::dialect::name::folded(name)]).ok()?;
                if self.state.field(place).is_some() { None } else { self.state.relation(place).cloned() }
            }
            Expr::Function(function)
                if crate::dialect::expression::called_name(function).ok()? == "coalesce" =>
            {
                let ast::FunctionArguments::List(list) = &function.args else { return None };
                let rows: Option<Vec<Relation>> = list
                    .args
                    .iter()
                    .map(|argument| match argument {
                        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(value)) => self.row_named(value),
                        _ => None,
                    })
                    .collect();
                let rows = rows?;
                let present = |row: &&Relation| row.columns.iter().any(|field| field.sql != "NULL");
                rows.iter().find(present).or(rows.first()).cloned()
            }
            _ => None,
        }
    }

    /// Lowers something over the variables.
    pub fn lowered<T>(
        &mut self,
        work: impl FnOnce(&mut Lowering<'_>) -> Result<T, DialectError>,
    ) -> Result<T, DialectError> {
        let prefix = quote_identifier(&self.prefix);
        let mut lowering = Lowering::beside_row(self.catalog, self.environment, &prefix);
        lowering.scopes = self.state.visible();
        lowering.common_tables.clone_from(&self.tables);
        lowering.search_path.clone_from(&self.search_path);
        lowering.row_mark.clone_from(&self.row_mark);
        work(&mut lowering)
    }
}

/// Whether a condition is decided by what is known when the function is compiled.
pub fn known(constants: &[(&'static str, String)], condition: &Expr) -> Option<bool> {
    use ast::BinaryOperator as Op;
    let constant = |of: &Expr| match of {
        Expr::Identifier(name) => {
            let name = crate::dialect::name::folded(name);
            constants.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone())
        }
        _ => None,
    };
    let literal = |of: &Expr| match of {
        Expr::Value(value) => value.value.clone().into_string(),
        _ => None,
    };
    match condition {
        Expr::Nested(inner) => known(constants, inner),
        Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => known(constants, expr).map(|known| !known),
        Expr::BinaryOp { left, op: Op::And, right } => {
            match (known(constants, left), known(constants, right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), known) => known,
                _ => None,
            }
        }
        Expr::BinaryOp { left, op: Op::Or, right } => match (known(constants, left), known(constants, right))
        {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), known) => known,
            _ => None,
        },
        Expr::BinaryOp { left, op: Op::Eq, right } => Some(constant(left)? == literal(right)?),
        Expr::BinaryOp { left, op: Op::NotEq, right } => Some(constant(left)? != literal(right)?),
        Expr::InList { expr, list, negated } => {
            let of = constant(expr)?;
            let list: Option<Vec<String>> = list.iter().map(literal).collect();
            Some(list?.contains(&of) != *negated)
        }
        _ => None,
    }
}
