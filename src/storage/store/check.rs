//! What a check of the object store asks of the tables.

use crate::sql::{Statement, Writer};

/// Rows whose versions lie after one and up to another.
pub fn rows(after: Option<&str>, last: Option<&str>) -> Statement {
    let mut writer = Writer::default();
    let within = within(&mut writer, "object.version", after, last);
    writer.push(&format!(
        "SELECT
           object.id,
           object.bucket_id AS bucket,
           object.name,
           object.version,
           json_extract(object.metadata, '$.size') AS size
         FROM \"storage.objects\" AS object
         WHERE {within}"
    ));
    writer.finish()
}

/// Versions within the same bounds that are to come or to go.
pub fn expected(after: Option<&str>, last: Option<&str>) -> Statement {
    let mut writer = Writer::default();
    let within = within(&mut writer, "garbage.version", after, last);
    writer.push(&format!("SELECT garbage.version FROM \"storage.garbage\" AS garbage WHERE {within}"));
    writer.finish()
}

fn within(writer: &mut Writer, column: &str, after: Option<&str>, last: Option<&str>) -> String {
    let mut conditions = vec![format!("{column} IS NOT NULL")];
    conditions.extend(after.map(|after| format!("{column} > {}", writer.bind(after))));
    conditions.extend(last.map(|last| format!("{column} <= {}", writer.bind(last))));
    conditions.join(" AND ")
}

/// How many rows have no version: `count`.
pub fn without_version() -> Statement {
    Statement::new("SELECT count(*) AS count FROM \"storage.objects\" AS object WHERE object.version IS NULL")
}

/// Makes garbage of versions (a JSON array) that no row names; gives them.
pub fn discard_stray(versions: &str) -> Statement {
    Statement::new(
        "INSERT INTO \"storage.garbage\" (version)
         SELECT stray.value
         FROM json_each(?1) AS stray
         WHERE NOT EXISTS (SELECT 1 FROM \"storage.objects\" AS object WHERE object.version = stray.value)
         ON CONFLICT (version) DO NOTHING
         RETURNING version",
    )
    .bind(versions)
}

/// Removes the rows that name one of these versions (a JSON array); an `id` for each.
pub fn remove_rows(versions: &str) -> Statement {
    Statement::new(
        "DELETE FROM \"storage.objects\"
         WHERE version IN (SELECT value FROM json_each(?1))
         RETURNING id",
    )
    .bind(versions)
}
