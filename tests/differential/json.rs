//! JSON texts made comparable: no space outside strings, one spelling of each string, object keys
//! in order; numbers stay as they are written, because their digits are what is compared.

/// A JSON value with its numbers' text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Json {
    /// A number, `true`, `false` or `null`, as written.
    Word(String),
    /// A string's value.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object, sorted by key.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text; panics on what is no JSON.
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader { bytes: text.as_bytes(), at: 0, text };
        let value = reader.value();
        reader.space();
        assert_eq!(reader.at, text.len(), "more than one JSON value: {text}");
        value
    }

    /// The same without what is known to differ: the text of a jsonb array or object, in which Postgres
    /// puts a space after commas and colons and SQLite none.
    #[must_use]
    pub fn without_spacing(self) -> Self {
        match self {
            Self::Text(text)
                if text.starts_with(['[', '{'])
                    && serde_json::from_str::<serde_json::Value>(&text).is_ok() =>
            {
                Self::Text(Self::parse(&text).to_string())
            }
            Self::List(items) => Self::List(items.into_iter().map(Self::without_spacing).collect()),
            Self::Object(items) => {
                Self::Object(items.into_iter().map(|(key, value)| (key, value.without_spacing())).collect())
            }
            other => other,
        }
    }

    /// A list in an order of its own, for rows that have none.
    #[must_use]
    pub fn sorted(self) -> Self {
        match self {
            Self::List(mut items) => {
                items.sort();
                Self::List(items)
            }
            other => other,
        }
    }
}

impl std::fmt::Display for Json {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => out.write_str(word),
            Self::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(out, "[{}]", items.join(","))
            }
            Self::Object(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str())))
                    .collect();
                write!(out, "{{{}}}", items.join(","))
            }
        }
    }
}

/// A number in one spelling where two say the same: `-0` is `0`, and a double needs no exponent and no
/// `.0`. The digits of an exact number are left alone.
fn same_number(word: &str) -> String {
    let is_double =
        word.contains('e') && !["true", "false"].contains(&word) || word.ends_with(".0") && word.len() > 15;
    match word.parse::<f64>() {
        Ok(_) if word == "-0" => "0".to_string(),
        Ok(number) if is_double => number.to_string(),
        _ => word.to_string(),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    text: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// The next byte after space, taken when it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.bytes.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Json {
        self.space();
        match self.bytes.get(self.at) {
            Some(b'"') => Json::Text(self.string()),
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.takes(b']') {
                    items.push(self.value());
                    self.takes(b',');
                }
                Json::List(items)
            }
            Some(b'{') => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.takes(b'}') {
                    self.space();
                    let key = self.string();
                    assert!(self.takes(b':'), "no JSON: {}", self.text);
                    items.push((key, self.value()));
                    self.takes(b',');
                }
                items.sort();
                Json::Object(items)
            }
            _ => {
                let start = self.at;
                let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}:".contains(byte);
                while self.bytes.get(self.at).is_some_and(|byte| !ends(byte)) {
                    self.at += 1;
                }
                assert!(self.at > start, "no JSON: {}", self.text);
                Json::Word(same_number(&self.text[start..self.at]))
            }
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.bytes[self.at] != b'"' {
            self.at += if self.bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_str(&self.text[start..self.at]).unwrap()
    }
}
