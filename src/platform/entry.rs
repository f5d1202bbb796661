//! What the runtime calls: a request in, a response out.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event};

use super::bindings::Bindings;
use super::{log, request, response};
use crate::app::App;
use crate::config::Config;
use crate::http::serve;
use crate::ports::{Background, Body};
use crate::routes;
use crate::schedule;

thread_local! {
    /// The isolate's app. Built without I/O, so that no request ever waits for another's.
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    environment: Env,
    context: Context,
) -> worker::Result<web_sys::Response> {
    let app = match isolate_app(&environment) {
        Ok(app) => app,
        Err(mistakes) => return Ok(misconfigured(&mistakes)?),
    };
    let asked = request::read(Clone::clone(&request))?;
    let has_body = !matches!(asked.body, Body::Empty);
    let answer = serve(app, asked, Rc::new(AfterResponse(context))).await;
    if has_body {
        request::drain(&request).await;
    }
    Ok(response::write(answer)?)
}

#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, environment: Env, _: ScheduleContext) {
    match isolate_app(&environment) {
        Ok(app) => schedule::run(app).await,
        Err(mistakes) => log::misconfigured(&mistakes),
    }
}

/// The isolate's app, built by the first request; or every mistake in the settings.
fn isolate_app(environment: &Env) -> Result<Rc<App>, Vec<String>> {
    APP.with_borrow_mut(|slot| {
        if let Some(app) = slot {
            return Ok(app.clone());
        }
        let bindings = Bindings::of(environment);
        let config = Config::from_vars(&|name| bindings.variable(name));
        let router = routes::router().map_err(|mistake| vec![format!("the route table: {mistake}")]);
        // Both kinds of mistakes are said at once.
        let (config, ports, router) = match (config, bindings.ports(), router) {
            (Ok(config), Ok(ports), Ok(router)) => (config, ports, router),
            (config, ports, router) => {
                return Err([config.err(), ports.err(), router.err()]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .collect());
            }
        };
        if config.auth.mail.needs_binding() && ports.mailer.is_none() {
            return Err(vec!["MAIL_PROVIDER is cloudflare, but wrangler.toml binds no MAIL".to_string()]);
        }
        Ok(slot.insert(Rc::new(App::new(config, ports, router))).clone())
    })
}

/// A deployment that cannot serve says what to mend: names of settings, never values.
fn misconfigured(mistakes: &[String]) -> Result<web_sys::Response, wasm_bindgen::JsValue> {
    log::misconfigured(mistakes);
    let text = format!("Edgeward is not configured:\n- {}\n", mistakes.join("\n- "));
    response::plain(503, &text)
}

/// `ctx.waitUntil`. A panic of such work is its own: the `worker` crate's hook has logged it, and the response has gone out.
struct AfterResponse(Context);

impl Background for AfterResponse {
    fn run(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.wait_until(AssertUnwindSafe(work).catch_unwind().map(|_| ()));
    }
}
