//! A file of Postgres SQL as SQLite statements and the catalog after them.

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::password::{crypt_refused, taken_out, with_hashes};
use super::query::LOOKING;
use super::reader::Reader;
use super::script::{Piece, split};
use super::sequence::taken_number;
use super::trigger::{InvokerEnvironment, Standing, SystemInvoker};
use super::{CallerValue, Calls, DialectError, Environment, PasswordToHash, parse};
use crate::schema::{Catalog, Routine, Sequence, Table};
use crate::sql::{Statement, physical_name};

/// What a file becomes.
#[derive(Clone, Debug)]
pub struct Translation {
    /// For one batch, in order.
    pub statements: Vec<Statement>,
    /// For each of `statements`, which of `sources` it came from.
    pub origins: Vec<usize>,
    /// The file's own statements.
    pub sources: Vec<Source>,
    /// The schema once they ran.
    pub catalog: Catalog,
    /// Which of `statements` gives the rows of the file's last one, each as one JSON object; `None`
    /// when the last gives none.
    pub answer: Option<usize>,
    /// Why the rows of the last one cannot be given, when it only looks into Postgres' own tables. Whoever wants no
    /// rows takes no notice.
    pub unanswered: Option<ScriptError>,
    /// The passwords whose hashes the statements wait for: see [`Self::with_hashes`].
    pub passwords: Vec<PasswordToHash>,
}

impl Translation {
    /// The statements with the hashes of `passwords`, in their order.
    #[must_use]
    pub fn with_hashes(mut self, hashes: &[String]) -> Self {
        if !self.passwords.is_empty() {
            for statement in &mut self.statements {
                statement.text = with_hashes(&statement.text, hashes).into();
            }
        }
        self
    }
}

/// One statement of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Counted from 1.
    pub line: u64,
    /// As written.
    pub text: String,
}

/// A refused file: why, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// Why.
    pub error: DialectError,
    /// The line the statement starts at.
    pub line: u64,
    /// The statement as written; its beginning when it is long.
    pub statement: String,
}

/// How much of a statement an error repeats, in characters.
const REPEATED: usize = 1_000;

impl ScriptError {
    /// A refusal of a statement at a line.
    pub fn new(error: DialectError, line: u64, statement: &str) -> Self {
        Self { error, line, statement: statement.chars().take(REPEATED).collect() }
    }
}

/// Translates a file for a schema. Pure: nothing has run when this returns.
/// `invoker` makes the environment of triggers' functions that run with the rights of whoever fires them.
pub fn translate(
    catalog: &Catalog,
    sql: &str,
    invoker: InvokerEnvironment,
) -> Result<Translation, ScriptError> {
    let mut translator = Translator::over(catalog.clone());
    translator.invoker = invoker;
    let (mut origins, mut sources) = (Vec::new(), Vec::new());
    let mut unanswered = None;
    for piece in split(sql)? {
        translator.answer = None;
        translator.source = sources.len();
        let owned = translator.owned_sequences();
        let translated = translator.translate(&piece).and_then(|()| translator.drop_unused_sequences(&owned));
        let refused = translated.err().map(|error| ScriptError::new(error, piece.line, piece.text));
        match refused {
            Some(refused) if !translator.only_looks(&piece, &refused.error) => return Err(refused),
            refused => unanswered = refused,
        }
        origins.resize(translator.statements.len(), sources.len());
        sources.push(Source { line: piece.line, text: piece.text.to_string() });
    }
    translator.check_unchecked(&sources)?;
    translator.restore_triggers().map_err(|error| match sources.last() {
        Some(source) => ScriptError::new(error, source.line, &source.text),
        None => ScriptError::new(error, 1, ""),
    })?;
    origins.resize(translator.statements.len(), sources.len().saturating_sub(1));
    let Translator { catalog, statements, answer, passwords, .. } = translator;
    Ok(Translation { statements, origins, sources, catalog, answer, unanswered, passwords })
}

/// The statements of a file, none of them looked into.
pub fn statements(sql: &str) -> Result<Vec<Source>, ScriptError> {
    let source = |piece: Piece<'_>| Source { line: piece.line, text: piece.text.to_string() };
    Ok(split(sql)?.into_iter().map(source).collect())
}

