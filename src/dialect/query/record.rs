//! What a query names and where its columns come from, noted while it is lowered: what a view is made of.

use std::collections::HashMap;

use sqlparser::tokenizer::Location;

use super::{Output, column_name};
use crate::dialect::expression::Lowering;
use crate::schema::{Origin, Table, View};
use crate::sql::{physical_name, quote_identifier};

/// Notes about one query. Those of a view's query inside of it are not among them.
#[derive(Default)]
pub struct Recorder {
    /// The physical names of the tables and views that it names.
    pub relations: Vec<String>,
    /// Each `*` by the place of its first token, and what it stands for.
    pub stars: Vec<(Location, String)>,
    /// The table's column that each column of the query lowered last is; `None` where it is computed.
    pub outputs: Vec<Option<Origin>>,
    columns: HashMap<String, Origin>,
    queries: HashMap<String, Vec<Option<Origin>>>,
}

impl Lowering<'_> {
    /// A table is read under this alias.
    pub(super) fn note_table(&mut self, table: &Table, row: &str) {
        let physical = physical_name(&table.schema, &table.name);
        let of = |column: &String| Origin { table: physical.clone(), column: column.clone() };
        let materialized = self.catalog.views.get(&physical);
        let Some(recorder) = &mut self.recorder else { return };
        for (index, column) in table.columns.iter().enumerate() {
            let origin = match materialized {
                Some(view) => view.origins.get(index).cloned().flatten(),
                None => Some(of(&column.name)),
            };
            let sql = format!("{row}.{}", quote_identifier(&column.name));
            recorder.columns.extend(origin.map(|origin| (sql, origin)));
        }
        recorder.note_relation(physical);
    }

    /// A view is read under this alias.
    pub(super) fn note_view(&mut self, view: &View, row: &str) {
        let physical = physical_name(&view.table.schema, &view.table.name);
        let Some(recorder) = &mut self.recorder else { return };
        recorder.note_columns(row, &view.origins);
        recorder.note_relation(physical);
    }

    /// The query lowered last is read under this alias.
    pub(super) fn note_derived(&mut self, row: &str) {
        let Some(recorder) = &mut self.recorder else { return };
        let origins = recorder.outputs.clone();
        recorder.note_columns(row, &origins);
    }

    /// The query lowered last is a WITH query of this name.
    pub(super) fn note_common_table(&mut self, sql: &str) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.queries.insert(sql.to_string(), recorder.outputs.clone());
    }

    /// The WITH query of this name is read under this alias.
    pub(super) fn note_common_table_read(&mut self, sql: &str, row: &str) {
        let Some(recorder) = &mut self.recorder else { return };
        let origins = recorder.queries.get(sql).cloned().unwrap_or_default();
        recorder.note_columns(row, &origins);
    }

    /// A SELECT was lowered to these columns.
    pub(super) fn note_outputs(&mut self, outputs: &[Output]) {
        let Some(recorder) = &mut self.recorder else { return };
        recorder.outputs = outputs.iter().map(|output| recorder.columns.get(&output.sql).cloned()).collect();
    }

    /// A query was lowered whose columns are no table's, as those of a UNION.
    pub(super) fn note_computed(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.outputs.clear();
        }
    }

    /// A `*` at a place stands for these columns, each a relation's name and its own.
    pub(super) fn note_star(&mut self, place: Location, columns: &[(String, String)]) {
        let Some(recorder) = &mut self.recorder else { return };
        let written = |(relation, column): &(String, String)| match relation.as_str() {
            "" => quote_identifier(column),
            relation => format!("{}.{}", quote_identifier(relation), quote_identifier(column)),
        };
        let list: Vec<String> = columns.iter().map(written).collect();
        if !recorder.stars.iter().any(|(of, _)| *of == place) {
            recorder.stars.push((place, list.join(", ")));
        }
    }
}

impl Recorder {
    fn note_relation(&mut self, physical: String) {
        if !self.relations.contains(&physical) {
            self.relations.push(physical);
        }
    }

    fn note_columns(&mut self, row: &str, origins: &[Option<Origin>]) {
        for (index, origin) in origins.iter().enumerate() {
            let sql = format!("{row}.{}", column_name(index));
            self.columns.extend(origin.clone().map(|origin| (sql, origin)));
        }
    }
}
