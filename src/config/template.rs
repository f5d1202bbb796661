//! Text with variables, in the notation of Go's templates: `{{ .Email }}`, `{{ .Data.name }}`.
//!
//! Variables only: a template with any other action is refused when the settings are read, so that
//! no mail goes out with half of it missing.

use serde_json::Value;

/// A parsed template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// `.Data.name` → `/Data/name`, a JSON pointer.
    Variable(String),
}

/// The variables of GoTrue's mails.
const VARIABLES: &[&str] = &[
    "SiteURL",
    "ConfirmationURL",
    "Email",
    "NewEmail",
    "SendingTo",
    "Token",
    "TokenHash",
    "RedirectTo",
    "Data",
    "OldEmail",
    "Phone",
    "OldPhone",
    "Provider",
    "FactorType",
];

impl Template {
    /// Reads a mail's template, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_with(text, VARIABLES)
    }

    /// The same of a text with variables of its own.
    pub fn parse_with(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (action, after) = after.split_once("}}").ok_or("a {{ without its }}")?;
            pieces.push(Piece::Text(before.to_string()));
            pieces.push(Piece::Variable(variable(action.trim(), known)?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_string()));
        Ok(Self(pieces))
    }

    /// The text with its variables filled in as they are.
    pub fn to_text(&self, variables: &Value) -> String {
        self.render(variables, str::to_string)
    }

    /// The text as HTML: what is filled in cannot become markup.
    pub fn to_html(&self, variables: &Value) -> String {
        self.render(variables, escape_html)
    }

    fn render(&self, variables: &Value, escape: impl Fn(&str) -> String) -> String {
        let render = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Variable(pointer) => match variables.pointer(pointer) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => escape(text),
                Some(other) => escape(&other.to_string()),
            },
        };
        self.0.iter().map(render).collect()
    }
}

fn variable(action: &str, variables: &[&str]) -> Result<String, String> {
    let refused = || format!("{{{{ {action} }}}} is no variable; known are {}", variables.join(", "));
    let path = action.strip_prefix('.').ok_or_else(refused)?;
    let mut names = path.split('.');
    let first = names.next().unwrap_or_default();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let rest: Vec<&str> = names.collect();
    let known = variables.contains(&first) && rest.iter().all(|name| is_name(name));
    if !known || (first != "Data" && !rest.is_empty()) {
        return Err(refused());
    }
    Ok(format!("/{}", path.replace('.', "/")))
}

/// Text that stands for itself in HTML, in attributes too.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn variables_are_filled_in_and_cannot_become_markup() {
        let variables = json!({"Email": "a@b.c", "Data": {"name": "<b>&\"", "age": 7, "nothing": null}});
        let rows = [
            ("plain", "plain"),
            ("to {{ .Email }}!", "to a@b.c!"),
            ("{{.Email}}{{.Email}}", "a@b.ca@b.c"),
            ("{{ .Data.name }}", "&lt;b&gt;&amp;&#34;"),
            ("{{ .Data.age }} {{ .Data.nothing }}{{ .Data.absent }}{{ .Token }}", "7 "),
        ];
        for (text, expected) in rows {
            assert_eq!(Template::parse(text).unwrap().to_html(&variables), expected, "{text}");
        }
        let subject = Template::parse("{{ .Data.name }}").unwrap();
        assert_eq!(subject.to_text(&variables), "<b>&\"");
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in [
            "{{ if .Email }}",
            "{{ .Emial }}",
            "{{ Email }}",
            "{{ .Email",
            "{{}}",
            "{{ .Email.x }}",
            "{{ .Data..x }}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
