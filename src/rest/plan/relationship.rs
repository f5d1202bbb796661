//! How tables relate: found in the catalog's foreign keys, and picked by an embed's target and hint.

use crate::rest::error::{Choice, RestError};
use crate::schema::{Catalog, ForeignKey, Table};

/// A way from one table to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Relationship<'c> {
    /// Whether at most one row is found.
    pub to_one: bool,
    /// Where it leads.
    pub target: &'c Table,
    /// Pairs of columns that are equal: the origin's (or the origin's and the junction's), the target's.
    pub columns: Vec<(&'c str, &'c str)>,
    /// The table in between, when there is one.
    pub junction: Option<Junction<'c>>,
    cardinality: &'static str,
    constraint: &'c str,
    is_self: bool,
}

/// The table in the middle of a many-to-many relationship.
#[derive(Clone, Debug, PartialEq)]
pub struct Junction<'c> {
    /// The table.
    pub table: &'c Table,
    /// Pairs of equal columns: the origin's, the junction's.
    pub origin_columns: Vec<(&'c str, &'c str)>,
    /// Pairs of equal columns: the junction's, the target's.
    pub target_columns: Vec<(&'c str, &'c str)>,
    constraints: (&'c str, &'c str),
}

/// The one relationship from `origin` that target and hint name, within `schema`.
pub fn find<'c>(
    catalog: &'c Catalog,
    schema: &str,
    origin: &'c Table,
    target: &str,
    hint: Option<&str>,
) -> Result<Relationship<'c>, RestError> {
    let all = relationships(catalog, schema, origin);
    let mut fitting: Vec<_> = all.iter().filter(|relationship| relationship.fits(target, hint)).collect();
    if fitting.len() > 1 {
        let target = fitting.first().map_or(target, |found| found.target.name.as_str());
        return Err(RestError::AmbiguousRelationship {
            origin: origin.name.clone(),
            target: target.to_string(),
            choices: fitting.iter().map(|relationship| relationship.choice(origin)).collect(),
        });
    }
    fitting.pop().cloned().ok_or_else(|| RestError::NoRelationship {
        origin: origin.name.clone(),
        target: target.to_string(),
        schema: schema.to_string(),
        hint_name: hint.map(str::to_string),
        closest: super::closest(target, all.iter().map(|relationship| relationship.target))
            .filter(|closest| closest != target),
    })
}

/// Every way from a table to the tables of a schema.
fn relationships<'c>(catalog: &'c Catalog, schema: &str, origin: &'c Table) -> Vec<Relationship<'c>> {
    let mut found = Vec::new();
    for key in &origin.foreign_keys {
        found.extend(
            catalog
                .table(&key.foreign_schema, &key.foreign_table)
                .map(|target| outgoing(origin, key, target)),
        );
    }
    for table in catalog.tables.values() {
        let incoming_keys = table.foreign_keys.iter().filter(|key| leads_to(key, origin));
        found.extend(incoming_keys.map(|key| incoming(origin, key, table)));
        found.extend(through(catalog, origin, table));
    }
    found.retain(|relationship| relationship.target.schema == schema);
    found
}

fn leads_to(key: &ForeignKey, table: &Table) -> bool {
    key.foreign_schema == table.schema && key.foreign_table == table.name
}

/// The origin's own foreign key: many-to-one, or one-to-one when its columns are unique.
fn outgoing<'c>(origin: &'c Table, key: &'c ForeignKey, target: &'c Table) -> Relationship<'c> {
    let cardinality = if is_unique(origin, &key.columns) { "one-to-one" } else { "many-to-one" };
    Relationship {
        to_one: true,
        target,
        columns: pairs(&key.columns, &key.foreign_columns),
        junction: None,
        cardinality,
        constraint: &key.name,
        is_self: leads_to(key, origin),
    }
}

/// Another table's foreign key to the origin, seen from the origin.
fn incoming<'c>(origin: &'c Table, key: &'c ForeignKey, table: &'c Table) -> Relationship<'c> {
    let to_one = is_unique(table, &key.columns);
    Relationship {
        to_one,
        target: table,
        columns: pairs(&key.foreign_columns, &key.columns),
        junction: None,
        cardinality: if to_one { "one-to-one" } else { "one-to-many" },
        constraint: &key.name,
        is_self: table.schema == origin.schema && table.name == origin.name,
    }
}

