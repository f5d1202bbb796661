//! Text search configurations: what becomes of each token.

use rust_stemmers::{Algorithm, Stemmer};

use super::SearchError;
use super::parser::{Kind, tokens};
use super::vector::{Place, Vector};

/// A configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// Lower case, nothing else.
    Simple,
    /// Stop words go, words are stemmed.
    English,
}

/// The configurations Postgres has and this has not.
const OTHERS: &[&str] = &[
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
];

/// Words too frequent to be searched for: Postgres' list.
#[rustfmt::skip]
const STOP_WORDS: &[&str] = &[
    "a", "about", "above", "after", "again", "against", "all", "am", "an", "and", "any", "are", "as", "at",
    "be", "because", "been", "before", "being", "below", "between", "both", "but", "by", "can", "did",
    "do", "does", "doing", "don", "down", "during", "each", "few", "for", "from", "further", "had", "has",
    "have", "having", "he", "her", "here", "hers", "herself", "him", "himself", "his", "how", "i", "if",
    "in", "into", "is", "it", "its", "itself", "just", "me", "more", "most", "my", "myself", "no", "nor",
    "not", "now", "of", "off", "on", "once", "only", "or", "other", "our", "ours", "ourselves", "out",
    "over", "own", "s", "same", "she", "should", "so", "some", "such", "t", "than", "that", "the", "their",
    "theirs", "them", "themselves", "then", "there", "these", "they", "this", "those", "through", "to",
    "too", "under", "until", "up", "very", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "whom", "why", "will", "with", "you", "your", "yours", "yourself", "yourselves",
];

/// A token longer than this is left out, in bytes.
const LONGEST_WORD: usize = 2_047;

impl Configuration {
    /// The configuration of that name; `pg_catalog.` may stand before it.
    pub fn named(name: &str) -> Result<Self, SearchError> {
        let bare = name.strip_prefix("pg_catalog.").unwrap_or(name).trim_matches('"');
        match bare {
            "simple" => Ok(Self::Simple),
            "english" => Ok(Self::English),
            other if OTHERS.contains(&other) => Err(SearchError::new(
                "0A000",
                format!("the text search configuration \"{other}\" is not supported"),
            )),
            _ => {
                Err(SearchError::new("42704", format!("text search configuration \"{name}\" does not exist")))
            }
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::English => "english",
        }
    }

    /// The lexemes of a text with their positions, stop words counted.
    pub fn lexemes(self, text: &str) -> Vec<(u32, String)> {
        let stemmer = Stemmer::create(Algorithm::English);
        let mut lexemes = Vec::new();
        let mut position = 0;
        for (kind, token) in tokens(text) {
            if kind == Kind::Nothing || token.len() > LONGEST_WORD {
                continue;
            }
            position += 1;
            let lower = token.to_lowercase();
            if self == Self::Simple || kind == Kind::Plain {
                lexemes.push((position, lower));
            } else if STOP_WORDS.binary_search(&lower.as_str()).is_err() {
                lexemes.push((position, stemmer.stem(&lower).into_owned()));
            }
        }
        lexemes
    }

    /// `to_tsvector`.
    pub fn vector(self, text: &str) -> Vector {
        let mut places: std::collections::BTreeMap<String, Vec<Place>> = std::collections::BTreeMap::new();
        for (position, lexeme) in self.lexemes(text) {
            places.entry(lexeme).or_default().push(Place::new(position, 0));
        }
        let mut vector = Vector::default();
        for (lexeme, places) in places {
            vector.add(&lexeme, places);
        }
        vector
    }
}
