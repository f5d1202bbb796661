//! What the runtime calls.

use worker::{Context, Env, event};

#[event(fetch)]
async fn fetch(
    _request: web_sys::Request,
    _environment: Env,
    _context: Context,
) -> worker::Result<web_sys::Response> {
    Ok(web_sys::Response::new_with_opt_str(Some("ok"))?)
}
