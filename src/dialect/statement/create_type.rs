//! `CREATE TYPE … AS ENUM`.

use sqlparser::ast::{ObjectName, UserDefinedTypeRepresentation};

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::Enum;
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn create_type(
        &mut self,
        object: &ObjectName,
        representation: Option<&UserDefinedTypeRepresentation>,
    ) -> Result<(), DialectError> {
        let Some(UserDefinedTypeRepresentation::Enum { labels }) = representation else {
            return Err(DialectError::unsupported("CREATE TYPE other than … AS ENUM"));
        };
        let (schema, name) = name::qualified(object)?;
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
}
