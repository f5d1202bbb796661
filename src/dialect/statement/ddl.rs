//! The SQLite DDL of a catalog's table and index.
//!
//! Rendered from the catalog alone, so that a table can be rendered again whenever it changes.
//! STRICT keeps the storage class; CHECKs keep the canonical form. A CHECK that guards a type is
//! named after the error Postgres would raise, which is how it comes out ([`crate::sql::raise`]).

use sqlparser::ast::{self, ExactNumberInfo, Expr};

use crate::dialect::DialectError;
use crate::dialect::expression::{
    Expression, Lowering, Piece, Place, Relation, Scope, domain_checks, refuse_unrounded,
};
use crate::dialect::translate::SystemEnvironment;
use crate::schema::{Catalog, Column, DataType, ForeignKey, ReferentialAction, Table};
use crate::sql::{RAISE_MARK, physical_name, quote_identifier, quote_literal, raise};

/// `CREATE TABLE` of a table.
pub fn create_table(catalog: &Catalog, table: &Table) -> Result<String, DialectError> {
    create_table_named(catalog, table, &table.physical())
}

/// The same under another name, quoted; its expressions still know it by its own.
pub fn create_table_named(catalog: &Catalog, table: &Table, name: &str) -> Result<String, DialectError> {
    let mut parts = Vec::new();
    for column in &table.columns {
        let mut sql = column_sql(catalog, table, column)?;
        if let Some(check) = type_check(catalog, column) {
            sql.push_str(&format!(" {check}"));
        }
        for check in
            column.domain.iter().map(|of| domain_checks(catalog, of, &quote_identifier(&column.name)))
        {
            for check in check? {
                let name = quote_identifier(&format!("{RAISE_MARK}{}", check.error));
                sql.push_str(&format!(" CONSTRAINT {name} CHECK ({})", check.condition));
            }
        }
        parts.push(sql);
    }
    if let Some(key) = &table.primary_key
        && rowid_column(table).is_none()
    {
        parts.push(format!(
            "CONSTRAINT {} PRIMARY KEY ({})",
            quote_identifier(&key.name),
            list(&key.columns)
        ));
    }
    for unique in table.uniques.iter().filter(|unique| unique.is_constraint) {
        parts.push(format!(
            "CONSTRAINT {} UNIQUE ({})",
            quote_identifier(&unique.name),
            list(&unique.columns)
        ));
    }
    for check in &table.checks {
        let condition = stored_condition(catalog, table, &check.expression, "a CHECK constraint")?;
        parts.push(format!("CONSTRAINT {} CHECK ({condition})", quote_identifier(&check.name)));
    }
    for key in &table.foreign_keys {
        let constraint =
            format!("CONSTRAINT {} FOREIGN KEY ({})", quote_identifier(&key.name), list(&key.columns));
        parts.push(format!("{constraint}{}", references(key)));
    }
    Ok(format!("CREATE TABLE {name} (\n  {}\n) STRICT", parts.join(",\n  ")))
}

/// ` REFERENCES …` of a foreign key.
pub fn references(key: &ForeignKey) -> String {
    format!(
        " REFERENCES {} ({}){}{}",
        quote_identifier(&physical_name(&key.foreign_schema, &key.foreign_table)),
        list(&key.foreign_columns),
        action("ON DELETE", key.on_delete),
        action("ON UPDATE", key.on_update),
    ) + if key.deferred { " DEFERRABLE INITIALLY DEFERRED" } else { "" }
}

/// A column of `CREATE TABLE` or `ADD COLUMN`, without the CHECK of its type.
pub fn column_sql(catalog: &Catalog, table: &Table, column: &Column) -> Result<String, DialectError> {
    let name = quote_identifier(&column.name);
    if rowid_column(table) == Some(&column.name) {
        let key = table.primary_key.as_ref().map(|key| quote_identifier(&key.name)).unwrap_or_default();
        return Ok(format!("{name} INTEGER CONSTRAINT {key} PRIMARY KEY AUTOINCREMENT"));
    }
    // INTEGER would make a lone primary key an alias of the rowid, which numbers missing keys.
    let is_key = table.primary_key_columns() == [column.name.clone()];
    let storage = match column.data_type.storage().name() {
        "INTEGER" if is_key => "INT",
        storage => storage,
    };
    let mut sql = format!("{name} {storage}");
    if column.data_type == DataType::Citext {
        sql.push_str(" COLLATE NOCASE");
    }
    if !column.nullable {
        sql.push_str(" NOT NULL");
    }
    if let Some(generated) = &column.generated {
        let value = stored_value(catalog, table, generated, &column.data_type)?;
        sql.push_str(&format!(" GENERATED ALWAYS AS ({value}) STORED"));
    } else if column.sequence.is_some() {
        sql.push_str(&format!(" DEFAULT ({})", not_numbered(column)));
    } else if let Some(default) = stored_default(catalog, column)? {
        sql.push_str(&format!(" DEFAULT ({default})"));
    }
    Ok(sql)
}

