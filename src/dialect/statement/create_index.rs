//! `CREATE INDEX`: plain, of expressions, partial; GIN, GiST and their like are remembered only.

use sqlparser::ast::{CreateIndex, Expr, Ident, IndexColumn, IndexType, OrderBySort, Statement};

use super::constraint::chosen_name;
use super::create_table::nameable;
use super::ddl::{in_row, list, stored_condition};
use super::partition_bound::check_unique;
use crate::dialect::expression::{called_name, refuse_unrounded};
use crate::dialect::name::folded;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{Index, Table, Unique};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(in crate::dialect) fn create_index(&mut self, create: &CreateIndex) -> Result<(), DialectError> {
        refuse_odd_clauses(create)?;
        let (schema, of) = name::qualified(&create.table_name)?;
        if let Some(view) = self.catalog.view(&schema, &of).filter(|view| view.partition && !create.unique) {
            // It changes no answer, and the table's indexes are the partition's.
            return refuse_unknown_columns(&view.table, create);
        }
        let table = self.own_table(&create.table_name)?;
        let labels: Vec<String> = create.columns.iter().map(label).collect();
        let name = match &create.name {
            Some(object) => name::single(object)?,
            None => chosen_name(&self.catalog, &table, &labels, "idx"),
        };
        let physical = physical_name(&table.schema, &name);
        if create.if_not_exists && self.catalog.indexes.contains_key(&physical) {
            return Ok(());
        }
        if let Some(of) = table.partitioning.as_ref().filter(|_| create.unique) {
            let columns = create.columns.iter().filter_map(plain_column).collect();
            check_unique(
                &table,
                of,
                &Unique { name: name.clone(), columns, is_constraint: false },
                "UNIQUE",
            )?;
        }
        nameable("index", &name)?;
        self.new_relation(&table.schema, &name)?;
        let columns: Vec<String> = create.columns.iter().filter_map(plain_column).collect();
        let is_plain = columns.len() == create.columns.len()
            && create.predicate.is_none()
            && create.nulls_distinct != Some(false);
        if is_kept(create) {
            let sql = self.index_sql(&table, create, &physical)?;
            self.push(sql)?;
        } else {
            refuse_unknown_columns(&table, create)?;
        }
        let of = physical_name(&table.schema, &table.name);
        if let Some(table) = self.catalog.tables.get_mut(&of)
            && create.unique
            && is_plain
        {
            table.uniques.push(Unique { name: name.clone(), columns, is_constraint: false });
        }
        let index = Index { schema: table.schema, name, table: of, definition: create.to_string() };
        self.catalog.indexes.insert(physical, index);
        Ok(())
    }

    /// `ALTER INDEX [IF EXISTS] name RENAME TO name`; a partition's index, which is attached, is its table's.
    pub(in crate::dialect) fn alter_index(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER INDEX")?;
        let if_exists = reader.takes("IF EXISTS");
        let (schema, old) = reader.qualified_name()?;
        if reader.takes("ATTACH PARTITION") {
            return Ok(());
        }
        if !reader.takes("RENAME TO") {
            return Err(DialectError::unsupported("this form of ALTER INDEX"));
        }
        let new = reader.name()?;
        let physical = physical_name(&schema, &old);
        let Some(mut index) = self.catalog.indexes.get(&physical).cloned() else {
            return self.rename_index_of_constraint(&schema, &old, &new, if_exists);
        };
        nameable("index", &new)?;
        self.new_relation(&schema, &new)?;
        if self.table_of_key(&schema, &new).is_some() {
            return Err(DialectError::new("42P07", format!("relation \"{new}\" already exists")));
        }
        let mut create = definition(&index)?;
        create.name = Some(name::object(&schema, &new));
        (index.name, index.definition) = (new.clone(), create.to_string());
        if is_kept(&create) {
            self.push(format!("DROP INDEX {}", quote_identifier(&physical)))?;
        }
        if let Some(sql) = self.index_again(&index)? {
            self.push(sql)?;
        }
        for table in self.catalog.tables.values_mut().filter(|table| table.schema == schema) {
            let own = table.uniques.iter_mut().filter(|unique| !unique.is_constraint && unique.name == old);
            own.for_each(|unique| unique.name.clone_from(&new));
        }
        let place = self.catalog.indexes.get_index_of(&physical).unwrap_or_default();
        self.catalog.indexes.shift_remove(&physical);
        self.catalog.indexes.shift_insert(place, physical_name(&schema, &new), index);
        Ok(())
    }

    /// The index of a key has its constraint's name.
    fn rename_index_of_constraint(
        &mut self,
        schema: &str,
        old: &str,
        new: &str,
        if_exists: bool,
    ) -> Result<(), DialectError> {
        match self.table_of_key(schema, old).cloned() {
            Some(table) => {
                self.rename_constraint(&table, &Ident::with_quote('"', old), &Ident::with_quote('"', new))
            }
            None if if_exists => Ok(()),
            None => Err(DialectError::new("42P01", format!("relation \"{old}\" does not exist"))),
        }
    }

    /// The unique indexes of a table's `UNIQUE NULLS NOT DISTINCT` constraints.
    pub(super) fn create_alike(
        &mut self,
        table: &Table,
        alike: Vec<(Option<String>, Vec<String>)>,
    ) -> Result<(), DialectError> {
        for (name, columns) in alike {
            let name = name.unwrap_or_else(|| chosen_name(&self.catalog, table, &columns, "key"));
            let sql = format!(
                "CREATE UNIQUE INDEX {} ON {}.{} ({}) NULLS NOT DISTINCT",
                quote_identifier(&name),
                quote_identifier(&table.schema),
                quote_identifier(&table.name),
                list(&columns)
            );
            match parse::statement(parse::tokens(&sql)?)? {
                Statement::CreateIndex(create) => self.create_index(&create)?,
                _ => return Err(DialectError::new("XX000", "an index that is none")),
            }
        }
        Ok(())
    }

    /// Drops such a constraint; false when there is none of the name.
    pub(super) fn drop_alike(&mut self, table: &Table, name: &str) -> Result<bool, DialectError> {
        let physical = physical_name(&table.schema, name);
        let of = physical_name(&table.schema, &table.name);
        let index = self.catalog.indexes.get(&physical).filter(|index| index.table == of);
        let is_alike = match index {
            Some(index) => definition(index)?.nulls_distinct == Some(false),
            None => false,
        };
        if is_alike {
            self.catalog.indexes.shift_remove(&physical);
            self.push(format!("DROP INDEX {}", quote_identifier(&physical)))?;
        }
        Ok(is_alike)
    }

    /// The table whose primary key or unique constraint has the name.
    fn table_of_key(&self, schema: &str, name: &str) -> Option<&Table> {
        let is_key = |key: &Unique| key.is_constraint && key.name == name;
        self.catalog.tables.values().find(|table| {
            table.schema == schema && table.primary_key.iter().chain(&table.uniques).any(is_key)
        })
    }

    /// The SQLite statement of an index in the catalog, for its table as it is now.
    /// `None` when SQLite has none.
    pub(super) fn index_again(&self, index: &Index) -> Result<Option<String>, DialectError> {
        let create = definition(index)?;
        if !is_kept(&create) {
            return Ok(None);
        }
        let table = self.catalog.tables.get(&index.table).ok_or_else(|| {
            DialectError::new("42P01", format!("the table of index \"{}\" is missing", index.name))
        })?;
        self.index_sql(table, &create, &physical_name(&index.schema, &index.name)).map(Some)
    }

    fn index_sql(&self, table: &Table, create: &CreateIndex, physical: &str) -> Result<String, DialectError> {
        let mut terms = Vec::new();
        for column in &create.columns {
            let term = self.index_term(table, column)?;
            // A blob is like no value of a column, so that NULLs are alike.
            let alike = create.unique && create.nulls_distinct == Some(false);
            terms.push(if alike { format!("coalesce({term}, X'')") } else { term });
        }
        let condition = create.predicate.as_ref().map(|predicate| {
            stored_condition(&self.catalog, table, &predicate.to_string(), "an index predicate")
        });
        let condition = condition.transpose()?.map(|sql| format!(" WHERE {sql}")).unwrap_or_default();
        let unique = if create.unique { "UNIQUE " } else { "" };
        Ok(format!(
            "CREATE {unique}INDEX {} ON {} ({}){condition}",
            quote_identifier(physical),
            table.physical(),
            terms.join(", ")
        ))
    }

    fn index_term(&self, table: &Table, column: &IndexColumn) -> Result<String, DialectError> {
        if let Some(class) = &column.operator_class {
            // These order text as SQLite does anyway.
            let class = name::parts(class)?.pop().unwrap_or_default();
            if !matches!(
                class.as_str(),
                "text_ops" | "text_pattern_ops" | "varchar_ops" | "varchar_pattern_ops"
            ) {
                return Err(DialectError::unsupported(format!("the operator class {class}")));
            }
        }
        let sql = in_row(&self.catalog, table, "an index", |lowering| {
            lowering.lower(&column.column.expr)?.into_sql(lowering.catalog).and_then(refuse_unrounded)
        })?;
        // SQLite has no NULLS FIRST in indexes; the order of NULLs decides no result.
        let descends = matches!(column.column.options.sort, Some(OrderBySort::Desc));
        Ok(if descends { format!("{sql} DESC") } else { sql })
    }
}

