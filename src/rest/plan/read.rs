//! What is read: a tree of relations with their columns, conditions, order and window.

use super::Planner;
use super::aggregate::{Aggregate, GroupTest, check_order, hoisted};
use super::closest::closest_columns;
use super::condition::{Condition, has_order};
use super::literal::no_operator_between;
use super::relationship::{self, Relationship};
use super::said::Said;
use crate::rest::error::{PostgresError, RestError};
use crate::rest::request::{EmbedItem, Field, JsonKey, JsonStep, Media, OrderTerm, RowRange, SelectItem};
use crate::rest::zone::Form;
use crate::schema::{Catalog, Column, DataType, Routine, Table};

/// One relation of the tree.
#[derive(Debug)]
pub struct Node<'c> {
    /// The table.
    pub table: &'c Table,
    /// The columns of the answer, before the embeds.
    pub fields: Vec<Output<'c>>,
    /// Values of all rows together; when there are some, the rows are grouped by everything else.
    pub aggregates: Vec<Aggregate<'c>>,
    /// Which groups.
    pub having: Vec<GroupTest<'c>>,
    /// Whether equal rows come once.
    pub distinct: bool,
    /// The related relations.
    pub embeds: Vec<Embed<'c>>,
    /// Which rows.
    pub condition: Condition<'c>,
    /// In which order.
    pub order: Vec<Order<'c>>,
    /// How many.
    pub range: RowRange,
    /// `select=count`: one row with the number of rows, and nothing else.
    pub only_count: bool,
    /// The functions of its rows that are named like columns.
    pub computed: Vec<&'c Routine>,
    /// Whether its rows are what a function gave: no policy is asked again, and they have no row id.
    pub is_called: bool,
    /// Of rows that are features, the field with their geometry; all else are their properties.
    pub geometry: Option<usize>,
}

/// One key of the answer.
#[derive(Debug)]
pub struct Output<'c> {
    /// The key.
    pub key: String,
    /// Its value.
    pub operand: Operand<'c>,
    /// The type it is cast to.
    pub cast: Option<DataType>,
    /// How it goes out in the request's time zone.
    pub form: Option<Form>,
}

/// A column or something inside its JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand<'c> {
    /// The column.
    pub column: &'c Column,
    /// The way into it.
    pub json_path: Vec<JsonStep>,
}

/// Of which kind an operand's value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OperandKind<'c> {
    /// The column's own.
    Column(&'c DataType),
    /// JSON inside the column (`->`).
    Json,
    /// Text of JSON inside the column (`->>`).
    JsonText,
}

/// A related relation and how it hangs on its origin.
#[derive(Debug)]
pub struct Embed<'c> {
    /// The key in the answer.
    pub key: String,
    /// Its relation.
    pub relationship: Relationship<'c>,
    /// Whether origins without a match vanish.
    pub inner: bool,
    /// `rel()`: no key in the answer.
    pub hidden: bool,
    /// `...rel(…)`: its keys are the origin's; of a to-many embed each is an array.
    pub spread: bool,
    /// What is read of it.
    pub node: Node<'c>,
    target: String,
}

/// What is sorted by.
#[derive(Debug)]
pub enum OrderKey<'c> {
    /// A column, or something inside its JSON.
    Operand(Operand<'c>),
    /// One value of a group.
    Aggregate(Box<Aggregate<'c>>),
}

/// One sort key.
#[derive(Debug)]
pub struct Order<'c> {
    /// The to-one embed whose column it is.
    pub embed: Option<usize>,
    /// What it is: a column, or of groups an aggregate.
    pub key: OrderKey<'c>,
    /// Largest first.
    pub descending: bool,
    /// Where nulls go.
    pub nulls_first: bool,
}

