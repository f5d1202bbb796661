//! `COMMENT ON TABLE` and `COLUMN`, which the data API's description repeats. Other comments have no reader.

use sqlparser::ast::{CommentObject, ObjectName};

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn comment(
        &mut self,
        on: CommentObject,
        object: &ObjectName,
        text: Option<&String>,
    ) -> Result<(), DialectError> {
        let text = text.filter(|text| !text.is_empty()).cloned();
        match on {
            CommentObject::Table => {
                let table = self.any_table(object)?;
                if let Some(table) = self.catalog.tables.get_mut(&physical_name(&table.schema, &table.name)) {
                    table.comment = text;
                }
                Ok(())
            }
            CommentObject::Column => {
                let mut of = object.clone();
                let column = name::parts(&ObjectName(of.0.pop().into_iter().collect()))?.concat();
                let table = self.any_table(&of)?;
                let missing = || {
                    let message =
                        format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
                    DialectError::new("42703", message)
                };
                let key = physical_name(&table.schema, &table.name);
                let table = self.catalog.tables.get_mut(&key);
                let found = table.and_then(|table| table.columns.iter_mut().find(|of| of.name == column));
                found.ok_or_else(missing)?.comment = text;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
