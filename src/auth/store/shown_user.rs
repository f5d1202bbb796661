//! A user as `GET /user` shows them, written by the database itself: the text goes from D1 to the client as it is.
//!
//! What it says is what [`User::to_json`](crate::auth::model::User::to_json) says. Where the columns are not as the auth API
//! writes them it says nothing, and whoever asks reads the user instead.

use std::sync::LazyLock;

use crate::sql::Statement;

/// The members before the metadata, and their values; those that are NULL are left out. As many as a function may have arguments.
#[rustfmt::skip]
const MEMBERS: [(&str, &str); 16] = [
    ("id",                       "u.id"),
    ("aud",                      "ifnull(u.aud, '')"),
    ("role",                     "ifnull(u.role, '')"),
    ("email",                    "ifnull(u.email, '')"),
    ("email_confirmed_at",       TIME),
    ("invited_at",               TIME),
    ("confirmation_sent_at",     TIME),
    ("recovery_sent_at",         TIME),
    ("new_email",                "u.email_change"),
    ("email_change_sent_at",     TIME),
    ("reauthentication_sent_at", TIME),
    ("phone",                    "ifnull(u.phone, '')"),
    ("phone_confirmed_at",       TIME),
    ("new_phone",                "u.phone_change"),
    ("phone_change_sent_at",     TIME),
    ("confirmed_at",             TIME),
];

/// A member that is the time in the column of its name.
const TIME: &str = "";

/// The user with that id, neither deleted nor ever banned, if they have the session; an empty id asks for none.
pub fn by_id(id: &str, session_id: &str) -> Statement {
    static TEXT: LazyLock<String> = LazyLock::new(text);
    // The last two say what times look like: whole, and without zeros at their end.
    Statement::new(TEXT.as_str())
        .bind(id)
        .bind(session_id)
        .bind("+00:00")
        .bind("????-??-??T??:??:??*+00:00")
        .bind("*.*0+00:00")
}

fn text() -> String {
    let members = MEMBERS.map(|(name, value)| match value {
        TIME => format!("'{name}', {}", shown(&format!("u.{name}"))),
        value => format!("'{name}', {value}"),
    });
    let times = MEMBERS.iter().filter(|(_, value)| *value == TIME).map(|(name, _)| *name);
    let times = times.chain(["last_sign_in_at", "created_at", "updated_at"]);
    let are_plain: Vec<String> = times.map(|column| plain(&format!("u.{column}"))).collect();
    let [signed_in, created, updated] = ["u.last_sign_in_at", "u.created_at", "u.updated_at"].map(shown);
    format!(
        r#"SELECT rtrim(json_patch('{{}}', json_object({})), '}}')
  || iif(u.last_sign_in_at IS NULL, '', ',"last_sign_in_at":' || json_quote({signed_in}))
  || ',"app_metadata":' || json(u.raw_app_meta_data) || ',"user_metadata":' || json(u.raw_user_meta_data)
  || {} || ',"identities":' || {}
  || ',"created_at":' || json_quote({created}) || ',"updated_at":' || json_quote({updated})
  || ',"is_anonymous":' || iif(u.is_anonymous, 'true', 'false') || '}}' AS shown
FROM "auth.users" AS u
WHERE u.id = ?1
  AND u.deleted_at IS NULL
  AND u.banned_until IS NULL
  AND (?2 = '' OR EXISTS (SELECT 1 FROM "auth.sessions" AS s WHERE s.id = ?2 AND s.user_id = u.id))
  AND u.raw_app_meta_data GLOB '{{*'
  AND u.raw_user_meta_data GLOB '{{*'
  AND min({})"#,
        members.join(", "),
        factors(),
        identities(),
        are_plain.join(", "),
    )
}

/// NULL, and so is the whole, unless all their times are plain.
fn identities() -> String {
    let times = ["i.last_sign_in_at", "i.created_at", "i.updated_at"];
    let are_plain = times.map(plain).join(", ");
    let [signed_in, created, updated] = times.map(shown);
    format!(
        r#"(SELECT CASE WHEN count(*) = 0 THEN '[]' WHEN min(min({are_plain})) THEN '[' || group_concat(
    '{{"identity_id":' || json_quote(i.id) || ',"id":' || json_quote(i.provider_id) || ',"user_id":' || json_quote(i.user_id)
    || ',"identity_data":' || json(i.identity_data) || ',"provider":' || json_quote(i.provider)
    || iif(i.last_sign_in_at IS NULL, '', ',"last_sign_in_at":' || json_quote({signed_in}))
    || ',"created_at":' || json_quote({created}) || ',"updated_at":' || json_quote({updated})
    || iif(i.email IS NULL, '', ',"email":' || json_quote(i.email)) || '}}',
    ',' ORDER BY i.created_at
  ) || ']' END
  FROM "auth.identities" AS i
  WHERE i.user_id = u.id)"#
    )
}

/// The same with the member's name; nothing where there are none.
fn factors() -> String {
    let times = ["f.last_challenged_at", "f.created_at", "f.updated_at"];
    let are_plain = times.map(plain).join(", ");
    let [challenged, created, updated] = times.map(shown);
    format!(
        r#"CASE
  WHEN NOT EXISTS (SELECT 1 FROM "auth.mfa_factors" AS f WHERE f.user_id = u.id)
    AND NOT EXISTS (SELECT 1 FROM "auth.mfa_recovery_codes" AS f WHERE f.user_id = u.id) THEN ''
  ELSE (SELECT CASE WHEN min(min({are_plain})) THEN ',"factors":[' || group_concat(
    '{{"id":' || json_quote(f.id) || ',"created_at":' || json_quote({created}) || ',"updated_at":' || json_quote({updated})
    || ',"status":' || json_quote(f.status) || iif(f.friendly_name = '', '', ',"friendly_name":' || json_quote(f.friendly_name))
    || ',"factor_type":' || json_quote(f.factor_type) || ',"phone":' || json_quote(ifnull(f.phone, ''))
    || ',"last_challenged_at":' || json_quote({challenged}) || '}}',
    ',' ORDER BY f.created_at
  ) || ']' END
  FROM (
    SELECT id, friendly_name, factor_type, status, phone, last_challenged_at, created_at, updated_at
    FROM "auth.mfa_factors"
    WHERE user_id = u.id
    UNION ALL
    SELECT factor_id, friendly_name, 'recovery_code', 'verified', NULL, NULL, created_at, updated_at
    FROM "auth.mfa_recovery_codes"
    WHERE user_id = u.id
  ) AS f)
  END"#
    )
}

/// RFC 3339 with `Z`, of a time that is [`plain`].
fn shown(column: &str) -> String {
    format!("replace({column}, ?3, 'Z')")
}

/// Whether a time is as the auth API stores times, if it is there: what is not needs more than another zone.
fn plain(column: &str) -> String {
    format!("ifnull({column} GLOB ?4 AND {column} NOT GLOB ?5, 1)")
}