/// The state between statements.
#[derive(Clone)]
pub struct Translator {
    /// The schema so far.
    pub catalog: Catalog,
    /// SQLite's statements so far.
    pub statements: Vec<Statement>,
    /// Which of them gave the rows of the statement at hand.
    pub answer: Option<usize>,
    /// Whether functions are compiled as they are created: `SET check_function_bodies`.
    pub checks_bodies: bool,
    /// The functions that are compiled at the file's end, and which of its statements made them.
    pub unchecked: Vec<(String, usize)>,
    /// Which of the file's statements is at hand.
    source: usize,
    /// SQLite's triggers that stand in the database at this point.
    pub standing: Standing,
    /// Whether the schema changed since they were made.
    pub schema_moved: bool,
    /// For whom functions of triggers run that are not SECURITY DEFINER.
    pub invoker: InvokerEnvironment,
    /// The passwords whose hashes the statements wait for.
    passwords: Vec<PasswordToHash>,
}

/// D1's limit of a statement's text, in bytes.
const LONGEST_STATEMENT: usize = 100_000;

impl Translator {
    /// At a file's beginning.
    pub fn over(catalog: Catalog) -> Self {
        Self {
            standing: Standing::of(&catalog),
            schema_moved: false,
            invoker: |_| Box::new(SystemInvoker::default()),
            catalog,
            statements: Vec::new(),
            answer: None,
            checks_bodies: true,
            unchecked: Vec::new(),
            source: 0,
            passwords: Vec::new(),
        }
    }

    /// Leaves a function to be compiled at the file's end, when what it names is there.
    pub fn check_later(&mut self, key: String) {
        self.unchecked.push((key, self.source));
    }

    fn check_unchecked(&self, sources: &[Source]) -> Result<(), ScriptError> {
        for (key, source) in &self.unchecked {
            let (Some(routine), Some(source)) = (self.catalog.routines.get(key), sources.get(*source)) else {
                continue;
            };
            self.check_routine(routine)
                .map_err(|error| ScriptError::new(error, source.line, &source.text))?;
        }
        Ok(())
    }

    /// Adds a SQLite statement.
    pub fn push(&mut self, sql: String) -> Result<(), DialectError> {
        if sql.len() > LONGEST_STATEMENT {
            return Err(DialectError::new("54000", "the statement is too long for D1, which takes 100 KB")
                .with_hint("Split it into several."));
        }
        self.statements.push(Statement::new(taken_out(sql, &mut self.passwords)?));
        Ok(())
    }

    /// Whether a refused statement is a query of Postgres' own tables that calls none of the project's functions: what
    /// people end a file with, to see what became of it.
    fn only_looks(&self, piece: &Piece<'_>, error: &DialectError) -> bool {
        let is_query =
            matches!(leading_words(&piece.tokens).first().map(String::as_str), Some("SELECT" | "WITH"));
        let named = |token: &TokenWithSpan| match &token.token {
            Token::Word(word) => {
                self.catalog.routines.values().any(|of| of.name.eq_ignore_ascii_case(&word.value))
            }
            _ => false,
        };
        is_query && error.message.starts_with(LOOKING) && !piece.tokens.iter().any(named)
    }

    /// A statement within another.
    pub(super) fn translate_piece(&mut self, piece: &Piece<'_>) -> Result<(), DialectError> {
        let owned = self.owned_sequences();
        self.translate(piece)?;
        self.drop_unused_sequences(&owned)
    }

    fn translate(&mut self, piece: &Piece<'_>) -> Result<(), DialectError> {
        let words = leading_words(&piece.tokens);
        if WRITES.contains(&words.first().map_or("", String::as_str)) {
            self.restore_triggers()?;
        } else {
            self.schema_moved |= words.first().is_none_or(|word| word != "SELECT");
        }
        if let Some((_, verdict)) = BY_WORDS.iter().find(|(start, _)| starts_with(&words, start)) {
            return match verdict {
                Verdict::Nothing => Ok(()),
                Verdict::Refused(hint) => Err(unsupported(&words).with_hint(*hint)),
            };
        }
        let reader = Reader::new(piece.text, &piece.tokens);
        if let Some((_, read)) = READ.iter().find(|(start, _)| starts_with(&words, start)) {
            return read(self, reader);
        }
        let is_grant = starts_with(&words, "GRANT") || starts_with(&words, "REVOKE");
        if is_grant && self.grant_on_function(reader)? {
            return Ok(());
        }
        if starts_with(&words, "ALTER TABLE")
            && (self.alter_identity(reader)? || self.alter_partitions(reader)?)
        {
            return Ok(());
        }
        if starts_with(&words, "ALTER TYPE") && words.windows(2).any(|pair| pair == ["OWNER", "TO"]) {
            return self.own_type(reader);
        }
        if starts_with(&words, "ALTER TYPE") && words.iter().any(|word| word == "ATTRIBUTE") {
            return Err(DialectError::unsupported("ALTER TYPE … ATTRIBUTE")
                .with_hint("Create another type, and move the columns to it."));
        }
        if starts_with(&words, "ALTER TABLE") && words.windows(2).any(|pair| pair == ["SET", "SCHEMA"]) {
            return Err(DialectError::unsupported("ALTER TABLE … SET SCHEMA"));
        }
        let mut tokens = piece.tokens.clone();
        if is_grant {
            quote_public(&mut tokens);
        }
        let parsed = parse::statement(tokens).map_err(|error| match error.code {
            "0A000" => unsupported(&words),
            _ => error,
        })?;
        self.statement(&parsed, &words)
    }

