//! What a PL/pgSQL body is made of, once parsed.

use sqlparser::ast;

/// `[DECLARE …] BEGIN … END`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// `<<label>>`, which may qualify its variables.
    pub label: Option<String>,
    /// In order.
    pub declarations: Vec<Declaration>,
    /// In order.
    pub steps: Vec<Step>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// Folded.
    pub name: String,
    /// Its type.
    pub of: VariableType,
    /// `CONSTANT`: nothing may be assigned to it.
    pub is_constant: bool,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its first value; NULL without one.
    pub default: Option<ast::Expr>,
    /// Counted from 1 in the body.
    pub line: u64,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableType {
    /// A value of a type; a table's name, where it is one, is that table's row.
    Named(ast::DataType),
    /// `table.column%TYPE` or `variable%TYPE`: the name's parts.
    TypeOf(Vec<String>),
    /// `table%ROWTYPE`: the name's parts.
    RowOf(Vec<String>),
    /// `record`: whatever row is put in.
    Record,
}

/// A statement and its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Counted from 1 in the body.
    pub line: u64,
    /// What is to be done.
    pub action: Action,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `NULL`.
    Nothing,
    /// `target := value`.
    Assign(Vec<String>, ast::Expr),
    /// `IF` and `CASE`: conditions with their steps.
    Choose(Vec<(ast::Expr, Vec<Step>)>, Otherwise),
    /// `RAISE`.
    Raise(Raise),
    /// `PERFORM` and `SELECT … INTO`.
    Select(Box<ast::Query>, Option<Into>),
    /// `INSERT`, `UPDATE`, `DELETE`, with what `RETURNING … INTO` fills.
    Write(Box<ast::Statement>, Option<Into>),
    /// `REFRESH MATERIALIZED VIEW [CONCURRENTLY]` of this schema and name.
    Refresh((String, String)),
    /// `RETURN [value]`.
    Return(Option<ast::Expr>),
    /// `RETURN NEXT [value]`.
    ReturnNext(Option<ast::Expr>),
    /// `RETURN QUERY query`.
    ReturnQuery(Box<ast::Query>),
    /// `GET DIAGNOSTICS target = ROW_COUNT`.
    RowCount(Vec<String>),
    /// A block within.
    Block(Block),
    /// `FOR row IN query LOOP … END LOOP`.
    ForRows(String, Box<ast::Query>, Vec<Step>),
    /// Any other loop.
    Loop(Box<Over>, Vec<Step>),
    /// `EXIT` and `CONTINUE`: whether it leaves the loop, and `WHEN`.
    Leave(bool, Option<ast::Expr>),
}

/// What a loop runs over.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// A query's rows.
    Rows {
        /// Where each goes.
        targets: Vec<Vec<String>>,
        /// The query.
        query: Box<ast::Query>,
        /// The array whose elements they are, of `FOREACH`.
        elements_of: Option<Box<ast::Expr>>,
    },
    /// `FOR name IN from..to`.
    Numbers {
        /// The loop's own variable.
        name: String,
        /// The first.
        from: Box<ast::Expr>,
        /// The last.
        to: Box<ast::Expr>,
        /// `BY`.
        by: Option<Box<ast::Expr>>,
        /// Downwards.
        is_reverse: bool,
    },
    /// `WHILE`.
    While(Box<ast::Expr>),
    /// `LOOP` alone.
    Forever,
}

/// What happens when no condition of a choice is true.
#[derive(Clone, Debug, PartialEq)]
pub enum Otherwise {
    /// These steps, which may be none.
    Steps(Vec<Step>),
    /// An error: `CASE` without `ELSE`.
    NoCase,
}

/// Where a query's row goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Into {
    /// Whether there must be exactly one row.
    pub is_strict: bool,
    /// The targets' dotted names.
    pub targets: Vec<Vec<String>>,
}

/// `RAISE`.
#[derive(Clone, Debug, PartialEq)]
pub struct Raise {
    /// Whether it is an exception; the other levels tell the server's log something.
    pub is_exception: bool,
    /// The message's format.
    pub format: Option<String>,
    /// What stands for each `%` of it.
    pub arguments: Vec<ast::Expr>,
    /// The SQLSTATE, or the name of a condition.
    pub condition: Option<String>,
    /// `USING option = value`: option in upper case.
    pub options: Vec<(String, ast::Expr)>,
}
