//! How Postgres' default parser cuts a text into tokens: words, numbers, hosts, addresses, files, markup.
//!
//! A token's kind is found by trying, at each character, the readings in Postgres' order; a reading that
//! does not come to an end is given up for the next. Positions are indexes into the text's characters.

/// What a token is; only what dictionaries tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters, stemmed: `word`, `asciiword`, `hword` and the parts of one.
    Word,
    /// Numbers, addresses and names, kept as they are but for their case.
    Plain,
    /// Spaces, tags, entities and `http://`: no lexeme.
    Nothing,
}

/// Tokens of a text, in order; a hyphenated word or an address with a path comes whole and in parts.
pub fn tokens(text: &str) -> Vec<(Kind, String)> {
    let reader = Reader { text: text.chars().collect(), wants_host: std::cell::Cell::new(false) };
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < reader.text.len() {
        let token = reader.token(at);
        let end = token.end.max(at + 1);
        let cut =
            |from: usize, to: usize| reader.text.get(from..to).unwrap_or_default().iter().collect::<String>();
        match token.shape {
            Shape::Nothing => {}
            Shape::Word => tokens.push((Kind::Word, cut(at, end))),
            Shape::Plain => tokens.push((Kind::Plain, cut(at, end))),
            Shape::Address { path } => {
                tokens.push((Kind::Plain, cut(at, end)));
                tokens.push((Kind::Plain, cut(at, path)));
                tokens.push((Kind::Plain, cut(path, end)));
            }
            Shape::Hyphenated => {
                let whole = cut(at, end);
                let kind = |part: &str| match part.chars().any(|of| of.is_ascii_digit()) {
                    true => Kind::Plain,
                    false => Kind::Word,
                };
                tokens.push((kind(&whole), whole.clone()));
                tokens.extend(whole.split('-').map(|part| (kind(part), part.to_string())));
            }
        }
        // The hyphen that such a word does not go on after is no sign.
        let is_hyphenated = matches!(token.shape, Shape::Hyphenated);
        at = if is_hyphenated && reader.at(end) == '-' { reader.space(end + 1) } else { end };
    }
    tokens
}

struct Token {
    end: usize,
    shape: Shape,
}

enum Shape {
    Nothing,
    Word,
    Plain,
    /// A host with a path that starts there.
    Address {
        path: usize,
    },
    Hyphenated,
}

impl Token {
    fn plain(end: usize) -> Self {
        Self { end, shape: Shape::Plain }
    }
}

struct Reader {
    text: Vec<char>,
    /// Whether the host of an address is read, in which no other address begins.
    wants_host: std::cell::Cell<bool>,
}

/// Letters of ASCII; `word` for any alphabet.
fn ascii(of: char) -> bool {
    of.is_ascii_alphabetic()
}

fn digit(of: char) -> bool {
    of.is_ascii_digit()
}

fn letter(of: char) -> bool {
    of.is_alphabetic() || is_mark(of)
}

