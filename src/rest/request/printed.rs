//! Queries of every form, printed as a client could and parsed again. Only for tests.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::filter::{Logic, Operation, Operator, Quantifier, Truth};
use super::parameters::{Having, Located, Query};
use super::select::{AggregateFunction, AggregateItem, EmbedItem, SelectItem};
use super::{Field, JsonKey, JsonStep, OrderTerm};

/// `PRINTED_CASES` is for a longer run.
fn cases() -> u64 {
    std::env::var("PRINTED_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(5_000)
}

#[test]
fn what_is_printed_is_parsed_to_the_same() {
    for seed in 0..cases() {
        let query = Dice(seed).query();
        let text = printed(&query);
        assert_eq!(Query::parse(&text), Ok(query), "seed {seed}: {text}");
    }
}

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "id", "title", "user_id", "a b", "first-name", "x,y", "p.q", "say \"hi\"", "back\\slash", "ä", "order", "limit", "and", "or",
    "select", "columns", "7", "(", "a:b", "a->b", "sum", "$", "日本",
];

const VALUES: &[&str] = &[
    "",
    "1",
    "a,b",
    ")",
    "\"",
    "\\",
    "{1,2}",
    "{\"a,b\"}",
    " x ",
    "ä&=%+",
    "null",
    "eq.1",
    "(a.eq.1)",
    "not.",
    "%",
    "it's",
];

const TYPES: &[&str] = &["text", "int4", "numeric", "timestamp with time zone", "_int4"];

#[rustfmt::skip]
const QUANTIFIED: &[Operator] = &[
    Operator::Equal, Operator::Greater, Operator::GreaterOrEqual, Operator::Less, Operator::LessOrEqual, Operator::Like,
    Operator::LikeAnyCase, Operator::Match, Operator::MatchAnyCase,
];

#[rustfmt::skip]
const PLAIN: &[Operator] = &[
    Operator::NotEqual, Operator::Distinct, Operator::Contains, Operator::ContainedBy, Operator::Overlaps, Operator::StrictlyLeft,
    Operator::StrictlyRight, Operator::NotRight, Operator::NotLeft, Operator::Adjacent,
];

const SEARCHES: &[Operator] =
    &[Operator::Search, Operator::SearchPlain, Operator::SearchPhrase, Operator::SearchWeb];

const TRUTHS: &[(&str, Truth)] = &[
    ("null", Truth::Null),
    ("not_null", Truth::NotNull),
    ("true", Truth::True),
    ("false", Truth::False),
    ("unknown", Truth::Unknown),
];

const FUNCTIONS: &[AggregateFunction] = &[
    AggregateFunction::Sum,
    AggregateFunction::Average,
    AggregateFunction::Count,
    AggregateFunction::Largest,
    AggregateFunction::Smallest,
];

