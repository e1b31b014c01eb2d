//! The catalog: every field of the resources, with the operations that it allows.
//!
//! The tables in this folder are the only definition of a field. Validation of requests, SQL, storage, validation of imported records and
//! search results are derived from them, so one new row in a table adds a field.

mod addresses;
mod arrays;
mod attribution;
mod customers;
mod events;
mod field;
mod items;
mod orders;
mod returns;
mod visits;

use std::sync::LazyLock;

pub use arrays::{ARRAYS, parent};
pub use field::{AppliesTo, Field, FieldType, FilterKind, Grouping, Operator};

/// A resource of the metrics API.
#[derive(Debug)]
pub struct Resource {
    /// The name in request paths.
    pub name: &'static str,
    /// The prefix of the names of the resource's own fields.
    pub main: &'static str,
    /// The prefix of `sort_by` in responses; requests can use `main` too.
    pub alias: &'static str,
    /// The field with the id of a record.
    pub id: &'static str,
    /// The date of a record, for the date filter and the order of a search if a request names none.
    pub default_date: &'static str,
    /// The kind of its records. Carts are stored with orders, because a cart becomes an order when it is placed.
    pub record_kind: RecordKind,
    /// The fields, in the order of the tables.
    pub fields: Vec<&'static Field>,
}

/// A kind of records, which are stored together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// Orders and carts.
    Orders,
    /// Returns.
    Returns,
    /// Events.
    Events,
    /// Visits.
    Visits,
    /// Customers.
    Customers,
}

/// Line item types of products; the other types are discounts, shipping and the like.
pub const PRODUCT_TYPES: &[&str] = &["skus", "bundles"];

static ORDERS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "orders",
    main: "order",
    alias: "order",
    id: "order.id",
    default_date: "order.current_date",
    record_kind: RecordKind::Orders,
    fields: RecordKind::Orders.fields().collect(),
});

static CARTS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "carts",
    main: "order",
    alias: "cart",
    id: "order.id",
    default_date: "order.current_date",
    record_kind: RecordKind::Orders,
    fields: RecordKind::Orders.fields().filter(|field| field.applies_to != AppliesTo::Orders).collect(),
});

static RETURNS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "returns",
    main: "return",
    alias: "return",
    id: "return.id",
    default_date: "return.current_date",
    record_kind: RecordKind::Returns,
    fields: RecordKind::Returns.fields().collect(),
});

static EVENTS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "events",
    main: "event",
    alias: "event",
    id: "event.id",
    default_date: "event.time",
    record_kind: RecordKind::Events,
    fields: RecordKind::Events.fields().collect(),
});

static VISITS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "visits",
    main: "visit",
    alias: "visit",
    id: "visit.id",
    default_date: "visit.started_at",
    record_kind: RecordKind::Visits,
    fields: RecordKind::Visits.fields().collect(),
});

static CUSTOMERS: LazyLock<Resource> = LazyLock::new(|| Resource {
    name: "customers",
    main: "customer",
    alias: "customer",
    id: "customer.email",
    default_date: "customer.created_at",
    record_kind: RecordKind::Customers,
    fields: RecordKind::Customers.fields().collect(),
});

