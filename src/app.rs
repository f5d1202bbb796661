//! What code can reach: settings, ports, and what the isolate remembers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::config::Config;
use crate::edge_session::EdgeSessions;
use crate::http::Router;
use crate::jwt::{self, Claims, TokenError};
use crate::ports::Ports;
use crate::schema::CatalogCache;
use crate::text_search::Remembering;
use crate::time::Timestamp;

/// One per isolate, shared by all its requests.
pub struct App {
    /// The deployment's settings.
    pub config: Config,
    /// The outside.
    pub ports: Ports,
    /// Where requests go.
    pub router: Router,
    /// Sessions as the edge knows them.
    pub edge_sessions: EdgeSessions,
    /// The project's schema.
    pub catalog: CatalogCache,
    verified: RefCell<HashMap<String, Rc<Claims>>>,
}

/// How many verified tokens an isolate remembers before it forgets them all.
const REMEMBERED_TOKENS: usize = 10_000;

impl App {
    /// An app with nothing remembered yet.
    pub fn new(config: Config, mut ports: Ports, router: Router) -> Self {
        ports.database = Rc::new(Remembering::new(ports.database));
        Self {
            config,
            ports,
            router,
            edge_sessions: EdgeSessions::default(),
            catalog: CatalogCache::default(),
            verified: RefCell::default(),
        }
    }

    /// Now, from the clock port.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The claims of an access token or legacy key. A token is verified once per isolate and then
    /// remembered until it expires.
    pub fn verify_token(&self, token: &str) -> Result<Rc<Claims>, TokenError> {
        let now = self.now();
        if let Some(claims) = self.verified.borrow().get(token) {
            return jwt::check_times(claims, now).map(|()| claims.clone());
        }
        let claims = Rc::new(jwt::verify(token, self.config.jwt_secret.as_bytes(), now)?);
        let mut verified = self.verified.borrow_mut();
        if verified.len() >= REMEMBERED_TOKENS {
            verified.clear();
        }
        verified.insert(token.to_string(), claims.clone());
        Ok(claims)
    }
}
