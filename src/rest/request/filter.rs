//! Filters: `col=not.in.(1,2)`, `or=(a.eq.1,and(b.gt.2,c.is.null))`.

use super::cursor::Cursor;
use super::select::json_path;
use super::{Field, SyntaxError};

/// A condition on rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Logic {
    /// `and(…)`, `or(…)`, with at least one member.
    Group {
        /// `not.and(…)`.
        negated: bool,
        /// `or(…)` rather than `and(…)`.
        any: bool,
        /// What is combined.
        members: Vec<Logic>,
    },
    /// `col.op.value`.
    Filter {
        /// The left side.
        field: Field,
        /// `not.`.
        negated: bool,
        /// The rest.
        operation: Operation,
    },
}

/// An operator and its right side, as sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Any operator with one value.
    Compare {
        /// The operator.
        operator: Operator,
        /// `(any)` or `(all)`: the value is an array literal.
        quantifier: Option<Quantifier>,
        /// The value.
        value: String,
    },
    /// `fts`, `plfts`, `phfts`, `wfts`.
    Search {
        /// Which of them.
        operator: Operator,
        /// `(english)`: the text search configuration.
        configuration: Option<String>,
        /// The query.
        query: String,
    },
    /// `in.(…)`.
    In(Vec<String>),
    /// `is.…`.
    Is(Truth),
}

/// What to do with each element of an array literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// One must match.
    Any,
    /// Each must match.
    All,
}

/// What `is` compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// `null`.
    Null,
    /// `not_null`.
    NotNull,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `unknown`.
    Unknown,
}

/// An operator with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub enum Operator {
    Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual, Distinct,
    Like, LikeAnyCase, Match, MatchAnyCase,
    Contains, ContainedBy, Overlaps,
    StrictlyLeft, StrictlyRight, NotRight, NotLeft, Adjacent,
    Search, SearchPlain, SearchPhrase, SearchWeb,
}

/// Each operator: its word, and whether it takes `(any)` and `(all)`.
#[rustfmt::skip]
const OPERATORS: &[(&str, Operator, bool)] = &[
    ("eq",         Operator::Equal,          true),
    ("neq",        Operator::NotEqual,       false),
    ("gt",         Operator::Greater,        true),
    ("gte",        Operator::GreaterOrEqual, true),
    ("lt",         Operator::Less,           true),
    ("lte",        Operator::LessOrEqual,    true),
    ("isdistinct", Operator::Distinct,       false),
    ("like",       Operator::Like,           true),
    ("ilike",      Operator::LikeAnyCase,    true),
    ("match",      Operator::Match,          true),
    ("imatch",     Operator::MatchAnyCase,   true),
    ("cs",         Operator::Contains,       false),
    ("cd",         Operator::ContainedBy,    false),
    ("ov",         Operator::Overlaps,       false),
    ("sl",         Operator::StrictlyLeft,   false),
    ("sr",         Operator::StrictlyRight,  false),
    ("nxr",        Operator::NotRight,       false),
    ("nxl",        Operator::NotLeft,        false),
    ("adj",        Operator::Adjacent,       false),
    ("fts",        Operator::Search,         false),
    ("plfts",      Operator::SearchPlain,    false),
    ("phfts",      Operator::SearchPhrase,   false),
    ("wfts",       Operator::SearchWeb,      false),
];

const TRUTHS: &[(&str, Truth)] = &[
    ("not_null", Truth::NotNull),
    ("null", Truth::Null),
    ("true", Truth::True),
    ("false", Truth::False),
    ("unknown", Truth::Unknown),
];

impl Operator {
    /// Whether it searches text.
    pub fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchPlain | Self::SearchPhrase | Self::SearchWeb)
    }

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator, _)| *operator == self).map_or("", |(word, _, _)| word)
    }
}

/// How deep `and(or(and(…` may nest.
const DEEPEST: usize = 30;

/// Where a value ends.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    /// `col=op.value`: at the end of the text, nothing quotes.
    Parameter,
    /// `or=(col.op.value,…)`: at a comma or parenthesis.
    Tree,
}

/// The value of a `col=…` parameter.
pub fn parse_filter(field: Field, text: &str) -> Result<Logic, SyntaxError> {
    let mut cursor = Cursor::new("filter", text);
    let negated = cursor.eat("not.");
    let operation = operation(&mut cursor, negated, Within::Parameter)?;
    cursor.expect_end()?;
    Ok(Logic::Filter { field, negated, operation })
}

