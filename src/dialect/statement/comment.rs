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
            CommentObject::View | CommentObject::MaterializedView => {
                let (schema, name) = name::qualified(object)?;
                self.any_view(&schema, &name)?;
                let key = physical_name(&schema, &name);
                if let Some(table) = self.catalog.tables.get_mut(&key) {
                    table.comment.clone_from(&text);
                }
                if let Some(view) = self.catalog.views.get_mut(&key) {
                    view.table.comment = text;
                }
                Ok(())
            }
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
                let (schema, relation) = name::qualified(&of)?;
                let missing = || {
                    let message = format!("column \"{column}\" of relation \"{relation}\" does not exist");
                    DialectError::new("42703", message)
                };
                let key = physical_name(&schema, &relation);
                let table = match self.catalog.inlined_view(&schema, &relation) {
                    Some(_) => self.catalog.views.get_mut(&key).map(|view| &mut view.table),
                    None => {
                        self.any_table(&of)?;
                        self.catalog.tables.get_mut(&key)
                    }
                };
                let found = table.and_then(|table| table.columns.iter_mut().find(|of| of.name == column));
                found.ok_or_else(missing)?.comment = text;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