impl<'c> Planner<'c> {
    /// Plans a relation and everything below it. No item means `*`.
    pub(super) fn node(
        &self,
        table: &'c Table,
        items: &[SelectItem],
        said: Said<'_>,
        depth: usize,
    ) -> Result<Node<'c>, RestError> {
        let items = if items.is_empty() && depth == 0 { &[SelectItem::Star][..] } else { items };
        let around = self.computed.take();
        let mut embeds = self.embeds(table, items, &said, depth)?;
        if let Some(name) = said.first_steps().find(|name| !embeds.iter().any(|embed| embed.is_called(name)))
        {
            return Err(RestError::NotEmbedded(name.to_string()));
        }
        let condition = self.conditions(table, depth, &embeds, said.own_filters())?;
        let mut order = Vec::new();
        for term in said.own_orders() {
            order.push(self.order(table, depth, &mut embeds, term)?);
        }
        let only_count = is_only_count(table, items)?;
        let (fields, mut aggregates) =
            if only_count { Default::default() } else { self.fields(table, items, depth)? };
        aggregates.extend(hoisted(&mut embeds)?);
        let having = said.own_having().map(|of| self.having(table, depth, of)).collect::<Result<_, _>>()?;
        let range = self.capped(said.range()?);
        let distinct = depth == 0 && self.distinct;
        let computed = self.computed.replace(around);
        let node = Node {
            table,
            fields,
            aggregates,
            having,
            distinct,
            embeds,
            condition,
            order,
            range,
            only_count,
            computed,
            is_called: false,
            geometry: None,
        };
        check_order(&node)?;
        let is_cast = |field: &Output<'_>| field.form.is_some() && field.cast.is_some();
        if node.is_grouped() && node.fields.iter().any(is_cast) {
            return Err(RestError::NotImplemented(
                "groups by what a time zone decides are not supported".into(),
            ));
        }
        Ok(node)
    }

    fn fields(
        &self,
        table: &'c Table,
        items: &[SelectItem],
        depth: usize,
    ) -> Result<(Vec<Output<'c>>, Vec<Aggregate<'c>>), RestError> {
        let (mut fields, mut aggregates) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                SelectItem::Star => {
                    for column in &table.columns {
                        fields.push(self.whole(column)?);
                    }
                }
                SelectItem::Field { alias, field, cast } => {
                    let operand = self.operand(table, depth, field)?;
                    let cast = cast.as_deref().map(named_type).transpose()?;
                    let key = alias.clone().unwrap_or_else(|| default_key(field));
                    let form = self.form(&operand.data_type(), cast.as_ref())?;
                    fields.push(Output { key, operand, cast, form });
                }
                SelectItem::Aggregate(item) => aggregates.push(self.aggregate(table, depth, item)?),
                SelectItem::Embed(_) | SelectItem::Spread(_) => {}
            }
        }
        Ok((fields, aggregates))
    }

    fn whole(&self, column: &'c Column) -> Result<Output<'c>, RestError> {
        let operand = Operand { column, json_path: Vec::new() };
        let form = self.form(&column.data_type, None)?;
        Ok(Output { key: column.name.clone(), operand, cast: None, form })
    }

    fn embeds(
        &self,
        table: &'c Table,
        items: &[SelectItem],
        said: &Said<'_>,
        depth: usize,
    ) -> Result<Vec<Embed<'c>>, RestError> {
        let wanted: Vec<(&EmbedItem, bool)> = items
            .iter()
            .filter_map(|item| match item {
                SelectItem::Embed(embed) => Some((embed, false)),
                SelectItem::Spread(embed) => Some((embed, true)),
                _ => None,
            })
            .collect();
        let keys: Vec<&str> =
            wanted.iter().map(|(item, _)| item.alias.as_ref().unwrap_or(&item.target).as_str()).collect();
        let mut embeds = Vec::new();
        for (index, (item, spread)) in wanted.into_iter().enumerate() {
            let key = keys.get(index).copied().unwrap_or_default();
            if keys.iter().take(index).any(|earlier| *earlier == key) {
                let name = format!("{}_{key}_{}", table.name, depth + 1);
                return Err(RestError::postgres(
                    "42712",
                    format!("table name \"{name}\" specified more than once"),
                ));
            }
            let hint = item.hint.as_deref();
            let relationship =
                relationship::find(self.catalog, self.schema, self.exposed, table, &item.target, hint)?;
            // A path names an embed by its alias; by its target too, unless another embed has that for its key.
            let by_target = !keys.contains(&item.target.as_str());
            let below = said.below(&|name| name == key || (by_target && name == item.target));
            let mut node = self.node(relationship.target, &item.items, below, depth + 1)?;
            node.is_called = relationship.call.is_some();
            if spread {
                can_be_spread(&node, relationship.to_one)?;
            }
            embeds.push(Embed {
                spread,
                key: key.to_string(),
                inner: item.inner,
                hidden: item.items.iter().all(shows_nothing),
                target: if by_target { item.target.clone() } else { String::new() },
                relationship,
                node,
            });
        }
        Ok(embeds)
    }

    /// The column a field names; Postgres' 42703 when there is none.
    pub(super) fn operand(
        &self,
        table: &'c Table,
        depth: usize,
        field: &Field,
    ) -> Result<Operand<'c>, RestError> {
        let computed = || self.computed_column(table, &field.name);
        let Some(column) = table.column(&field.name).or_else(computed) else {
            let relation = if depth == 0 { table.name.clone() } else { format!("{}_{depth}", table.name) };
            return Err(no_column(table, &relation, &field.name));
        };
        let quotes = |step: &JsonStep| matches!(&step.key, JsonKey::Name(name) if name.contains(['"', '\\']));
        if field.json_path.iter().any(quotes) {
            return Err(RestError::NotImplemented(
                "JSON keys with quotes or backslashes are not supported yet".into(),
            ));
        }
        if let Some([_, next]) =
            field.json_path.windows(2).find(|steps| steps.first().is_some_and(|of| of.as_text))
        {
            return Err(no_path_into_text(next));
        }
        Ok(Operand { column, json_path: field.json_path.clone() })
    }

    fn order(
        &self,
        table: &'c Table,
        depth: usize,
        embeds: &mut [Embed<'c>],
        term: &OrderTerm,
    ) -> Result<Order<'c>, RestError> {
        let embed = term.embed.as_ref().map(|name| to_one_embed(table, embeds, name)).transpose()?;
        if let Some(item) = &term.aggregate {
            let key = OrderKey::Aggregate(Box::new(self.aggregate(table, depth, item)?));
            return Ok(Order { embed, key, descending: term.descending, nulls_first: term.nulls_first });
        }
        let operand = match embed.and_then(|index| embeds.get_mut(index)) {
            Some(Embed { node, .. }) => {
                let own = self.computed.replace(std::mem::take(&mut node.computed));
                let operand = self.operand(node.table, depth + 1, &term.field);
                node.computed = self.computed.replace(own);
                operand?
            }
            None => self.operand(table, depth, &term.field)?,
        };
        if let OperandKind::Column(of) = operand.kind()
            && !has_order(of)
        {
            let what = format!("ordering by a column of type {} is not supported yet", of.display_name());
            return Err(RestError::NotImplemented(what));
        }
        let key = OrderKey::Operand(operand);
        Ok(Order { embed, key, descending: term.descending, nulls_first: term.nulls_first })
    }
}

