//! A position in a text that is being parsed by recursive descent, and the words all grammars share.

use super::SyntaxError;

/// Where a parser is in its text. Every reading method moves past what it read.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    subject: &'static str,
    text: &'a str,
    rest: &'a str,
}

/// Characters that may stand in an unquoted name besides letters and digits.
const NAME_CHARACTERS: &[char] = &['_', '$', ' ', '\t'];

/// Characters that end an unquoted JSON key.
const KEY_ENDS: &[char] = &['(', '-', ':', '.', ',', '>', ')'];

impl<'a> Cursor<'a> {
    /// At the start of `text`; `subject` is what messages call it: `select parameter`.
    pub fn new(subject: &'static str, text: &'a str) -> Self {
        Self { subject, text, rest: text }
    }

    /// What is still to be read.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next character, not moved past.
    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Moves past `token` if it comes next.
    pub fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Moves past `token`, which must come next.
    pub fn expect(&mut self, token: &str) -> Result<(), SyntaxError> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected(&format!("\"{token}\""))) }
    }

    /// Nothing may be left.
    pub fn expect_end(&self) -> Result<(), SyntaxError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.unexpected_before_end("end of input")) }
    }

    /// Moves past the characters that satisfy the condition and gives them.
    pub fn take_while(&mut self, condition: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !condition(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Moves past spaces and tabs.
    pub fn skip_blanks(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t'));
    }

    /// The error at this place.
    pub fn unexpected(&self, expected: &str) -> SyntaxError {
        self.error_at(
            self.peek().map_or("end of input".to_string(), |found| format!("\"{found}\"")),
            expected,
        )
    }

    /// The same where nothing more may come: upstream's parser quotes the character in another way there.
    pub fn unexpected_before_end(&self, expected: &str) -> SyntaxError {
        self.error_at(self.peek().map_or("end of input".to_string(), |found| format!("'{found}'")), expected)
    }

    fn error_at(&self, found: String, expected: &str) -> SyntaxError {
        let column = self.text.chars().count() - self.rest.chars().count() + 1;
        SyntaxError {
            subject: self.subject,
            text: self.text.to_string(),
            column,
            details: format!("unexpected {found} expecting {expected}"),
        }
    }

    /// A column's, relation's or alias' name: `id`, `first-name`, `"a.b"`.
    pub fn name(&mut self) -> Result<String, SyntaxError> {
        self.skip_blanks();
        if self.peek() == Some('"') {
            let name = self.quoted()?;
            self.skip_blanks();
            return Ok(name);
        }
        let mut name = String::new();
        loop {
            name.push_str(
                self.take_while(|character| {
                    character.is_alphanumeric() || NAME_CHARACTERS.contains(&character)
                }),
            );
            let is_inner_dash = self.peek() == Some('-') && !self.rest.starts_with("->") && !name.is_empty();
            if !is_inner_dash {
                break;
            }
            self.eat("-");
            name.push('-');
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(self.unexpected("field name (* or [a..z0..9_$])"));
        }
        Ok(name.to_string())
    }

    /// Text in double quotes in which `\x` stands for `x`.
    pub fn quoted(&mut self) -> Result<String, SyntaxError> {
        self.expect("\"")?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = self.rest.get(index + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
                plain => text.push(plain),
            }
        }
        self.rest = "";
        Err(self.unexpected("\"\\\"\""))
    }

    /// A key after `->`: digits that end there are an index, anything else is a name.
    pub fn json_key(&mut self) -> Result<super::JsonKey, SyntaxError> {
        if self.peek() == Some('"') {
            return self.quoted().map(super::JsonKey::Name);
        }
        if let Some(index) = self.json_index() {
            return Ok(super::JsonKey::Index(index));
        }
        let start = self.rest;
        self.take_while(|character| !KEY_ENDS.contains(&character));
        if self.rest.len() == start.len() {
            return Err(self.unexpected("\"-\", digit or any non reserved character different from: .,>()"));
        }
        // A dash that is no arrow joins the parts of a name.
        while self.rest.starts_with('-') && !self.rest.starts_with("->") {
            self.eat("-");
            self.take_while(|character| !KEY_ENDS.contains(&character));
        }
        let key = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        Ok(super::JsonKey::Name(key.to_string()))
    }

    fn json_index(&mut self) -> Option<i64> {
        let unsigned = self.rest.strip_prefix('-').unwrap_or(self.rest);
        let digits = unsigned.find(|character: char| !character.is_ascii_digit()).unwrap_or(unsigned.len());
        let length = self.rest.len() - unsigned.len() + digits;
        let (text, rest) = self.rest.split_at_checked(length)?;
        let ends = rest.chars().next().is_none_or(|next| KEY_ENDS.contains(&next));
        let ends = ends && (!rest.starts_with('-') || rest.starts_with("->"));
        let index = text.parse().ok().filter(|_| ends)?;
        self.rest = rest;
        Some(index)
    }
}