/// The same numbers for a seed in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(most + 1)).map(|_| one(self)).collect()
    }

    fn maybe<T>(&mut self, one: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.roll(3) == 0 { Some(one(self)) } else { None }
    }

    fn name(&mut self) -> String {
        self.pick(NAMES).to_string()
    }

    fn value(&mut self) -> String {
        self.pick(VALUES).to_string()
    }

    fn query(&mut self) -> Query {
        let names = |dice: &mut Self| {
            let mut names = vec![dice.name()];
            let other = dice.name();
            names.extend(Some(other).filter(|other| *other != names[0]));
            names
        };
        Query {
            select: self.some(4, |dice| dice.item(2)),
            filters: self.some(3, |dice| {
                let value = if dice.roll(3) == 0 { dice.group(2) } else { dice.filter() };
                dice.located(value)
            }),
            having: self.some(1, |dice| {
                let (aggregate, negated, operation) =
                    (dice.bare_aggregate(), dice.roll(2) == 0, dice.operation());
                let having = dice.located(Having { aggregate, negated, operation });
                // `rel.count()` counts a column called rel.
                let path = if having.value.aggregate.field.is_none() { Vec::new() } else { having.path };
                Located { path, ..having }
            }),
            distinct: self.roll(4) == 0,
            orders: self.some(2, |dice| {
                let mut terms = vec![dice.order()];
                terms.extend(dice.some(2, Self::order));
                dice.located(terms)
            }),
            limits: self.some(2, Self::number),
            offsets: self.some(1, Self::number),
            columns: self.maybe(names),
            on_conflict: self.maybe(names),
        }
    }

    fn located<T>(&mut self, value: T) -> Located<T> {
        Located { path: self.some(2, Self::name), value }
    }

    fn number(&mut self) -> Located<i64> {
        let number = self.pick(&[0, 1, -5, i64::MAX, i64::MIN]);
        self.located(number)
    }

    fn item(&mut self, depth: usize) -> SelectItem {
        let cast = |dice: &mut Self| dice.maybe(|dice| dice.pick(TYPES).to_string());
        match self.roll(if depth == 0 { 4 } else { 6 }) {
            0 => SelectItem::Star,
            1 => {
                let alias = self.maybe(Self::name);
                let field = if self.roll(3) == 0 { None } else { Some(self.field()) };
                let function = match field {
                    Some(_) => self.pick(FUNCTIONS),
                    None => AggregateFunction::Count,
                };
                let field_cast = field.is_some().then(|| cast(self)).flatten();
                SelectItem::Aggregate(AggregateItem { alias, field, field_cast, function, cast: cast(self) })
            }
            2 | 3 => {
                SelectItem::Field { alias: self.maybe(Self::name), field: self.field(), cast: cast(self) }
            }
            4 => SelectItem::Spread(EmbedItem { alias: None, ..self.embed(depth) }),
            _ => SelectItem::Embed(self.embed(depth)),
        }
    }

    fn embed(&mut self, depth: usize) -> EmbedItem {
        EmbedItem {
            alias: self.maybe(Self::name),
            target: self.name(),
            hint: self.maybe(Self::name),
            inner: self.roll(2) == 0,
            items: self.some(3, |dice| dice.item(depth - 1)),
        }
    }

    fn field(&mut self) -> Field {
        let step = |dice: &mut Self| {
            let key = match dice.roll(3) {
                0 => JsonKey::Index(dice.pick(&[0, 3, -1])),
                _ => JsonKey::Name(dice.name()),
            };
            JsonStep { as_text: dice.roll(2) == 0, key }
        };
        Field { name: self.name(), json_path: self.some(2, step) }
    }

    fn bare_aggregate(&mut self) -> AggregateItem {
        let field = if self.roll(3) == 0 { None } else { Some(self.field()) };
        let function = match field {
            Some(_) => self.pick(FUNCTIONS),
            None => AggregateFunction::Count,
        };
        AggregateItem { alias: None, field, field_cast: None, function, cast: None }
    }

    fn order(&mut self) -> OrderTerm {
        let aggregate = if self.roll(4) == 0 { Some(self.bare_aggregate()) } else { None };
        let field = match &aggregate {
            Some(AggregateItem { field: Some(field), .. }) => field.clone(),
            Some(_) => Field { name: "count".to_string(), json_path: Vec::new() },
            None => self.field(),
        };
        let embed = if aggregate.is_none() { self.maybe(Self::name) } else { None };
        OrderTerm { embed, field, aggregate, descending: self.roll(2) == 0, nulls_first: self.roll(2) == 0 }
    }

    fn group(&mut self, depth: usize) -> Logic {
        let member = |dice: &mut Self| match dice.roll(4) {
            0 if depth > 0 => dice.group(depth - 1),
            _ => dice.filter(),
        };
        let mut members = vec![member(self)];
        members.extend(self.some(2, member));
        Logic::Group { negated: self.roll(2) == 0, any: self.roll(2) == 0, members }
    }

    fn filter(&mut self) -> Logic {
        Logic::Filter { field: self.field(), negated: self.roll(3) == 0, operation: self.operation() }
    }

    fn operation(&mut self) -> Operation {
        match self.roll(5) {
            0 => Operation::In(self.some(3, Self::value)),
            1 => Operation::Is(self.pick(TRUTHS).1),
            2 => Operation::Search {
                operator: self.pick(SEARCHES),
                configuration: self.maybe(|dice| dice.pick(&["english", "simple"]).to_string()),
                query: self.value(),
            },
            3 => Operation::Compare { operator: self.pick(PLAIN), quantifier: None, value: self.value() },
            _ => Operation::Compare {
                operator: self.pick(QUANTIFIED),
                quantifier: self.maybe(|dice| dice.pick(&[Quantifier::Any, Quantifier::All])),
                value: self.value(),
            },
        }
    }
}

/// A query string that says this.
fn printed(query: &Query) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut add = |key: String, value: String| pairs.push((key, value));
    if !query.select.is_empty() {
        add("select".to_string(), items(&query.select));
    }
    for Located { path, value } in &query.filters {
        match value {
            Logic::Group { negated, any, members } => {
                let word = group_word(*negated, *any);
                add(under(path, word.to_string()), group(members));
            }
            Logic::Filter { field: of, negated, operation } => {
                add(under(path, field(of)), condition(*negated, operation, false));
            }
        }
    }
    for Located { path, value } in &query.having {
        add(under(path, aggregate(&value.aggregate)), condition(value.negated, &value.operation, false));
    }
    if query.distinct {
        add("distinct".to_string(), "true".to_string());
    }
    for Located { path, value } in &query.orders {
        let terms: Vec<String> = value.iter().map(order).collect();
        add(under(path, "order".to_string()), terms.join(","));
    }
    for (word, numbers) in [("limit", &query.limits), ("offset", &query.offsets)] {
        for Located { path, value } in numbers {
            add(under(path, word.to_string()), value.to_string());
        }
    }
    for (word, names) in [("columns", &query.columns), ("on_conflict", &query.on_conflict)] {
        if let Some(names) = names {
            add(word.to_string(), names.iter().map(|of| name(of)).collect::<Vec<_>>().join(","));
        }
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    pairs.join("&")
}