/// Characters without a width, which belong to the letter before.
fn is_mark(of: char) -> bool {
    matches!(u32::from(of), 0x300..=0x36F | 0x483..=0x489 | 0x591..=0x5BD | 0x610..=0x61A | 0x64B..=0x65F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2063 | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

impl Reader {
    fn at(&self, at: usize) -> char {
        // No character of a text is NUL.
        self.text.get(at).copied().unwrap_or('\0')
    }

    fn while_(&self, mut at: usize, fits: impl Fn(char) -> bool) -> usize {
        while at < self.text.len() && fits(self.at(at)) {
            at += 1;
        }
        at
    }

    fn token(&self, at: usize) -> Token {
        let nothing = |end| Token { end, shape: Shape::Nothing };
        let first = self.at(at);
        let found = match first {
            '<' => self.tag(at).map(nothing),
            '&' => self.entity(at).map(nothing),
            '-' | '+' => self.signed(at),
            '~' | '/' => self.file_start(at).map(Token::plain),
            '.' => self.dots(at + 1).map(Token::plain),
            of if ascii(of) => Some(self.ascii_word(at)),
            of if letter(of) && !is_mark(of) => Some(self.word(at, at)),
            of if digit(of) => Some(self.number(at)),
            _ => None,
        };
        found.unwrap_or_else(|| nothing(self.space(at + 1)))
    }

    /// The space between tokens; once in it, points and tildes belong to it.
    fn space(&self, at: usize) -> usize {
        self.while_(at, |of| !(of.is_alphanumeric() || matches!(of, '<' | '-' | '+' | '&' | '/')))
    }

    fn ascii_word(&self, start: usize) -> Token {
        let end = self.while_(start, ascii);
        let next = self.at(end);
        let other = match next {
            '.' => self.host_domain(start, end + 1).or_else(|| self.file_next(end + 1).map(Token::plain)),
            '-' => self.host_label(start, end + 1).or_else(|| self.hyphenated(end + 1, true)),
            '_' => self.host_label(start, end + 1),
            '@' => self.mail_host(end + 1).map(Token::plain),
            ':' if self.at(end + 1) == '/' && self.at(end + 2) == '/' => {
                Some(Token { end: end + 3, shape: Shape::Nothing })
            }
            '/' => self.file_first(end + 1).map(Token::plain),
            of if digit(of) => Some(self.host(start, end).unwrap_or_else(|| self.number_word(end))),
            of if letter(of) => Some(self.word(start, end)),
            _ => None,
        };
        other.unwrap_or(Token { end, shape: Shape::Word })
    }

    /// Letters of any alphabet; from `at` on, of a word that began at `start`.
    fn word(&self, _start: usize, at: usize) -> Token {
        let end = self.while_(at, letter);
        if digit(self.at(end)) {
            return self.number_word(end);
        }
        let hyphenated = if self.at(end) == '-' { self.hyphenated(end + 1, false) } else { None };
        hyphenated.unwrap_or(Token { end, shape: Shape::Word })
    }

    /// Letters and digits.
    fn number_word(&self, at: usize) -> Token {
        let end = self.while_(at, |of| letter(of) || of.is_alphanumeric());
        let other = match self.at(end) {
            '@' => self.mail_host(end + 1).map(Token::plain),
            '/' => self.file_first(end + 1).map(Token::plain),
            '.' => self.file_next(end + 1).map(Token::plain),
            '-' => self.hyphenated_number(end + 1),
            _ => None,
        };
        other.unwrap_or(Token::plain(end))
    }

    fn number(&self, start: usize) -> Token {
        let end = self.while_(start, digit);
        let next = self.at(end);
        let other = match next {
            '.' => self.host_domain(start, end + 1).or_else(|| self.decimal(end + 1)),
            '-' | '_' => self.host_label(start, end + 1),
            '@' => self.mail_host(end + 1).map(Token::plain),
            '/' => self.file_first(end + 1).map(Token::plain),
            of if ascii(of) => {
                let mantissa = if matches!(of, 'e' | 'E') { self.mantissa(end + 1) } else { None };
                let host = mantissa.map(Token::plain).or_else(|| self.host(start, end));
                Some(host.unwrap_or_else(|| self.number_word(end)))
            }
            of if letter(of) => Some(self.number_word(end)),
            _ => None,
        };
        other.unwrap_or(Token::plain(end))
    }

    /// After a number's point: a fraction, or the next part of a version.
    fn decimal(&self, at: usize) -> Option<Token> {
        let end = self.while_(at, digit);
        if end == at {
            return None;
        }
        let version = match self.at(end) {
            '.' => self.version(end + 1),
            'e' | 'E' => self.mantissa(end + 1),
            _ => None,
        };
        Some(Token::plain(version.unwrap_or(end)))
    }

    fn version(&self, at: usize) -> Option<usize> {
        let end = self.while_(at, digit);
        if end == at {
            return None;
        }
        let more = if self.at(end) == '.' { self.version(end + 1) } else { None };
        Some(more.unwrap_or(end))
    }

    fn mantissa(&self, at: usize) -> Option<usize> {
        let at = if matches!(self.at(at), '+' | '-') { at + 1 } else { at };
        let end = self.while_(at, digit);
        (end > at).then_some(end)
    }

    fn signed(&self, at: usize) -> Option<Token> {
        let end = self.while_(at + 1, digit);
        if end == at + 1 {
            return None;
        }
        let more = match self.at(end) {
            '.' => {
                let fraction = self.while_(end + 1, digit);
                // A version has no sign.
                if fraction > end + 1 && self.at(fraction) == '.' && digit(self.at(fraction + 1)) {
                    return None;
                }
                (fraction > end + 1).then(|| match self.at(fraction) {
                    'e' | 'E' => self.mantissa(fraction + 1).unwrap_or(fraction),
                    _ => fraction,
                })
            }
            'e' | 'E' => self.mantissa(end + 1),
            _ => None,
        };
        Some(Token::plain(more.unwrap_or(end)))
    }

    /// After a word's hyphen: the rest of a hyphenated word.
    fn hyphenated(&self, at: usize, only_ascii: bool) -> Option<Token> {
        let first = self.at(at);
        if digit(first) {
            return self.after_digits(at, only_ascii);
        }
        if !letter(first) || is_mark(first) {
            return None;
        }
        let end = self.while_(at, letter);
        if digit(self.at(end)) {
            return Some(self.rest_of_number_word(end));
        }
        let more = if self.at(end) == '-' { self.hyphenated(end + 1, only_ascii) } else { None };
        Some(more.unwrap_or(Token { end, shape: Shape::Hyphenated }))
    }

    /// A part that begins with digits must have a letter.
    fn after_digits(&self, at: usize, _only_ascii: bool) -> Option<Token> {
        let end = self.while_(at, digit);
        letter(self.at(end)).then(|| self.rest_of_number_word(end))
    }

    fn hyphenated_number(&self, at: usize) -> Option<Token> {
        let first = self.at(at);
        if letter(first) && !is_mark(first) {
            return Some(self.rest_of_number_word(at));
        }
        if digit(first) { self.after_digits(at, false) } else { None }
    }

    fn rest_of_number_word(&self, at: usize) -> Token {
        let end = self.while_(at, |of| letter(of) || of.is_alphanumeric());
        let more = if self.at(end) == '-' { self.hyphenated_number(end + 1) } else { None };
        more.unwrap_or(Token { end, shape: Shape::Hyphenated })
    }

    /// After a point: the start of a host's next label.
    fn host_domain(&self, start: usize, at: usize) -> Option<Token> {
        let first = self.at(at);
        if digit(first) {
            return self.host(start, at);
        }
        if !ascii(first) {
            return None;
        }
        match self.at(at + 1) {
            of if ascii(of) => self.host_end(start, at + 1),
            of if digit(of) => self.host(start, at + 1),
            '-' | '_' => self.host_label(start, at + 2),
            '.' => self.host_domain(start, at + 2),
            '@' => self.mail_host(at + 2).map(Token::plain),
            _ => None,
        }
    }

    /// Two letters or more after the last point: it may end here.
    fn host_end(&self, start: usize, at: usize) -> Option<Token> {
        let end = self.while_(at, ascii);
        let other = match self.at(end) {
            of if digit(of) => return self.host(start, end),
            ':' => self.port(end + 1),
            '-' | '_' => self.host_label(start, end + 1),
            '.' => self.host_domain(start, end + 1),
            '@' => self.mail_host(end + 1).map(Token::plain),
            '/' => self.path(end),
            _ => None,
        };
        Some(other.unwrap_or(Token::plain(end)))
    }

    fn port(&self, at: usize) -> Option<Token> {
        let end = self.while_(at, digit);
        if end == at {
            return None;
        }
        let path = if self.at(end) == '/' { self.path(end) } else { None };
        Some(path.unwrap_or(Token::plain(end)))
    }

    /// A path from a slash on.
    fn path(&self, slash: usize) -> Option<Token> {
        let fits = |of: char| {
            of.is_ascii_graphic() && !matches!(of, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
        };
        let first = self.at(slash + 1);
        if !fits(first) {
            return None;
        }
        let end = self.while_(slash + 1, fits);
        Some(Token { end, shape: Shape::Address { path: slash } })
    }

    /// After `-` or `_` inside of a host.
    fn host_label(&self, start: usize, at: usize) -> Option<Token> {
        let first = self.at(at);
        if ascii(first) || digit(first) { self.host(start, at) } else { None }
    }

    /// Inside of a host that may not end yet.
    fn host(&self, start: usize, at: usize) -> Option<Token> {
        let end = self.while_(at, |of| ascii(of) || digit(of));
        match self.at(end) {
            '@' => self.mail_host(end + 1).map(Token::plain),
            '.' => self.host_domain(start, end + 1),
            '-' | '_' => self.host_label(start, end + 1),
            _ => None,
        }
    }

    /// After an at sign: where the host ends.
    fn mail_host(&self, at: usize) -> Option<usize> {
        if self.wants_host.replace(true) {
            return None;
        }
        let host = self.host_label(at, at);
        self.wants_host.set(false);
        match host? {
            Token { end, shape: Shape::Plain } => Some(end),
            Token { shape: Shape::Address { path }, .. } => Some(path),
            _ => None,
        }
    }

    /// After the point or slash that may go on in a file's name.
    fn file_next(&self, at: usize) -> Option<usize> {
        let first = self.at(at);
        (ascii(first) || digit(first) || first == '_').then(|| self.file(at))
    }

    fn file(&self, at: usize) -> usize {
        let end = self.while_(at, |of| ascii(of) || digit(of) || matches!(of, '_' | '-'));
        let more = match self.at(end) {
            '.' => self.file_next(end + 1),
            '/' => self.file_first(end + 1),
            _ => None,
        };
        more.unwrap_or(end)
    }

    /// A token that begins with `/` or `~`.
    fn file_start(&self, at: usize) -> Option<usize> {
        if self.at(at) == '/' {
            return self.file_first(at + 1);
        }
        self.home(at + 1)
    }

    /// After a tilde.
    fn home(&self, at: usize) -> Option<usize> {
        match self.at(at) {
            '/' => self.file_first(at + 1),
            of if ascii(of) || digit(of) || of == '_' => Some(self.file(at)),
            _ => None,
        }
    }

    /// After a slash.
    fn file_first(&self, at: usize) -> Option<usize> {
        match self.at(at) {
            of if ascii(of) || digit(of) || of == '_' => Some(self.file(at)),
            '~' => self.home(at + 1),
            '.' => match self.at(at + 1) {
                of if ascii(of) || digit(of) || of == '_' => Some(self.file(at + 1)),
                _ => self.dots(at + 1),
            },
            _ => None,
        }
    }

    /// After a point at the start: `./` or `../`.
    fn dots(&self, at: usize) -> Option<usize> {
        match self.at(at) {
            '/' => self.file_first(at + 1),
            '.' => match self.at(at + 1) {
                '/' => Some(self.file_first(at + 2).unwrap_or(at + 1)),
                of if of.is_whitespace() || at + 1 >= self.text.len() => Some(at + 1),
                _ => None,
            },
            _ => None,
        }
    }

    /// `<…>` and `<!--…-->`.
    fn tag(&self, at: usize) -> Option<usize> {
        match self.at(at + 1) {
            '/' if ascii(self.at(at + 2)) => {
                let end = self.while_(at + 2, ascii);
                let end = self.while_(end, char::is_whitespace);
                (self.at(end) == '>').then_some(end + 1)
            }
            '!' if self.at(at + 2) == '-' && self.at(at + 3) == '-' => {
                let rest = self.text.get(at + 4..)?;
                let end = rest.windows(3).position(|three| three == ['-', '-', '>'])?;
                Some(at + 4 + end + 3)
            }
            '?' if self.at(at + 2) == 'x' => self.tag_body(at + 2),
            of if ascii(of) => self.tag_body(at + 1),
            _ => None,
        }
    }

    fn tag_body(&self, at: usize) -> Option<usize> {
        let mut at = self.while_(at, ascii);
        loop {
            match self.at(at) {
                '>' => return Some(at + 1),
                quote @ ('"' | '\'') => {
                    let mut end = at + 1;
                    while end < self.text.len() && self.at(end) != quote {
                        end += if self.at(end) == '\\' { 2 } else { 1 };
                    }
                    if end >= self.text.len() {
                        return None;
                    }
                    at = end + 1;
                }
                of if ascii(of) || digit(of) || of.is_whitespace() => at += 1,
                '=' | '-' | '_' | '#' | '/' | ':' | '.' | '&' | '?' | '%' | '~' => at += 1,
                _ => return None,
            }
        }
    }

    /// `&amp;`, `&#160;`, `&#xA0;`.
    fn entity(&self, at: usize) -> Option<usize> {
        let end = match (self.at(at + 1), self.at(at + 2)) {
            ('#', 'x' | 'X') => {
                let end = self.while_(at + 3, |of| of.is_ascii_hexdigit());
                (end > at + 3).then_some(end)?
            }
            ('#', of) if digit(of) => self.while_(at + 2, digit),
            (of, _) if letter(of) || matches!(of, '_' | ':') => {
                self.while_(at + 2, |of| of.is_alphanumeric() || matches!(of, '_' | ':' | '.' | '-'))
            }
            _ => return None,
        };
        (self.at(end) == ';').then_some(end + 1)
    }
}
