//! Publications: which tables tell others of their changes. They are recorded, `supabase_realtime` from the beginning,
//! so that a project's files apply and guards find what they ask for; that they are read is not this file's.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Token;

use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::Publication;
use crate::sql::physical_name;

impl Translator {
    /// `CREATE PUBLICATION name [FOR ALL TABLES | FOR TABLE …] [WITH (…)]`.
    pub(in crate::dialect) fn create_publication(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        reader.wants("CREATE PUBLICATION")?;
        let name = reader.name()?;
        if self.publication(&name).is_ok() {
            return Err(DialectError::new("42710", format!("publication \"{name}\" already exists")));
        }
        let every_table = reader.takes("FOR ALL TABLES");
        self.catalog.publications.push(Publication { name: name.clone(), every_table });
        if reader.takes("FOR") {
            let tables = reader.until(|token| matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("with")));
            for table in self.listed(tables)? {
                self.publish(&name, &table)?;
            }
        }
        if reader.takes("WITH") {
            reader.parenthesised()?;
        }
        ended(&reader)
    }

    /// `ALTER PUBLICATION name ADD | SET | DROP TABLE …`, `SET (…)`, `OWNER TO role`, `RENAME TO name`.
    pub(in crate::dialect) fn alter_publication(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        reader.wants("ALTER PUBLICATION")?;
        let name = reader.name()?;
        let publication = self.publication(&name)?;
        if reader.takes("OWNER TO") {
            reader.name()?;
            return ended(&reader);
        }
        if reader.takes("RENAME TO") {
            let to = reader.name()?;
            if self.publication(&to).is_ok() {
                return Err(DialectError::new("42710", format!("publication \"{to}\" already exists")));
            }
            self.catalog
                .publications
                .iter_mut()
                .filter(|of| of.name == name)
                .for_each(|of| of.name.clone_from(&to));
            for table in self.catalog.tables.values_mut() {
                table.publications.iter_mut().filter(|of| **of == name).for_each(|of| of.clone_from(&to));
            }
            return ended(&reader);
        }
        let (adds, drops, sets) = (reader.takes("ADD"), reader.takes("DROP"), reader.takes("SET"));
        if sets && reader.peek() == Some(&Token::LParen) {
            reader.parenthesised()?;
            return ended(&reader);
        }
        if !(adds || drops || sets) {
            return Err(reader.syntax());
        }
        if publication.every_table {
            let message = format!("publication \"{name}\" is defined as FOR ALL TABLES");
            return Err(DialectError::new("55000", message));
        }
        let tables = self.listed(reader)?;
        if sets {
            self.forget_publication(&name);
        }
        for table in tables {
            match drops {
                true => self.withdraw(&name, &table)?,
                false => self.publish(&name, &table)?,
            }
        }
        Ok(())
    }

    /// `DROP PUBLICATION [IF EXISTS] name, …`.
    pub(in crate::dialect) fn drop_publication(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        reader.wants("DROP PUBLICATION")?;
        let if_exists = reader.takes("IF EXISTS");
        loop {
            let name = reader.name()?;
            match self.publication(&name) {
                Err(_) if if_exists => {}
                found => {
                    found?;
                    self.catalog.publications.retain(|of| of.name != name);
                    self.forget_publication(&name);
                }
            }
            if !reader.takes_token(&Token::Comma) {
                break;
            }
        }
        let _ = reader.takes("CASCADE") || reader.takes("RESTRICT");
        ended(&reader)
    }

    fn publication(&self, name: &str) -> Result<Publication, DialectError> {
        let found = self.catalog.publications.iter().find(|of| of.name == name).cloned();
        found.ok_or_else(|| DialectError::new("42704", format!("publication \"{name}\" does not exist")))
    }

    /// The physical names of `TABLE [ONLY] a, b, TABLE c`.
    fn listed(&self, reader: Reader<'_>) -> Result<Vec<String>, DialectError> {
        if !matches!(reader.peek(), Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("table")) {
            return Err(match reader.peek() {
                Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("tables") => {
                    DialectError::unsupported("a publication of a schema's tables")
                        .with_hint("Name the tables.")
                }
                _ => reader.syntax(),
            });
        }
        let mut tables = Vec::new();
        for mut item in reader.list() {
            item.takes("TABLE");
            item.takes("ONLY");
            let mut names = vec![Ident::with_quote('"', item.name()?)];
            if item.takes_token(&Token::Period) {
                names.push(Ident::with_quote('"', item.name()?));
            }
            item.takes_token(&Token::Mul);
            if item.peek() == Some(&Token::LParen) || item.takes("WHERE") {
                return Err(DialectError::unsupported("a publication of some columns or rows")
                    .with_hint("Publish the table; policies decide who sees which rows."));
            }
            ended(&item)?;
            let object = ObjectName::from(names);
            let (schema, relation) = name::qualified(&object)?;
            if self.catalog.view(&schema, &relation).is_some() {
                return Err(DialectError::new(
                    "22023",
                    format!("cannot add relation \"{relation}\" to publication"),
                ));
            }
            let table = self.own_table(&object)?;
            tables.push(physical_name(&table.schema, &table.name));
        }
        Ok(tables)
    }

    fn publish(&mut self, publication: &str, table: &str) -> Result<(), DialectError> {
        let Some(table) = self.catalog.tables.get_mut(table) else { return Ok(()) };
        if table.publications.iter().any(|of| of == publication) {
            let message =
                format!("relation \"{}\" is already member of publication \"{publication}\"", table.name);
            return Err(DialectError::new("42710", message));
        }
        table.publications.push(publication.to_string());
        Ok(())
    }

    fn withdraw(&mut self, publication: &str, table: &str) -> Result<(), DialectError> {
        let Some(table) = self.catalog.tables.get_mut(table) else { return Ok(()) };
        if !table.publications.iter().any(|of| of == publication) {
            let message = format!("relation \"{}\" is not part of the publication", table.name);
            return Err(DialectError::new("42704", message));
        }
        table.publications.retain(|of| of != publication);
        Ok(())
    }

    fn forget_publication(&mut self, name: &str) {
        self.catalog.tables.values_mut().for_each(|table| table.publications.retain(|of| of != name));
    }
}

fn ended(reader: &Reader<'_>) -> Result<(), DialectError> {
    if reader.is_done() { Ok(()) } else { Err(reader.syntax()) }
}
