//! `ALTER DEFAULT PRIVILEGES`.

use super::grant::known_role;
use crate::dialect::DialectError;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::schema::{Command, DefaultPrivilege};

/// The privileges on tables that requests use; others are on what no request does.
const COMMANDS: &[(&str, Command)] = &[
    ("select", Command::Select),
    ("insert", Command::Insert),
    ("update", Command::Update),
    ("delete", Command::Delete),
];

/// Who the owner of everything is called.
const OWNER: &[&str] = &["postgres", "current_user", "current_role", "session_user"];

/// What a request reaches by privileges; of the other objects nobody takes note.
enum Objects {
    Tables,
    Functions,
    Others,
}

impl Translator {
    /// `ALTER DEFAULT PRIVILEGES [FOR ROLE …] [IN SCHEMA …] GRANT … ON … TO …`, and `REVOKE … ON … FROM …`.
    pub(in crate::dialect) fn alter_default_privileges(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        reader.wants("ALTER DEFAULT PRIVILEGES")?;
        let mut is_owners = true;
        if reader.takes("FOR ROLE") || reader.takes("FOR USER") {
            is_owners = names(&mut reader)?.iter().any(|role| OWNER.contains(&role.as_str()));
        }
        let schemas = match reader.takes("IN SCHEMA") {
            true => names(&mut reader)?.into_iter().map(Some).collect(),
            false => vec![None],
        };
        for schema in schemas.iter().flatten() {
            self.existing_schema(schema)?;
        }
        let is_granted = reader.takes("GRANT");
        let mut only_option = false;
        if !is_granted {
            reader.wants("REVOKE")?;
            only_option = reader.takes("GRANT OPTION FOR");
        }
        let is_all = reader.takes("ALL PRIVILEGES") || reader.takes("ALL");
        let privileges = if is_all { Vec::new() } else { names(&mut reader)? };
        reader.wants("ON")?;
        let objects = match reader.name()?.as_str() {
            "tables" => Objects::Tables,
            "functions" | "routines" => Objects::Functions,
            "sequences" | "types" | "schemas" => Objects::Others,
            _ => return Err(reader.syntax()),
        };
        reader.wants(if is_granted { "TO" } else { "FROM" })?;
        let roles = names(&mut reader)?.iter().map(|role| known_role(role)).collect::<Result<Vec<_>, _>>()?;
        let _ = reader.takes("WITH GRANT OPTION") || reader.takes("CASCADE") || reader.takes("RESTRICT");
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        let named = |(name, command): &(&str, Command)| {
            (is_all || privileges.iter().any(|of| of == name)).then_some(Some(*command))
        };
        let commands: Vec<Option<Command>> = match objects {
            _ if !is_owners || only_option => Vec::new(),
            Objects::Tables => COMMANDS.iter().filter_map(named).collect(),
            Objects::Functions => vec![None],
            Objects::Others => Vec::new(),
        };
        for schema in &schemas {
            for command in &commands {
                // The owner has everything.
                for role in roles.iter().filter(|role| *role != "postgres") {
                    let (schema, role) = (schema.clone(), role.clone());
                    let privilege = DefaultPrivilege { schema, command: *command, role };
                    self.catalog.default_privileges.set(privilege, is_granted);
                }
            }
        }
        Ok(())
    }
}

/// `a, b`
fn names(reader: &mut Reader<'_>) -> Result<Vec<String>, DialectError> {
    let mut names = vec![reader.name()?];
    while reader.takes_token(&sqlparser::tokenizer::Token::Comma) {
        names.push(reader.name()?);
    }
    Ok(names)
}
