//! What operations write: rows are the bill.

use serde_json::json;

use super::{PASSWORD, refresh, sign_in, signed_up, text};
use crate::app::TestApp;

/// All entries of all indexes that are trees of their own, as the primary key of a table with row ids is one too.
fn index_entries(app: &TestApp) -> u64 {
    let trees = r#"SELECT json_array(t.name, i.name, i.partial, coalesce(m.sql, ''))
FROM pragma_table_list AS t
JOIN pragma_index_list(t.name) AS i
LEFT JOIN sqlite_master AS m ON m.type = 'index' AND m.name = i.name
WHERE t.schema = 'main' AND t.type = 'table' AND NOT (t.wr AND i.origin = 'pk')"#;
    let entries = |tree: String| {
        let (table, _, partial, sql): (String, String, u8, String) = serde_json::from_str(&tree).unwrap();
        let condition = if partial == 1 { sql.rsplit_once(" WHERE ").unwrap().1 } else { "TRUE" };
        let count = app.database.value(&format!("SELECT count(*) FROM \"{table}\" WHERE {condition}"));
        count.unwrap().parse::<u64>().unwrap()
    };
    app.database.values(trees).into_iter().map(entries).sum()
}

#[test]
fn confirming_a_sign_up_writes_one_row_more() {
    let app = TestApp::with_vars(&[("AUDIT_LOG", "off"), ("MAILER_AUTOCONFIRM", "false")]);
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    assert_eq!(app.anon().post("/auth/v1/signup").json(&body).send().status, 200);
    let mail = app.database.value(r#"SELECT html FROM "auth.mailbox""#).unwrap();
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let code = mail.split(|character: char| !character.is_ascii_alphanumeric()).find(is_code).unwrap();
    let body = json!({"type": "signup", "email": "ann@example.com", "token": code});
    let (rows, entries) = (app.database.rows_written(), index_entries(&app));
    assert_eq!(app.anon().post("/auth/v1/verify").json(&body).send().status, 200);
    let written = (app.database.rows_written() - rows) + index_entries(&app).saturating_sub(entries);
    // The user, the identity (as upstream, in one case of all), the session, its entry of the index, and the token.
    assert_eq!(written, 5);
}

#[test]
fn operations_write_few_rows() {
    let app = TestApp::with_vars(&[
        ("AUDIT_LOG", "off"),
        ("EXTERNAL_PHONE_ENABLED", "true"),
        ("SMS_TEST_OTP", "15550001111:123456"),
    ]);
    let written = |act: &dyn Fn()| {
        let (rows, entries) = (app.database.rows_written(), index_entries(&app));
        act();
        // As D1 bills: a new entry of an index is a row. One that goes costs nothing more than its row.
        (app.database.rows_written() - rows) + index_entries(&app).saturating_sub(entries)
    };
    let session = signed_up(&app, "ann@example.com");
    let body = json!({"phone": "15550001111", "phone_confirm": true});
    app.service_role().post("/auth/v1/admin/users").json(&body).send();
    app.anon().post("/auth/v1/otp").json(&json!({"phone": "15550001111"})).send();
    let verify = json!({"type": "sms", "phone": "15550001111", "token": "123456"});
    app.anon().post("/auth/v1/otp").json(&json!({"email": "ann@example.com"})).send();
    app.anon().post("/auth/v1/otp").json(&json!({"email": "bob@example.com"})).send();
    let code_of = |email: &str| {
        let newest = format!(
            r#"SELECT html FROM "auth.mailbox" WHERE recipient = '{email}' ORDER BY created_at DESC"#
        );
        let mail = app.database.value(&newest);
        let mail = mail.unwrap();
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        mail.split(|character: char| !character.is_ascii_alphanumeric()).find(is_code).unwrap().to_string()
    };
    let by_mail = |email: &str| {
        let body = json!({"type": "email", "email": email, "token": code_of(email)});
        let answer = app.anon().post("/auth/v1/verify").json(&body).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let again = |email: &str| {
        app.clock.advance(60);
        app.anon().post("/auth/v1/otp").json(&json!({"email": email})).send();
    };
    let rows: [(&str, u64, Box<dyn Fn()>); 6] = [
        (
            "password sign-in",
            3,
            Box::new(|| assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200)),
        ),
        ("wrong password", 1, Box::new(|| assert_eq!(sign_in(&app, "ann@example.com", "wrong").status, 400))),
        ("refresh", 1, Box::new(|| assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200))),
        ("first verify by mail", 4, Box::new(|| by_mail("bob@example.com"))),
        ("first verify of a known user", 4, Box::new(|| by_mail("ann@example.com"))),
        (
            "verify",
            4,
            Box::new(|| {
                let answer = app.anon().post("/auth/v1/verify").json(&verify).send();
                assert_eq!(answer.status, 200, "{}", answer.text());
            }),
        ),
    ];
    let judge = |name: &str, most: u64, act: &dyn Fn()| {
        let written = written(act);
        println!("{name}: {written} rows written");
        assert!(written <= most, "{name} writes {written} rows");
    };
    for (name, most, act) in rows {
        judge(name, most, &*act);
    }
    again("ann@example.com");
    judge("verify by mail", 4, &|| by_mail("ann@example.com"));
}
