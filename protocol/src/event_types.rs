//! The table of event types and their parameters.
//!
//! To add a type or a parameter, add a line here. Page, collector and documentation follow the table.

/// A type of event.
#[derive(Debug, PartialEq)]
pub struct EventType {
    /// The name on the wire, such as `product_view`.
    pub name: &'static str,
    /// The parameters, in the order of the JSON.
    pub params: &'static [Param],
    /// Whether an event of this type needs at least one parameter.
    pub requires_any: bool,
}

/// A parameter of an event.
#[derive(Debug, PartialEq)]
pub struct Param {
    /// The name on the wire, such as `product_id`.
    pub name: &'static str,
    /// The type of its value.
    pub param_type: ParamType,
    /// Whether the event is invalid without it.
    pub is_required: bool,
}

/// The type of a parameter. A value that cannot be converted counts as missing.
#[derive(Debug, PartialEq)]
pub enum ParamType {
    /// A string that is not empty; numbers become strings.
    Text,
    /// A string that may be empty; empty if missing.
    TextOrEmpty,
    /// An address; that of the page if missing.
    PageUrl,
    /// An address that is not empty.
    Url,
    /// The address from which a visit came; empty if missing.
    SourceUrl,
    /// The id of a person, which is not empty and stands for no missing value.
    PersonId,
    /// The id of an order. Unlike that of a person, it may be `0`.
    OrderId,
    /// An e-mail address, normalised.
    Email,
    /// A number above zero; 1 if it is anything else.
    Quantity,
    /// Like [`Quantity`](Self::Quantity), without the sign: that of a change is in the event's type, see [`opposite`].
    ChangedQuantity,
    /// Like [`Quantity`](Self::Quantity), but missing if it is zero or negative: then there is no line.
    LineQuantity,
    /// An amount of money, as a number.
    Money,
    /// The currency of the amounts; that of the project if missing, and absent if it has none.
    Currency,
    /// True or false.
    Bool,
    /// A list of non-empty strings without duplicates, ignoring letter case. A single string counts as a list.
    Tags,
    /// Any value.
    Any,
    /// A list of objects; those without a required property are left out.
    Lines(LineType),
}

impl ParamType {
    /// Returns what a value must be, for the message about one that is not.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Text => "a text that is not empty",
            Self::TextOrEmpty => "a text",
            Self::PageUrl | Self::Url | Self::SourceUrl => "the address of a page",
            Self::PersonId => "the id of a person, not a placeholder",
            Self::OrderId => "the id of an order, not a placeholder",
            Self::Email => "an e-mail address",
            Self::Quantity | Self::ChangedQuantity | Self::LineQuantity => "a number above zero",
            Self::Money => "an amount of money",
            Self::Currency => "the code of a currency",
            Self::Bool => "true or false",
            Self::Tags => "a list of texts that are not empty",
            Self::Any => "a value",
            Self::Lines(_) => "a list of lines",
        }
    }
}

/// The type of a line. A name instead of the properties themselves makes the table, which is in each page, a quarter smaller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineType {
    /// A line of a basket.
    Basket,
    /// A changed quantity in a basket.
    Change,
    /// A line of an order.
    Order,
}

impl LineType {
    /// Returns the properties of a line.
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

const BASKET_LINE: &[Param] = &[
    required("product_id", ParamType::Text),
    optional("variant_id", ParamType::Text),
    required("quantity", ParamType::LineQuantity),
    optional("price", ParamType::Money),
];

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

const ORDER_AND_LINES: &[Param] = &[required("order_id", ParamType::Text), optional("lines", ParamType::Lines(LineType::Order))];

/// All event types.
pub const EVENT_TYPES: &[EventType] = &[
    event_type("land", &[required("current_url", ParamType::PageUrl), required("source_url", ParamType::SourceUrl)]),
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
    event_type("article_view", &[required("id", ParamType::Text), optional("name", ParamType::Text), optional("url", ParamType::Url)]),
    event_type("category_view", &[required("id", ParamType::Text)]),
    event_type(
        "product_view",
        &[required("product_id", ParamType::Text), optional("page_type", ParamType::Text), optional("data", ParamType::Any)],
    ),
    event_type("search", &[required("query", ParamType::TextOrEmpty), required("url", ParamType::PageUrl)]),
    event_type(
        "basket_add",
        &[
            required("product_id", ParamType::Text),
            required("quantity", ParamType::ChangedQuantity),
            // That of the catalogue's prices, from which the amounts of such a cart follow.
            optional("currency", ParamType::Currency),
        ],
    ),
    event_type("basket_remove", &[required("product_id", ParamType::Text), required("quantity", ParamType::ChangedQuantity)]),
    event_type(
        "basket_update",
        &[
            optional("basket_id", ParamType::Text),
            optional("total", ParamType::Money),
            optional("currency", ParamType::Currency),
            optional("url", ParamType::Url),
            required("lines", ParamType::Lines(LineType::Basket)),
            optional("changes", ParamType::Lines(LineType::Change)),
        ],
    ),
    event_type("checkout", &[optional("stage", ParamType::Text)]),
    event_type(
        "order",
        &[
            required("order_id", ParamType::OrderId),
            optional("total", ParamType::Money),
            optional("tax", ParamType::Money),
            optional("shipping", ParamType::Money),
            optional("currency", ParamType::Currency),
            optional("lines", ParamType::Lines(LineType::Order)),
        ],
    ),
    event_type("order_cancel", ORDER_AND_LINES),
    event_type("order_return", ORDER_AND_LINES),
    requires_any("identify", &[optional("email", ParamType::Email), optional("profile_id", ParamType::PersonId)]),
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

/// Returns the event type `name`; None if there is none.
pub fn find(name: &str) -> Option<&'static EventType> {
    EVENT_TYPES.iter().find(|kind| kind.name == name)
}

/// Returns the type of a change in the other direction: a negative quantity that is added is removed.
pub fn opposite(kind: &str) -> Option<&'static str> {
    match kind {
        "basket_add" => Some("basket_remove"),
        "basket_remove" => Some("basket_add"),
        _ => None,
    }
}