/// The arrays of a to-many spread are found by their keys, so each key must be one that can be found.
fn can_be_spread(node: &Node<'_>, to_one: bool) -> Result<(), RestError> {
    if node.only_count || (node.is_grouped() && !to_one) {
        let what = "Aggregates are not implemented for one-to-many or many-to-many spreads.";
        return Err(RestError::NotImplemented(what.into()));
    }
    let keys = node.keys();
    let unfit = |(index, key): (usize, &&str)| {
        keys.iter().take(index).any(|earlier| earlier == key)
            || key.contains(|letter: char| matches!(letter, '"' | '\\') || letter.is_control())
    };
    if to_one || !keys.iter().enumerate().any(unfit) {
        return Ok(());
    }
    let what = "a to-many spread with equal keys, or with quotes in a key, is not supported";
    Err(RestError::NotImplemented(what.into()))
}

fn to_one_embed(table: &Table, embeds: &[Embed<'_>], name: &str) -> Result<usize, RestError> {
    let index = embeds.iter().position(|embed| embed.is_called(name));
    let (index, embed) = index
        .and_then(|index| embeds.get(index).map(|embed| (index, embed)))
        .ok_or_else(|| RestError::NotEmbedded(name.to_string()))?;
    if embed.relationship.to_one {
        return Ok(index);
    }
    Err(RestError::RelatedOrder { origin: table.name.clone(), target: name.to_string() })
}

/// `select=count` where no column is called that: the number of rows alone.
fn is_only_count(table: &Table, items: &[SelectItem]) -> Result<bool, RestError> {
    let counts = |item: &SelectItem| match item {
        SelectItem::Field { alias: None, field, cast: None } => {
            field.name == "count" && field.json_path.is_empty() && table.column("count").is_none()
        }
        _ => false,
    };
    match items {
        [item] if counts(item) => Ok(true),
        items if items.iter().any(counts) => Err(RestError::Aggregates),
        _ => Ok(false),
    }
}

/// The last name on the way into the JSON, else the column's.
fn default_key(field: &Field) -> String {
    let names = field.json_path.iter().rev().filter_map(|step| match &step.key {
        JsonKey::Name(name) => Some(name),
        JsonKey::Index(_) => None,
    });
    names.into_iter().next().unwrap_or(&field.name).clone()
}

/// Whether it is an embed of nothing, or of such embeds alone.
fn shows_nothing(item: &SelectItem) -> bool {
    match item {
        SelectItem::Embed(embed) | SelectItem::Spread(embed) => embed.items.iter().all(shows_nothing),
        _ => false,
    }
}

/// What `->>` gives is text, which no path leads into.
fn no_path_into_text(step: &JsonStep) -> RestError {
    let operator = if step.as_text { "->>" } else { "->" };
    let of = match step.key {
        JsonKey::Name(_) => "unknown",
        JsonKey::Index(_) => "integer",
    };
    no_operator_between("text", operator, of)
}

fn no_column(table: &Table, relation: &str, name: &str) -> RestError {
    let near = closest_columns(name, table.columns.iter().map(|column| column.name.as_str()));
    let near: Vec<String> =
        near.into_iter().map(|near| format!("the column \"{relation}.{near}\"")).collect();
    RestError::Postgres(PostgresError {
        hint: (!near.is_empty()).then(|| format!("Perhaps you meant to reference {}.", near.join(" or "))),
        ..PostgresError::new("42703", format!("column {relation}.{name} does not exist"))
    })
}

fn named_type(name: &str) -> Result<DataType, RestError> {
    DataType::named(name)
        .ok_or_else(|| RestError::postgres("42704", format!("type \"{name}\" does not exist")))
}

/// Whether a cast is one that cannot fail and is no more than another way to write the value.
pub fn is_plain_cast(from: &DataType, to: &DataType) -> bool {
    from == to || can_cast(from, to)
}

/// The type of a `::name`; a cast that is not known to give Postgres' text is refused.
pub(super) fn cast_type(name: &str, from: &DataType) -> Result<DataType, RestError> {
    let to = named_type(name)?;
    if *from == to || can_cast(from, &to) {
        return Ok(to);
    }
    let what = format!("casting {} to {} is not supported yet", from.display_name(), to.display_name());
    Err(RestError::NotImplemented(what))
}

#[rustfmt::skip]
fn can_cast(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Array, Bool, Bytea, Char, Citext, Date, Enum, Float4, Float8, Geometry, Inet, Int2, Int4, Int8, Interval, Json, Jsonb,
        Macaddr, Numeric, Range, Text, Time, Timestamp, Timestamptz, Uuid, Varchar,
    };
    match (from, to) {
        (Array(_) | Jsonb | Bytea, _)                                                       => false,
        (Bool | Int2 | Int4 | Int8 | Numeric(_) | Float4 | Float8, Text | Varchar(None))    => true,
        (Text | Varchar(_) | Char(_) | Citext | Uuid | Enum(_), Text | Varchar(None))       => true,
        (Timestamptz | Timestamp | Date | Time | Interval | Inet | Json, Text | Varchar(None)) => true,
        (Range(_) | Macaddr | Geometry(_), Text | Varchar(None))                                          => true,
        (Int2, Int4) | (Int2 | Int4, Int8)                                                  => true,
        (Int2 | Int4 | Int8, Numeric(None))                                                 => true,
        (Timestamptz | Timestamp, Date)                                                     => true,
        _                                                                                   => false,
    }
}

