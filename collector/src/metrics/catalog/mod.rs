//! What can be asked: every field of the three resources, with all that may be done with it.
//!
//! The tables in this folder are the only place that knows a field. The check of requests, the SQL, the storage, the check of imported
//! documents and the answers of a search all follow from them, so a field is added by adding a line to a table.

mod addresses;
mod field;
mod items;
mod orders;
mod returns;

use std::sync::LazyLock;

pub use field::{AppliesTo, Field, FieldType, FilterKind, Grouping, Operator};

/// A kind of record that can be asked about.
#[derive(Debug)]
pub struct Resource {
    /// Its name in addresses.
    pub name: &'static str,
    /// The first word of its own fields' names.
    pub main: &'static str,
    /// The first word that its `sort_by` is answered with; the main word is always understood too.
    pub alias: &'static str,
    /// Where its records are kept. Carts are kept among the orders: a cart becomes an order by being placed.
    pub family: RecordKind,
    /// Its fields, in the order of the tables.
    pub fields: Vec<&'static Field>,
}

/// Records that are kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// Orders and carts.
    Orders,
    /// Returns.
    Returns,
}

/// The relations of which a record has many. The parent of a nested one is the one whose name begins its own.
pub const ARRAYS: &[&str] =
    &["line_items", "line_items.options", "shipments", "shipments.tags", "refunds", "tags", "resource_errors", "return_line_items"];

/// Line item types of products; the other types are discounts, shipping and the like.
pub const PRODUCT_TYPES: &[&str] = &["skus", "bundles"];

static ORDERS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "orders",
    main: "order",
    alias: "order",
    family: RecordKind::Orders,
    fields: RecordKind::Orders.fields().collect(),
});

static CARTS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "carts",
    main: "order",
    alias: "cart",
    family: RecordKind::Orders,
    fields: RecordKind::Orders.fields().filter(|field| field.applies_to != AppliesTo::Orders).collect(),
});

static RETURNS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "returns",
    main: "return",
    alias: "return",
    family: RecordKind::Returns,
    fields: RecordKind::Returns.fields().collect(),
});

impl RecordKind {
    /// Returns every field that a record of this family can have.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        let tables: &[&'static [Field]] = match self {
            Self::Orders => &[orders::MAIN, orders::AROUND, addresses::BILLING, addresses::SHIPPING, items::LINES, items::SHIPMENTS],
            Self::Returns => &[returns::MAIN, returns::LINES, returns::AROUND, addresses::DESTINATION, addresses::ORIGIN],
        };
        tables.iter().copied().flatten()
    }

    /// Returns the first word of its records' own fields.
    pub fn main(self) -> &'static str {
        match self {
            Self::Orders => "order",
            Self::Returns => "return",
        }
    }

    /// Returns the arrays that its records have, parents before children.
    pub fn arrays(self) -> impl Iterator<Item = &'static str> {
        // Each statement asks often, and looking through all fields takes longer than a small query.
        static FOUND: LazyLock<[Vec<&str>; 2]> = LazyLock::new(|| [RecordKind::Orders, RecordKind::Returns].map(RecordKind::find_arrays));
        let [orders, returns] = &*FOUND;
        let found = if self == Self::Orders { orders } else { returns };
        found.iter().copied()
    }

    fn find_arrays(self) -> Vec<&'static str> {
        ARRAYS.iter().copied().filter(|array| self.fields().any(|field| field.array() == Some(array))).collect()
    }
}

impl Resource {
    /// Returns the resource with this name in addresses.
    pub fn find(name: &str) -> Option<&'static Self> {
        [&*ORDERS, &*RETURNS, &*CARTS].into_iter().find(|resource| resource.name == name)
    }

    /// Whether its records are those that were not placed yet.
    pub fn is_cart(&self) -> bool {
        self.alias == "cart"
    }

    /// Returns the field with this full name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// Whether more than a search may be done with the field here.
    pub fn computes(&self, field: &Field) -> bool {
        !(self.is_cart() && field.applies_to == AppliesTo::CartsDisplayOnly)
    }

    /// Returns what a filter called `name` under `group` looks at.
    pub fn filter(&self, group: &str, name: &str) -> Option<&'static Field> {
        let of_group = |field: &&&'static Field| field.owner() == group && self.computes(field);
        self.fields.iter().filter(of_group).copied().find(|field| field.filter.is_some_and(|filter| filter == name))
    }

    /// Whether a filter may have a group of this name, dots included.
    pub fn has_group(&self, group: &str) -> bool {
        self.fields.iter().any(|field| field.owner() == group && field.filter.is_some() && self.computes(field))
    }
}

/// Returns the array in which this array stands, if it stands in one.
pub fn parent(array: &str) -> Option<&'static str> {
    let (prefix, _) = array.rsplit_once('.')?;
    ARRAYS.iter().copied().find(|other| *other == prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_to_the_right_array() {
        for family in [RecordKind::Orders, RecordKind::Returns] {
            let names: Vec<_> = family.fields().map(|field| field.name).collect();
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(names.len(), unique.len());
        }
        let orders = Resource::find("orders").unwrap();
        for (name, array) in [
            ("order.id", None),
            ("customer.email", None),
            ("line_items.code", Some("line_items")),
            ("line_items.options.id", Some("line_items.options")),
            ("shipments.stock_location.name", Some("shipments")),
            ("shipments.tags.name", Some("shipments.tags")),
        ] {
            assert_eq!(orders.field(name).unwrap().array(), array, "{name}");
        }
        assert_eq!(parent("line_items.options"), Some("line_items"));
        assert_eq!(parent("tags"), None);
    }

    #[test]
    fn whatever_a_line_forbids_exists() {
        for resource in ["orders", "returns"].map(|name| Resource::find(name).unwrap()) {
            for field in &resource.fields {
                let Grouping::Except(forbidden) = field.grouping else { continue };
                for name in forbidden {
                    let known = match name.strip_suffix(".*") {
                        Some(owner) => resource.fields.iter().any(|field| field.owner() == owner),
                        None => resource.field(name).is_some(),
                    };
                    assert!(known, "{} forbids {name}", field.name);
                }
            }
        }
    }

    #[test]
    fn carts_have_no_shipments_and_their_flags_are_only_shown() {
        let carts = Resource::find("carts").unwrap();
        assert!(carts.field("shipments.status").is_none() && carts.field("order.placed_at").is_none());
        assert!(!carts.computes(carts.field("order.payment_status").unwrap()));
        assert!(carts.filter("order", "payment_statuses").is_none() && carts.filter("order", "coupon").is_some());
    }
}
