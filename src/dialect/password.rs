//! `crypt(password, gen_salt('bf'))`: SQLite has no bcrypt, so a file is translated with a mark where each hash is to stand, and
//! whoever runs it has the hashes made. The password is in the translation alone, in none of its statements.

use std::fmt;

use super::DialectError;

/// What a mark stands between: a character that no text of Postgres' has.
const MARK: char = '\0';

/// A password that is to have a bcrypt hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordToHash {
    /// As the file has it.
    pub password: String,
    /// The logarithm of how often it is gone through.
    pub cost: u32,
    /// Where the call stands: each has a salt of its own.
    pub(super) line: u64,
    pub(super) column: u64,
}

impl fmt::Debug for PasswordToHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordToHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// As pgcrypto's: 6 where none is said.
pub const USUAL_COST: u32 = 6;

/// What a sign-in may cost.
const MOST_COST: u32 = 14;

/// How often the passwords of one file may be gone through in all: some 20 seconds.
const MOST_ROUNDS: u64 = 1 << 18;

impl PasswordToHash {
    /// Refuses what pgcrypto refuses, and what nobody could sign in with.
    pub fn checked(self) -> Result<Self, DialectError> {
        match self.cost {
            4..=MOST_COST => Ok(self),
            15..=31 => Err(DialectError::unsupported(format!("gen_salt('bf', {})", self.cost))
                .with_hint(format!("A sign-in may cost {MOST_COST}."))),
            _ => Err(DialectError::new("22023", "gen_salt: Incorrect number of rounds")),
        }
    }

    /// SQL that stands for its hash.
    pub fn to_sql(&self) -> String {
        let digits: String = self.password.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!("'{MARK}{}:{}:{}:{digits}{MARK}'", self.line, self.column, self.cost)
    }

    fn read(mark: &str) -> Option<Self> {
        let mut parts = mark.split(':');
        let (line, column, cost, digits) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Self {
            password: String::from_utf8(bytes).ok()?,
            cost: cost.parse().ok()?,
            line: line.parse().ok()?,
            column: column.parse().ok()?,
        })
    }
}

/// The refusal where nobody has hashes made.
pub fn crypt_refused() -> DialectError {
    DialectError::unsupported("crypt() here")
        .with_hint("It is in migrations and seeds, for rows that they write.")
}

/// Whether SQL has a hash to come, which is another one each time it is made.
pub fn has_hash(sql: &str) -> bool {
    sql.contains(MARK)
}

/// The text that SQL is, when it is nothing but a quoted one.
pub fn constant_text(sql: &str) -> Option<String> {
    let inside = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    let plain = inside.replace("''", "");
    (!plain.contains(['\'', MARK])).then(|| inside.replace("''", "'"))
}

/// Takes the passwords out of a statement: its marks name places in `passwords` from then on.
pub fn taken_out(sql: String, passwords: &mut Vec<PasswordToHash>) -> Result<String, DialectError> {
    if !has_hash(&sql) {
        return Ok(sql);
    }
    let earlier = passwords.len();
    let mut without = String::new();
    for (index, part) in sql.split(MARK).enumerate() {
        if index % 2 == 0 {
            without.push_str(part);
            continue;
        }
        let Some(password) = PasswordToHash::read(part) else {
            return Err(DialectError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
        };
        let known = passwords.iter().skip(earlier).position(|of| *of == password);
        let place = known.map_or(passwords.len(), |known| earlier + known);
        if place == passwords.len() {
            passwords.push(password);
        }
        without.push_str(&format!("{MARK}{place}{MARK}"));
    }
    if passwords.iter().map(|of| 1 << of.cost).sum::<u64>() > MOST_ROUNDS {
        return Err(DialectError::new("54000", "the passwords of the file take too long to hash")
            .with_hint("Split the file, or say gen_salt('bf')."));
    }
    Ok(without)
}

/// A statement with the hashes in their places.
pub fn with_hashes(sql: &str, hashes: &[String]) -> String {
    let mut parts = sql.split(MARK);
    let mut with = parts.next().unwrap_or_default().to_string();
    while let (Some(place), Some(rest)) = (parts.next(), parts.next()) {
        let hash = place.parse::<usize>().ok().and_then(|place| hashes.get(place));
        with.push_str(hash.map_or("", String::as_str));
        with.push_str(rest);
    }
    with
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_the_statements() {
        let of = |password: &str, line| PasswordToHash {
            password: password.to_string(),
            cost: 6,
            line,
            column: 1,
        };
        let (ann, bob) = (of("it's é", 1), of("it's é", 2));
        let sql = format!("VALUES ({}, {}, {})", ann.to_sql(), bob.to_sql(), ann.to_sql());
        let mut passwords = vec![of("before", 1)];
        let without = taken_out(sql, &mut passwords).unwrap();
        assert_eq!(passwords[1..], [ann, bob]);
        assert_eq!(format!("{:?}", passwords[1]), "PasswordToHash { cost: 6, .. }");
        let hashes = ["0".to_string(), "$a".to_string(), "$b".to_string()];
        assert_eq!(with_hashes(&without, &hashes), "VALUES ('$a', '$b', '$a')");
        assert!(taken_out("SELECT '\0x\0'".to_string(), &mut Vec::new()).is_err());
    }

    #[test]
    fn only_a_quoted_text_is_constant() {
        let rows = [
            ("'a'", Some("a")),
            ("'it''s'", Some("it's")),
            ("''", Some("")),
            ("'a' || 'b'", None),
            ("x", None),
            ("'", None),
            ("'a''", None),
        ];
        for (sql, expected) in rows {
            assert_eq!(constant_text(sql).as_deref(), expected, "{sql}");
        }
    }
}