/// The syntax of an index in the catalog.
pub fn definition(index: &Index) -> Result<CreateIndex, DialectError> {
    match parse::statement(parse::tokens(&index.definition)?)? {
        Statement::CreateIndex(create) => Ok(create),
        _ => Err(DialectError::new("XX000", format!("the definition of index \"{}\" is none", index.name))),
    }
}

/// Whether SQLite gets the index too. The others make only queries faster that SQLite would not use
/// them for: the catalog remembers them, so that they can be dropped.
fn is_kept(create: &CreateIndex) -> bool {
    match &create.using {
        None | Some(IndexType::BTree | IndexType::Hash) => true,
        Some(IndexType::Custom(method)) => matches!(folded(method).as_str(), "btree" | "hash"),
        Some(_) => false,
    }
}

fn refuse_unknown_columns(table: &Table, create: &CreateIndex) -> Result<(), DialectError> {
    let known = |name: &String| table.column(name).is_some();
    match create.columns.iter().filter_map(plain_column).find(|name| !known(name)) {
        Some(name) => Err(DialectError::new("42703", format!("column \"{name}\" does not exist"))),
        None => Ok(()),
    }
}

fn refuse_odd_clauses(create: &CreateIndex) -> Result<(), DialectError> {
    if create.unique && !is_kept(create) {
        let method = create.using.as_ref().map(ToString::to_string).unwrap_or_default().to_lowercase();
        let message = format!("access method \"{method}\" does not support unique indexes");
        return Err(DialectError::new("0A000", message));
    }
    #[rustfmt::skip]
    let clauses = [
        (!create.index_options.is_empty(),            "index options"),
        (!create.alter_options.is_empty(),            "index options"),
    ];
    match clauses.iter().find(|(present, _)| *present) {
        Some((_, clause)) => Err(DialectError::unsupported(clause)),
        None => Ok(()),
    }
}

pub fn plain_column(column: &IndexColumn) -> Option<String> {
    match &column.column.expr {
        Expr::Identifier(name) => Some(folded(name)),
        _ => None,
    }
}

/// A column's part in the name Postgres chooses: its name, its function's, or `expr`.
pub fn label(column: &IndexColumn) -> String {
    match &column.column.expr {
        Expr::Function(function) => called_name(function).unwrap_or_else(|_| "expr".to_string()),
        _ => plain_column(column).unwrap_or_else(|| "expr".to_string()),
    }
}
