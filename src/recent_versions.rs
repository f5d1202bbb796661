//! Which version an object had when this isolate last read it, so that its bytes can be asked for while the database is asked
//! whether that still holds.
//!
//! Not a truth: nothing is answered from here. What turns out to be wrong is forgotten, so that there are never more wrong
//! guesses than downloads.

use std::cell::RefCell;
use std::collections::HashMap;

/// How many objects an isolate remembers before it forgets them all.
const REMEMBERED_OBJECTS: usize = 1000;

/// The isolate's memory of what it read.
#[derive(Default)]
pub struct RecentVersions {
    remembered: RefCell<HashMap<String, RecentVersion>>,
}

/// What a path had.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentVersion {
    /// The R2 key of its bytes.
    pub version: String,
    /// How many they are.
    pub size: u64,
}

impl RecentVersions {
    /// What is remembered of a path.
    pub fn get(&self, path: &str) -> Option<RecentVersion> {
        self.remembered.borrow().get(path).cloned()
    }

    /// Remembers what a path turned out to have, or nothing any more.
    pub fn set(&self, path: &str, recent: Option<RecentVersion>) {
        let mut remembered = self.remembered.borrow_mut();
        match (recent, remembered.get_mut(path)) {
            (None, _) => {
                remembered.remove(path);
            }
            (Some(recent), Some(known)) => *known = recent,
            (Some(recent), None) => {
                if remembered.len() >= REMEMBERED_OBJECTS {
                    remembered.clear();
                }
                remembered.insert(path.to_string(), recent);
            }
        }
    }
}
