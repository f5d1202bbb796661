//! How tables and views relate: found in the catalog's foreign keys, which are seen through the views that have their
//! columns, and picked by an embed's target and hint.

use super::closest::{LIKE_ENOUGH, closest};
use crate::rest::error::{Choice, Meant, RestError};
use crate::schema::{Catalog, ForeignKey, Returns, Routine, RoutineType, Table};

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
    /// The function that gives the target's rows for one of the origin, and the origin; `None` for keys.
    pub call: Option<(&'c Routine, &'c Table)>,
    target_is_view: bool,
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

/// The one relationship from `origin` that target and hint name, within `schema`, through junctions of the exposed schemas.
pub fn find<'c>(
    catalog: &'c Catalog,
    schema: &str,
    exposed: &[String],
    origin: &'c Table,
    target: &str,
    hint: Option<&str>,
) -> Result<Relationship<'c>, RestError> {
    if let Some(relationship) = computed(catalog, schema, origin, target) {
        return Ok(relationship);
    }
    let references = references(catalog);
    let all = relationships(catalog, &references, (schema, exposed), origin);
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
        closest: meant(catalog, &references, (schema, exposed), origin, target, &all).map(Box::new),
    })
}

/// What may have been meant: a relation beside the origin, or of an origin without any, another one that has some.
fn meant(
    catalog: &Catalog,
    references: &[Reference<'_>],
    within: (&str, &[String]),
    origin: &Table,
    target: &str,
    all: &[Relationship<'_>],
) -> Option<Meant> {
    // One whose relationships all lead elsewhere is known too.
    let is_known = |reference: &Reference<'_>| {
        same(reference.from.relation, origin) || same(reference.to.relation, origin)
    };
    if !all.is_empty() || references.iter().any(is_known) {
        let names = all.iter().map(|relationship| relationship.target.name.as_str());
        let found = closest(target, names, LIKE_ENOUGH);
        let found = found.first().filter(|(score, _)| *score < 1.0)?;
        return Some(Meant { name: found.1.to_string(), instead_of: target.to_string() });
    }
    let has_some = |table: &&Table| {
        table.schema == within.0 && !relationships(catalog, references, within, table).is_empty()
    };
    let names = catalog.relations().filter(has_some).map(|table| table.name.as_str());
    let found = closest(&origin.name, names, LIKE_ENOUGH);
    Some(Meant { name: found.first()?.1.to_string(), instead_of: origin.name.clone() })
}

/// The relationship that a function of the origin's rows makes, which comes before those of keys.
fn computed<'c>(
    catalog: &'c Catalog,
    schema: &str,
    origin: &'c Table,
    name: &str,
) -> Option<Relationship<'c>> {
    let leads = |routine: &'c Routine| {
        let mut inputs = routine.inputs();
        let (Some(one), None) = (inputs.next(), inputs.next()) else { return None };
        let RoutineType::Row(from) = &one.data_type else { return None };
        let (of, to_one) = match &routine.returns {
            Returns::Set(RoutineType::Row(of)) => (of, routine.rows == Some(1)),
            Returns::One(RoutineType::Row(of)) => (of, true),
            _ => return None,
        };
        let is_origin = catalog.row_type(from).is_some_and(|from| same(from, origin));
        let target = catalog.row_type(of).filter(|_| is_origin)?;
        Some(Relationship {
            to_one,
            target,
            target_is_view: false,
            columns: Vec::new(),
            junction: None,
            call: Some((routine, origin)),
            cardinality: if to_one { "many-to-one" } else { "one-to-many" },
            constraint: &routine.name,
            is_self: false,
        })
    };
    catalog.routines_named(schema, name).find_map(leads)
}

/// A foreign key as it is seen between two relations, each the table itself or a view that has its columns.
#[derive(Clone)]
struct Reference<'c> {
    key: &'c ForeignKey,
    /// Whether the key's columns are unique in their table.
    is_unique: bool,
    from: Face<'c>,
    to: Face<'c>,
}

/// A table, or a view of it, and what some of the table's columns are called there.
#[derive(Clone)]
struct Face<'c> {
    relation: &'c Table,
    columns: Vec<&'c str>,
    is_view: bool,
}

/// Every way from a relation to the relations of a schema, where a junction may be in any that is exposed.
fn relationships<'c>(
    catalog: &'c Catalog,
    references: &[Reference<'c>],
    (schema, exposed): (&str, &[String]),
    origin: &'c Table,
) -> Vec<Relationship<'c>> {
    let is_origin = |face: &Face<'c>| same(face.relation, origin);
    let outgoing = references.iter().filter(|reference| is_origin(&reference.from));
    let mut found: Vec<Relationship<'c>> = outgoing.map(Reference::outgoing).collect();
    for relation in catalog.relations() {
        let its = || references.iter().filter(|reference| same(reference.from.relation, relation));
        let to_origin = || its().filter(|reference| is_origin(&reference.to));
        found.extend(to_origin().map(Reference::incoming));
        if !exposed.contains(&relation.schema) {
            continue;
        }
        for near in to_origin() {
            found.extend(its().filter_map(|far| through(near, far)));
        }
    }
    found.retain(|relationship| relationship.target.schema == schema);
    found
}

