//! `CREATE TYPE … AS ENUM`.

use sqlparser::ast::{ObjectName, UserDefinedTypeRepresentation};

use super::create_table::nameable;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{DataType, Enum};
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
        self.writable_schema(&schema)?;
        nameable("type", &name)?;
        let physical = physical_name(&schema, &name);
        let is_taken = self.catalog.enums.contains_key(&physical)
            || self.catalog.tables.contains_key(&physical)
            || self.catalog.views.contains_key(&physical)
            || (schema == "public" && DataType::named(&name).is_some());
        if is_taken {
            return Err(DialectError::new("42710", format!("type \"{name}\" already exists")));
        }
        let mut seen: Vec<String> = Vec::new();
        for label in labels {
            if seen.contains(&label.value) {
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
