//! The resources of a project: the one list from which import, export and the store's tables take their names.
//!
//! Each caller accepts a subset: the back end sends customers, categories, products and orders, an export covers everything.

use clap::ValueEnum;
use serde_json::{Map, Value};

/// What can be imported and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Resource {
    /// The event log
    Events,
    /// Customers, by e-mail
    Customers,
    /// Product categories
    Categories,
    /// Products
    Products,
    /// Orders
    Orders,
    /// Open carts
    Carts,
    /// Returns of orders
    Returns,
}

impl Resource {
    /// Returns the resource with this name, as it stands in URL paths.
    pub fn find(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|resource| resource.name() == name)
    }

    /// Returns the name of the resource in URL paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Customers => "customers",
            Self::Categories => "categories",
            Self::Products => "products",
            Self::Orders => "orders",
            Self::Carts => "carts",
            Self::Returns => "returns",
        }
    }
}

/// Who reported an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderSource {
    /// The shop's server, signed
    Backend,
    /// A shop's program, with the secret
    Headless,
    /// Pages only
    Page,
    /// The owner, by an import
    Import,
}

impl OrderSource {
    /// Returns the source with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::value_variants().iter().copied().find(|source| source.name() == name)
    }

    /// Returns the name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Headless => "headless",
            Self::Page => "page",
            Self::Import => "import",
        }
    }
}

/// The statuses with which an imported order is a cart.
pub const CART_STATUSES: &[&str] = &["draft", "pending"];

/// Whether an order document is a cart, by its status.
pub fn is_cart(order: &Map<String, Value>) -> bool {
    order.get("status").and_then(Value::as_str).is_some_and(|status| CART_STATUSES.contains(&status))
}
