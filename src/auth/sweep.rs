//! Removes what has outlived its use. For a cron: nothing waits for it, and a sweep that fails is
//! made up for by the next.

use super::error::Error;
use super::store::{
    self, flow_states, oauth_authorizations, oauth_states, one_time_tokens, passkeys, sessions,
    sign_in_failures,
};
use crate::app::App;
use crate::time::Timestamp;

/// Deletes sessions that can no longer be refreshed and whose last access token has expired too, and
/// codes and links that expired.
pub async fn sweep(app: &App) -> Result<(), Error> {
    let config = &app.config.auth;
    let begun = outlived(app, config.session_timebox_seconds);
    let used = outlived(app, config.session_inactivity_seconds);
    store::run(
        app.ports.database.as_ref(),
        vec![
            sessions::sweep(begun, used),
            one_time_tokens::sweep(app.now()),
            flow_states::sweep(app.now()),
            sign_in_failures::sweep(app.now()),
            oauth_states::sweep(app.now()),
            oauth_authorizations::sweep(app.now()),
            passkeys::sweep(app.now()),
        ],
    )
    .await?;
    Ok(())
}

/// Before when a session must have begun (or been used) to be of no use now; `None` without a limit.
fn outlived(app: &App, limit_seconds: u64) -> Option<Timestamp> {
    let seconds = limit_seconds.saturating_add(app.config.auth.token_seconds);
    (limit_seconds > 0).then(|| app.now().plus_seconds(i64::try_from(seconds).map_or(i64::MIN, |s| -s)))
}