/// Every foreign key between all the faces of its two tables.
fn references(catalog: &Catalog) -> Vec<Reference<'_>> {
    let mut references = Vec::new();
    for table in catalog.tables.values() {
        for key in &table.foreign_keys {
            let Some(target) = catalog.table(&key.foreign_schema, &key.foreign_table) else { continue };
            let is_unique = is_unique(table, &key.columns);
            let targets = faces(catalog, target, &key.foreign_columns);
            for from in faces(catalog, table, &key.columns) {
                for to in &targets {
                    references.push(Reference { key, is_unique, from: from.clone(), to: to.clone() });
                }
            }
        }
    }
    references
}

/// The table, and the views that have all of these columns of it: as often as they have them, in every combination.
fn faces<'c>(catalog: &'c Catalog, table: &'c Table, columns: &'c [String]) -> Vec<Face<'c>> {
    let own = columns.iter().map(String::as_str).collect();
    let mut faces = vec![Face { relation: table, columns: own, is_view: false }];
    if catalog.views.is_empty() {
        return faces;
    }
    let origin = crate::schema::origin_name(table);
    for view in catalog.views.values().filter(|view| !view.partition) {
        let mut combinations: Vec<Vec<&'c str>> = vec![Vec::new()];
        for column in columns {
            let named = view.columns_of(&origin, column).into_iter();
            combinations = named
                .flat_map(|name| combinations.iter().map(move |before| [before.as_slice(), &[name]].concat()))
                .collect();
        }
        let Some(relation) = catalog.relation(&view.table.schema, &view.table.name) else { continue };
        faces.extend(combinations.into_iter().map(|columns| Face { relation, columns, is_view: true }));
    }
    faces
}

fn same(one: &Table, other: &Table) -> bool {
    one.name == other.name && one.schema == other.schema
}

impl<'c> Reference<'c> {
    /// Seen from the referring side: many-to-one, or one-to-one when its columns are unique.
    fn outgoing(&self) -> Relationship<'c> {
        Relationship {
            to_one: true,
            target: self.to.relation,
            target_is_view: self.to.is_view,
            columns: pairs(&self.from.columns, &self.to.columns),
            junction: None,
            call: None,
            cardinality: if self.is_unique { "one-to-one" } else { "many-to-one" },
            constraint: &self.key.name,
            is_self: same(self.from.relation, self.to.relation),
        }
    }

    /// Seen from the other side.
    fn incoming(&self) -> Relationship<'c> {
        Relationship {
            to_one: self.is_unique,
            target: self.from.relation,
            target_is_view: self.from.is_view,
            columns: pairs(&self.to.columns, &self.from.columns),
            junction: None,
            call: None,
            cardinality: if self.is_unique { "one-to-one" } else { "one-to-many" },
            constraint: &self.key.name,
            is_self: same(self.from.relation, self.to.relation),
        }
    }
}

/// The many-to-many relationship that two keys of one relation make: both many-to-one, and inside its primary key.
fn through<'c>(near: &Reference<'c>, far: &Reference<'c>) -> Option<Relationship<'c>> {
    let junction = near.from.relation;
    let primary = junction.primary_key_columns();
    let inside = |reference: &Reference<'c>| {
        !reference.is_unique
            && reference.from.columns.iter().all(|name| primary.iter().any(|key| key == name))
    };
    if near.key.name == far.key.name || !inside(near) || !inside(far) {
        return None;
    }
    Some(Relationship {
        to_one: false,
        target: far.to.relation,
        target_is_view: far.to.is_view,
        columns: Vec::new(),
        junction: Some(Junction {
            table: junction,
            origin_columns: pairs(&near.to.columns, &near.from.columns),
            target_columns: pairs(&far.from.columns, &far.to.columns),
            constraints: (&near.key.name, &far.key.name),
        }),
        call: None,
        cardinality: "many-to-many",
        constraint: "",
        is_self: same(far.to.relation, near.to.relation),
    })
}

/// Whether the columns are exactly those of the primary key or of a unique constraint.
fn is_unique(table: &Table, columns: &[String]) -> bool {
    let same = |of: &[String]| of.len() == columns.len() && of.iter().all(|column| columns.contains(column));
    same(table.primary_key_columns())
        || table.uniques.iter().any(|unique| unique.is_constraint && same(&unique.columns))
}

fn pairs<'c>(left: &[&'c str], right: &[&'c str]) -> Vec<(&'c str, &'c str)> {
    left.iter().copied().zip(right.iter().copied()).collect()
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
                // The names of a key and of its column lead to tables only.
                let own_column = self.cardinality != "one-to-many" && near(target);
                let named = (!self.constraint.is_empty() && self.constraint == target) || own_column;
                to_table || (named && !self.target_is_view)
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
