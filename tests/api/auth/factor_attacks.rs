//! Second factors under attack, in races, and with stores that fail.

use serde_json::{Value, json};

use super::authenticator::{Authenticator, enroll, enrolled, verified};
use super::{assert_error, claims, get_user, refresh, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

fn value(app: &TestApp, sql: &str) -> String {
    app.database.value(sql).unwrap()
}

fn failed_attempts(app: &TestApp) -> String {
    value(app, r#"SELECT failed_attempts FROM "auth.mfa_factors""#)
}

#[track_caller]
fn assert_wrong(answer: &Answer) {
    assert_error(answer, 422, "mfa_verification_failed", "Invalid TOTP code entered");
}

#[test]
fn a_code_that_was_taken_is_never_taken_again() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let code = phone.code();
    let raised = phone.answer(&session, &phone.challenged(&session), &code).json();
    // Seen over the shoulder, in another session, within its own time.
    let thief = signed_in(&app, "ann@example.com");
    assert_wrong(&phone.answer(&thief, &phone.challenged(&thief), &code));
    app.clock.advance(29);
    assert_wrong(&phone.answer(&thief, &phone.challenged(&thief), &code));
    assert_eq!(claims(&refresh(&app, text(&thief, "refresh_token")).json())["aal"], json!("aal1"));
    app.clock.advance(1);
    assert_eq!(phone.verify(&raised).status, 200, "the next code is good");
}

#[test]
fn guesses_have_to_wait_longer_and_longer() {
    let app = TestApp::with_vars(&[("JWT_EXPIRY", "86400")]);
    let (phone, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let thief = signed_in(&app, "ann@example.com");
    for _ in 0..10 {
        assert_wrong(&phone.guess(&thief));
    }
    for wait in [30, 60, 120, 240, 480, 900, 900] {
        let message = format!("Too many wrong codes; try again after {wait} seconds");
        assert_error(&phone.guess(&thief), 429, "over_request_rate_limit", &message);
        assert_error(&phone.verify(&thief), 429, "over_request_rate_limit", "Too many wrong codes");
        app.clock.advance(wait);
        assert_wrong(&phone.guess(&thief));
    }
    app.clock.advance(900);
    let raised_again = phone.verify(&raised);
    assert_eq!(raised_again.status, 200, "{}", raised_again.text());
    assert_eq!(failed_attempts(&app), "0", "a right code forgives the wrong ones");
}

#[test]
fn guesses_side_by_side_are_counted_one_by_one() {
    let app = TestApp::new();
    let (phone, _) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let thief = signed_in(&app, "ann@example.com");
    let challenge = phone.challenged(&thief);
    // Others use up the last free attempts between this one's look and its count.
    app.database.interrupt_at(
        2,
        r#"UPDATE "auth.mfa_factors" SET failed_attempts = 10, last_failed_at = '2027-01-15T08:01:00+00:00'"#,
    );
    let answer = phone.answer(&thief, &challenge, &phone.wrong_code());
    assert_error(&answer, 429, "over_request_rate_limit", "30 seconds");
    assert_eq!(failed_attempts(&app), "10");
    // A right code meets the same: it was not judged on what the others made of it.
    app.database.execute(r#"UPDATE "auth.mfa_factors" SET failed_attempts = 0, last_failed_at = NULL"#);
    app.database.interrupt_at(
        2,
        r#"UPDATE "auth.mfa_factors" SET failed_attempts = 10, last_failed_at = '2027-01-15T08:01:00+00:00'"#,
    );
    let answer = phone.answer(&thief, &challenge, &phone.code());
    assert_error(&answer, 429, "over_request_rate_limit", "30 seconds");
    assert_eq!(value(&app, r#"SELECT count(*) FROM "auth.sessions" WHERE aal = 'aal2'"#), "1");
}

#[test]
fn endless_guesses_of_others_end_in_a_conflict() {
    let app = TestApp::new();
    let (phone, _) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let session = signed_in(&app, "ann@example.com");
    let challenge = phone.challenged(&session);
    app.database.interrupt_always(r#"UPDATE "auth.mfa_factors" SET failed_attempts = failed_attempts + 1"#);
    for code in [phone.code(), phone.wrong_code()] {
        assert_error(&phone.answer(&session, &challenge, &code), 409, "conflict", "try again");
    }
    app.database.interruption.mend();
    assert_eq!(value(&app, r#"SELECT count(*) FROM "auth.sessions" WHERE aal = 'aal2'"#), "1");
}

#[test]
fn of_two_right_answers_at_once_one_counts() {
    // What the other one did between this one's look and its batch, and what this one hears.
    let spent = |phone: &Authenticator<'_>| {
        let step = phone.app.app.now().seconds() / 30;
        format!(r#"UPDATE "auth.mfa_factors" SET last_used_step = {step}, status = 'verified'"#)
    };
    type Race = (fn(&Authenticator<'_>, &str) -> String, u16, &'static str);
    let rows: [Race; 4] = [
        (
            |_, _| r#"UPDATE "auth.mfa_challenges" SET verified_at = '2027-01-15T08:00:00+00:00'"#.into(),
            422,
            "mfa_ip_address_mismatch",
        ),
        (|_, _| r#"DELETE FROM "auth.mfa_factors""#.into(), 404, "mfa_factor_not_found"),
        (|_, _| r#"DELETE FROM "auth.sessions""#.into(), 403, "session_not_found"),
        (|_, _| r#"UPDATE "auth.users" SET banned_until = '2099-01-01T00:00:00+00:00'"#.into(), 200, ""),
    ];
    for (race, status, code) in rows {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        let phone = enrolled(&app, &session, "Phone");
        let challenge = phone.challenged(&session);
        app.database.interrupt_at(2, &race(&phone, &challenge));
        let answer = phone.answer(&session, &challenge, &phone.code());
        assert_eq!(answer.status, status, "{}", answer.text());
        if status != 200 {
            assert_error(&answer, status, code, "");
            assert_eq!(value(&app, r#"SELECT count(*) FROM "auth.sessions" WHERE aal = 'aal2'"#), "0");
        }
    }

    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let challenge = phone.challenged(&session);
    app.database.interrupt_at(2, &spent(&phone));
    assert_wrong(&phone.answer(&session, &challenge, &phone.code()));
    assert_eq!(
        value(&app, r#"SELECT aal FROM "auth.sessions""#),
        "aal1",
        "the loser's session was not raised"
    );
}

#[test]
fn a_refresh_during_the_verification_does_not_undo_it() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let challenge = phone.challenged(&session);
    app.database
        .interrupt_at(2, r#"UPDATE "auth.sessions" SET refresh_token_counter = refresh_token_counter + 1"#);
    let raised = phone.answer(&session, &challenge, &phone.code());
    assert_eq!(raised.status, 200, "{}", raised.text());
    assert_eq!(value(&app, r#"SELECT refresh_token_counter FROM "auth.sessions""#), "3");
    assert_eq!(refresh(&app, text(&raised.json(), "refresh_token")).status, 200);
}

#[test]
fn enrolments_at_once_stay_within_the_rules() {
    let insert = |name: &str, status: &str| {
        format!(
            r#"INSERT INTO "auth.mfa_factors" (id, user_id, friendly_name, factor_type, status, created_at, updated_at)
SELECT lower(hex(randomblob(16))), id, '{name}', 'totp', '{status}', '2027-01-15T08:00:00+00:00', '2027-01-15T08:00:00+00:00'
FROM "auth.users""#
        )
    };
    let rows = [
        (insert("Phone", "unverified"), 422, "mfa_factor_name_conflict"),
        (insert("Other", "verified"), 403, "insufficient_aal"),
        (r#"DELETE FROM "auth.sessions""#.to_string(), 403, "session_not_found"),
    ];
    for (race, status, code) in rows {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        app.database.interrupt_at(2, &race);
        let answer = enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": "Phone"}));
        assert_error(&answer, status, code, "");
    }
    let app = TestApp::with_vars(&[("MFA_MAX_ENROLLED_FACTORS", "1")]);
    let session = signed_up(&app, "ann@example.com");
    app.database.interrupt_at(2, &insert("Other", "unverified"));
    let answer = enroll(&app, &session, &json!({"factor_type": "totp", "friendly_name": "Phone"}));
    assert_error(&answer, 422, "too_many_enrolled_mfa_factors", "");
}

#[test]
fn a_factor_that_is_verified_meanwhile_is_not_given_up_at_aal1() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    app.database.interrupt_at(2, r#"UPDATE "auth.mfa_factors" SET status = 'verified'"#);
    assert_error(&phone.unenroll(&session), 422, "insufficient_aal", "");
    assert_eq!(value(&app, r#"SELECT count(*) FROM "auth.mfa_factors""#), "1");
}

#[test]
fn an_unverified_factor_is_given_up_at_aal1() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    assert_eq!(phone.unenroll(&session).status, 200);
    assert_eq!(get_user(&app, &session).json().get("factors"), None);
}

/// Everything a factor's flow may change, as one text.
fn state(app: &TestApp) -> String {
    let rows = |table: &str| {
        let columns =
            format!("SELECT group_concat('quote(' || name || ')', ' || ') FROM pragma_table_info('{table}')");
        let row = value(app, &columns);
        app.database.value(&format!("SELECT group_concat({row}) FROM \"{table}\"")).unwrap_or_default()
    };
    ["auth.users", "auth.sessions", "auth.mfa_factors", "auth.mfa_challenges"].map(rows).concat()
}

#[test]
fn a_flow_that_fails_changes_nothing_and_can_be_tried_again() {
    type Act = fn(&Authenticator<'_>, &Value, &str) -> Answer;
    let acts: [Act; 5] = [
        |phone, session, _| {
            enroll(phone.app, session, &json!({"factor_type": "totp", "friendly_name": "New"}))
        },
        |phone, session, _| phone.challenge(session),
        |phone, session, challenge| phone.answer(session, challenge, &phone.code()),
        |phone, session, challenge| phone.answer(session, challenge, &phone.wrong_code()),
        |phone, session, _| phone.unenroll(session),
    ];
    for (number, act) in acts.iter().enumerate() {
        for step in [1, 2] {
            let app = TestApp::new();
            let session = signed_up(&app, "ann@example.com");
            let phone = enrolled(&app, &session, "Phone");
            let challenge = phone.challenged(&session);
            let before = state(&app);
            app.database.fault.fail_at(step);
            let failed = act(&phone, &session, &challenge);
            assert_error(&failed, 500, "unexpected_failure", "");
            assert_eq!(state(&app), before, "act {number} at step {step}");
            let again = act(&phone, &session, &challenge);
            assert_eq!(again.status.as_u16(), if number == 3 { 422 } else { 200 }, "{}", again.text());
        }
    }
}

#[test]
fn a_verification_whose_answer_is_lost_can_be_repeated_with_the_next_code() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    let challenge = phone.challenged(&session);
    app.database.lost_answer.fail_at(2);
    assert_error(&phone.answer(&session, &challenge, &phone.code()), 500, "unexpected_failure", "");
    // The client has the tokens of aal1 still; the session itself is of aal2.
    app.clock.advance(30);
    let raised = phone.verify(&session);
    assert_eq!(raised.status, 200, "{}", raised.text());
    assert_eq!(refresh(&app, text(&raised.json(), "refresh_token")).status, 200);
}

#[test]
fn a_silent_edge_stops_no_verification() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    app.key_value.fault.fail_always();
    let raised = phone.verify(&session);
    assert_eq!(raised.status, 200, "{}", raised.text());
    assert_eq!(phone.unenroll(&raised.json()).status, 200);
}

#[test]
fn challenges_and_codes_are_limited_per_address() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let phone = enrolled(&app, &session, "Phone");
    app.limits.answer.set(Some(4));
    assert_error(&phone.challenge(&session), 429, "over_request_rate_limit", "");
    assert_error(&phone.answer(&session, &phone.factor_id, "123456"), 429, "over_request_rate_limit", "");
}

/// Somebody with the password comes before Ann has a second factor, enrols their own phone, and waits.
#[test]
fn a_factor_that_waited_for_the_first_one_raises_nobody_after_it() {
    let app =
        TestApp::with_vars(&[("MFA_PHONE_ENROLL_ENABLED", "true"), ("MFA_PHONE_VERIFY_ENABLED", "true")]);
    let ann = signed_up(&app, "ann@example.com");
    let thief = signed_in(&app, "ann@example.com");
    let body = json!({"factor_type": "phone", "friendly_name": "spy", "phone": "+49 151 7654321"});
    let spy = text(&enroll(&app, &thief, &body).json(), "id").to_string();
    let act = |session: &Value, act: &str, body: &Value| {
        let path = format!("/auth/v1/factors/{spy}/{act}");
        app.with_token(text(session, "access_token")).post(&path).json(body).send()
    };
    let asked = act(&thief, "challenge", &json!({})).json();
    let html =
        app.database.value(r#"SELECT html FROM "auth.mailbox" ORDER BY created_at DESC, rowid DESC LIMIT 1"#);
    let code: String = html.unwrap().chars().filter(char::is_ascii_digit).collect();
    let (_, raised) = verified(&app, &ann, "mine");
    let thief = signed_in(&app, "ann@example.com");
    app.clock.advance(60);
    let answer = act(&thief, "verify", &json!({"challenge_id": asked["id"], "code": code}));
    assert_error(&answer, 403, "insufficient_aal", "AAL2 required to enroll a new factor");
    assert_error(
        &act(&thief, "challenge", &json!({})),
        403,
        "insufficient_aal",
        "AAL2 required to enroll a new factor",
    );
    assert_eq!(claims(&refresh(&app, text(&thief, "refresh_token")).json())["aal"], json!("aal1"));
    assert_eq!(
        act(&raised, "challenge", &json!({})).status,
        200,
        "who has shown the first may go on with another"
    );
}
