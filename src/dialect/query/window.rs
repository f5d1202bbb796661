//! Window functions: what Postgres and SQLite both have, with the same frames.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, NamedWindowExpr, Value, WindowFrame,
    WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use crate::dialect::expression::{Family, Lowering, Piece, family};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;

/// A window function that is no aggregate.
pub struct WindowFunction {
    /// Its name.
    pub name: &'static str,
    /// Its arguments, for people.
    pub arguments: &'static str,
    /// Its result; `None` is the type of the first argument.
    pub result: Option<DataType>,
}

/// The window functions; every aggregate may stand over a window too.
#[rustfmt::skip]
pub const WINDOW_FUNCTIONS: &[WindowFunction] = &[
    WindowFunction { name: "row_number",   arguments: "",                            result: Some(DataType::Int8) },
    WindowFunction { name: "rank",         arguments: "",                            result: Some(DataType::Int8) },
    WindowFunction { name: "dense_rank",   arguments: "",                            result: Some(DataType::Int8) },
    WindowFunction { name: "percent_rank", arguments: "",                            result: Some(DataType::Float8) },
    WindowFunction { name: "cume_dist",    arguments: "",                            result: Some(DataType::Float8) },
    WindowFunction { name: "ntile",        arguments: "integer",                     result: Some(DataType::Int4) },
    WindowFunction { name: "lag",          arguments: "any [, integer [, any]]",     result: None },
    WindowFunction { name: "lead",         arguments: "any [, integer [, any]]",     result: None },
    WindowFunction { name: "first_value",  arguments: "any",                         result: None },
    WindowFunction { name: "last_value",   arguments: "any",                         result: None },
    WindowFunction { name: "nth_value",    arguments: "any, integer",                result: None },
];

