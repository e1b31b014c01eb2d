//! What can happen in a shop: the types of event and their parameters, as one table.
//!
//! Whoever adds a type or a parameter adds a line here; the page, the collector and the documentation of both follow it.

/// A type of event.
#[derive(Debug, PartialEq)]
pub struct Kind {
    /// The name on the wire, such as `product_view`.
    pub name: &'static str,
    /// The parameters, in the order in which they are written.
    pub fields: &'static [Field],
    /// Whether an event of this type means nothing unless one parameter at least is there.
    pub needs_one: bool,
}

/// A parameter of an event.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The name on the wire, such as `product_id`.
    pub name: &'static str,
    /// What its value is read as.
    pub shape: Shape,
    /// Whether the event means nothing without it.
    pub required: bool,
}

/// What a value is read as; everything that cannot be read so counts as missing.
#[derive(Debug, PartialEq)]
pub enum Shape {
    /// A string that is not empty; numbers become strings.
    Text,
    /// A string that may be empty, and is when it is missing.
    Words,
    /// An address; the page's own when it is missing.
    PageUrl,
    /// An e-mail address, normalised.
    Email,
    /// A number above zero; 1 when it is anything else.
    Quantity,
    /// An amount of money, as a number.
    Money,
    /// True or false.
    Flag,
    /// Strings that are not empty, each once whatever its letter case; a single string counts as a list of one.
    Tags,
    /// Whatever the page gave.
    Any,
    /// Objects; elements without a required member are left out.
    Lines(Line),
}

/// What a line says. A name instead of the members themselves: the table is in every page, and this makes it a quarter smaller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// What is in a basket.
    Basket,
    /// What changed in one.
    Change,
    /// What was ordered.
    Order,
}

impl Line {
    /// Returns the members.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Basket => BASKET_LINE,
            Self::Change => BASKET_CHANGE,
            Self::Order => ORDER_LINE,
        }
    }
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

const fn kind(name: &'static str, fields: &'static [Field]) -> Kind {
    Kind { name, fields, needs_one: false }
}

const fn any_of(name: &'static str, fields: &'static [Field]) -> Kind {
    Kind { name, fields, needs_one: true }
}

/// What names a line of a basket.
pub const BASKET_NAME: &[Field] = &[must("product_id", Shape::Text), may("variant_id", Shape::Text)];

/// What is in a basket.
pub const BASKET_LINE: &[Field] =
    &[must("product_id", Shape::Text), may("variant_id", Shape::Text), must("quantity", Shape::Quantity), may("price", Shape::Money)];

/// What a basket costs.
pub const BASKET_TOTAL: &[Field] = &[may("total", Shape::Money), may("currency", Shape::Text)];

const BASKET_CHANGE: &[Field] =
    &[must("product_id", Shape::Text), may("variant_id", Shape::Text), may("from", Shape::Money), may("to", Shape::Money)];

const ORDER_LINE: &[Field] = &[
    must("product_id", Shape::Text),
    may("variant_id", Shape::Text),
    may("sku", Shape::Text),
    may("variant_sku", Shape::Text),
    may("name", Shape::Text),
    must("quantity", Shape::Quantity),
    may("price", Shape::Money),
    may("unit_rrp", Shape::Money),
    may("total", Shape::Money),
];

const PRODUCT_AND_QUANTITY: &[Field] = &[must("product_id", Shape::Text), must("quantity", Shape::Quantity)];

const ORDER_AND_LINES: &[Field] = &[must("order_id", Shape::Text), may("lines", Shape::Lines(Line::Order))];

/// Every type of event.
pub const KINDS: &[Kind] = &[
    kind("land", &[must("current_url", Shape::PageUrl), must("source_url", Shape::Words)]),
    kind(
        "page_view",
        &[
            must("url", Shape::PageUrl),
            may("name", Shape::Text),
            may("page_type", Shape::Text),
            may("data", Shape::Any),
            may("context", Shape::Any),
        ],
    ),
    kind("article_view", &[must("id", Shape::Text), may("name", Shape::Text), may("url", Shape::Text)]),
    kind("category_view", &[must("id", Shape::Text)]),
    kind("product_view", &[must("product_id", Shape::Text), may("page_type", Shape::Text), may("data", Shape::Any)]),
    kind("search", &[must("query", Shape::Words), must("url", Shape::PageUrl)]),
    kind("basket_add", PRODUCT_AND_QUANTITY),
    kind("basket_remove", PRODUCT_AND_QUANTITY),
    kind(
        "basket_update",
        &[
            may("basket_id", Shape::Text),
            may("total", Shape::Money),
            may("currency", Shape::Text),
            may("url", Shape::Text),
            must("lines", Shape::Lines(Line::Basket)),
            may("changes", Shape::Lines(Line::Change)),
        ],
    ),
    kind("checkout", &[may("stage", Shape::Text)]),
    kind(
        "order",
        &[
            must("order_id", Shape::Text),
            may("total", Shape::Money),
            may("tax", Shape::Money),
            may("shipping", Shape::Money),
            may("currency", Shape::Text),
            may("lines", Shape::Lines(Line::Order)),
        ],
    ),
    kind("order_cancel", ORDER_AND_LINES),
    kind("order_return", ORDER_AND_LINES),
    any_of("identify", &[may("email", Shape::Email), may("profile_id", Shape::Text)]),
    any_of(
        "customer_details",
        &[may("first_name", Shape::Text), may("last_name", Shape::Text), may("phone_number", Shape::Text), may("subscribed", Shape::Flag)],
    ),
    kind("tag", &[must("tags", Shape::Tags)]),
    kind("custom", &[must("name", Shape::Text), may("data", Shape::Any)]),
];

/// Returns the type called `name`.
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
