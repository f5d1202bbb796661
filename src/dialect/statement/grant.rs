//! `GRANT` and `REVOKE`.
//!
//! The API roles hold every privilege on the project's tables and policies decide about rows, so a
//! GRANT to them changes nothing. A REVOKE would, and is refused: ignoring it would show rows that
//! Postgres hides.

use sqlparser::ast::Grant;

use crate::dialect::DialectError;
use crate::dialect::translate::Translator;

/// What to write instead of a REVOKE.
pub const REVOKE_HINT: &str =
    "Privileges cannot be taken away here; write a policy that lets fewer rows through.";

const GRANTEES: &[&str] = &[
    "public",
    "anon",
    "authenticated",
    "service_role",
    "postgres",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "dashboard_user",
    "authenticator",
];

impl Translator {
    pub(in crate::dialect) fn grant(&mut self, grant: &Grant) -> Result<(), DialectError> {
        if grant.objects.is_none() {
            return Err(DialectError::unsupported("GRANT of a role"));
        }
        for grantee in &grant.grantees {
            let name = grantee.to_string();
            let known = GRANTEES.iter().any(|role| name.trim_matches('"').eq_ignore_ascii_case(role));
            if !known {
                return Err(DialectError::new("42704", format!("role \"{name}\" does not exist"))
                    .with_hint("The roles are anon, authenticated and service_role."));
            }
        }
        Ok(())
    }
}
