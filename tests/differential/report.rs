//! What a stage found.

use std::collections::BTreeMap;

use crate::postgres::Failure;

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same on both sides.
    Agreed,
    /// We said that we do not support it, and why.
    Refused(String),
    /// Something else than Postgres: its sort on the first line, then what was asked and answered.
    Disagreed(String),
}

/// The tally of a stage.
#[derive(Default)]
pub struct Report {
    pub agreed: usize,
    pub refused: usize,
    /// Reasons for refusals and how often each was given.
    pub reasons: BTreeMap<String, usize>,
    /// Disagreements with their seeds.
    pub disagreed: Vec<(u64, String)>,
}

impl Report {
    /// Counts a case.
    pub fn add(&mut self, seed: u64, verdict: Verdict) {
        match verdict {
            Verdict::Agreed => self.agreed += 1,
            Verdict::Refused(reason) => {
                self.refused += 1;
                *self.reasons.entry(reason).or_default() += 1;
            }
            Verdict::Disagreed(what) => self.disagreed.push((seed, what)),
        }
    }

    /// Prints it, and gives whether all is well.
    pub fn tell(&self, stage: &str, verbose: bool) -> bool {
        let cases = self.agreed + self.refused + self.disagreed.len();
        let percent = |count: usize| 100.0 * count as f64 / cases.max(1) as f64;
        println!(
            "{stage}: {cases} cases, {} agree ({:.1} %), {} refused ({:.1} %), {} disagree",
            self.agreed,
            percent(self.agreed),
            self.refused,
            percent(self.refused),
            self.disagreed.len()
        );
        for (seed, what) in &self.disagreed {
            println!("- DIFFERENTIAL_ONLY={stage}:{seed} {what}");
        }
        if verbose {
            let mut reasons: Vec<_> = self.reasons.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (reason, count) in reasons {
                println!("  refused {count:>5}  {reason}");
            }
        }
        self.disagreed.is_empty()
    }
}

/// Whether we said that we cannot: outright, or not knowing a function or a form of Postgres'.
pub fn is_refusal(failure: &Failure) -> bool {
    ["0A000", "54001", "42883", "42601", "PGRST127"].contains(&failure.code.as_str())
}
