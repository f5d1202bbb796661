//! What code can reach: settings, ports, and what the isolate remembers.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::config::{Config, SigningKey};
use crate::crypto::{self, HmacKey};
use crate::documents::Documents;
use crate::edge_session::EdgeSessions;
use crate::http::Router;
use crate::jwt::{self, Claims, Key, Keys, Material, TokenError};
use crate::line_archive::LineArchive;
use crate::ports::{PortError, Ports, SignatureAlgorithm};
use crate::recent_versions::RecentVersions;
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
    /// Other servers' public documents.
    pub documents: Documents,
    /// The project's schema.
    pub catalog: CatalogCache,
    /// Versions of objects that were read lately.
    pub recent_versions: RecentVersions,
    keys: Keys,
    /// Ranges of leaked passwords' digests, as far as someone's began so.
    pub leaked_passwords: RefCell<HashMap<String, Rc<str>>>,
    /// What people did, on its way to an audit log in R2.
    pub archived_acts: LineArchive,
    later: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    shared: OnceCell<Weak<App>>,
    verified: RefCell<HashMap<u128, Verified>>,
}

/// A token that was good when it was looked at.
struct Verified {
    token: String,
    claims: Rc<Claims>,
}

/// How many verified tokens an isolate remembers before it forgets them all.
const REMEMBERED_TOKENS: usize = 10_000;

impl App {
    /// An app with nothing remembered yet.
    pub fn new(config: Config, mut ports: Ports, router: Router) -> Self {
        ports.database = Rc::new(Remembering::new(ports.database));
        let keys = keys(&config);
        Self {
            config,
            keys,
            ports,
            router,
            edge_sessions: EdgeSessions::default(),
            documents: Documents::default(),
            catalog: CatalogCache::default(),
            recent_versions: RecentVersions::default(),
            leaked_passwords: RefCell::default(),
            archived_acts: LineArchive::default(),
            later: RefCell::default(),
            shared: OnceCell::new(),
            verified: RefCell::default(),
        }
    }

    /// Makes the app known to itself, for [`Self::shared`].
    pub fn share(self: &Rc<Self>) {
        self.shared.get_or_init(|| Rc::downgrade(self));
    }

    /// The app as its requests hold it; `None` before the first.
    pub fn shared(&self) -> Option<Rc<Self>> {
        self.shared.get().and_then(Weak::upgrade)
    }

    /// Leaves work for after the response: whichever request ends next takes it along.
    pub fn after_response(&self, work: LocalBoxFuture<'static, ()>) {
        self.later.borrow_mut().push(work);
    }

    /// Takes the work that was left.
    pub fn take_later(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        self.later.take()
    }

    /// Now, from the clock port.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The claims of an access token or legacy key. A token is verified once per isolate and then
    /// remembered until it expires.
    pub async fn verify_token(&self, token: &str) -> Result<Rc<Claims>, TokenError> {
        let now = self.now();
        let place = place(token);
        let remembered = self
            .verified
            .borrow()
            .get(&place)
            .filter(|known| known.token == token)
            .map(|known| known.claims.clone());
        if let Some(claims) = remembered {
            return jwt::check_times(&claims, now).map(|()| claims);
        }
        let claims = Rc::new(self.keys.verify(self.ports.signatures.as_ref(), token, now).await?);
        let mut verified = self.verified.borrow_mut();
        if verified.len() >= REMEMBERED_TOKENS {
            verified.clear();
        }
        verified.insert(place, Verified { token: token.to_string(), claims: claims.clone() });
        Ok(claims)
    }

    /// Signs an access token's claims with the key that signs now.
    pub async fn sign_token(&self, claims: &impl Serialize) -> Result<String, PortError> {
        self.keys.sign(self.ports.signatures.as_ref(), claims).await
    }
}

/// Where a token is remembered: by its last characters, which are its signature's. Hashing a whole token takes longer, and
/// tokens begin alike.
fn place(token: &str) -> u128 {
    let signed = token.as_bytes().last_chunk().copied();
    signed.map_or(0, u128::from_ne_bytes)
}

fn keys(config: &Config) -> Keys {
    Keys::new(&config.jwt_secret, config.signing_keys.iter().filter_map(key).collect())
}

fn key(key: &SigningKey) -> Option<Key> {
    let material = match SignatureAlgorithm::named(key.algorithm) {
        None => Material::Secret(HmacKey::new(&crypto::from_base64url(key.text("k")?)?)),
        Some(algorithm) => Material::Pair {
            algorithm,
            public: key.public()?.to_string(),
            private: Value::Object(key.jwk.clone()).to_string(),
        },
    };
    Some(Key { id: key.id.clone(), material, signs: key.signs })
}
