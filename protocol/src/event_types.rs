//! What can happen in a shop: the types of event and their parameters, as one table.
//!
//! Whoever adds a type or a parameter adds a line here; the page, the collector and the documentation of both follow it.

/// A type of event.
#[derive(Debug, PartialEq)]
pub struct EventType {
    /// The name on the wire, such as `product_view`.
    pub name: &'static str,
    /// The parameters, in the order in which they are written.
    pub params: &'static [Param],
    /// Whether an event of this type means nothing unless one parameter at least is there.
    pub requires_any: bool,
}

/// A parameter of an event.
#[derive(Debug, PartialEq)]
pub struct Param {
    /// The name on the wire, such as `product_id`.
    pub name: &'static str,
    /// What its value is read as.
    pub param_type: ParamType,
    /// Whether the event means nothing without it.
    pub is_required: bool,
}

/// What a value is read as; everything that cannot be read so counts as missing.
#[derive(Debug, PartialEq)]
pub enum ParamType {
    /// A string that is not empty; numbers become strings.
    Text,
    /// A string that may be empty, and is when it is missing.
    TextOrEmpty,
    /// An address; the page's own when it is missing.
    PageUrl,
    /// An e-mail address, normalised.
    Email,
    /// A number above zero; 1 when it is anything else.
    Quantity,
    /// An amount of money, as a number.
    Money,
    /// True or false.
    Bool,
    /// Strings that are not empty, each once whatever its letter case; a single string counts as a list of one.
    Tags,
    /// Whatever the page gave.
    Any,
    /// Objects; elements without a required member are left out.
    Lines(LineType),
}

/// What a line says. A name instead of the members themselves: the table is in every page, and this makes it a quarter smaller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineType {
    /// What is in a basket.
    Basket,
    /// What changed in one.
    Change,
    /// What was ordered.
    Order,
}

impl LineType {
    /// Returns the members.
    pub fn params(self) -> &'static [Param] {
        match self {
            Self::Basket => BASKET_LINE,
            Self::Change => BASKET_CHANGE,
            Self::Order => ORDER_LINE,
        }
    }
}

const fn required(name: &'static str, param_type: ParamType) -> Param {
    Param { name, param_type, is_required: true }
}

const fn optional(name: &'static str, param_type: ParamType) -> Param {
    Param { name, param_type, is_required: false }
}

const fn event_type(name: &'static str, params: &'static [Param]) -> EventType {
    EventType { name, params, requires_any: false }
}

const fn requires_any(name: &'static str, params: &'static [Param]) -> EventType {
    EventType { name, params, requires_any: true }
}

/// What names a line of a basket.
pub const BASKET_LINE_KEY: &[Param] = &[required("product_id", ParamType::Text), optional("variant_id", ParamType::Text)];

/// What is in a basket.
pub const BASKET_LINE: &[Param] = &[
    required("product_id", ParamType::Text),
    optional("variant_id", ParamType::Text),
    required("quantity", ParamType::Quantity),
    optional("price", ParamType::Money),
];

/// What a basket costs.
pub const BASKET_TOTAL: &[Param] = &[optional("total", ParamType::Money), optional("currency", ParamType::Text)];

const BASKET_CHANGE: &[Param] = &[
    required("product_id", ParamType::Text),
    optional("variant_id", ParamType::Text),
    optional("from", ParamType::Money),
    optional("to", ParamType::Money),
];

const ORDER_LINE: &[Param] = &[
    required("product_id", ParamType::Text),
    optional("variant_id", ParamType::Text),
    optional("sku", ParamType::Text),
    optional("variant_sku", ParamType::Text),
    optional("name", ParamType::Text),
    required("quantity", ParamType::Quantity),
    optional("price", ParamType::Money),
    optional("unit_rrp", ParamType::Money),
    optional("total", ParamType::Money),
];

const PRODUCT_AND_QUANTITY: &[Param] = &[required("product_id", ParamType::Text), required("quantity", ParamType::Quantity)];

const ORDER_AND_LINES: &[Param] = &[required("order_id", ParamType::Text), optional("lines", ParamType::Lines(LineType::Order))];

/// Every type of event.
pub const EVENT_TYPES: &[EventType] = &[
    event_type("land", &[required("current_url", ParamType::PageUrl), required("source_url", ParamType::TextOrEmpty)]),
    event_type(
        "page_view",
        &[
            required("url", ParamType::PageUrl),
            optional("name", ParamType::Text),
            optional("page_type", ParamType::Text),
            optional("data", ParamType::Any),
            optional("context", ParamType::Any),
        ],
    ),
    event_type("article_view", &[required("id", ParamType::Text), optional("name", ParamType::Text), optional("url", ParamType::Text)]),
    event_type("category_view", &[required("id", ParamType::Text)]),
    event_type(
        "product_view",
        &[required("product_id", ParamType::Text), optional("page_type", ParamType::Text), optional("data", ParamType::Any)],
    ),
    event_type("search", &[required("query", ParamType::TextOrEmpty), required("url", ParamType::PageUrl)]),
    event_type("basket_add", PRODUCT_AND_QUANTITY),
    event_type("basket_remove", PRODUCT_AND_QUANTITY),
    event_type(
        "basket_update",
        &[
            optional("basket_id", ParamType::Text),
            optional("total", ParamType::Money),
            optional("currency", ParamType::Text),
            optional("url", ParamType::Text),
            required("lines", ParamType::Lines(LineType::Basket)),
            optional("changes", ParamType::Lines(LineType::Change)),
        ],
    ),
    event_type("checkout", &[optional("stage", ParamType::Text)]),
    event_type(
        "order",
        &[
            required("order_id", ParamType::Text),
            optional("total", ParamType::Money),
            optional("tax", ParamType::Money),
            optional("shipping", ParamType::Money),
            optional("currency", ParamType::Text),
            optional("lines", ParamType::Lines(LineType::Order)),
        ],
    ),
    event_type("order_cancel", ORDER_AND_LINES),
    event_type("order_return", ORDER_AND_LINES),
    requires_any("identify", &[optional("email", ParamType::Email), optional("profile_id", ParamType::Text)]),
    requires_any(
        "customer_details",
        &[
            optional("first_name", ParamType::Text),
            optional("last_name", ParamType::Text),
            optional("phone_number", ParamType::Text),
            optional("subscribed", ParamType::Bool),
        ],
    ),
    event_type("tag", &[required("tags", ParamType::Tags)]),
    event_type("custom", &[required("name", ParamType::Text), optional("data", ParamType::Any)]),
];

/// Returns the type called `name`.
pub fn find(name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|kind| kind.name == name)
}
