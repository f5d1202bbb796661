//! A column's definition.

use sqlparser::ast::{self, ColumnDef, ColumnOption, GeneratedAs, SequenceOptions};

use super::constraint::Constraints;
use super::sequence::shape;
use crate::dialect::expression::declared_type;
use crate::dialect::name::folded;
use crate::dialect::{DialectError, name};
use crate::schema::{Catalog, Column, DataType, Identity};

/// Types that are an integer with a sequence.
#[rustfmt::skip]
const SERIALS: &[(&str, DataType)] = &[
    ("serial",      DataType::Int4),
    ("serial4",     DataType::Int4),
    ("bigserial",   DataType::Int8),
    ("serial8",     DataType::Int8),
    ("smallserial", DataType::Int2),
    ("serial2",     DataType::Int2),
];

/// Reads a definition; the constraints written with it go to `constraints`.
pub fn read_column(
    catalog: &Catalog,
    definition: &ColumnDef,
    constraints: &mut Constraints,
) -> Result<Column, DialectError> {
    let serial = serial_type(&definition.data_type);
    let (data_type, domain) = match &serial {
        Some(data_type) => (data_type.clone(), None),
        None => declared_type(catalog, &definition.data_type)?,
    };
    let mut column = Column {
        name: folded(&definition.name),
        data_type,
        nullable: serial.is_none(),
        default: domain.as_ref().and_then(|domain| catalog.domain_default(domain)).cloned(),
        identity: serial.map(|_| Identity::Serial),
        generated: None,
        comment: None,
        sequence: None,
        domain,
        stored_as: None,
    };
    if serial_type(&definition.data_type).is_some() {
        constraints.sequences.push((column.name.clone(), shape(&column.data_type, &[])?));
    }
    // Casts to these name things in literals.
    let name = definition.data_type.to_string().to_lowercase();
    if matches!(name.as_str(), "regclass" | "regconfig") {
        return Err(DialectError::unsupported(format!("the type {name}")));
    }
    if column.data_type == DataType::Tsquery {
        return Err(DialectError::unsupported("a column of type tsquery"));
    }
    for option in &definition.options {
        read_option(&mut column, &option.option, option.name.as_ref(), constraints)?;
    }
    if column.identity.is_some() {
        column.nullable = false;
        if column.default.is_some() {
            return Err(DialectError::new(
                "42601",
                format!("both default and identity specified for column \"{}\"", column.name),
            ));
        }
        if !matches!(column.data_type, DataType::Int2 | DataType::Int4 | DataType::Int8) {
            return Err(DialectError::new(
                "22023",
                "identity column type must be smallint, integer, or bigint",
            ));
        }
    }
    Ok(column)
}

fn read_option(
    column: &mut Column,
    option: &ColumnOption,
    constraint_name: Option<&ast::Ident>,
    constraints: &mut Constraints,
) -> Result<(), DialectError> {
    match option {
        ColumnOption::Null => column.nullable = true,
        ColumnOption::NotNull => column.nullable = false,
        ColumnOption::Default(expression) => {
            let text = expression.to_string();
            column.default = (!text.eq_ignore_ascii_case("null")).then_some(text);
        }
        ColumnOption::PrimaryKey(key) => {
            constraints.primary_key(constraint_name.or(key.name.as_ref()), vec![column.name.clone()])?;
            refuse_characteristics(key.characteristics.as_ref())?;
        }
        ColumnOption::Unique(unique) => {
            refuse_characteristics(unique.characteristics.as_ref())?;
            constraints.unique(unique, constraint_name.or(unique.name.as_ref()), vec![column.name.clone()]);
        }
        ColumnOption::ForeignKey(key) => {
            constraints.foreign_key(constraint_name.or(key.name.as_ref()), vec![column.name.clone()], key)?;
        }
        ColumnOption::Check(check) => constraints.check(constraint_name.or(check.name.as_ref()), check)?,
        ColumnOption::Generated { generated_as, sequence_options, generation_expr, .. } => {
            read_generated(
                column,
                *generated_as,
                sequence_options.as_deref(),
                generation_expr.as_ref(),
                constraints,
            )?;
        }
        ColumnOption::Identity(_) => return Err(DialectError::unsupported("this form of identity")),
        other => return Err(DialectError::unsupported(other)),
    }
    Ok(())
}

fn read_generated(
    column: &mut Column,
    generated_as: GeneratedAs,
    options: Option<&[SequenceOptions]>,
    expression: Option<&ast::Expr>,
    constraints: &mut Constraints,
) -> Result<(), DialectError> {
    if expression.is_none() {
        let shape = shape(&column.data_type, options.unwrap_or_default())?;
        constraints.sequences.push((column.name.clone(), shape));
    }
    match (generated_as, expression) {
        (GeneratedAs::ExpStored | GeneratedAs::Always, Some(expression)) => {
            column.generated = Some(expression.to_string())
        }
        (GeneratedAs::Always, None) => column.identity = Some(Identity::Always),
        (GeneratedAs::ByDefault, None) => column.identity = Some(Identity::ByDefault),
        _ => return Err(DialectError::unsupported("this form of GENERATED")),
    }
    Ok(())
}

/// Whether a foreign key is looked at when the transaction ends.
pub fn is_deferred(of: Option<&ast::ConstraintCharacteristics>) -> Result<bool, DialectError> {
    let Some(of) = of else { return Ok(false) };
    if of.enforced == Some(false) {
        return Err(DialectError::unsupported("NOT ENFORCED"));
    }
    Ok(of.initially == Some(ast::DeferrableInitial::Deferred))
}

/// What is checked at the end of a statement here cannot wait for the end of the transaction.
pub fn refuse_characteristics(of: Option<&ast::ConstraintCharacteristics>) -> Result<(), DialectError> {
    let Some(of) = of else { return Ok(()) };
    if of.initially == Some(ast::DeferrableInitial::Deferred) {
        return Err(DialectError::unsupported("INITIALLY DEFERRED"));
    }
    if of.enforced == Some(false) {
        return Err(DialectError::unsupported("NOT ENFORCED"));
    }
    Ok(())
}

fn serial_type(data_type: &ast::DataType) -> Option<DataType> {
    let ast::DataType::Custom(object, _) = data_type else { return None };
    let name = name::single(object).ok()?;
    SERIALS.iter().find(|(serial, _)| *serial == name).map(|(_, of)| of.clone())
}