    #[rustfmt::skip]
    fn statement(&mut self, parsed: &ast::Statement, words: &[String]) -> Result<(), DialectError> {
        match parsed {
            ast::Statement::AlterTable(alter)         => self.alter_table(alter),
            ast::Statement::AlterType(alter)          => self.alter_type(alter),
            ast::Statement::AlterRole { name, operation } => self.alter_role(name, operation),
            // The data API looks at the schema's version in every request.
            ast::Statement::NOTIFY { channel, .. } if channel.value.eq_ignore_ascii_case("pgrst") => Ok(()),
            ast::Statement::CreateIndex(create)       => self.create_index(create),
            ast::Statement::CreatePolicy(create)      => self.create_policy(create),
            ast::Statement::AlterPolicy(alter)        => self.alter_policy(alter),
            ast::Statement::DropPolicy(drop)          => self.drop_policy(drop),
            ast::Statement::CreateType { name, representation } => self.create_type(name, representation.as_ref()),
            ast::Statement::CreateSchema { schema_name, if_not_exists, .. } => self.create_schema(schema_name, *if_not_exists),
            ast::Statement::Drop { object_type, if_exists, names, cascade, table: None, .. } => self.drop(*object_type, *if_exists, names, *cascade),
            ast::Statement::Grant(grant)              => self.grant(grant),
            ast::Statement::Revoke(revoke)            => self.revoke(revoke),
            ast::Statement::Comment { object_type, object_name, comment, .. } => self.comment(*object_type, object_name, comment.as_ref()),
            ast::Statement::Query(query)              => self.query(query),
            ast::Statement::Insert(insert)            => self.insert(insert),
            ast::Statement::Update(update)            => self.update(update),
            ast::Statement::Delete(delete)            => self.delete(delete),
            ast::Statement::Truncate(truncate)        => self.truncate(truncate),
            _                                         => Err(unsupported(words)),
        }
    }
}

