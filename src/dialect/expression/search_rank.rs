//! `ts_rank`: what the document of a rank comes to, which is made of the query and of where its lexemes stand.

use super::call::{constant, no_function};
use super::literal;
use super::lowering::Lowering;
use super::piece::Piece;
use super::search::{literal_text, refused};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::quote_literal;
use crate::text_search::{Among, cooked, looked_up, needs_vector, rank_document, vector_of};

impl Lowering<'_> {
    /// `ts_rank([weights,] vector, query [, normalization])`.
    pub(super) fn rank_call(&mut self, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
        let method = |piece: &Piece| {
            constant(piece)
                .ok_or_else(|| DialectError::unsupported("ts_rank() with a normalization that is no literal"))
        };
        let is_query = |piece: &Piece| piece.data_type() == Some(&DataType::Tsquery);
        match pieces {
            [vector, query] => self.rank(None, vector, query, 0).map(Some),
            [vector, query, by] if is_query(query) => self.rank(None, vector, query, method(by)?).map(Some),
            [weights, vector, query] => self.rank(Some(weights), vector, query, 0).map(Some),
            [weights, vector, query, by] => self.rank(Some(weights), vector, query, method(by)?).map(Some),
            _ => Err(no_function("ts_rank", pieces)),
        }
    }

    fn rank(
        &mut self,
        weights: Option<&Piece>,
        vector: &Piece,
        query: &Piece,
        method: i64,
    ) -> Result<Piece, DialectError> {
        self.only_in_queries("ts_rank()")?;
        if *vector == Piece::Null || *query == Piece::Null {
            return Ok(Piece::Null);
        }
        let weights = weights.map(|of| self.weights(of)).transpose()?.unwrap_or_else(|| "null".to_string());
        let vector = self.implicit(vector.clone(), &DataType::Tsvector)?;
        let query = self.implicit(query.clone(), &DataType::Tsquery)?;
        let (rank, ranked) = rank_document(method, &weights);
        let lexemes = match literal_text(&query) {
            Some(document) => quote_literal(&cooked(&format!("{ranked}{document}]")).map_err(refused)?),
            None => looked_up(&format!("({} || {query} || ']')", quote_literal(&ranked)), None),
        };
        let rank = quote_literal(&rank);
        let document = |vector: &str| {
            let known = match needs_vector(method) {
                true => format!("json_quote({vector})"),
                false => places(vector, &lexemes),
            };
            format!("({rank} || {query} || ',' || {known} || ']')")
        };
        let value = match &self.row_of_vector(&vector) {
            None => looked_up(&document(&self.vector_lookup(&vector)), None),
            // One failure names the vectors of all rows, the next one all ranks.
            Some((table, row)) => format!(
                "CASE WHEN {} IS NOT NULL THEN {} END",
                vector_of(&vector, Some(Among { table, row })),
                looked_up(&document(&vector_of(&vector, None)), Some(Among { table, row }))
            ),
        };
        Ok(Piece::Typed(
            format!("CASE WHEN {vector} IS NOT NULL AND {query} IS NOT NULL THEN CAST({value} AS REAL) END"),
            DataType::Float4,
        ))
    }

    /// Literal weights as JSON.
    fn weights(&mut self, piece: &Piece) -> Result<String, DialectError> {
        let refused = || {
            DialectError::unsupported("ts_rank() with weights that are no literal")
                .with_hint("Write them as '{0.1, 0.2, 0.4, 1.0}'.")
        };
        let text = match piece {
            Piece::Unknown(text) => {
                let of = DataType::Array(Box::new(DataType::Float4));
                literal_text(&literal(self.catalog, &of, text)?)
            }
            Piece::Typed(sql, DataType::Array(_)) => literal_text(sql),
            _ => None,
        };
        text.ok_or_else(refused)
    }
}

/// Where each of the lexemes stands in a vector, as JSON; the vector itself where one of them is a beginning.
fn places(vector: &str, lexemes: &str) -> String {
    let word = "\"/lexeme\".value";
    let rest = format!("substr(vector, instr(vector, {word} || ''':') + length({word}) + 2)");
    format!(
        "(SELECT CASE WHEN lexemes = '\"*\"' OR trim(vector) = '' THEN json_quote(trim(vector)) ELSE (SELECT json_group_array(\
         CASE WHEN instr(vector, {word} || ''':') THEN substr({rest}, 1, instr({rest}, ' ') - 1) \
         WHEN instr(vector, {word} || ''' ') THEN '' END ORDER BY \"/lexeme\".key) FROM json_each(lexemes) AS \"/lexeme\") END \
         FROM (SELECT ' ' || {vector} || ' ' AS vector, {lexemes} AS lexemes) AS \"/known\")"
    )
}