fn under(path: &[String], last: String) -> String {
    path.iter().map(|of| name(of)).chain([last]).collect::<Vec<_>>().join(".")
}

/// In quotes unless it is as plain as can be.
fn name(name: &str) -> String {
    const RESERVED: &[&str] = &["order", "limit", "and", "or", "select", "columns"];
    let plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    if plain && !RESERVED.contains(&name) { name.to_string() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn field(field: &Field) -> String {
    let mut text = name(&field.name);
    for JsonStep { as_text, key } in &field.json_path {
        let arrow = if *as_text { "->>" } else { "->" };
        match key {
            JsonKey::Name(key) => write!(text, "{arrow}{}", quoted(key)).unwrap(),
            JsonKey::Index(index) => write!(text, "{arrow}{index}").unwrap(),
        }
    }
    text
}

fn items(items: &[SelectItem]) -> String {
    let item = |item: &SelectItem| match item {
        SelectItem::Star => "*".to_string(),
        SelectItem::Field { alias, field: of, cast } => {
            format!("{}{}{}", before(alias), field(of), after(cast))
        }
        SelectItem::Aggregate(of) => {
            let AggregateItem { alias, field: inner, field_cast, function, cast } = of;
            let function = function.name();
            let inner =
                inner.as_ref().map_or(String::new(), |of| format!("{}{}.", field(of), after(field_cast)));
            format!("{}{inner}{function}(){}", before(alias), after(cast))
        }
        SelectItem::Embed(of) => format!("{}{}", before(&of.alias), embed(of)),
        SelectItem::Spread(of) => format!("...{}", embed(of)),
    };
    items.iter().map(item).collect::<Vec<_>>().join(",")
}

fn before(alias: &Option<String>) -> String {
    alias.as_ref().map_or(String::new(), |alias| format!("{}:", name(alias)))
}

fn after(cast: &Option<String>) -> String {
    cast.as_ref().map_or(String::new(), |cast| format!("::{cast}"))
}

fn embed(embed: &EmbedItem) -> String {
    let hint = embed.hint.as_ref().map_or(String::new(), |hint| format!("!{}", name(hint)));
    let inner = if embed.inner { "!inner" } else { "" };
    format!("{}{hint}{inner}({})", name(&embed.target), items(&embed.items))
}

fn aggregate(of: &AggregateItem) -> String {
    match &of.field {
        None => "count()".to_string(),
        Some(inner) => format!("{}.{}()", field(inner), of.function.name()),
    }
}

fn order(term: &OrderTerm) -> String {
    let key = match (&term.embed, &term.aggregate) {
        (Some(embed), _) => format!("{}({})", name(embed), field(&term.field)),
        (None, Some(of)) => aggregate(of),
        (None, None) => field(&term.field),
    };
    let direction = if term.descending { ".desc" } else { ".asc" };
    let nulls = if term.nulls_first { ".nullsfirst" } else { ".nullslast" };
    format!("{key}{direction}{nulls}")
}

fn group_word(negated: bool, any: bool) -> &'static str {
    match (negated, any) {
        (false, false) => "and",
        (false, true) => "or",
        (true, false) => "not.and",
        (true, true) => "not.or",
    }
}

fn group(members: &[Logic]) -> String {
    let member = |member: &Logic| match member {
        Logic::Group { negated, any, members } => format!("{}{}", group_word(*negated, *any), group(members)),
        Logic::Filter { field: of, negated, operation } => {
            format!("{}.{}", field(of), condition(*negated, operation, true))
        }
    };
    format!("({})", members.iter().map(member).collect::<Vec<_>>().join(","))
}

fn condition(negated: bool, operation: &Operation, in_tree: bool) -> String {
    let value = |text: &str| if in_tree { quoted(text) } else { text.to_string() };
    let negation = if negated { "not." } else { "" };
    let operation = match operation {
        Operation::In(values) => {
            format!("in.({})", values.iter().map(|of| quoted(of)).collect::<Vec<_>>().join(","))
        }
        Operation::Is(truth) => {
            let word = TRUTHS.iter().find(|(_, of)| of == truth).map_or("", |(word, _)| word);
            format!("is.{word}")
        }
        Operation::Search { operator, configuration, query } => {
            let configuration = configuration.as_ref().map_or(String::new(), |of| format!("({of})"));
            format!("{}{configuration}.{}", operator.word(), value(query))
        }
        Operation::Compare { operator, quantifier, value: of } => {
            let quantifier = match quantifier {
                None => "",
                Some(Quantifier::Any) => "(any)",
                Some(Quantifier::All) => "(all)",
            };
            format!("{}{quantifier}.{}", operator.word(), value(of))
        }
    };
    format!("{negation}{operation}")
}