/// The value of an `and=(…)` or `or=(…)` parameter.
pub fn parse_logic(negated: bool, any: bool, text: &str) -> Result<Logic, SyntaxError> {
    let mut cursor = Cursor::new("logic tree", text);
    // Upstream counts the columns with the parameter's name before the value.
    let name = if negated { 4 } else { 0 } + if any { 2 } else { 3 };
    let counted = |error: SyntaxError| SyntaxError { column: error.column + name, ..error };
    let members = members(&mut cursor, 0).map_err(counted)?;
    cursor.skip_blanks();
    cursor.expect_end().map_err(counted)?;
    Ok(Logic::Group { negated, any, members })
}

fn members(cursor: &mut Cursor<'_>, depth: usize) -> Result<Vec<Logic>, SyntaxError> {
    if depth == DEEPEST {
        return Err(cursor.unexpected("conditions less deep"));
    }
    cursor.skip_blanks();
    cursor.expect("(")?;
    let mut members = Vec::new();
    loop {
        cursor.skip_blanks();
        members.push(member(cursor, depth)?);
        cursor.skip_blanks();
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(members)
}

fn member(cursor: &mut Cursor<'_>, depth: usize) -> Result<Logic, SyntaxError> {
    for (word, negated, any) in
        [("not.and", true, false), ("not.or", true, true), ("and", false, false), ("or", false, true)]
    {
        let after = cursor.rest().strip_prefix(word);
        if after.is_some_and(|after| after.trim_start_matches([' ', '\t']).starts_with('(')) {
            cursor.expect(word)?;
            return Ok(Logic::Group { negated, any, members: members(cursor, depth + 1)? });
        }
    }
    let start = *cursor;
    let name = cursor.name().map_err(|error| {
        let nothing = start.unexpected(
            "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)",
        );
        if error.column == nothing.column { nothing } else { error }
    })?;
    let field = Field { name, json_path: json_path(cursor)? };
    cursor.expect(".")?;
    let negated = cursor.eat("not.");
    let operation = operation(cursor, negated, Within::Tree)?;
    Ok(Logic::Filter { field, negated, operation })
}

fn operation(cursor: &mut Cursor<'_>, negated: bool, within: Within) -> Result<Operation, SyntaxError> {
    if cursor.eat("in.") {
        cursor.skip_blanks();
        cursor.expect("(")?;
        return list(cursor).map(Operation::In);
    }
    if cursor.eat("is.") {
        return truth(cursor, within).map(Operation::Is);
    }
    let start = *cursor;
    let word = cursor.take_while(|character| character.is_ascii_alphabetic());
    let Some((_, operator, quantifies)) = OPERATORS.iter().find(|(known, _, _)| *known == word) else {
        return Err(start.unexpected(match negated {
            true => "operator (eq, gt, ...)",
            false => "\"not\" or operator (eq, gt, ...)",
        }));
    };
    let quantifier = quantifier(cursor, *quantifies);
    let configuration = configuration(cursor, *operator)?;
    cursor.expect(".")?;
    let value = match within {
        Within::Parameter => cursor.take_while(|_| true).to_string(),
        Within::Tree => tree_value(cursor)?,
    };
    if operator.is_search() {
        return Ok(Operation::Search { operator: *operator, configuration, query: value });
    }
    Ok(Operation::Compare { operator: *operator, quantifier, value })
}

/// `(any)` and `(all)`.
fn quantifier(cursor: &mut Cursor<'_>, quantifies: bool) -> Option<Quantifier> {
    if quantifies && cursor.eat("(any)") {
        return Some(Quantifier::Any);
    }
    (quantifies && cursor.eat("(all)")).then_some(Quantifier::All)
}

/// A text search's `(english)`.
fn configuration(cursor: &mut Cursor<'_>, operator: Operator) -> Result<Option<String>, SyntaxError> {
    if !operator.is_search() || !cursor.eat("(") {
        return Ok(None);
    }
    let name = cursor.take_while(|character| character != ')').to_string();
    cursor.expect(")")?;
    Ok(Some(name))
}

fn truth(cursor: &mut Cursor<'_>, within: Within) -> Result<Truth, SyntaxError> {
    let start = *cursor;
    let word = match within {
        Within::Parameter => cursor.take_while(|_| true),
        Within::Tree => cursor.take_while(|character| !matches!(character, ',' | ')')),
    };
    let known = TRUTHS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
    known.map(|(_, truth)| *truth).ok_or_else(|| start.unexpected("null, not_null, true, false or unknown"))
}

/// The items up to and with the closing parenthesis; `()` is no item at all.
fn list(cursor: &mut Cursor<'_>) -> Result<Vec<String>, SyntaxError> {
    cursor.skip_blanks();
    if cursor.eat(")") {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    loop {
        items.push(item(cursor));
        if !cursor.eat(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(items)
}

/// Raw up to a comma or parenthesis, or in quotes that end right before one.
fn item(cursor: &mut Cursor<'_>) -> String {
    quoted_item(cursor)
        .unwrap_or_else(|| cursor.take_while(|character| !matches!(character, ',' | ')')).to_string())
}

fn quoted_item(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = Cursor::new("", cursor.rest());
    let text = ahead.quoted().ok()?;
    if !matches!(ahead.peek(), None | Some(',' | ')')) {
        return None;
    }
    let length = cursor.rest().len() - ahead.rest().len();
    let read = cursor.rest().get(..length)?;
    cursor.eat(read);
    Some(text)
}

/// An [`item`], or an array literal `{a,b}` taken whole.
fn tree_value(cursor: &mut Cursor<'_>) -> Result<String, SyntaxError> {
    if cursor.peek() != Some('{') {
        return Ok(item(cursor));
    }
    let inner = cursor.take_while(|character| character != '}');
    cursor.expect("}")?;
    Ok(format!("{inner}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Field {
        Field { name: name.into(), json_path: Vec::new() }
    }

    fn compare(operator: Operator, value: &str) -> Operation {
        Operation::Compare { operator, quantifier: None, value: value.into() }
    }

    #[test]
    fn parameters_parse() {
        let rows = [
            ("eq.a,b)", false, compare(Operator::Equal, "a,b)")),
            ("not.eq.", true, compare(Operator::Equal, "")),
            (
                "in.(1,\"a,b\",\"c\\\"d\",)",
                false,
                Operation::In(vec!["1".into(), "a,b".into(), "c\"d".into(), String::new()]),
            ),
            ("in.()", false, Operation::In(Vec::new())),
            ("is.NULL", false, Operation::Is(Truth::Null)),
            ("is.not_null", false, Operation::Is(Truth::NotNull)),
            (
                "fts(english).cat",
                false,
                Operation::Search {
                    operator: Operator::Search,
                    configuration: Some("english".into()),
                    query: "cat".into(),
                },
            ),
        ];
        for (text, negated, operation) in rows {
            let expected = Logic::Filter { field: field("x"), negated, operation };
            assert_eq!(parse_filter(field("x"), text), Ok(expected), "{text}");
        }
        for text in ["", "eq", "foo.1", "is.maybe", "in.(1", "in.1", "neq(any).{1}", "not.not.eq.1"] {
            assert!(parse_filter(field("x"), text).is_err(), "{text}");
        }
    }

    #[test]
    fn trees_parse() {
        let leaf = |name: &str, operation| Logic::Filter { field: field(name), negated: false, operation };
        let text = "(a.eq.\"x,y\", and(b.cs.{1,2},c.in.(3,4)) ,not.or(d.is.null))";
        let expected = Logic::Group {
            negated: false,
            any: true,
            members: vec![
                leaf("a", compare(Operator::Equal, "x,y")),
                Logic::Group {
                    negated: false,
                    any: false,
                    members: vec![
                        leaf("b", compare(Operator::Contains, "{1,2}")),
                        leaf("c", Operation::In(vec!["3".into(), "4".into()])),
                    ],
                },
                Logic::Group {
                    negated: true,
                    any: true,
                    members: vec![leaf("d", Operation::Is(Truth::Null))],
                },
            ],
        };
        assert_eq!(parse_logic(false, true, text), Ok(expected));
        for text in ["", "()", "(a)", "(a.eq.1", "(a.eq.1))", "a.eq.1"] {
            assert!(parse_logic(false, false, text).is_err(), "{text}");
        }
    }
}
