//! `/auth/v1/oauth`, `/admin/oauth` and `/user/oauth`: the OAuth 2.1 server.

mod clients;
mod consent;
mod token;

pub use clients::{
    create_client, delete_client, get_client, list_clients, regenerate_client_secret, register_client,
    update_client,
};
pub use consent::{ask_authorization, decide_authorization, get_authorization, list_grants, revoke_grant};
pub use token::{token, userinfo};

use crate::auth::error::Error;
use crate::auth::oauth_server::error::OAuthServerError;
use crate::http::Context;

/// Refuses unless the settings have the server on.
pub fn refuse_unless_on(context: &Context) -> Result<(), Error> {
    if context.app.config.auth.oauth_server.enabled { Ok(()) } else { Err(OAuthServerError::Disabled.into()) }
}