enum Verdict {
    /// Accepted, and nothing to do.
    Nothing,
    /// Refused, with a hint.
    Refused(&'static str),
}

type Read = fn(&mut Translator, Reader<'_>) -> Result<(), DialectError>;

/// Statements that are read word by word, by their first words.
#[rustfmt::skip]
const READ: &[(&str, Read)] = &[
    ("CREATE TABLE",               |translator, reader| translator.create_table(reader)),
    ("CREATE UNLOGGED TABLE",      |translator, reader| translator.create_table(reader)),
    ("CREATE FUNCTION",            |translator, reader| translator.create_function(reader)),
    ("CREATE OR REPLACE FUNCTION", |translator, reader| translator.create_function(reader)),
    ("DROP FUNCTION",              |translator, reader| translator.drop_function(reader)),
    ("DROP ROUTINE",               |translator, reader| translator.drop_function(reader)),
    ("ALTER FUNCTION",             |translator, reader| translator.alter_function(reader)),
    ("ALTER ROUTINE",              |translator, reader| translator.alter_function(reader)),
    ("CREATE TRIGGER",             |translator, reader| translator.create_trigger(reader)),
    ("CREATE OR REPLACE TRIGGER",  |translator, reader| translator.create_trigger(reader)),
    ("DROP TRIGGER",               |translator, reader| translator.drop_trigger(reader)),
    ("ALTER TRIGGER",              |translator, reader| translator.alter_trigger(reader)),
    ("SET",                        |translator, reader| translator.set(reader)),
    ("RESET ALL",                  |translator, _| translator.check_bodies()),
    ("RESET CHECK_FUNCTION_BODIES", |translator, _| translator.check_bodies()),
    ("RESET",                      |_, _| Ok(())),
    ("DO",                         |translator, reader| translator.do_block(reader)),
    ("CREATE DOMAIN",              |translator, reader| translator.create_domain(reader)),
    ("ALTER DOMAIN",               |translator, reader| translator.alter_domain(reader)),
    ("DROP DOMAIN",                |translator, reader| translator.drop_domain(reader)),
    ("CREATE EXTENSION",           |translator, reader| translator.create_extension(reader)),
    ("DROP EXTENSION",             |translator, reader| translator.drop_extension(reader)),
    ("CREATE VIEW",                |translator, reader| translator.create_view(reader)),
    ("CREATE OR REPLACE VIEW",     |translator, reader| translator.create_view(reader)),
    ("CREATE MATERIALIZED VIEW",   |translator, reader| translator.create_view(reader)),
    ("CREATE SEQUENCE",            |translator, reader| translator.create_sequence(reader)),
    ("ALTER SEQUENCE",             |translator, reader| translator.alter_sequence(reader)),
    ("ALTER VIEW",                 |translator, reader| translator.alter_view(reader)),
    ("ALTER MATERIALIZED VIEW",    |translator, reader| translator.alter_view(reader)),
    ("REFRESH MATERIALIZED VIEW",  |translator, reader| translator.refresh_view(reader)),
    ("CREATE PUBLICATION",         |translator, reader| translator.create_publication(reader)),
    ("ALTER PUBLICATION",          |translator, reader| translator.alter_publication(reader)),
    ("DROP PUBLICATION",           |translator, reader| translator.drop_publication(reader)),
    ("ALTER INDEX",                |translator, reader| translator.alter_index(reader)),
    ("ALTER DEFAULT PRIVILEGES",   |translator, reader| translator.alter_default_privileges(reader)),
    ("ALTER SCHEMA",               |translator, reader| translator.alter_schema(reader)),
];

const FUNCTIONS: &str = "Procedures are not supported yet; functions and triggers are.";

/// Statements known by their first words, which the parser may not read.
#[rustfmt::skip]
const BY_WORDS: &[(&str, Verdict)] = &[
    ("COMMENT ON AGGREGATE",                    Verdict::Nothing),
    ("COMMENT ON CONSTRAINT",                   Verdict::Nothing),
    ("COMMENT ON DOMAIN",                       Verdict::Nothing),
    ("COMMENT ON EXTENSION",                    Verdict::Nothing),
    ("COMMENT ON FUNCTION",                     Verdict::Nothing),
    ("COMMENT ON INDEX",                        Verdict::Nothing),
    ("COMMENT ON MATERIALIZED",                 Verdict::Nothing),
    ("COMMENT ON POLICY",                       Verdict::Nothing),
    ("COMMENT ON PROCEDURE",                    Verdict::Nothing),
    ("COMMENT ON PUBLICATION",                  Verdict::Nothing),
    ("COMMENT ON ROLE",                         Verdict::Nothing),
    ("COMMENT ON SCHEMA",                       Verdict::Nothing),
    ("COMMENT ON SEQUENCE",                     Verdict::Nothing),
    ("COMMENT ON TRIGGER",                      Verdict::Nothing),
    ("COMMENT ON TYPE",                         Verdict::Nothing),
    ("COMMENT ON VIEW",                         Verdict::Nothing),
    ("ANALYZE",                                 Verdict::Nothing),
    ("BEGIN",                                   Verdict::Nothing),
    ("START TRANSACTION",                       Verdict::Nothing),
    ("COMMIT PREPARED",                         Verdict::Refused("A file is one transaction.")),
    ("COMMIT",                                  Verdict::Nothing),
    ("SELECT PG_CATALOG . SET_CONFIG",          Verdict::Nothing),
    ("CREATE PROCEDURE",                        Verdict::Refused(FUNCTIONS)),
    ("CREATE OR REPLACE PROCEDURE",             Verdict::Refused(FUNCTIONS)),
    ("CREATE CONSTRAINT TRIGGER",               Verdict::Refused(FUNCTIONS)),
    ("CREATE EVENT TRIGGER",                    Verdict::Refused(FUNCTIONS)),
    ("CREATE RULE",                             Verdict::Refused(FUNCTIONS)),
    ("CREATE ROLE",                             Verdict::Refused("The roles are anon, authenticated and service_role.")),
    ("CREATE USER",                             Verdict::Refused("The roles are anon, authenticated and service_role.")),
    ("ROLLBACK",                                Verdict::Refused("A file is one transaction; it is rolled back when a statement fails.")),
    ("SAVEPOINT",                               Verdict::Refused("A file is one transaction; it is rolled back when a statement fails.")),
    ("COPY",                                    Verdict::Refused("Write INSERT statements.")),
];

/// What statements start with that fire triggers.
const WRITES: &[&str] = &["INSERT", "UPDATE", "DELETE", "TRUNCATE", "WITH"];

/// The first words of a statement, upper case, for telling statements apart.
fn leading_words(tokens: &[TokenWithSpan]) -> Vec<String> {
    tokens
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .take(40)
        .map(|token| token.token.to_string().to_uppercase())
        .collect()
}

pub(super) fn starts_with(words: &[String], start: &str) -> bool {
    start.split(' ').enumerate().all(|(index, word)| words.get(index).is_some_and(|of| of == word))
}

/// The parser takes no list of roles in which PUBLIC is one of several; as a name it takes it anywhere.
fn quote_public(tokens: &mut [TokenWithSpan]) {
    for token in tokens {
        if let Token::Word(word) = &mut token.token
            && word.keyword == Keyword::PUBLIC
        {
            (word.value, word.quote_style, word.keyword) =
                ("public".to_string(), Some('"'), Keyword::NoKeyword);
        }
    }
}

/// `CREATE SEQUENCE is not supported`.
fn unsupported(words: &[String]) -> DialectError {
    let keyword = |word: &&String| {
        sqlparser::keywords::ALL_KEYWORDS.binary_search(&word.as_str()).is_ok()
            && **word != format!("{:?}", Keyword::NoKeyword)
    };
    let said = words.iter().take(4).enumerate().take_while(|(index, word)| {
        let is_plain =
            word.len() <= super::name::LONGEST && word.bytes().all(|letter| letter.is_ascii_alphabetic());
        keyword(word) || (*index == 1 && is_plain)
    });
    let mut name: Vec<&str> = said.map(|(_, word)| word.as_str()).collect();
    let length = match name.as_slice() {
        ["CREATE" | "ALTER", "OR", ..] => 4,
        ["ALTER", "DEFAULT", ..] => 3,
        ["CREATE" | "ALTER" | "DROP" | "GRANT" | "REFRESH", ..] => 2,
        _ => 1,
    };
    name.truncate(length);
    DialectError::unsupported(name.join(" "))
}

/// The system itself: no caller, no filters. Remembers whether a caller was asked for, or a function
/// whose body may be another tomorrow.
#[derive(Default)]
pub struct SystemEnvironment {
    /// Whether the SQL depends on who calls.
    pub asked_for_caller: bool,
    /// Whether calls of functions are named only.
    names_routines: bool,
    /// Whether the SQL is run as it is, and can wait for hashes.
    takes_hashes: bool,
    calls: Calls,
    /// How many of the numbers that the statement took are left for the row; `None` where it takes none.
    numbers_left: Option<String>,
    /// The sequences that were asked, by their physical names.
    pub numbered: Vec<String>,
}

impl SystemEnvironment {
    /// One in which calls are named: for what an expression refers to, not for running it.
    pub fn naming_routines() -> Self {
        Self { names_routines: true, ..Self::default() }
    }

    /// That of a statement of the file itself.
    pub fn of_statement() -> Self {
        Self { takes_hashes: true, ..Self::default() }
    }

    /// One whose statement takes numbers; `numbered` has the sequences the row asked already.
    pub fn numbering(left: &str, numbered: Vec<String>) -> Self {
        Self { numbers_left: Some(left.to_string()), numbered, ..Self::default() }
    }
}

impl Environment for SystemEnvironment {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        self.asked_for_caller = true;
        Ok(match value {
            CallerValue::Role | CallerValue::CurrentUser => "'postgres'".to_string(),
            CallerValue::UserId
            | CallerValue::Email
            | CallerValue::Claims
            | CallerValue::Request(_)
            | CallerValue::Operation => "NULL".to_string(),
        })
    }

    fn row_filter(&mut self, _: &Table, _: &str) -> Result<Option<String>, DialectError> {
        Ok(None)
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        self.asked_for_caller = true;
        self.calls.enter(routine)
    }

    fn leave_routine(&mut self) {
        self.calls.leave();
    }

    fn names_routines(&self) -> bool {
        self.names_routines
    }

    fn hashed(&mut self, password: &PasswordToHash) -> Result<String, DialectError> {
        match self.takes_hashes {
            true => Ok(password.to_sql()),
            false => Err(crypt_refused()),
        }
    }

    fn next_number(&mut self, sequence: &Sequence) -> Result<String, DialectError> {
        let Some(left) = &self.numbers_left else {
            return Err(DialectError::unsupported("nextval() here")
                .with_hint("Use it in a column's default, or select it on its own."));
        };
        let key = physical_name(&sequence.schema, &sequence.name);
        if self.numbered.contains(&key) {
            return Err(DialectError::unsupported("two numbers of one sequence in a row"));
        }
        self.numbered.push(key);
        Ok(taken_number(sequence, left))
    }
}
