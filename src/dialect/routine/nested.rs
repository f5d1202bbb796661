//! A call of a function that writes from another one's body: its statements stand among the caller's.

use sqlparser::ast::{Expr, FunctionArguments, Query, SelectItem, SetExpr};

use super::inline::argument_relations;
use super::resolve::{Given, resolve};
use crate::dialect::expression::{Piece, VARIABLES};
use crate::dialect::password::constant_text;
use crate::dialect::plpgsql::{self, Condition, Machine, Sink, State};
use crate::dialect::{DialectError, name};
use crate::schema::{Language, Returns, Routine, RoutineType};

/// The call that is all of a query: `SELECT f(…)`.
pub fn only_call(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(call @ Expr::Function(_))]
            if select.from.is_empty() && select.selection.is_none() =>
        {
            Some(call)
        }
        _ => None,
    }
}

/// Whether an error is that of a call which needs statements of its own.
pub fn needs_statements(error: &DialectError) -> bool {
    error.code == "0A000"
        && ["a function that writes cannot stand in an expression", "which returns void, in an expression"]
            .iter()
            .any(|of| error.message.contains(of))
}

impl Machine<'_> {
    /// Runs a call where this point is reached: its value. `error` is why it could not stand in an expression.
    pub(in crate::dialect) fn nested_call(
        &mut self,
        call: &Expr,
        error: DialectError,
    ) -> Result<Piece, DialectError> {
        if !needs_statements(&error) || !self.sink.takes_statements() || self.looping > 0 {
            return Err(error);
        }
        let Some((routine, given, runs)) = self.resolved_call(call)? else { return Err(error) };
        self.environment.enter_routine(&routine)?;
        let piece = self.run_call(&routine, given, runs);
        self.environment.leave_routine();
        piece
    }

    /// The function, its arguments put aside, and when it runs.
    #[allow(clippy::type_complexity)]
    fn resolved_call(
        &mut self,
        call: &Expr,
    ) -> Result<Option<(Routine, Vec<Given>, Condition)>, DialectError> {
        let Expr::Function(function) = call else { return Ok(None) };
        let FunctionArguments::List(list) = &function.args else { return Ok(None) };
        let written = name::parts(&function.name)?.join(".");
        let running = self.state.running.clone();
        let mut sink = std::mem::replace(&mut self.sink, Sink::layers());
        let resolved = self.lowered(|lowering| {
            let Some((schema, of)) = lowering.routine_name(&written) else { return Ok(None) };
            let given = lowering.routine_arguments(&list.args)?;
            let catalog = lowering.catalog;
            let resolved = resolve(catalog, &schema, &of, &written, &given)?;
            let routine = resolved.routine;
            if routine.language != Language::Plpgsql {
                return Ok(None);
            }
            let mut runs = running.clone();
            let mut settled = Vec::new();
            for (input, given) in routine.inputs().zip(resolved.given) {
                let RoutineType::Value(to) = &input.data_type else { return Ok(None) };
                let sql = lowering.argument_value(given.as_ref(), input, to)?;
                // A constant stays one: a password is asked for as such.
                let is_constant = constant_text(&sql).is_some();
                let sql = if is_constant { sql } else { sink.keep(&running.guarding(&sql)) };
                if routine.strict {
                    runs = runs.and(&format!("({sql} IS NOT NULL)"));
                }
                settled.push(Given::Value(Piece::Typed(sql, to.clone())));
            }
            Ok(Some((routine.clone(), settled, runs)))
        });
        self.sink = sink;
        resolved
    }

    fn run_call(
        &mut self,
        routine: &Routine,
        given: Vec<Given>,
        runs: Condition,
    ) -> Result<Piece, DialectError> {
        let body = plpgsql::body(&routine.body)?;
        let mut given = argument_relations(self.catalog, routine, given);
        for relation in given.iter_mut().filter(|relation| relation.merged.is_empty()) {
            relation.schema = Some(VARIABLES.to_string());
        }
        let mut state = State::over(given);
        state.running = runs.clone();
        let outside = self.step_into(state, routine);
        let value = self.run(&body).and_then(|()| match &routine.returns {
            Returns::Void => Ok(Piece::Null),
            Returns::One(RoutineType::Value(to)) => {
                let value = self.returned(to)?;
                Ok(Piece::Typed(self.sink.keep(&runs.guarding(&value)), to.clone()))
            }
            _ => Err(DialectError::unsupported("calling a function that writes and gives rows")),
        });
        self.step_out(outside);
        value
    }
}
