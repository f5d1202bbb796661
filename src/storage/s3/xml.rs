//! XML as S3 speaks it: writing answers, and reading the few bodies that clients send.
//!
//! A reader for elements and text alone. Declarations of document types are refused: nothing of ours needs entities of their own.

use super::S3Error;

/// The namespace of S3's answers.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The deepest that elements may nest.
const DEEPEST: usize = 16;

/// A document being written.
pub struct Xml {
    text: String,
    root: &'static str,
}

impl Xml {
    /// With this root.
    pub fn new(root: &'static str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">");
        Self { text, root }
    }

    /// The root without a namespace, as errors have it.
    pub fn bare(root: &'static str) -> Self {
        Self { text: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>"), root }
    }

    /// An element with text.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.text += &format!("<{name}>{}</{name}>", escaped(value.as_ref()));
        self
    }

    /// An element if there is text for it.
    #[must_use]
    pub fn optional(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// An element with elements.
    #[must_use]
    pub fn element(mut self, name: &str, fill: impl FnOnce(Self) -> Self) -> Self {
        self.text += &format!("<{name}>");
        self = fill(self);
        self.text += &format!("</{name}>");
        self
    }

    /// Elements for each of several things.
    #[must_use]
    pub fn each<T>(self, items: impl IntoIterator<Item = T>, fill: impl Fn(Self, T) -> Self) -> Self {
        items.into_iter().fold(self, fill)
    }

    /// The document.
    pub fn finish(mut self) -> String {
        self.text += &format!("</{}>", self.root);
        self.text
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\r' => out += "&#13;",
            character => out.push(character),
        }
    }
    out
}

/// An element that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    /// Its name without a prefix.
    pub name: String,
    /// Its own text.
    pub text: String,
    /// What it contains.
    pub children: Vec<Element>,
}

impl Element {
    /// The root element of a document.
    pub fn parse(document: &str) -> Result<Self, S3Error> {
        let mut open: Vec<Self> = vec![Self::default()];
        let mut rest = document.trim_start_matches('\u{feff}');
        while !rest.is_empty() {
            let (text, markup) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            if let Some(element) = open.last_mut() {
                element.text += &unescaped(text)?;
            }
            rest = markup_end(markup, &mut open)?;
        }
        let [document] = open.as_mut_slice() else { return Err(S3Error::MalformedXml) };
        match document.children.as_mut_slice() {
            [root] if document.text.trim().is_empty() => Ok(std::mem::take(root)),
            _ => Err(S3Error::MalformedXml),
        }
    }

    /// The text of the first child of that name.
    pub fn child(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }

    /// All children of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Reads one piece of markup, and gives what follows it.
fn markup_end<'a>(markup: &'a str, open: &mut Vec<Element>) -> Result<&'a str, S3Error> {
    let behind = |start: &str, end: &str| {
        let body = markup.strip_prefix(start)?;
        body.find(end).and_then(|at| Some((body.get(..at)?, body.get(at + end.len()..)?)))
    };
    if markup.is_empty() {
        return Ok(markup);
    }
    if let Some((_, rest)) = behind("<?", "?>").or_else(|| behind("<!--", "-->")) {
        return Ok(rest);
    }
    if let Some((text, rest)) = behind("<![CDATA[", "]]>") {
        open.last_mut().ok_or(S3Error::MalformedXml)?.text += text;
        return Ok(rest);
    }
    if let Some((name, rest)) = behind("</", ">") {
        let element = open.pop().filter(|element| element.name == local(name));
        let element = element.ok_or(S3Error::MalformedXml)?;
        open.last_mut().ok_or(S3Error::MalformedXml)?.children.push(element);
        return Ok(rest);
    }
    let (tag, rest) =
        behind("<", ">").filter(|(tag, _)| !tag.starts_with('!')).ok_or(S3Error::MalformedXml)?;
    let (tag, is_empty) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let name = local(tag.split_whitespace().next().unwrap_or_default());
    if name.is_empty() || open.len() > DEEPEST {
        return Err(S3Error::MalformedXml);
    }
    let element = Element { name: name.to_string(), ..Element::default() };
    if is_empty {
        open.last_mut().ok_or(S3Error::MalformedXml)?.children.push(element);
    } else {
        open.push(element);
    }
    Ok(rest)
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.trim().rsplit(':').next().unwrap_or_default()
}

fn unescaped(text: &str) -> Result<String, S3Error> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or(S3Error::MalformedXml)?;
        let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            name => match (name.strip_prefix("#x"), name.strip_prefix('#')) {
                (Some(digits), _) => code(digits, 16),
                (None, Some(digits)) => code(digits, 10),
                _ => None,
            },
        };
        out.push(character.ok_or(S3Error::MalformedXml)?);
        out += rest;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let text = Xml::new("List")
            .text("Name", "a<b>&\"c\"")
            .element("Items", |xml| xml.each([1, 2], |xml, item| xml.text("Item", item.to_string())))
            .optional("None", None::<&str>)
            .finish();
        let list = Element::parse(&text).unwrap();
        assert_eq!(list.child("Name"), Some("a<b>&\"c\""));
        let items = &list.all("Items").next().unwrap().children;
        assert_eq!(items.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn clients_bodies_are_read_and_others_refused() {
        let body = "<?xml version=\"1.0\"?><!-- x --><ns:Delete xmlns:ns=\"u\"><Object><Key>a&#38;&#x62;<![CDATA[<c>]]></Key></Object><Quiet/></ns:Delete>\n";
        let root = Element::parse(body).unwrap();
        assert_eq!((root.name.as_str(), root.child("Quiet")), ("Delete", Some("")));
        assert_eq!(root.all("Object").next().unwrap().child("Key"), Some("a&b<c>"));
        let deep = "<a>".repeat(50);
        for body in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<!DOCTYPE a><a/>",
            "<a>&x;</a>",
            "<a>&</a>",
            "<",
            "<>",
            &deep,
        ] {
            assert_eq!(Element::parse(body), Err(S3Error::MalformedXml), "{body}");
        }
    }
}
