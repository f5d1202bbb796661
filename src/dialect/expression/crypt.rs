//! `crypt('password', gen_salt('bf'))`, of a constant.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart};

use super::call::called_name;
use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::dialect::password::{PasswordToHash, USUAL_COST, constant_text};
use crate::schema::DataType;

impl Lowering<'_> {
    /// `None` of any other call.
    pub(super) fn crypt(&mut self, name: &str, function: &Function) -> Result<Option<Piece>, DialectError> {
        if name != "crypt" {
            return Ok(None);
        }
        let arguments = unnamed(function);
        let [password, salt] = arguments.as_slice() else { return Ok(None) };
        let Expr::Function(salt) = salt else { return Ok(None) };
        if called_name(salt)? != "gen_salt" {
            return Ok(None);
        }
        let cost = match unnamed(salt).as_slice() {
            [kind] => self.is_blowfish(kind)?.then_some(USUAL_COST),
            [kind, cost] => {
                let cost = self.lower(cost)?.into_sql(self.catalog)?.parse::<u32>().ok();
                // pgcrypto takes 0 for the usual.
                let cost = cost.map(|cost| if cost == 0 { USUAL_COST } else { cost });
                cost.filter(|_| self.is_blowfish(kind).unwrap_or(false))
            }
            _ => None,
        };
        let Some(cost) = cost else {
            return Err(DialectError::unsupported(salt).with_hint("gen_salt('bf') is."));
        };
        let password = match self.lower(password)? {
            Piece::Null => return Ok(Some(Piece::Null)),
            Piece::Unknown(text) => Some(text),
            Piece::Typed(sql, DataType::Text | DataType::Varchar(_)) => constant_text(&sql),
            Piece::Typed(..) => None,
        };
        let Some(password) = password else {
            return Err(DialectError::unsupported("crypt() of anything but a constant")
                .with_hint("To make accounts as the app runs, use the auth API."));
        };
        self.only_in_queries("crypt()")?;
        let start = match function.name.0.last() {
            Some(ObjectNamePart::Identifier(name)) => name.span.start,
            _ => return Ok(None),
        };
        let password = PasswordToHash { password, cost, line: start.line, column: start.column }.checked()?;
        Ok(Some(Piece::Typed(self.environment.hashed(&password)?, DataType::Text)))
    }

    fn is_blowfish(&mut self, kind: &Expr) -> Result<bool, DialectError> {
        let kind = match self.lower(kind)? {
            Piece::Unknown(text) => Some(text),
            Piece::Typed(sql, DataType::Text) => constant_text(&sql),
            _ => None,
        };
        Ok(kind.is_some_and(|kind| kind == "bf"))
    }
}

fn unnamed(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let each = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
        _ => None,
    });
    each.collect::<Option<_>>().unwrap_or_default()
}
