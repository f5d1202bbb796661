//! A CSV body (RFC 4180): a line of column names, then rows of texts.

use super::body::{BodyError, Payload};

/// The rows; `NULL` is null, and an empty field the empty text. Of columns with the same name the last counts.
pub fn csv_rows(bytes: &[u8]) -> Result<Payload, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::CsvSyntax)?;
    let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let Some(names) = records.next() else { return Err(BodyError::CsvSyntax) };
    let counts: Vec<bool> = names
        .iter()
        .enumerate()
        .map(|(at, name)| !names.iter().skip(at + 1).any(|later| later == name))
        .collect();
    let counted = |record: &[String]| -> Vec<String> {
        record.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(field, _)| field.clone()).collect()
    };
    let mut payload = Payload::of_columns(counted(&names));
    for record in records {
        if record.len() != names.len() {
            return Err(BodyError::CsvFields);
        }
        payload.push(counted(&record).iter().map(|field| (field != "NULL").then_some(field.as_str())));
    }
    Ok(payload)
}

/// The fields of each line that is not empty.
fn records(text: &str) -> Result<Vec<Vec<String>>, BodyError> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let (field, after) = field(rest)?;
            record.push(field);
            rest = after;
            let Some(next) = rest.strip_prefix(',') else { break };
            rest = next;
        }
        rest = rest.strip_prefix('\r').unwrap_or(rest);
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        if record != [""] {
            records.push(record);
        }
    }
    Ok(records)
}

/// The next field, and the text from the comma or line's end behind it.
fn field(text: &str) -> Result<(String, &str), BodyError> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
        let (field, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return if field.contains('"') { Err(BodyError::CsvSyntax) } else { Ok((field.to_string(), rest)) };
    };
    let mut field = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or(BodyError::CsvSyntax)?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with([',', '\r', '\n']) => return Ok((field, after)),
            None => return Err(BodyError::CsvSyntax),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::request::Json;

    fn read(text: &str) -> Result<Vec<Vec<(String, String)>>, BodyError> {
        let payload = csv_rows(text.as_bytes())?;
        let text = |cell: Option<Json<'_>>| cell.unwrap().text.to_string();
        Ok(payload
            .rows()
            .map(|row| payload.columns.iter().cloned().zip(row.iter().map(text)).collect())
            .collect())
    }

    #[test]
    fn lines_make_rows() {
        let row = |a: &str, b: &str| vec![("a".to_string(), a.to_string()), ("b".to_string(), b.to_string())];
        let rows = [
            ("a,b\n1,x\n", Ok(vec![row("\"1\"", "\"x\"")])),
            (
                "a,b\r\nNULL,\r\n\r\n\"NULL\",\"q\"\"\n,\"",
                Ok(vec![row("null", "\"\""), row("null", "\"q\\\"\\n,\"")]),
            ),
            ("a,a,b\n1,2,3", Ok(vec![row("\"2\"", "\"3\"")])),
            ("a,b", Ok(Vec::new())),
            ("a,b\n1", Err(BodyError::CsvFields)),
            ("a,b\n1,2,3", Err(BodyError::CsvFields)),
            ("a,b\n\"1,2", Err(BodyError::CsvSyntax)),
            ("a,b\n1\"2,3", Err(BodyError::CsvSyntax)),
            ("", Err(BodyError::CsvSyntax)),
        ];
        for (text, expected) in rows {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
