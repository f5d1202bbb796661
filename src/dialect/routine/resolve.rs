//! Which function a call means, of those with its name: Postgres' rules for overloads.

use crate::dialect::DialectError;
use crate::dialect::expression::{Family, Piece, Relation, common_type, family, json_element, literal};
use crate::schema::{Argument, ArgumentMode, Catalog, DataType, Routine, RoutineType};

/// What a call gives for a parameter.
#[derive(Clone, Debug)]
pub enum Given {
    /// A value.
    Value(Piece),
    /// A whole row.
    Row(Relation),
}

/// One argument of a call: the name it is given by, if any, and what is given.
pub type NamedArgument = (Option<String>, Given);

/// The function that is meant, and for each of its inputs what the call gives; `None` for its default.
pub struct Resolved<'a> {
    /// The function.
    pub routine: &'a Routine,
    /// One for each input.
    pub given: Vec<Option<Given>>,
}

impl Given {
    fn type_name(&self) -> String {
        match self {
            Self::Value(piece) => piece.type_name(),
            Self::Row(relation) => relation.name.clone(),
        }
    }
}

/// How well a given fits a parameter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// A conversion that Postgres makes by itself.
    Implicit,
    /// The same, to the type that its kind prefers.
    Preferred,
    /// A literal without a type.
    Unknown,
    Exact,
}

/// Finds the function: `42883` when none fits, `42725` when several fit alike.
pub fn resolve<'a>(
    catalog: &'a Catalog,
    schema: &str,
    name: &str,
    written: &str,
    arguments: &[NamedArgument],
) -> Result<Resolved<'a>, DialectError> {
    let mut candidates: Vec<(Resolved<'a>, Vec<Fit>)> = Vec::new();
    for routine in catalog.routines.values().filter(|of| of.schema == schema && of.name == name) {
        let Some(given) = placed(routine, arguments) else { continue };
        let fits: Option<Vec<Fit>> = routine
            .inputs()
            .zip(&given)
            .filter_map(|(argument, given)| given.as_ref().map(|given| fit(catalog, argument, given)))
            .collect();
        if let Some(fits) = fits {
            candidates.push((Resolved { routine, given }, fits));
        }
    }
    for narrow in [exact as fn(&Fit) -> bool, at_least_preferred] {
        let score = |fits: &[Fit]| fits.iter().filter(|of| narrow(of)).count();
        let best = candidates.iter().map(|(_, fits)| score(fits)).max().unwrap_or_default();
        candidates.retain(|(_, fits)| score(fits) == best);
    }
    if candidates.len() > 1 {
        candidates = preferring_text(candidates);
    }
    // Of those that fit alike the one without defaults to fill in is nearer.
    if candidates.len() > 1 {
        let filled = |resolved: &Resolved<'_>| resolved.given.iter().filter(|given| given.is_none()).count();
        let least = candidates.iter().map(|(resolved, _)| filled(resolved)).min().unwrap_or_default();
        if candidates.iter().filter(|(resolved, _)| filled(resolved) == 0).count() == 1 {
            candidates.retain(|(resolved, _)| filled(resolved) == least);
        }
    }
    let types = || arguments.iter().map(described).collect::<Vec<_>>().join(", ");
    let several = candidates.len() > 1;
    match candidates.pop() {
        Some((resolved, _)) if !several => Ok(resolved),
        Some(_) => Err(DialectError::new("42725", format!("function {written}({}) is not unique", types()))
            .with_hint("Could not choose a best candidate function. You might need to add explicit type casts.")),
        None => Err(DialectError::new("42883", format!("function {written}({}) does not exist", types()))
            .with_hint("No function matches the given name and argument types. You might need to add explicit type casts.")),
    }
}

fn exact(fit: &Fit) -> bool {
    *fit == Fit::Exact
}

fn at_least_preferred(fit: &Fit) -> bool {
    *fit >= Fit::Preferred
}

fn described((name, given): &NamedArgument) -> String {
    match name {
        Some(name) => format!("{name} => {}", given.type_name()),
        None => given.type_name(),
    }
}

