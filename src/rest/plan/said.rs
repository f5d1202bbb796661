//! What the query string says of one relation of the tree, and of the embeds below it.

use crate::rest::error::RestError;
use crate::rest::request::{Having, Located, Logic, OrderTerm, Query, RowRange};

/// What the query string says of one relation and the embeds below it.
#[derive(Clone, Default)]
pub(super) struct Said<'q> {
    filters: Vec<(&'q [String], &'q Logic)>,
    having: Vec<(&'q [String], &'q Having)>,
    orders: Vec<(&'q [String], &'q Vec<OrderTerm>)>,
    limits: Vec<(&'q [String], i64)>,
    offsets: Vec<(&'q [String], i64)>,
}

impl<'q> Said<'q> {
    pub(super) fn of_root(query: &'q Query) -> Self {
        let number = |of: &'q Located<i64>| (of.path.as_slice(), of.value);
        Self {
            filters: query.filters.iter().map(|of| (of.path.as_slice(), &of.value)).collect(),
            having: query.having.iter().map(|of| (of.path.as_slice(), &of.value)).collect(),
            orders: query.orders.iter().map(|of| (of.path.as_slice(), &of.value)).collect(),
            limits: query.limits.iter().map(number).collect(),
            offsets: query.offsets.iter().map(number).collect(),
        }
    }

    /// What leads into an embed, one step further.
    pub(super) fn below(&self, leads_in: &dyn Fn(&str) -> bool) -> Self {
        Self {
            filters: below(&self.filters, leads_in),
            having: below(&self.having, leads_in),
            orders: below(&self.orders, leads_in),
            limits: below(&self.limits, leads_in),
            offsets: below(&self.offsets, leads_in),
        }
    }

    /// The first step of everything that is not said of this relation itself.
    pub(super) fn first_steps(&self) -> impl Iterator<Item = &'q str> {
        let filters = self.filters.iter().map(|(path, _)| *path);
        let having = self.having.iter().map(|(path, _)| *path);
        let orders = self.orders.iter().map(|(path, _)| *path);
        let limits = self.limits.iter().map(|(path, _)| *path);
        let offsets = self.offsets.iter().map(|(path, _)| *path);
        filters
            .chain(having)
            .chain(orders)
            .chain(limits)
            .chain(offsets)
            .filter_map(|path| path.first().map(String::as_str))
    }

    /// The relation's own filters.
    pub(super) fn own_filters(&self) -> impl Iterator<Item = &'q Logic> {
        own(&self.filters)
    }

    /// Its own conditions on groups.
    pub(super) fn own_having(&self) -> impl Iterator<Item = &'q Having> {
        own(&self.having)
    }

    /// Its own sort keys.
    pub(super) fn own_orders(&self) -> impl Iterator<Item = &'q OrderTerm> {
        own(&self.orders).flatten()
    }

    /// Its own window.
    pub(super) fn range(&self) -> Result<RowRange, RestError> {
        let own =
            |said: &[(&[String], i64)]| said.iter().rev().find(|(path, _)| path.is_empty()).map(|of| of.1);
        Ok(RowRange::new(own(&self.limits), own(&self.offsets))?)
    }
}

fn own<'s, 'q, T: Copy>(said: &'s [(&'q [String], T)]) -> impl Iterator<Item = T> + use<'s, 'q, T> {
    said.iter().filter(|(path, _)| path.is_empty()).map(|(_, value)| *value)
}

fn below<'q, T: Copy>(said: &[(&'q [String], T)], leads_in: &dyn Fn(&str) -> bool) -> Vec<(&'q [String], T)> {
    let step = |(path, value): &(&'q [String], T)| {
        let (first, rest) = path.split_first()?;
        leads_in(first).then_some((rest, *value))
    };
    said.iter().filter_map(step).collect()
}
