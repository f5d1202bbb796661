//! `CREATE VIEW` and `CREATE MATERIALIZED VIEW`: what is known of a view.
//!
//! A view is no SQLite view: its query is lowered into every statement that reads it, so that the policies in it are
//! those of whoever they are for. A materialized view is a table besides, with its rows.

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Table, Unique};
use crate::sql::physical_name;

/// A view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// What it looks like from outside: name, columns, grants. It has no constraints and no policies; its
    /// primary key is what its columns have of the tables' below, found when the catalog is loaded.
    pub table: Table,
    /// The query in Postgres' syntax; every `*` in it is written out, as Postgres keeps it.
    pub definition: String,
    /// `security_invoker`: the caller's policies and grants apply to what it reads, not the owner's.
    #[serde(default)]
    pub security_invoker: bool,
    /// `WITH CHECK OPTION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_option: Option<CheckOption>,
    /// For each column the table's column that it is; `None` where it is computed.
    pub origins: Vec<Option<Origin>>,
    /// The physical names of the tables and views that the query names.
    pub reads: Vec<String>,
    /// What writing to it means.
    pub written: Written,
    /// For each column the column of the one relation below that it is, in a view that can be written to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Option<String>>,
    /// Whether its rows are kept, in a table of its name.
    #[serde(default)]
    pub materialized: bool,
    /// Whether it is a part of a partitioned table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partition: bool,
}

/// A table's column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The table's physical name.
    pub table: String,
    /// The column's name.
    pub column: String,
}

/// Which conditions a row must meet to be written through a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckOption {
    /// The view's own.
    Local,
    /// Those of the views below too.
    Cascaded,
}

/// What writing to a view means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Written {
    /// Writing to the one relation that it selects from: the physical name.
    Through(String),
    /// Nothing: why, as Postgres says it.
    Refused(String),
}

/// A view that is written to, down to its table.
#[derive(Clone, Debug, PartialEq)]
pub struct WritePath<'c> {
    /// The view, and the views below it, the innermost last.
    pub views: Vec<&'c View>,
    /// The table whose rows are written.
    pub base: &'c Table,
}

impl<'c> WritePath<'c> {
    /// The table's column that a column of the view is; `None` when one on the way is computed.
    pub fn base_column(&self, column: &str) -> Option<&'c super::Column> {
        let mut name = column;
        for view in &self.views {
            name = view.below(name)?;
        }
        self.base.column(name)
    }
}

/// What origins call a table: its physical name.
pub fn origin_name(table: &Table) -> String {
    physical_name(&table.schema, &table.name)
}

/// Where a write through views ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WriteStop<'c> {
    /// This view cannot be written to: why, as Postgres says it.
    View(&'c View, &'c str),
    /// This column of this view is computed.
    Column(&'c View, &'c str),
}

impl Catalog {
    /// The view of a schema, materialized or not, or `None`.
    pub fn view(&self, schema: &str, name: &str) -> Option<&View> {
        let view = self.views.get(&physical_name(schema, name))?;
        (view.table.schema == schema && view.table.name == name).then_some(view)
    }

    /// The view whose query stands for its rows; `None` for a table and for a materialized view.
    pub fn inlined_view(&self, schema: &str, name: &str) -> Option<&View> {
        self.view(schema, name).filter(|view| !view.materialized)
    }

    /// The table or view of a schema as a request sees it, or `None`.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Table> {
        self.table(schema, name).or_else(|| self.inlined_view(schema, name).map(|view| &view.table))
    }

    /// Every table and view of every schema as requests see them.
    pub fn relations(&self) -> impl Iterator<Item = &Table> {
        let views = self.views.values().filter(|view| !view.materialized && !view.partition);
        self.tables.values().chain(views.map(|view| &view.table))
    }

    /// Where writing these columns of a view leads: to its table, or to the view on the way that stops it.
    pub fn write_path<'c>(
        &'c self,
        view: &'c View,
        columns: &'c [String],
    ) -> Result<WritePath<'c>, WriteStop<'c>> {
        let mut views = vec![view];
        let mut current = view;
        let mut columns: Vec<&'c str> = columns.iter().map(String::as_str).collect();
        loop {
            let name = match &current.written {
                Written::Refused(reason) => return Err(WriteStop::View(current, reason)),
                Written::Through(name) => name,
            };
            let below = |column: &&'c str| current.below(column).ok_or(WriteStop::Column(current, column));
            columns = columns.iter().map(below).collect::<Result<_, _>>()?;
            match (self.views.get(name), self.tables.get(name)) {
                (Some(below), None) => {
                    views.push(below);
                    current = below;
                }
                (_, Some(base)) => return Ok(WritePath { views, base }),
                (_, None) => return Err(WriteStop::View(current, "")),
            }
        }
    }

    /// Whether rows can be written to a relation: a view must be as simple as Postgres wants it.
    pub fn takes_writes(&self, relation: &Table) -> bool {
        self.view(&relation.schema, &relation.name)
            .is_none_or(|view| !view.materialized && self.write_path(view, &[]).is_ok())
    }

    /// Gives views the primary keys that their columns have from below, as PostgREST sees them: of each table
    /// whose whole key is there.
    pub fn find_view_keys(&mut self) {
        let mut keys = Vec::new();
        for (name, view) in &self.views {
            let mut columns = Vec::new();
            let mut seen: Vec<&str> = Vec::new();
            for origin in view.origins.iter().flatten() {
                let Some(table) = self.tables.get(&origin.table) else { continue };
                if seen.contains(&origin.table.as_str()) {
                    continue;
                }
                seen.push(&origin.table);
                let found: Option<Vec<String>> = table
                    .primary_key_columns()
                    .iter()
                    .map(|column| {
                        view.columns_of(&origin.table, column).first().map(|name| (*name).to_string())
                    })
                    .collect();
                columns.extend(found.unwrap_or_default());
            }
            keys.push((name.clone(), columns));
        }
        for (name, columns) in keys {
            let Some(view) = self.views.get_mut(&name) else { continue };
            let key = Unique { name: String::new(), columns, is_constraint: true };
            view.table.primary_key = Some(key).filter(|key| !key.columns.is_empty());
        }
    }
}

impl View {
    /// The view's columns that are this column of a table.
    pub fn columns_of<'v>(&'v self, table: &str, column: &str) -> Vec<&'v str> {
        let is_it = |origin: &Option<Origin>| {
            origin.as_ref().is_some_and(|of| of.table == table && of.column == column)
        };
        let columns = self.table.columns.iter().zip(&self.origins);
        columns.filter(|(_, origin)| is_it(origin)).map(|(column, _)| column.name.as_str()).collect()
    }

    /// What a column of a view that can be written to is called in the relation below; `None` when it is computed.
    pub fn below(&self, column: &str) -> Option<&str> {
        let index = self.table.columns.iter().position(|of| of.name == column)?;
        self.below.get(index)?.as_deref()
    }
}
