//! `CREATE TYPE … AS ENUM` and `AS (…)`.

use sqlparser::ast::{ObjectName, UserDefinedTypeCompositeAttributeDef, UserDefinedTypeRepresentation};

use super::create_table::add_column;
use crate::dialect::expression::declared_type;
use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{Column, DataType, Enum, Table};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn create_type(
        &mut self,
        object: &ObjectName,
        representation: Option<&UserDefinedTypeRepresentation>,
    ) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let labels = match representation {
            Some(UserDefinedTypeRepresentation::Enum { labels }) => labels,
            Some(UserDefinedTypeRepresentation::Composite { attributes }) => {
                return self.create_composite(schema, name, attributes);
            }
            _ => return Err(DialectError::unsupported("CREATE TYPE other than … AS ENUM and AS (…)")),
        };
        self.new_type(&schema, &name)?;
        let physical = physical_name(&schema, &name);
        let mut seen: Vec<String> = Vec::new();
        let mut known: std::collections::HashSet<&str> = std::collections::HashSet::new();
        for label in labels {
            if !known.insert(label.value.as_str()) {
                let message = format!("enum label \"{}\" used more than once", label.value);
                return Err(DialectError::new("22023", message));
            }
            if label.value.len() > 63 {
                return Err(DialectError::new("42602", format!("invalid enum label \"{}\"", label.value)));
            }
            seen.push(label.value.clone());
        }
        self.catalog.enums.insert(physical, Enum { schema, name, labels: seen });
        Ok(())
    }

    fn create_composite(
        &mut self,
        schema: String,
        name: String,
        attributes: &[UserDefinedTypeCompositeAttributeDef],
    ) -> Result<(), DialectError> {
        self.new_type(&schema, &name)?;
        self.new_relation(&schema, &name)?;
        let mut of = Table::new(schema, name);
        for attribute in attributes {
            let (data_type, domain) = declared_type(&self.catalog, &attribute.data_type)?;
            if domain.is_some()
                || matches!(data_type, DataType::Tsvector | DataType::Tsquery | DataType::Geometry(_))
            {
                return Err(DialectError::unsupported(format!(
                    "a field of type {} in a composite type",
                    data_type.display_name()
                )));
            }
            add_column(&mut of, Column::new(folded(&attribute.name), data_type))?;
        }
        self.catalog.composites.insert(physical_name(&of.schema, &of.name), of);
        Ok(())
    }
}