/// The many-to-many relationships that a table makes: two of its many-to-one keys lie inside its primary key.
fn through<'c>(catalog: &'c Catalog, origin: &'c Table, junction: &'c Table) -> Vec<Relationship<'c>> {
    let primary = junction.primary_key_columns();
    let usable = |key: &&ForeignKey| {
        key.columns.iter().all(|column| primary.contains(column)) && !is_unique(junction, &key.columns)
    };
    let keys: Vec<&ForeignKey> = junction.foreign_keys.iter().filter(usable).collect();
    let mut found = Vec::new();
    for near in keys.iter().filter(|key| leads_to(key, origin)) {
        for far in keys.iter().filter(|key| key.name != near.name) {
            let Some(target) = catalog.table(&far.foreign_schema, &far.foreign_table) else { continue };
            found.push(Relationship {
                to_one: false,
                target,
                columns: Vec::new(),
                junction: Some(Junction {
                    table: junction,
                    origin_columns: pairs(&near.foreign_columns, &near.columns),
                    target_columns: pairs(&far.columns, &far.foreign_columns),
                    constraints: (&near.name, &far.name),
                }),
                cardinality: "many-to-many",
                constraint: "",
                is_self: leads_to(far, origin),
            });
        }
    }
    found
}

/// Whether the columns are exactly those of the primary key or of a unique constraint.
fn is_unique(table: &Table, columns: &[String]) -> bool {
    let same = |of: &[String]| of.len() == columns.len() && of.iter().all(|column| columns.contains(column));
    same(table.primary_key_columns())
        || table.uniques.iter().any(|unique| unique.is_constraint && same(&unique.columns))
}

fn pairs<'c>(left: &'c [String], right: &'c [String]) -> Vec<(&'c str, &'c str)> {
    left.iter().map(String::as_str).zip(right.iter().map(String::as_str)).collect()
}

impl Relationship<'_> {
    /// A target is a table, or (without a hint) the name or single column of the origin's foreign
    /// key; a hint is a foreign key, one of its columns or a junction.
    fn fits(&self, target: &str, hint: Option<&str>) -> bool {
        let to_table = self.target.name == target;
        let single = match self.columns.as_slice() {
            [pair] => Some(*pair),
            _ => None,
        };
        let near = |name: &str| single.is_some_and(|(near, _)| near == name);
        let far = |name: &str| single.is_some_and(|(_, far)| far == name);
        // One key of a table to itself is two relationships: the table's name means the many (of
        // several keys the one with the hint's column), the column's name the one.
        if self.is_self {
            return match hint {
                None => {
                    (to_table && self.cardinality == "one-to-many")
                        || (self.cardinality == "many-to-one" && near(target))
                }
                Some(hint) => to_table && self.cardinality == "one-to-many" && far(hint),
            };
        }
        match hint {
            None => {
                let own_column = self.cardinality != "one-to-many" && near(target);
                to_table || (!self.constraint.is_empty() && self.constraint == target) || own_column
            }
            Some(hint) => {
                let junction = self.junction.as_ref().is_some_and(|junction| junction.table.name == hint);
                to_table && (self.constraint == hint || near(hint) || far(hint) || junction)
            }
        }
    }

    fn choice(&self, origin: &Table) -> Choice {
        let list = |columns: Vec<&str>| columns.join(", ");
        if let Some(junction) = &self.junction {
            let near = list(junction.origin_columns.iter().map(|pair| pair.1).collect());
            let far = list(junction.target_columns.iter().map(|pair| pair.0).collect());
            let name = &junction.table.name;
            let (one, other) = junction.constraints;
            return Choice {
                cardinality: self.cardinality,
                relationship: format!("{name} using {one}({near}) and {other}({far})"),
                hint: name.clone(),
            };
        }
        let near = list(self.columns.iter().map(|pair| pair.0).collect());
        let far = list(self.columns.iter().map(|pair| pair.1).collect());
        Choice {
            cardinality: self.cardinality,
            relationship: format!(
                "{} using {}({near}) and {}({far})",
                self.constraint, origin.name, self.target.name
            ),
            hint: self.constraint.to_string(),
        }
    }
}
