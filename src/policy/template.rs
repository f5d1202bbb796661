//! A table's predicate for a role, lowered once and filled in for each caller.
//!
//! What policies come to depends on the schema, the role and the command; only the values they ask of
//! the caller differ from one request to the next. So the catalog remembers the text with slots for those.

use super::CallerEnvironment;
use crate::caller::{Caller, CallersRequest};
use crate::dialect::{DialectError, RequestPart};
use crate::sql::{Bind, Writer};

/// A value of the caller, to be bound when the predicate is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The user's id.
    UserId,
    /// The role's name.
    Role,
    /// The role of a SECURITY DEFINER's owner, whoever calls.
    Owner,
    /// The address.
    Email,
    /// The claims as JSON text.
    Claims,
    /// A part of the request.
    Request(RequestPart),
    /// What the Storage API does.
    Operation,
}

fn part_of(request: &CallersRequest, part: RequestPart) -> String {
    match part {
        RequestPart::Method => request.method.to_string(),
        RequestPart::Path => request.path.clone(),
        RequestPart::Headers => request.headers_json(),
        RequestPart::Cookies => request.cookies_json(),
    }
}

/// How a slot stands in text: between two of a character that Postgres' texts cannot hold.
const MARK: char = '\0';

#[rustfmt::skip]
const SLOTS: &[(Slot, &str)] = &[
    (Slot::UserId,                        "user id"),
    (Slot::Role,                          "role"),
    (Slot::Owner,                         "owner"),
    (Slot::Email,                         "email"),
    (Slot::Claims,                        "claims"),
    (Slot::Request(RequestPart::Method),  "request method"),
    (Slot::Request(RequestPart::Path),    "request path"),
    (Slot::Request(RequestPart::Headers), "request headers"),
    (Slot::Request(RequestPart::Cookies), "request cookies"),
    (Slot::Operation,                     "operation"),
];

impl Slot {
    /// The slot in text.
    pub fn marked(self) -> String {
        let name = SLOTS.iter().find(|(slot, _)| *slot == self).map_or("", |(_, name)| *name);
        format!("{MARK}{name}{MARK}")
    }

    /// What the caller puts there.
    pub fn value(self, caller: &Caller) -> Bind {
        match self {
            Self::UserId => caller.user_id().into(),
            Self::Role => caller.role.name().into(),
            Self::Owner => "postgres".into(),
            Self::Email => caller.claims.text("email").into(),
            Self::Claims => caller.claims.to_json().into(),
            Self::Request(part) => caller.request.as_deref().map(|request| part_of(request, part)).into(),
            Self::Operation => caller.operation.into(),
        }
    }
}

/// The SQL for a caller, whose values are bound: text in which each slot is filled. `None` when the marks in it
/// are not all ours.
pub fn fill(marked: &str, caller: &Caller, writer: &mut Writer) -> Option<String> {
    let mut sql = String::with_capacity(marked.len());
    let mut parts = marked.split(MARK);
    while let Some(text) = parts.next() {
        sql.push_str(text);
        if let Some(name) = parts.next() {
            let (slot, _) = SLOTS.iter().find(|(_, of)| *of == name)?;
            sql.push_str(&writer.bind(slot.value(caller)));
        }
    }
    Some(sql)
}

/// SQL that depends on the schema, the role and what `key` names, and besides on values of the caller alone: from the
/// catalog's memory when it was made before, else as `lower` makes it.
pub fn remembered(
    environment: &mut CallerEnvironment<'_>,
    key: &[&str],
    lower: impl Fn(&mut CallerEnvironment<'_>) -> Result<String, DialectError>,
) -> Result<String, DialectError> {
    let (catalog, caller) = (environment.catalog, environment.caller);
    let key = [&[caller.role.name()], key].concat().join("\0");
    if let Some(marked) = catalog.memory.get(&key)
        && let Some(sql) = fill(&marked, caller, environment.writer)
    {
        return Ok(sql);
    }
    environment.slots = true;
    let marked = lower(environment);
    environment.slots = false;
    let marked = marked?;
    let Some(sql) = fill(&marked, caller, environment.writer) else { return lower(environment) };
    catalog.memory.insert(key, &marked);
    Ok(sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slot_takes_the_callers_value() {
        let marked = format!("{} = \"t\".a AND 'x' = {}", Slot::UserId.marked(), Slot::Role.marked());
        let anonymous = Caller::with_role(crate::caller::Role::Anon);
        let filled = |marked: &str| fill(marked, &anonymous, &mut Writer::default());
        assert_eq!(filled(&marked).as_deref(), Some("?1 = \"t\".a AND 'x' = ?2"));
        assert_eq!(filled("a \0nobody\0 b"), None, "a mark of another's");
    }
}
