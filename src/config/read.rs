//! Reads typed settings and collects what is wrong with them.

use std::ops::RangeInclusive;

/// One pass over the vars.
pub struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    /// The config if nothing was wrong.
    pub fn finish<T>(self, config: T) -> Result<T, Vec<String>> {
        if self.errors.is_empty() { Ok(config) } else { Err(self.errors) }
    }

    /// A secret that must be there and long enough: it never has a default.
    pub fn secret(&mut self, name: &str, least: usize) -> String {
        match self.optional(name) {
            None => self.refuse(format!("{name} is not set; make one with `openssl rand -base64 48`")),
            Some(value) if value.len() < least => {
                self.refuse(format!("{name} needs at least {least} characters"))
            }
            Some(value) => value,
        }
    }

    /// Text, or its default.
    pub fn text(&mut self, name: &str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_string())
    }

    /// Comma-separated items, or the default's.
    pub fn list(&mut self, name: &str, default: &str) -> Vec<String> {
        let text = self.text(name, default);
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_string).collect()
    }

    /// Comma-separated API keys that all start with their kind's prefix.
    pub fn keys(&mut self, name: &str, prefix: &str) -> Vec<String> {
        let keys = self.list(name, "");
        if keys.iter().any(|key| !key.starts_with(prefix)) {
            self.errors.push(format!("{name}: every key must start with {prefix}"));
        }
        keys
    }

    /// `true` or `false`, or the default.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.optional(name).as_deref() {
            None => default,
            Some("true" | "1" | "on") => true,
            Some("false" | "0" | "off") => false,
            Some(other) => self.refuse(format!("{name} must be true or false, not {other:?}")),
        }
    }

    /// A whole number, or the default.
    pub fn number(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        match text.parse() {
            Ok(number) => number,
            Err(_) => self.refuse(format!("{name} must be a whole number, not {text:?}")),
        }
    }

    /// Seconds: a whole number of them, or a duration of Go such as `1m30s`; or the default.
    pub fn seconds(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        match text.parse().ok().or_else(|| duration(&text)) {
            Some(seconds) => seconds,
            None => self.refuse(format!(
                "{name} must be a number of seconds or a duration such as 1m30s, not {text:?}"
            )),
        }
    }

    /// A whole number within bounds, or the default.
    pub fn number_within(&mut self, name: &str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        let number = self.number(name, default);
        if bounds.contains(&number) {
            return number;
        }
        self.refuse(format!("{name} must be from {} to {}, not {number}", bounds.start(), bounds.end()))
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
    }

    /// Notes a mistake.
    pub fn refuse<T: Default>(&mut self, error: String) -> T {
        self.errors.push(error);
        T::default()
    }
}

/// `1h30m` → 5400; parts of a second are dropped.
fn duration(text: &str) -> Option<u64> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| c != '.' && !c.is_ascii_digit())?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            "ns" => 0.000_000_001,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    Some(seconds as u64).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let rows = [
            ("60s", Some(60)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("500ms", Some(0)),
            ("5x", None),
            ("s", None),
            ("5", None),
        ];
        for (text, expected) in rows {
            assert_eq!(duration(text), expected, "{text}");
        }
    }
}