impl<'c> Node<'c> {
    /// What is read of a function that gives nothing.
    pub(super) fn of_nothing(catalog: &'c Catalog) -> Result<Self, RestError> {
        let none = || RestError::Internal("the catalog has no table".to_string());
        Ok(Self {
            table: catalog.tables.values().next().ok_or_else(none)?,
            fields: Vec::new(),
            aggregates: Vec::new(),
            having: Vec::new(),
            distinct: false,
            embeds: Vec::new(),
            condition: Condition::All(Vec::new()),
            order: Vec::new(),
            range: RowRange::default(),
            only_count: false,
            computed: Vec::new(),
            is_called: true,
            geometry: None,
        })
    }
}

impl Node<'_> {
    /// Makes the fields come as the shape of the answer needs them.
    pub(super) fn prepare(&mut self, media: Media) -> Result<(), RestError> {
        match media {
            Media::Csv => self.prepare_csv(),
            Media::GeoJson => self.prepare_features(),
            _ => Ok(()),
        }
    }

    /// The first column of a geometry is that of a feature, as PostGIS has it.
    fn prepare_features(&mut self) -> Result<(), RestError> {
        if self.embeds.iter().any(|embed| embed.spread) {
            return Err(RestError::NotImplemented("spread embeds in GeoJSON are not supported".into()));
        }
        let is_geometry = |field: &Output<'_>| {
            field.cast.is_none() && matches!(field.operand.kind(), OperandKind::Column(DataType::Geometry(_)))
        };
        self.geometry = self.fields.iter().position(is_geometry);
        match self.geometry {
            Some(_) => Ok(()),
            None => Err(RestError::postgres("22023", "geometry column is missing")),
        }
    }

    /// Makes every field come in a form that CSV can be made of: JSON as its text. Refuses what
    /// Postgres would print in a way that is not known here.
    fn prepare_csv(&mut self) -> Result<(), RestError> {
        if !self.aggregates.is_empty() {
            return Err(RestError::NotImplemented("aggregates in CSV are not supported yet".into()));
        }
        if self.embeds.iter().any(|embed| !embed.hidden) {
            return Err(RestError::NotImplemented("embeds in CSV are not supported yet".into()));
        }
        for field in self.fields.iter_mut().filter(|field| field.cast.is_none()) {
            field.cast = match (field.operand.kind(), &field.operand.column.data_type) {
                (OperandKind::Json, DataType::Json) => {
                    return Err(RestError::NotImplemented(
                        "\"->\" into json in CSV is not supported yet".into(),
                    ));
                }
                (OperandKind::Column(DataType::Array(of)), _)
                    if matches!(of.as_ref(), DataType::Json | DataType::Jsonb) =>
                {
                    return Err(RestError::NotImplemented(
                        "arrays of JSON in CSV are not supported yet".into(),
                    ));
                }
                (
                    OperandKind::Column(DataType::Json | DataType::Jsonb | DataType::Geometry(_))
                    | OperandKind::Json,
                    _,
                ) => Some(DataType::Text),
                _ => None,
            };
        }
        Ok(())
    }

    /// Whether its rows are groups of the table's rows.
    pub fn is_grouped(&self) -> bool {
        self.distinct
            || !self.aggregates.is_empty()
            || !self.having.is_empty()
            || self.order.iter().any(|order| matches!(order.key, OrderKey::Aggregate(_)))
    }

    /// Whether nothing in the request says that there is one row at most.
    pub fn may_have_many_rows(&self) -> bool {
        let one_key = match self.table.primary_key_columns() {
            [key] => self.condition.is_equality_of(key),
            _ => false,
        };
        !self.only_count && !self.is_grouped() && self.range.limit != Some(1) && !one_key
    }

    /// The answer's keys, in order.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.fields.iter().map(|field| field.key.as_str()).collect();
        for embed in self.embeds.iter().filter(|embed| !embed.hidden) {
            if embed.spread {
                keys.extend(embed.node.keys());
            } else {
                keys.push(&embed.key);
            }
        }
        keys
    }

    /// The types of the answer's keys, in order, where there are no embeds.
    pub fn types(&self) -> Vec<DataType> {
        if self.only_count {
            return vec![DataType::Int8];
        }
        let of = |field: &Output<'_>| match field.operand.kind() {
            OperandKind::Json => DataType::Jsonb,
            OperandKind::JsonText => DataType::Text,
            OperandKind::Column(of) => field.cast.clone().unwrap_or_else(|| of.clone()),
        };
        self.fields.iter().map(of).collect()
    }
}

impl Operand<'_> {
    /// The value's type.
    pub fn data_type(&self) -> DataType {
        match self.kind() {
            OperandKind::Column(of) => of.clone(),
            OperandKind::Json => DataType::Jsonb,
            OperandKind::JsonText => DataType::Text,
        }
    }

    /// The type's name in messages.
    pub fn type_name(&self) -> String {
        match self.kind() {
            OperandKind::Column(of) => of.display_name(),
            OperandKind::Json => "jsonb".to_string(),
            OperandKind::JsonText => "text".to_string(),
        }
    }
}

impl<'c> Operand<'c> {
    /// Of which kind the value is.
    pub fn kind(&self) -> OperandKind<'c> {
        match self.json_path.last() {
            None => OperandKind::Column(&self.column.data_type),
            Some(step) if step.as_text => OperandKind::JsonText,
            Some(_) => OperandKind::Json,
        }
    }
}

impl Embed<'_> {
    /// Whether the query string means this embed by that name.
    pub fn is_called(&self, name: &str) -> bool {
        self.key == name || self.target == name
    }
}
