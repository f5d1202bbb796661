//! Values of domains: what they must fulfil, in expressions and in the tables' own CHECKs.

use super::lowering::{Lowering, Place};
use super::scope::{Field, Relation, Scope};
use super::{Expression, Piece, refuse_unrounded};
use crate::dialect::DialectError;
use crate::dialect::translate::SystemEnvironment;
use crate::schema::{Catalog, DataType};
use crate::sql::{quote_literal, raise};

/// A condition: what raises where it is false, and its SQL.
pub struct DomainCheck {
    /// SQLSTATE and message.
    pub error: String,
    /// False for values that the domain has not.
    pub condition: String,
}

/// What a domain's values must fulfil, in the order in which Postgres looks; `value` is SQL of the type under it.
pub fn domain_checks(
    catalog: &Catalog,
    physical: &str,
    value: &str,
) -> Result<Vec<DomainCheck>, DialectError> {
    let mut environment = SystemEnvironment::default();
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Stored("a domain"));
    let mut checks = Vec::new();
    for domain in catalog.domain_and_above(physical).into_iter().rev() {
        let name = &domain.name;
        if domain.not_null {
            checks.push(DomainCheck {
                error: format!("23502:domain {name} does not allow null values"),
                condition: format!("{value} IS NOT NULL"),
            });
        }
        let mut named: Vec<_> = domain.checks.iter().collect();
        named.sort_by(|one, other| one.name.cmp(&other.name));
        for check in named {
            lowering.scopes = vec![Scope { relations: vec![value_of(&domain.data_type, value)] }];
            checks.push(DomainCheck {
                error: format!("23514:value for domain {name} violates check constraint \"{}\"", check.name),
                condition: refuse_unrounded(lowering.condition(&Expression::parse(&check.expression)?.0)?)?,
            });
        }
    }
    Ok(checks)
}

/// The name VALUE.
fn value_of(data_type: &DataType, value: &str) -> Relation {
    Relation {
        schema: None,
        name: String::new(),
        row: String::new(),
        columns: vec![Field { name: "value".into(), sql: value.to_string(), data_type: data_type.clone() }],
        merged: Vec::new(),
    }
}

impl Lowering<'_> {
    /// The value itself, once it is known to be the domain's.
    pub(in crate::dialect) fn in_domain(
        &mut self,
        sql: String,
        physical: &str,
    ) -> Result<String, DialectError> {
        const HERE: &str = "\"/value\"";
        let checks = domain_checks(self.catalog, physical, HERE)?;
        if checks.is_empty() {
            return Ok(sql);
        }
        let arms: String = checks
            .iter()
            .map(|check| {
                format!(" WHEN NOT ({}) THEN {}", check.condition, raise(&quote_literal(&check.error)))
            })
            .collect();
        self.once(sql, |value| format!("CASE{} ELSE {value} END", arms.replace(HERE, value)))
    }

    /// A piece as a value of a declared type.
    pub(in crate::dialect) fn as_declared(
        &mut self,
        piece: Piece,
        domain: Option<&String>,
    ) -> Result<Piece, DialectError> {
        match (piece, domain) {
            (Piece::Typed(sql, data_type), Some(domain)) => {
                Ok(Piece::Typed(self.in_domain(sql, domain)?, data_type))
            }
            (piece, _) => Ok(piece),
        }
    }
}
