//! Random typed expressions: a tree that a grammar grows, that renders as SQL, and that can be made
//! smaller while it still shows a disagreement.

use crate::chance::Chance;

/// What type an expression has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Big,
    Numeric,
    Float,
    Text,
    Uuid,
    Stamp,
    Moment,
    Date,
    Jsonb,
    Texts,
    Ints,
    Mood,
}

/// Every kind: its name in templates and its type in Postgres.
#[rustfmt::skip]
pub const KINDS: &[(Kind, &str, &str)] = &[
    (Kind::Bool,    "bool",    "boolean"),
    (Kind::Int,     "int",     "integer"),
    (Kind::Big,     "big",     "bigint"),
    (Kind::Numeric, "numeric", "numeric"),
    (Kind::Float,   "float",   "double precision"),
    (Kind::Text,    "text",    "text"),
    (Kind::Uuid,    "uuid",    "uuid"),
    (Kind::Stamp,   "stamp",   "timestamptz"),
    (Kind::Moment,  "moment",  "timestamp"),
    (Kind::Date,    "date",    "date"),
    (Kind::Jsonb,   "jsonb",   "jsonb"),
    (Kind::Texts,   "texts",   "text[]"),
    (Kind::Ints,    "ints",    "integer[]"),
    (Kind::Mood,    "mood",    "mood"),
];

impl Kind {
    /// The kind of a name in a template.
    fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, of, _)| *of == name).map(|(kind, ..)| *kind)
    }

    /// The type's name in Postgres.
    pub fn type_name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).unwrap().2
    }
}

/// An expression: text and the expressions between it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub kind: Kind,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Child(Tree),
}

/// What grows expressions of each kind.
pub struct Grammar<'a> {
    /// `(kind, template)`; a template's `{int}` is an expression of that kind.
    pub productions: &'a [(Kind, &'a str)],
    /// Columns in sight, as SQL, by kind.
    pub columns: Vec<(Kind, String)>,
    /// Literals by kind.
    pub literals: &'a [(Kind, &'a [&'a str])],
}

impl Tree {
    /// An expression without inner ones.
    pub fn leaf(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, parts: vec![Part::Text(text.into())] }
    }

    /// A template filled in; braces around anything but a kind are the SQL's own.
    pub fn filled(kind: Kind, template: &str, mut child: impl FnMut(Kind) -> Tree) -> Self {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Text(before.to_string()));
            rest = match after.split_once('}').and_then(|(name, after)| Some((Kind::named(name)?, after))) {
                Some((kind, after)) => {
                    parts.push(Part::Child(child(kind)));
                    after
                }
                None => {
                    parts.push(Part::Text("{".to_string()));
                    after
                }
            };
        }
        parts.push(Part::Text(rest.to_string()));
        Self { kind, parts }
    }

    /// As SQL.
    pub fn sql(&self) -> String {
        let text = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Child(tree) => tree.sql(),
        });
        text.collect()
    }

    /// How many expressions it is made of.
    pub fn size(&self) -> usize {
        1 + self.children().map(Tree::size).sum::<usize>()
    }

    fn children(&self) -> impl Iterator<Item = &Tree> {
        self.parts.iter().filter_map(|part| match part {
            Part::Child(tree) => Some(tree),
            Part::Text(_) => None,
        })
    }

    /// Smaller trees of the same kind: inner expressions in its place, and each child made smaller.
    pub fn smaller(&self) -> Vec<Tree> {
        let mut found: Vec<Tree> = Vec::new();
        self.inner(self.kind, &mut found);
        if self.size() > 1 {
            found.push(Self::leaf(self.kind, format!("(SELECT NULL::{})", self.kind.type_name())));
        }
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Child(child) = part else { continue };
            for smaller in child.smaller() {
                let mut tree = self.clone();
                tree.parts[index] = Part::Child(smaller);
                found.push(tree);
            }
        }
        found
    }

    fn inner(&self, kind: Kind, found: &mut Vec<Tree>) {
        for child in self.children() {
            if child.kind == kind {
                found.push(child.clone());
            }
            child.inner(kind, found);
        }
    }
}

impl Grammar<'_> {
    /// An expression of a kind, at most so deep.
    pub fn grow(&self, chance: &mut Chance, kind: Kind, depth: usize) -> Tree {
        let templates: Vec<&str> =
            self.productions.iter().filter(|(of, _)| *of == kind).map(|(_, template)| *template).collect();
        if depth == 0 || templates.is_empty() || chance.percent(15) {
            return self.leaf(chance, kind);
        }
        let template = *chance.pick(&templates);
        Tree::filled(kind, template, |kind| self.grow(chance, kind, depth - 1))
    }

    fn leaf(&self, chance: &mut Chance, kind: Kind) -> Tree {
        let columns: Vec<&String> =
            self.columns.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name).collect();
        if !columns.is_empty() && chance.percent(65) {
            return Tree::leaf(kind, (*chance.pick(&columns)).clone());
        }
        if chance.percent(4) {
            // In a query of its own, or Postgres folds what has it away, errors and all.
            return Tree::leaf(kind, format!("(SELECT NULL::{})", kind.type_name()));
        }
        let literals = self.literals.iter().find(|(of, _)| *of == kind).map(|(_, texts)| *texts);
        match literals {
            Some(texts) => Tree::leaf(kind, *chance.pick(texts)),
            None => Tree::leaf(kind, format!("NULL::{}", kind.type_name())),
        }
    }
}

/// The smallest tree that still fails, found greedily.
pub fn shrink(mut tree: Tree, mut fails: impl FnMut(&Tree) -> bool) -> Tree {
    let mut patience = 400;
    'again: loop {
        let mut candidates = tree.smaller();
        candidates
            .retain(|candidate| candidate.size() < tree.size() || candidate.sql().len() < tree.sql().len());
        candidates.sort_by_key(Tree::size);
        for candidate in candidates {
            patience -= 1;
            if patience == 0 {
                return tree;
            }
            if fails(&candidate) {
                tree = candidate;
                continue 'again;
            }
        }
        return tree;
    }
}
