//! Full text search: its functions and `@@`.

use sqlparser::ast::Expr;

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{physical_name, quote_identifier, quote_literal};
use crate::text_search::{
    Among, Configuration, SearchError, Syntax, clauses, cooked, matches, query_document, query_of, vector_of,
    weight,
};

/// The functions that read queries.
#[rustfmt::skip]
const QUERIES: &[(&str, Syntax)] = &[
    ("to_tsquery",           Syntax::Operators),
    ("plainto_tsquery",      Syntax::Plain),
    ("phraseto_tsquery",     Syntax::Phrase),
    ("websearch_to_tsquery", Syntax::Web),
];

/// Functions that Postgres has and this has not.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "ts_rank_cd", "ts_headline", "ts_delete", "ts_filter", "ts_rewrite", "numnode", "querytree", "tsquery_phrase",
    "tsvector_to_array", "array_to_tsvector", "json_to_tsvector", "jsonb_to_tsvector", "ts_lexize", "ts_debug", "ts_parse",
];

/// The start of documents made here, by which they are known from columns.
const DOCUMENT: &str = "('[\"";

impl Lowering<'_> {
    /// The search functions; `None` for any other call.
    pub(super) fn search_call(
        &mut self,
        name: &str,
        pieces: &[Piece],
    ) -> Result<Option<Piece>, DialectError> {
        if OTHERS.contains(&name) {
            return Err(DialectError::unsupported(format!("{name}()")));
        }
        if let Some((_, syntax)) = QUERIES.iter().find(|(of, _)| *of == name) {
            return self.query_call(name, *syntax, pieces).map(Some);
        }
        match (name, pieces) {
            ("to_tsvector", _) => {
                let (configuration, text) = self.configured(name, pieces)?;
                if matches!(text.data_type(), Some(DataType::Json | DataType::Jsonb)) {
                    return Err(DialectError::unsupported("to_tsvector() of json"));
                }
                self.vector_of_text(configuration, text).map(Some)
            }
            ("setweight", [vector, letter]) => {
                let letter = constant_text(letter).filter(|of| of.chars().count() == 1);
                let letter = letter.and_then(|of| of.chars().next()).filter(|of| weight(*of).is_some());
                let letter = letter.ok_or_else(|| {
                    DialectError::unsupported("setweight() with a weight that is no letter from A to D")
                })?;
                let node = self.document(vector.clone())?;
                Ok(Some(vector_piece(format!(
                    "{DOCUMENT}weight\",\"{}\",' || {node} || ']')",
                    letter.to_ascii_uppercase()
                ))))
            }
            ("ts_rank", _) => self.rank_call(pieces),
            ("strip", [vector]) => {
                let node = self.document(vector.clone())?;
                Ok(Some(vector_piece(format!("{DOCUMENT}strip\",' || {node} || ']')"))))
            }
            _ => Ok(None),
        }
    }

    /// The configuration and the text of a call; without one it is the database's, which may change.
    fn configured(&mut self, name: &str, pieces: &[Piece]) -> Result<(Configuration, Piece), DialectError> {
        match pieces {
            [text] => {
                self.not_stored(&format!("{name}() without a configuration"))?;
                Ok((Configuration::English, text.clone()))
            }
            [configuration, text] => {
                let named = constant_text(configuration).ok_or_else(|| {
                    DialectError::unsupported(format!("{name}() with a configuration that is no literal"))
                })?;
                Ok((Configuration::named(&named).map_err(refused)?, text.clone()))
            }
            _ => Err(super::call::no_function(name, pieces)),
        }
    }

    fn vector_of_text(&mut self, configuration: Configuration, text: Piece) -> Result<Piece, DialectError> {
        if let Piece::Unknown(text) = &text {
            return Ok(vector_piece(quote_literal(&configuration.vector(text).to_text())));
        }
        let text = self.as_text(text)?;
        let name = configuration.name();
        Ok(vector_piece(format!(
            "{DOCUMENT}to\",\"{name}\",' || CASE WHEN {text} IS NOT NULL THEN json_quote({text}) END || ']')"
        )))
    }

    /// A vector inside of a document.
    fn document(&mut self, piece: Piece) -> Result<String, DialectError> {
        let sql = self.implicit(piece, &DataType::Tsvector)?;
        if sql.starts_with(DOCUMENT) {
            return Ok(sql);
        }
        if let Some(text) = literal_text(&sql) {
            return Ok(quote_literal(&serde_json::Value::from(text).to_string()));
        }
        self.once(sql, |value| {
            format!("CASE WHEN substr({value}, 1, 1) = '[' THEN {value} WHEN {value} IS NOT NULL THEN json_quote({value}) END")
        })
    }

    /// `vector || vector`; `None` when neither is one.
    pub(super) fn concatenate_vectors(
        &mut self,
        left: &Piece,
        right: &Piece,
    ) -> Result<Option<Piece>, DialectError> {
        let is_vector = |piece: &Piece| piece.data_type() == Some(&DataType::Tsvector);
        if !is_vector(left) && !is_vector(right) {
            return Ok(None);
        }
        if *left == Piece::Null || *right == Piece::Null {
            return Ok(Some(Piece::Null));
        }
        let (left, right) = (self.document(left.clone())?, self.document(right.clone())?);
        Ok(Some(vector_piece(format!("{DOCUMENT}both\",' || {left} || ',' || {right} || ']')"))))
    }

    fn query_call(&mut self, name: &str, syntax: Syntax, pieces: &[Piece]) -> Result<Piece, DialectError> {
        let (configuration, text) = self.configured(name, pieces)?;
        let start = query_document(configuration, syntax);
        if let Piece::Unknown(text) = &text {
            clauses(configuration, syntax, text).map_err(refused)?;
            let document = format!("{start}{}]", serde_json::Value::from(text.as_str()));
            return Ok(Piece::Typed(quote_literal(&document), DataType::Tsquery));
        }
        let text = self.as_text(text)?;
        let start = quote_literal(&start);
        let sql = format!("({start} || CASE WHEN {text} IS NOT NULL THEN json_quote({text}) END || ']')");
        Ok(Piece::Typed(sql, DataType::Tsquery))
    }

    /// `vector @@ query`, either way round; text is searched as `to_tsvector` makes it.
    pub(super) fn search(&mut self, left: &Expr, right: &Expr) -> Result<Piece, DialectError> {
        self.only_in_queries("@@")?;
        let (mut vector, mut query) = (self.lower(left)?, self.lower(right)?);
        if vector.data_type() == Some(&DataType::Tsquery) {
            std::mem::swap(&mut vector, &mut query);
        }
        if vector == Piece::Null || query == Piece::Null {
            return Ok(Piece::Null);
        }
        let is_text = |piece: &Piece| {
            piece.data_type().is_some_and(|of| super::type_name::family(of) == super::type_name::Family::Text)
        };
        if is_text(&vector) {
            vector = self.vector_of_text(Configuration::English, vector)?;
        }
        if is_text(&query) {
            query = self.query_call("plainto_tsquery", Syntax::Plain, &[query])?;
        }
        let (left, right) = (vector.type_name(), query.type_name());
        let fits = vector.data_type().is_none_or(|of| *of == DataType::Tsvector)
            && query.data_type().is_none_or(|of| *of == DataType::Tsquery);
        if !fits {
            return Err(DialectError::new("42883", format!("operator does not exist: {left} @@ {right}")));
        }
        let vector = self.implicit(vector, &DataType::Tsvector)?;
        let query = self.implicit(query, &DataType::Tsquery)?;
        let query = match literal_text(&query) {
            Some(document) => quote_literal(&cooked(&document).map_err(refused)?),
            None => query_of(&query),
        };
        Ok(Piece::bool(matches(&self.vector_lookup(&vector), &query)))
    }

    /// The table and the row that a vector is of.
    pub(super) fn row_of_vector(&self, vector: &str) -> Option<(String, String)> {
        self.scopes.iter().rev().flat_map(|scope| &scope.relations).find_map(|relation| {
            let table = self.catalog.table(relation.schema.as_deref()?, &relation.name)?;
            let is_in = !relation.row.is_empty() && vector.contains(&format!("{}.", relation.row));
            is_in
                .then(|| (quote_identifier(&physical_name(&table.schema, &table.name)), relation.row.clone()))
        })
    }

    /// The lexemes of a vector's SQL.
    pub(super) fn vector_lookup(&self, vector: &str) -> String {
        if literal_text(vector).is_some() {
            return vector.to_string();
        }
        let among = self.row_of_vector(vector);
        let among = among.as_ref().map(|(table, row)| Among { table, row });
        vector_of(vector, among)
    }

    /// A vector as Postgres prints it.
    pub(super) fn vector_text(&self, sql: &str) -> String {
        self.vector_lookup(sql)
    }
}

pub(super) fn refused(error: SearchError) -> DialectError {
    DialectError::new(error.code, error.message)
}

fn vector_piece(sql: String) -> Piece {
    Piece::Typed(sql, DataType::Tsvector)
}

/// The text of a literal, typed or not.
fn constant_text(piece: &Piece) -> Option<String> {
    match piece {
        Piece::Unknown(text) => Some(text.clone()),
        Piece::Typed(sql, _) => literal_text(sql),
        Piece::Null => None,
    }
}

/// The text of a quoted literal that is all of the SQL.
pub(super) fn literal_text(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let bare = inner.replace("''", "");
    (!bare.contains('\'')).then(|| inner.replace("''", "'"))
}