/// The call's arguments in the order of the function's inputs; `None` when they are too many, too
/// few, or named otherwise.
fn placed(routine: &Routine, arguments: &[NamedArgument]) -> Option<Vec<Option<Given>>> {
    let inputs: Vec<&Argument> = routine.inputs().collect();
    let variadic = inputs.last().filter(|last| last.mode == ArgumentMode::Variadic);
    if let Some(last) = variadic
        && arguments.iter().all(|(name, _)| name.is_none())
        && arguments.len() >= inputs.len()
        && !gives_array(arguments, &inputs)
    {
        return gathered(last, &inputs, arguments);
    }
    let mut given: Vec<Option<Given>> = vec![None; inputs.len()];
    for (index, (name, value)) in arguments.iter().enumerate() {
        let place = match name {
            None => index,
            Some(name) => inputs.iter().position(|input| input.name.as_ref() == Some(name))?,
        };
        let slot = given.get_mut(place)?;
        if slot.is_some() {
            return None;
        }
        *slot = Some(value.clone());
    }
    let complete = inputs.iter().zip(&given).all(|(input, given)| given.is_some() || input.default.is_some());
    complete.then_some(given)
}

/// Whether the last argument is the variadic parameter's whole array.
fn gives_array(arguments: &[NamedArgument], inputs: &[&Argument]) -> bool {
    let is_array = |given: &Given| matches!(given, Given::Value(Piece::Typed(_, DataType::Array(_))));
    arguments.len() == inputs.len() && arguments.last().is_some_and(|(_, given)| is_array(given))
}

/// The values from the variadic parameter on as one array.
fn gathered(
    last: &Argument,
    inputs: &[&Argument],
    arguments: &[NamedArgument],
) -> Option<Vec<Option<Given>>> {
    let RoutineType::Value(DataType::Array(element)) = &last.data_type else { return None };
    let (before, rest) = arguments.split_at_checked(inputs.len().checked_sub(1)?)?;
    let mut items = Vec::new();
    for (_, given) in rest {
        let Given::Value(piece) = given else { return None };
        let fits = piece.data_type().is_none_or(|of| common_type(of, element).as_ref() == Some(element));
        if !fits {
            return None;
        }
        let sql = match piece {
            Piece::Typed(sql, _) => json_element(sql, element).ok()?,
            Piece::Null => "NULL".to_string(),
            Piece::Unknown(text) => {
                let sql = literal(&Catalog::default(), element, text).ok()?;
                json_element(&sql, element).ok()?
            }
        };
        items.push(sql);
    }
    let array = match items.len() {
        0..=30 => format!("json_array({})", items.join(", ")),
        _ => return None,
    };
    let mut given: Vec<Option<Given>> = before.iter().map(|(_, given)| Some(given.clone())).collect();
    given.push(Some(Given::Value(Piece::Typed(array, DataType::Array(element.clone())))));
    Some(given)
}

fn fit(catalog: &Catalog, argument: &Argument, given: &Given) -> Option<Fit> {
    match (&argument.data_type, given) {
        (RoutineType::Row(table), Given::Row(relation)) => {
            let columns = catalog.row_type(table)?.columns.iter().map(|of| (&of.name, &of.data_type));
            let given = relation.columns.iter().map(|of| (&of.name, &of.data_type));
            columns.eq(given).then_some(Fit::Exact)
        }
        (RoutineType::Value(to), Given::Value(piece)) => match piece.data_type() {
            None => Some(Fit::Unknown),
            Some(from) if from == to => Some(Fit::Exact),
            Some(from) if family(from) == Family::Text && *to == DataType::Text => Some(Fit::Preferred),
            Some(from) if common_type(from, to).as_ref() == Some(to) => Some(match to {
                DataType::Float8 | DataType::Timestamptz => Fit::Preferred,
                _ => Fit::Implicit,
            }),
            Some(_) => None,
        },
        (RoutineType::Row(_), Given::Value(Piece::Null)) => Some(Fit::Unknown),
        _ => None,
    }
}

/// Where literals without a type decide, a function that takes text for them is meant.
fn preferring_text(candidates: Vec<(Resolved<'_>, Vec<Fit>)>) -> Vec<(Resolved<'_>, Vec<Fit>)> {
    let takes_text = |(resolved, _): &(Resolved<'_>, Vec<Fit>)| {
        resolved.routine.inputs().zip(&resolved.given).all(|(argument, given)| match given {
            Some(Given::Value(Piece::Unknown(_))) => {
                matches!(&argument.data_type, RoutineType::Value(of) if family(of) == Family::Text)
            }
            _ => true,
        })
    };
    if candidates.iter().filter(|candidate| takes_text(candidate)).count() == 1 {
        return candidates.into_iter().filter(takes_text).collect();
    }
    candidates
}