/// A default as SQLite's DDL can hold it; `None` without one, or when it depends on the caller and
/// every INSERT must supply it.
pub fn stored_default(catalog: &Catalog, column: &Column) -> Result<Option<String>, DialectError> {
    let Some(text) = column.default.as_ref().filter(|_| column.stored_as.is_none()) else { return Ok(None) };
    let expression = Expression::parse(text)?;
    let mut environment = SystemEnvironment::numbering("1", Vec::new());
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Default);
    let piece = lowering.lower(&expression.0)?;
    let sql = assigned(&mut lowering, piece, column).and_then(refuse_unrounded)?;
    if !environment.numbered.is_empty() {
        return Ok(Some(not_numbered(column)));
    }
    Ok((!environment.asked_for_caller).then_some(sql))
}

/// Raises: no default of SQLite's can take a number, so every INSERT must.
fn not_numbered(column: &Column) -> String {
    raise(&quote_literal(&format!("0A000:this statement gives the column \"{}\" no number", column.name)))
}

/// Whether an INSERT must give the column its number.
pub fn is_numbered(column: &Column) -> bool {
    column.sequence.is_some()
        || column.default.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains("nextval"))
}

fn assigned(lowering: &mut Lowering<'_>, piece: Piece, column: &Column) -> Result<String, DialectError> {
    let from = piece.type_name();
    lowering.assign(piece, &column.data_type).map_err(|error| match error.code {
        "42804" => DialectError::new(
            "42804",
            format!(
                "column \"{}\" is of type {} but default expression is of type {from}",
                column.name,
                column.data_type.display_name()
            ),
        )
        .with_hint("You will need to rewrite or cast the expression."),
        _ => error,
    })
}

/// An expression over a row of the table, where SQLite computes it again on every write.
pub fn stored_condition(
    catalog: &Catalog,
    table: &Table,
    text: &str,
    place: &'static str,
) -> Result<String, DialectError> {
    in_row(catalog, table, place, |lowering| {
        lowering.condition(&Expression::parse(text)?.0).and_then(refuse_unrounded)
    })
}

fn stored_value(catalog: &Catalog, table: &Table, text: &str, to: &DataType) -> Result<String, DialectError> {
    let expression = Expression::parse(text)?.0.as_ref().clone();
    let value = |expression: &Expr, is_number: &mut bool| {
        in_row(catalog, table, "a generated column", |lowering| {
            let piece = lowering.lower(expression)?;
            *is_number = matches!(piece.data_type(), Some(DataType::Numeric(_)));
            lowering.assign(piece, to).and_then(refuse_unrounded)
        })
    };
    let mut is_number = false;
    match (value(&expression, &mut is_number), to) {
        (Err(error), DataType::Numeric(Some((precision, scale)))) if error.code == "54001" && is_number => {
            let to = ExactNumberInfo::PrecisionAndScale(u64::from(*precision), i64::from(*scale));
            value(&each_arm_as(expression, &ast::DataType::Numeric(to)), &mut is_number)
        }
        (value, _) => value,
    }
}

/// `CASE … THEN a ELSE b END` as a type: `CASE … THEN a::type ELSE b::type END`, which is less to put into each other.
fn each_arm_as(expression: Expr, data_type: &ast::DataType) -> Expr {
    let arm = |of: Expr| each_arm_as(of, data_type);
    match expression {
        Expr::Nested(inner) => Expr::Nested(Box::new(arm(*inner))),
        Expr::Case { case_token, end_token, operand, conditions, else_result } => {
            let when = |when: ast::CaseWhen| ast::CaseWhen { result: arm(when.result), ..when };
            let conditions = conditions.into_iter().map(when).collect();
            let else_result = else_result.map(|otherwise| Box::new(arm(*otherwise)));
            Expr::Case { case_token, end_token, operand, conditions, else_result }
        }
        expr => Expr::Cast {
            kind: ast::CastKind::DoubleColon,
            expr: Box::new(expr),
            data_type: data_type.clone(),
            format: None,
        },
    }
}