impl RecordKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Orders, Self::Returns, Self::Events, Self::Visits, Self::Customers];

    /// Whether its records are stored as documents. The records of other kinds are computed from tables.
    pub fn has_documents(self) -> bool {
        matches!(self, Self::Orders | Self::Returns)
    }

    /// Returns every field of this kind of record.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        let tables: &[&'static [Field]] = match self {
            Self::Orders => &[
                orders::MAIN,
                orders::RELATED,
                addresses::BILLING,
                addresses::SHIPPING,
                items::LINES,
                items::SHIPMENTS,
                attribution::ATTRIBUTION,
                attribution::CUSTOMER_ORDERS,
            ],
            Self::Returns => &[returns::MAIN, returns::LINES, returns::RELATED, addresses::DESTINATION, addresses::ORIGIN],
            Self::Events => &[events::MAIN, visits::OF_EVENT, visits::SOURCE, visits::RELATED],
            Self::Visits => &[visits::MAIN, visits::SOURCE, visits::RELATED],
            Self::Customers => &[customers::MAIN, customers::FIRST_SOURCE],
        };
        tables.iter().copied().flatten()
    }

    /// Returns the prefix of the records' own fields.
    pub fn main(self) -> &'static str {
        match self {
            Self::Orders => "order",
            Self::Returns => "return",
            Self::Events => "event",
            Self::Visits => "visit",
            Self::Customers => "customer",
        }
    }

    /// Returns the arrays of the records, parents before children.
    pub fn arrays(self) -> impl Iterator<Item = &'static str> {
        // Cached: each statement calls this often, and a scan of all fields takes longer than a small query.
        static ARRAYS_OF_KINDS: LazyLock<[Vec<&str>; 2]> =
            LazyLock::new(|| [RecordKind::Orders, RecordKind::Returns].map(RecordKind::find_arrays));
        let [orders, returns] = &*ARRAYS_OF_KINDS;
        let found: &[&str] = match self {
            Self::Orders => orders,
            Self::Returns => returns,
            Self::Events | Self::Visits | Self::Customers => &[],
        };
        found.iter().copied()
    }

    fn find_arrays(self) -> Vec<&'static str> {
        ARRAYS.iter().copied().filter(|array| self.fields().any(|field| field.array() == Some(array))).collect()
    }
}

impl Resource {
    fn all() -> [&'static Self; 6] {
        [&ORDERS, &RETURNS, &CARTS, &EVENTS, &VISITS, &CUSTOMERS]
    }

    /// Returns the names of all resources in request paths.
    pub fn names() -> Vec<&'static str> {
        Self::all().map(|resource| resource.name).to_vec()
    }

    /// Returns the resource with this name in request paths.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().into_iter().find(|resource| resource.name == name)
    }

    /// Whether the resource contains the orders that were not placed yet.
    pub fn is_cart(&self) -> bool {
        self.alias == "cart"
    }

    /// Returns the currency of an amount that must not be added to one of another currency.
    pub fn currency_of(&self, amount: &Field) -> Option<&'static Field> {
        let is_revenue = !self.record_kind.has_documents() && amount.kind == FieldType::Amount;
        is_revenue.then(|| self.field(&format!("{}.currency_code", self.main))).flatten()
    }

    /// Returns the field with this full name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// Whether this resource allows more than returning the field in a search.
    pub fn computes(&self, field: &Field) -> bool {
        !(self.is_cart() && field.applies_to == AppliesTo::CartsDisplayOnly)
    }

    /// Returns the field of the filter `name` in the group `group`.
    pub fn filter(&self, group: &str, name: &str) -> Option<&'static Field> {
        let is_in_group = |field: &&&'static Field| field.owner() == group && self.computes(field);
        self.fields.iter().filter(is_in_group).copied().find(|field| field.filter.is_some_and(|filter| filter == name))
    }

    /// Whether a filter can have a group with this name, dots included.
    pub fn has_group(&self, group: &str) -> bool {
        self.fields.iter().any(|field| field.owner() == group && field.filter.is_some() && self.computes(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_identify_the_array() {
        for kind in RecordKind::ALL {
            let names: Vec<_> = kind.fields().map(|field| field.name).collect();
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
    fn every_forbidden_field_exists() {
        for resource in ["orders", "returns"].map(|name| Resource::find(name).unwrap()) {
            for field in &resource.fields {
                let Grouping::Except(forbidden) = field.grouping else { continue };
                for name in forbidden {
                    let exists = match name.strip_suffix(".*") {
                        Some(owner) => resource.fields.iter().any(|field| field.owner() == owner),
                        None => resource.field(name).is_some(),
                    };
                    assert!(exists, "{} forbids {name}", field.name);
                }
            }
        }
    }

    #[test]
    fn carts_have_no_shipments_and_only_display_order_statuses() {
        let carts = Resource::find("carts").unwrap();
        assert!(carts.field("shipments.status").is_none() && carts.field("order.placed_at").is_none());
        assert!(!carts.computes(carts.field("order.payment_status").unwrap()));
        assert!(carts.filter("order", "payment_statuses").is_none() && carts.filter("order", "coupon").is_some());
    }
}
