//! How new the database must be that a read is answered by, where D1's read replicas may answer (`READ_REPLICAS`).
//!
//! Whoever wrote must see what they wrote, and nobody can tell at the edge who has just written. So a replica answers those
//! who cannot have: callers whose role has no way to write what the read looks at. All others read the primary, unless they
//! say in `x-d1-bookmark` how new it has to be; every answer has one.

use super::plan::{Node, Plan};
use crate::caller::Caller;
use crate::policy;
use crate::ports::Freshness;
use crate::schema::{Catalog, Command, Policy, ReferentialAction, Table, Volatility, is_builtin};
use crate::sql::physical_name;

/// The header of a bookmark, both ways.
pub const BOOKMARK: &str = "x-d1-bookmark";

/// How deep cascading foreign keys are followed.
const DEEPEST: usize = 8;

/// The copy that a request may be answered by.
pub fn asked<'r>(catalog: &Catalog, caller: &'r Caller, plan: &Plan<'_>) -> Freshness<'r> {
    let Plan::Read(read) = plan else { return Freshness::Newest };
    if read.call.is_some() {
        return Freshness::Newest;
    }
    let headers = caller.request.as_ref().map(|request| &request.headers);
    let bookmark = headers.and_then(|headers| headers.get(BOOKMARK)).and_then(|value| value.to_str().ok());
    match bookmark.filter(|text| is_bookmark(text)) {
        Some(bookmark) => Freshness::SinceBookmark(bookmark),
        None if is_written_by_others(catalog, caller, &read.root) => Freshness::Any,
        None => Freshness::Newest,
    }
}

/// `00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683`.
fn is_bookmark(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 8, 8, 32]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether nothing that the caller may do changes what is read here and below.
fn is_written_by_others(catalog: &Catalog, caller: &Caller, node: &Node<'_>) -> bool {
    let by_others = |table: &Table| remembered(catalog, caller, table);
    by_others(node.table)
        && node.computed.is_empty()
        && node.embeds.iter().all(|embed| {
            let relationship = &embed.relationship;
            relationship.call.is_none()
                && relationship.junction.as_ref().is_none_or(|junction| by_others(junction.table))
                && is_written_by_others(catalog, caller, &embed.node)
        })
}

fn remembered(catalog: &Catalog, caller: &Caller, table: &Table) -> bool {
    let key = format!("written by others than {}: {}", policy::grantee(caller), table.physical());
    if let Some(known) = catalog.memory.get(&key) {
        return &*known == "yes";
    }
    let by_others = !may_change(catalog, caller, table, 0) && sees_itself_alone(catalog, table);
    catalog.memory.insert(key, if by_others { "yes" } else { "no" });
    by_others
}

/// Whether rows of the table may change by something that the caller does. When in doubt they may.
fn may_change(catalog: &Catalog, caller: &Caller, table: &Table, depth: usize) -> bool {
    let name = physical_name(&table.schema, &table.name);
    let is_table = catalog.view(&table.schema, &table.name).is_none() && !is_builtin(table);
    let cascades = |action| !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
    !is_table
        || depth > DEEPEST
        || caller.bypasses_row_security()
        || [Command::Insert, Command::Update, Command::Delete]
            .iter()
            .any(|command| may_write(caller, table, *command))
        || catalog.triggers.values().any(|trigger| trigger.writes.iter().any(|of| of.table == name))
        || catalog.views.values().any(|view| view.definition.contains(&table.name))
        || catalog.routines.values().any(|routine| {
            routine.volatility == Volatility::Volatile
                && routine.security_definer
                && routine.body.to_lowercase().contains(&table.name.to_lowercase())
        })
        || table.foreign_keys.iter().any(|key| {
            (cascades(key.on_delete) || cascades(key.on_update))
                && match catalog.table(&key.foreign_schema, &key.foreign_table) {
                    // Who deletes their account is nobody afterwards.
                    Some(parent) if parent.schema == "auth" => false,
                    Some(parent) => may_change(catalog, caller, parent, depth + 1),
                    None => true,
                }
        })
}

fn may_write(caller: &Caller, table: &Table, command: Command) -> bool {
    let role = policy::grantee(caller);
    let lets = |policy: &Policy| {
        policy.permissive
            && policy.command.is_none_or(|of| of == command)
            && policy.roles.iter().any(|of| of == role || of == "public")
    };
    table.privileges.allows(role, command) && (!table.row_security || table.policies.iter().any(lets))
}

/// Whether which rows are visible depends on nothing but the rows and the token.
fn sees_itself_alone(catalog: &Catalog, table: &Table) -> bool {
    table.policies.iter().filter(|policy| policy.command.is_none_or(|of| of == Command::Select)).all(
        |policy| {
            let text = policy.using.as_deref().unwrap_or_default().to_lowercase();
            !text.contains("from") && !catalog.routines.values().any(|routine| text.contains(&routine.name))
        },
    )
}