/// Lowers over a row whose columns stand unqualified, as indexes and generated columns need them.
pub fn in_row<T>(
    catalog: &Catalog,
    table: &Table,
    place: &'static str,
    work: impl FnOnce(&mut Lowering<'_>) -> Result<T, DialectError>,
) -> Result<T, DialectError> {
    let mut environment = SystemEnvironment::default();
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Stored(place));
    lowering.scopes.push(Scope { relations: vec![Relation::of_table(table, "")] });
    work(&mut lowering)
}

/// The column that is SQLite's rowid: an identity column that is the whole primary key.
pub fn rowid_column(table: &Table) -> Option<&String> {
    let [column] = table.primary_key_columns() else { return None };
    table.column(column).filter(|of| of.sequence.is_none()).and_then(|of| of.identity).map(|_| column)
}

/// The CHECK that keeps a column's values in their stored form.
pub fn type_check(catalog: &Catalog, column: &Column) -> Option<String> {
    let name = quote_identifier(&column.name);
    let display = column.data_type.display_name();
    let syntax = |test: String| Some((test, format!("22P02:invalid input syntax for type {display}")));
    let time =
        |pattern: &str| syntax(format!("{name} GLOB '{pattern}' OR {name} IN ('infinity', '-infinity')"));
    #[rustfmt::skip]
    let (test, error) = match &column.data_type {
        DataType::Bool                      => syntax(format!("{name} BETWEEN 0 AND 1")),
        DataType::Int2                      => Some((format!("{name} BETWEEN -32768 AND 32767"), format!("22003:{display} out of range"))),
        DataType::Int4                      => Some((format!("{name} BETWEEN -2147483648 AND 2147483647"), format!("22003:{display} out of range"))),
        DataType::Varchar(Some(length))     => Some((format!("length({name}) <= {length}"), format!("22001:value too long for type {display}({length})"))),
        DataType::Char(length)              => Some((format!("length({name}) = {length}"), format!("22001:value too long for type {display}({length})"))),
        DataType::Citext                    => Some((format!("octet_length({name}) = length({name})"), "0A000:citext outside ASCII is not supported".to_string())),
        DataType::Uuid                      => syntax(format!("octet_length({name}) = 36 AND {name} = lower({name})")),
        DataType::Json | DataType::Jsonb    => syntax(format!("json_valid({name})")),
        DataType::Array(_)                  => syntax(format!("CASE WHEN json_valid({name}) THEN json_type({name}) = 'array' ELSE 0 END")),
        DataType::Composite(_)              => syntax(format!("CASE WHEN json_valid({name}) THEN json_type({name}) = 'object' ELSE 0 END")),
        DataType::Timestamptz               => time("????-??-??T??:??:??*+00:00"),
        DataType::Timestamp                 => time("????-??-??T??:??:??*"),
        DataType::Date                      => time("????-??-??"),
        DataType::Range(_)                  => syntax(format!("{name} = 'empty' OR {name} GLOB '[[(]*,*[])]'")),
        DataType::Enum(of)                  => {
            let labels: Vec<String> = catalog.enums.get(of)?.labels.iter().map(|label| quote_literal(label)).collect();
            Some((format!("{name} IN ({})", labels.join(", ")), format!("22P02:invalid input value for enum {display}")))
        }
        _                                   => None,
    }?;
    Some(format!(
        "CONSTRAINT {} CHECK ({name} IS NULL OR ({test}))",
        quote_identifier(&format!("{RAISE_MARK}{error}"))
    ))
}

/// Quoted columns with commas.
pub fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quote_identifier(column)).collect::<Vec<_>>().join(", ")
}

#[rustfmt::skip]
fn action(event: &str, action: ReferentialAction) -> String {
    match action {
        ReferentialAction::NoAction   => String::new(),
        ReferentialAction::Restrict   => format!(" {event} RESTRICT"),
        ReferentialAction::Cascade    => format!(" {event} CASCADE"),
        ReferentialAction::SetNull    => format!(" {event} SET NULL"),
        ReferentialAction::SetDefault => format!(" {event} SET DEFAULT"),
    }
}
