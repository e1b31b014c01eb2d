//! The fields of the backend API's records, and of their exports, as tables.

/// A field of a record.
#[derive(Debug)]
pub(super) struct RecordField {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    pub(super) is_required: bool,
}

/// How a field is parsed.
#[derive(Debug)]
pub(super) enum Rule {
    Text,
    Email,
    Time,
    Money,
    /// The currency of the amounts; that of the project if missing.
    Currency,
    Flag,
    /// Texts that replace the stored ones.
    Texts,
    /// Tags that are added to the stored ones.
    Tags,
    /// Tags that are removed from the stored ones.
    Untags,
    /// A price, which may be empty, and may be missing if the product has options.
    Price,
    /// Variants of a product, merged with the stored ones.
    Options,
    /// The lines of an order.
    Lines,
    /// An object of texts; the names of the members that are stored.
    Object(&'static [&'static str]),
}

const fn required(name: &'static str, rule: Rule) -> RecordField {
    RecordField { name, rule, is_required: true }
}

const fn optional(name: &'static str, rule: Rule) -> RecordField {
    RecordField { name, rule, is_required: false }
}

pub(super) const CUSTOMER: &[RecordField] = &[
    required("email", Rule::Email),
    required("createdAt", Rule::Time),
    optional("firstName", Rule::Text),
    optional("lastName", Rule::Text),
    optional("subscribed", Rule::Flag),
    optional("tags", Rule::Tags),
];

pub(super) const TAG: &[RecordField] = &[required("email", Rule::Email), required("tags", Rule::Tags)];

pub(super) const UNTAG: &[RecordField] = &[required("email", Rule::Email), required("tags", Rule::Untags)];

pub(super) const ADDED_TAGS: &[RecordField] = &[required("tags", Rule::Tags)];

pub(super) const REMOVED_TAGS: &[RecordField] = &[required("tags", Rule::Untags)];

pub(super) const CATEGORY: &[RecordField] = &[required("id", Rule::Text), required("name", Rule::Text), optional("url", Rule::Text)];

pub(super) const PRODUCT: &[RecordField] = &[
    required("id", Rule::Text),
    required("name", Rule::Text),
    optional("categories", Rule::Texts),
    optional("sku", Rule::Text),
    optional("url", Rule::Text),
    optional("imageUrl", Rule::Text),
    optional("options", Rule::Options),
    optional("price", Rule::Price),
];

pub(super) const OPTION: &[RecordField] = &[
    required("id", Rule::Text),
    required("name", Rule::Text),
    optional("price", Rule::Money),
    optional("sku", Rule::Text),
    optional("imageUrl", Rule::Text),
];

pub(super) const ORDER: &[RecordField] = &[
    required("id", Rule::Text),
    required("createdAt", Rule::Time),
    required("amount", Rule::Money),
    required("status", Rule::Text),
    required("products", Rule::Lines),
    optional("email", Rule::Email),
    optional("coupons", Rule::Texts),
    optional("billing", Rule::Object(BILLING)),
    optional("ipAddress", Rule::Text),
    optional("currency", Rule::Currency),
];

const BILLING: &[&str] = &["address", "city", "countryCode", "phone", "postcode", "paymentMethod", "region", "firstName", "lastName"];

pub(super) const EXPORTED_CUSTOMER: &[RecordField] = &[
    required("email", Rule::Email),
    optional("createdAt", Rule::Time),
    optional("firstName", Rule::Text),
    optional("lastName", Rule::Text),
    optional("phoneNumber", Rule::Text),
    optional("subscribed", Rule::Flag),
    optional("tags", Rule::Tags),
];

pub(super) const EXPORTED_CATEGORY: &[RecordField] =
    &[required("id", Rule::Text), optional("name", Rule::Text), optional("url", Rule::Text)];

pub(super) const EXPORTED_PRODUCT: &[RecordField] = &[
    required("id", Rule::Text),
    optional("name", Rule::Text),
    optional("categories", Rule::Texts),
    optional("sku", Rule::Text),
    optional("url", Rule::Text),
    optional("imageUrl", Rule::Text),
    optional("options", Rule::Options),
    optional("price", Rule::Money),
];

pub(super) const EXPORTED_ORDER: &[RecordField] = &[
    required("id", Rule::Text),
    optional("createdAt", Rule::Time),
    optional("amount", Rule::Money),
    optional("status", Rule::Text),
    optional("products", Rule::Lines),
    optional("email", Rule::Email),
    optional("coupons", Rule::Texts),
    optional("billing", Rule::Object(BILLING)),
    optional("ipAddress", Rule::Text),
    optional("currency", Rule::Currency),
    optional("tax", Rule::Money),
    optional("shipping", Rule::Money),
];
