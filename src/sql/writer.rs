//! Builds one statement's text while numbering its binds.

use super::{Bind, Statement};

/// A statement under construction. Equal texts share one placeholder; values beyond D1's 100 binds
/// travel together in the last one, as a JSON array.
#[derive(Default)]
pub struct Writer {
    text: String,
    binds: Vec<Bind>,
    spilled: Vec<Option<String>>,
}

/// The last placeholder is kept for what does not fit.
const DIRECT: usize = 99;

impl Writer {
    /// Appends SQL text as it stands.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.text.push_str(sql);
        self
    }

    /// The placeholder for a value: `?3`, or `(?100 ->> '$[7]')`. A value bound before keeps its place.
    pub fn bind(&mut self, value: impl Into<Bind>) -> String {
        let value = value.into();
        if let Some(index) = self.binds.iter().position(|bound| *bound == value) {
            return format!("?{}", index + 1);
        }
        if self.binds.len() < DIRECT {
            self.binds.push(value);
            return format!("?{}", self.binds.len());
        }
        self.spilled.push(match value {
            Bind::Null => None,
            Bind::Text(text) => Some(text),
        });
        format!("(?{} ->> '$[{}]')", DIRECT + 1, self.spilled.len() - 1)
    }

    /// Takes the text so far; what was bound stays.
    pub fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// A statement of its own text, whose placeholders are this writer's.
    pub fn statement(&self, text: String) -> Statement {
        Self { text, binds: self.binds.clone(), spilled: self.spilled.clone() }.finish()
    }

    /// The finished statement. A value that was bound for SQL which then was not pushed (half of a
    /// policy that turned out to admit no row) is dropped: D1 wants as many values as placeholders.
    pub fn finish(mut self) -> Statement {
        if !self.spilled.is_empty() {
            self.binds.push(Bind::Text(serde_json::Value::from(self.spilled).to_string()));
        }
        while !self.binds.is_empty() && !uses(&self.text, self.binds.len()) {
            self.binds.pop();
        }
        Statement { text: self.text.into(), binds: self.binds }
    }
}

fn uses(text: &str, number: usize) -> bool {
    let placeholder = format!("?{number}");
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_digit());
    text.match_indices(&placeholder).any(|(at, _)| text.get(at + placeholder.len()..).is_some_and(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_travels_together() {
        let mut writer = Writer::default();
        for number in 0..DIRECT as i64 {
            writer.bind(number);
        }
        assert_eq!(writer.bind("5"), "?6");
        assert_eq!(writer.bind("a\"b"), "(?100 ->> '$[0]')");
        assert_eq!(writer.bind(Bind::Null), "(?100 ->> '$[1]')");
        writer.push("?1 ?100");
        let binds = writer.finish().binds;
        assert_eq!((binds.len(), binds.last()), (100, Some(&Bind::Text("[\"a\\\"b\",null]".into()))));
    }

    #[test]
    fn what_was_bound_and_not_used_is_dropped() {
        let mut writer = Writer::default();
        let used = writer.bind("used");
        writer.push(&format!("SELECT {used}"));
        writer.bind("not used");
        assert_eq!(writer.finish(), Statement::new("SELECT ?1").bind("used"));
    }
}
