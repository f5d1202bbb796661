//! The data API's settings.

use super::read::Reader;

/// What the data API shows and how much of it.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// `EXPOSED_SCHEMAS`: the first is the default.
    pub schemas: Vec<String>,
    /// `MAX_ROWS`: the most rows a read gives, at every level.
    pub max_rows: u64,
    /// `DB_AGGREGATES_ENABLED`: whether `sum()`, `count()` and their like may be selected.
    pub aggregates: bool,
    /// `DB_PLAN_ENABLED`: whether the database's plan of a request may be asked for instead of its answer.
    pub plans: bool,
    /// `SERVER_TIMING_ENABLED`: whether answers say what they took and cost.
    pub says_cost: bool,
    /// `READ_REPLICAS`: whether D1's read replicas may answer reads.
    pub read_replicas: bool,
    /// `OPENAPI_MODE`: who may read the description of the API.
    pub description: Description,
    /// `DB_TX_END`: how a request's transaction ends.
    pub transaction_end: TransactionEnd,
}

/// Who may read the description of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Description {
    /// Only the project's back end, as hosted.
    #[default]
    ServiceRole,
    /// Everyone, of the tables that they may use.
    FollowPrivileges,
    /// Nobody.
    Disabled,
}

/// Each value of `OPENAPI_MODE`.
const DESCRIPTIONS: &[(&str, Description)] = &[
    ("service-role", Description::ServiceRole),
    ("follow-privileges", Description::FollowPrivileges),
    ("disabled", Description::Disabled),
];

/// How a request's transaction ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionEnd {
    /// Whether it is rolled back unless a request asks otherwise.
    pub rolls_back: bool,
    /// Whether a request may ask otherwise (`Prefer: tx=…`).
    pub overridable: bool,
}

impl TransactionEnd {
    /// By upstream's name for it.
    pub fn named(name: &str) -> Option<Self> {
        let row = TRANSACTION_ENDS.iter().find(|(of, _, _)| *of == name);
        row.map(|(_, rolls_back, overridable)| Self { rolls_back: *rolls_back, overridable: *overridable })
    }

    /// How the transaction of a request ends that asks for this.
    pub fn rolls_back(self, asked: Option<bool>) -> bool {
        asked.filter(|_| self.overridable).unwrap_or(self.rolls_back)
    }
}

/// Each value of `DB_TX_END`, as upstream names them: rolls back, overridable.
#[rustfmt::skip]
const TRANSACTION_ENDS: &[(&str, bool, bool)] = &[
    ("commit",                  false, false),
    ("commit-allow-override",   false, true),
    ("rollback",                true,  false),
    ("rollback-allow-override", true,  true),
];

impl RestConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            schemas: reader.list("EXPOSED_SCHEMAS", "public"),
            max_rows: reader.number("MAX_ROWS", 1000),
            aggregates: reader.flag("DB_AGGREGATES_ENABLED", false),
            plans: reader.flag("DB_PLAN_ENABLED", false),
            says_cost: reader.flag("SERVER_TIMING_ENABLED", false),
            read_replicas: reader.flag("READ_REPLICAS", false),
            description: description(reader),
            transaction_end: transaction_end(reader),
        }
    }
}

fn description(reader: &mut Reader<'_>) -> Description {
    let said = reader.text("OPENAPI_MODE", "service-role");
    match DESCRIPTIONS.iter().find(|(name, _)| *name == said) {
        Some((_, description)) => *description,
        None => {
            let names: Vec<&str> = DESCRIPTIONS.iter().map(|(name, _)| *name).collect();
            reader.refuse(format!("OPENAPI_MODE must be one of {}, not {said:?}", names.join(", ")))
        }
    }
}

fn transaction_end(reader: &mut Reader<'_>) -> TransactionEnd {
    let said = reader.text("DB_TX_END", "commit");
    match TransactionEnd::named(&said) {
        Some(end) => end,
        None => {
            let names: Vec<&str> = TRANSACTION_ENDS.iter().map(|(name, _, _)| *name).collect();
            reader.refuse(format!("DB_TX_END must be one of {}, not {said:?}", names.join(", ")))
        }
    }
}
