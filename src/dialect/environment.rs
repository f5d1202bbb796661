//! What lowering asks of whoever runs the statement.

use super::password::crypt_refused;
use super::{DialectError, PasswordToHash};
use crate::schema::{Command, Routine, Sequence, Table, View};

/// Something an expression can know of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerValue {
    /// `auth.uid()`.
    UserId,
    /// `auth.role()`.
    Role,
    /// `current_user`: the role, or inside of a SECURITY DEFINER its owner.
    CurrentUser,
    /// `auth.email()`.
    Email,
    /// `auth.jwt()` and `current_setting('request.jwt.claims')`: the claims as JSON text.
    Claims,
    /// `current_setting('request.headers')` and its like: what is known of the request.
    Request(RequestPart),
    /// `storage.operation()`: what the Storage API does; NULL elsewhere.
    Operation,
}

/// A part of the request that expressions can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// `GET`.
    Method,
    /// `/todos`, without what comes before it in the URL.
    Path,
    /// The headers as a JSON object, their names in small letters.
    Headers,
    /// The cookies as a JSON object.
    Cookies,
}

impl RequestPart {
    /// Its name among the settings, after `request.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Path => "path",
            Self::Headers => "headers",
            Self::Cookies => "cookies",
        }
    }
}

/// Where lowered SQL will run: for a caller (policies apply) or for the system (they don't).
pub trait Environment {
    /// A SQL expression for a value of the caller, usually a placeholder.
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError>;
    /// The predicate that a table named in a subquery or query is filtered by; `row` is its quoted
    /// alias or name. `None` for no filter.
    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError>;
    /// The same for the rows that a function's UPDATE or DELETE may touch, besides [`Self::row_filter`].
    fn command_filter(
        &mut self,
        _table: &Table,
        _command: Command,
        _row: &str,
    ) -> Result<Option<String>, DialectError> {
        Ok(None)
    }
    /// What a row that a function's INSERT or UPDATE makes must be; `None` for anything.
    fn new_row_check(
        &mut self,
        _table: &Table,
        _command: Command,
        _row: &str,
    ) -> Result<Option<String>, DialectError> {
        Ok(None)
    }
    /// Refuses a function that may not be executed, or whose body leads to itself. What is lowered
    /// from here on stands in its body: of a SECURITY DEFINER the owner's, whom no filter binds.
    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError>;
    /// The body is over.
    fn leave_routine(&mut self);
    /// `nextval`: one of the numbers that the statement takes for its rows. Only defaults have one.
    fn next_number(&mut self, _: &Sequence) -> Result<String, DialectError> {
        Err(DialectError::unsupported("nextval() here")
            .with_hint("Use it in a column's default, or select it on its own."))
    }
    /// SQL that gives a new hash of a password. Only files have one: whoever runs them has it made.
    fn hashed(&mut self, _: &PasswordToHash) -> Result<String, DialectError> {
        Err(crypt_refused())
    }
    /// Whether calls are to be named rather than inlined, to see what an expression refers to.
    fn names_routines(&self) -> bool {
        false
    }
    /// Refuses a view that may not be read. Asked outside of the view.
    fn may_read_view(&mut self, _: &View) -> Result<(), DialectError> {
        Ok(())
    }
    /// What is lowered from here on stands in the view's query: its owner reads, or for `security_invoker` the caller.
    fn enter_view(&mut self, _: &View) {}
    /// The view's query is over.
    fn leave_view(&mut self) {}
}

/// The functions whose bodies stand around, the outermost first.
#[derive(Debug, Default)]
pub struct Calls {
    within: Vec<(String, bool)>,
    /// The views whose queries stand around: in how many functions, and whether the owner reads.
    views: Vec<(usize, bool)>,
    made: usize,
}

/// How deep calls may nest, and how many a statement may have: every one of them is inlined.
const DEEPEST: usize = 16;
const MOST: usize = 500;

impl Calls {
    /// Notes a call; one that leads to itself, or too many, are refused.
    pub fn enter(&mut self, routine: &Routine) -> Result<(), DialectError> {
        let key = routine.key();
        self.made += 1;
        if self.within.iter().any(|(other, _)| *other == key) || self.within.len() >= DEEPEST {
            return Err(DialectError::new("54001", "stack depth limit exceeded").with_hint(format!(
                "The function {} calls itself, directly or through policies, which is not supported.",
                routine.display()
            )));
        }
        if self.made > MOST {
            return Err(DialectError::new("54001", "statement is too complex")
                .with_hint(format!("It comes to more than {MOST} function calls.")));
        }
        let is_owners = routine.security_definer || self.is_owners();
        self.within.push((key, is_owners));
        Ok(())
    }

    /// Notes a body's end.
    pub fn leave(&mut self) {
        self.within.pop();
    }

    /// Whether what stands here is in no body and no view.
    pub fn is_outermost(&self) -> bool {
        self.within.is_empty() && self.views.is_empty()
    }

    /// Notes a view's query.
    pub fn enter_view(&mut self, view: &View) {
        self.views.push((self.within.len(), !view.security_invoker));
    }

    /// Notes its end.
    pub fn leave_view(&mut self) {
        self.views.pop();
    }

    /// Whether what stands here runs with the owner's rights. A view changes nothing of that.
    pub fn is_owners(&self) -> bool {
        self.within.last().is_some_and(|(_, is_owners)| *is_owners)
    }

    /// Whether the relations named here are read with the owner's rights: also right inside an owner's view.
    pub fn reads_as_owner(&self) -> bool {
        let in_view = self.views.last().filter(|(depth, _)| *depth == self.within.len());
        self.is_owners() || in_view.is_some_and(|(_, is_owners)| *is_owners)
    }
}