impl Lowering<'_> {
    /// A window function over its window; `None` when the name is none.
    pub(in crate::dialect) fn window_call(
        &mut self,
        name: &str,
        function: &Function,
    ) -> Result<Option<Piece>, DialectError> {
        let Some(row) = WINDOW_FUNCTIONS.iter().find(|row| row.name == name) else { return Ok(None) };
        let Some(over) = &function.over else {
            return Err(DialectError::new(
                "42809",
                format!("window function {name} requires an OVER clause"),
            ));
        };
        if function.filter.is_some() {
            return Err(DialectError::new(
                "0A000",
                "FILTER is not implemented for non-aggregate window functions",
            ));
        }
        let over = self.over(over)?;
        let windows = self.windows.take();
        let arguments = self.window_arguments(function);
        self.windows = windows;
        let mut arguments = arguments?.into_iter();
        let mut sql = Vec::new();
        let mut result = row.result.clone();
        if result.is_none() {
            let (value, data_type) = arguments
                .next()
                .ok_or_else(|| DialectError::new("42883", format!("function {name}() does not exist")))?
                .resolved(self.catalog)?;
            sql.push(value);
            result = Some(data_type);
        }
        let result = result.unwrap_or(DataType::Text);
        for (index, argument) in arguments.enumerate() {
            sql.push(match (name, index) {
                ("ntile" | "nth_value", 0) | ("lag" | "lead", 0) => {
                    self.implicit(argument, &DataType::Int4)?
                }
                ("lag" | "lead", 1) => self.implicit(argument, &result)?,
                _ => return Err(DialectError::new("42883", format!("function {name} does not exist"))),
            });
        }
        Ok(Some(Piece::Typed(format!("{name}({}){over}", sql.join(", ")), result)))
    }

    fn window_arguments(&mut self, function: &Function) -> Result<Vec<Piece>, DialectError> {
        let FunctionArguments::List(list) = &function.args else { return Ok(Vec::new()) };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() || function.null_treatment.is_some()
        {
            return Err(DialectError::unsupported("this form of window function"));
        }
        let lower = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.lower(expression),
            _ => Err(DialectError::unsupported("this argument of a window function")),
        };
        list.args.iter().map(lower).collect()
    }

    /// ` OVER (…)`.
    pub(super) fn over(&mut self, over: &WindowType) -> Result<String, DialectError> {
        let Some(named) = self.windows.clone() else {
            return Err(DialectError::new("42P20", "window functions are not allowed here"));
        };
        let find = |wanted: &sqlparser::ast::Ident| {
            let wanted = name::folded(wanted);
            named
                .iter()
                .find(|definition| name::folded(&definition.0) == wanted)
                .map(|definition| definition.1.clone())
                .ok_or_else(|| DialectError::new("42704", format!("window \"{wanted}\" does not exist")))
        };
        let mut spec = match over {
            WindowType::WindowSpec(spec) => spec.clone(),
            WindowType::NamedWindow(wanted) => WindowSpec {
                window_name: Some(wanted.clone()),
                partition_by: Vec::new(),
                order_by: Vec::new(),
                window_frame: None,
            },
        };
        let mut steps = 0;
        while let Some(base) = spec.window_name.take() {
            steps += 1;
            let base = match find(&base)? {
                NamedWindowExpr::WindowSpec(base) => base,
                NamedWindowExpr::NamedWindow(_) => {
                    return Err(DialectError::unsupported("this WINDOW clause"));
                }
            };
            if steps > 10 {
                return Err(DialectError::unsupported("this WINDOW clause"));
            }
            spec.partition_by =
                if spec.partition_by.is_empty() { base.partition_by } else { spec.partition_by };
            spec.order_by = if spec.order_by.is_empty() { base.order_by } else { spec.order_by };
            spec.window_frame = spec.window_frame.or(base.window_frame);
            spec.window_name = base.window_name;
        }
        let windows = self.windows.take();
        let sql = self.window(&spec);
        self.windows = windows;
        sql
    }

    fn window(&mut self, spec: &WindowSpec) -> Result<String, DialectError> {
        let mut clauses = Vec::new();
        if !spec.partition_by.is_empty() {
            let mut keys = Vec::new();
            for expression in &spec.partition_by {
                let piece = self.lower(expression)?;
                keys.push(self.distinct_key(piece)?);
            }
            clauses.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        if !spec.order_by.is_empty() {
            clauses.push(format!("ORDER BY {}", self.order_terms(&spec.order_by, &[])?));
        }
        if let Some(frame) = &spec.window_frame {
            let is_whole = |bound: &WindowFrameBound| {
                !matches!(bound, WindowFrameBound::Preceding(Some(_)) | WindowFrameBound::Following(Some(_)))
            };
            let ranged = frame.units == WindowFrameUnits::Range
                && !(is_whole(&frame.start_bound) && frame.end_bound.as_ref().is_none_or(is_whole));
            if ranged {
                let [term] = spec.order_by.as_slice() else {
                    return Err(DialectError::new(
                        "42P20",
                        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
                    ));
                };
                let piece = self.lower(&term.expr)?;
                if !piece.data_type().is_some_and(|of| matches!(family(of), Family::Number(0..=2))) {
                    return Err(DialectError::unsupported("RANGE with an offset over anything but integers"));
                }
            }
            clauses.push(frame_sql(frame)?);
        }
        Ok(format!(" OVER ({})", clauses.join(" ")))
    }
}

fn frame_sql(frame: &WindowFrame) -> Result<String, DialectError> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => "GROUPS",
    };
    let bound = |bound: &WindowFrameBound| -> Result<String, DialectError> {
        let (count, word) = match bound {
            WindowFrameBound::CurrentRow => return Ok("CURRENT ROW".to_string()),
            WindowFrameBound::Preceding(count) => (count, "PRECEDING"),
            WindowFrameBound::Following(count) => (count, "FOLLOWING"),
        };
        match count.as_deref() {
            None => Ok(format!("UNBOUNDED {word}")),
            Some(Expr::Value(value)) => match &value.value {
                Value::Number(digits, _) if digits.parse::<u32>().is_ok() => Ok(format!("{digits} {word}")),
                _ => Err(DialectError::unsupported("a frame's offset that is no whole number")),
            },
            Some(_) => Err(DialectError::unsupported("a frame's offset that is no whole number")),
        }
    };
    let start = bound(&frame.start_bound)?;
    match &frame.end_bound {
        None => Ok(format!("{units} {start}")),
        Some(end) => Ok(format!("{units} BETWEEN {start} AND {}", bound(end)?)),
    }
}
