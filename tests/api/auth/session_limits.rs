//! Sessions that end by themselves.

use futures_executor::block_on;

use super::{assert_error, get_user, refresh, signed_in, signed_up, text};
use crate::app::TestApp;

#[test]
fn a_session_is_not_refreshed_past_its_timebox() {
    let app = TestApp::with_vars(&[("SESSIONS_TIMEBOX", "7200")]);
    let mut session = signed_up(&app, "ann@example.com");
    for _ in 0..2 {
        app.clock.advance(3600);
        let answer = refresh(&app, text(&session, "refresh_token"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        session = answer.json();
    }
    app.clock.advance(1);
    let answer = refresh(&app, text(&session, "refresh_token"));
    assert_error(&answer, 400, "session_expired", "Invalid Refresh Token: Session Expired");
    assert_eq!(get_user(&app, &session).status, 200, "the access token lives out its hour");
}

#[test]
fn a_session_is_not_refreshed_after_too_long_a_silence() {
    let app = TestApp::with_vars(&[("SESSIONS_INACTIVITY_TIMEOUT", "7200")]);
    let mut session = signed_up(&app, "ann@example.com");
    for wait in [7200, 7200] {
        app.clock.advance(wait);
        let answer = refresh(&app, text(&session, "refresh_token"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        session = answer.json();
    }
    app.clock.advance(7201);
    let answer = refresh(&app, text(&session, "refresh_token"));
    assert_error(&answer, 400, "session_expired", "Session Expired (Inactivity)");
}

#[test]
fn a_sweep_removes_sessions_that_nobody_can_use_any_more() {
    // (setting, seconds that pass, refreshed half-way, sessions left of one)
    let rows = [
        ("SESSIONS_TIMEBOX", 7200 + 3600, false, "1"),
        ("SESSIONS_TIMEBOX", 7200 + 3602, false, "0"),
        ("SESSIONS_TIMEBOX", 7200 + 3602, true, "0"),
        ("SESSIONS_INACTIVITY_TIMEOUT", 7200 + 3600, false, "1"),
        ("SESSIONS_INACTIVITY_TIMEOUT", 7200 + 3602, false, "0"),
        ("SESSIONS_INACTIVITY_TIMEOUT", 7200 + 3602, true, "1"),
        ("JWT_EXPIRY", 100_000_000, false, "1"),
    ];
    for (setting, seconds, refreshed, left) in rows {
        let value = if setting == "JWT_EXPIRY" { "3600" } else { "7200" };
        let app = TestApp::with_vars(&[(setting, value)]);
        let session = signed_up(&app, "ann@example.com");
        app.clock.advance(seconds / 2);
        if refreshed {
            assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 200);
        }
        app.clock.advance(seconds - seconds / 2);
        block_on(edgeward::auth::sweep(&app.app)).unwrap();
        let count = app.database.value(r#"SELECT count(*) FROM "auth.sessions""#);
        assert_eq!(count.as_deref(), Some(left), "{setting} after {seconds}");
        signed_in(&app, "ann@example.com");
    }
}
