//! The chores that run by themselves.

use edgeward::schedule;
use futures_executor::block_on;

use crate::app::TestApp;

#[test]
fn a_chore_that_fails_is_logged_and_done_the_next_time() {
    let app = TestApp::new();
    app.database.execute(r#"INSERT INTO "storage.garbage" (version) VALUES ('stray')"#);
    app.database.fault.fail_at(1);
    block_on(schedule::run(app.app.clone()));
    assert!(app.log.0.borrow()[0].contains(r#""level":"error""#), "{:?}", app.log.0.borrow());
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "storage.garbage""#), Some("1".into()));

    block_on(schedule::run(app.app.clone()));
    assert!(app.log.0.borrow().iter().any(|line| line.contains(r#""done":1"#)), "{:?}", app.log.0.borrow());
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "storage.garbage""#), Some("0".into()));
}
