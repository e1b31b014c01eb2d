//! One field: its type, and the operations that it allows.
//!
//! A table row starts with a type and lists the allowed operations. Everything that it does not list is forbidden.

use crate::metrics::catalog::arrays::ARRAYS;

/// A field of a resource.
#[derive(Debug)]
pub struct Field {
    /// The full name, a path with dots. It is also the name of the column.
    pub name: &'static str,
    /// The type of the values.
    pub kind: FieldType,
    /// The operators that accept the field.
    pub operators: &'static [Operator],
    /// Whether a breakdown can group by the field.
    pub grouping: Grouping,
    /// Whether a breakdown by date can use the field.
    pub is_by_date: bool,
    /// Whether the date filter and the sort order of a search can use the field.
    pub is_date_filter: bool,
    /// The name in filters; `None` if filters cannot use the field.
    pub filter: Option<&'static str>,
    /// The form of the filter.
    pub filter_kind: FilterKind,
    /// Whether a search can return the field.
    pub is_shown: bool,
    /// The resources that have the field, if several share their records.
    pub applies_to: AppliesTo,
    /// Whether the field is computed when a query asks, and not stored with the record.
    pub is_derived: bool,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A string.
    Text,
    /// True or false.
    Bool,
    /// An integer.
    Integer,
    /// A quantity: exact to the sixth decimal, returned without a fraction if it has none.
    Number,
    /// Money or a rate: exact to the sixth decimal, always returned with a fraction.
    Amount,
    /// A time, in milliseconds.
    Timestamp,
    /// A string that is the same for all records of an organization.
    Organization,
    /// A list of strings; a record is in the bucket of each.
    Texts,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The arithmetic mean.
    Avg,
    /// The maximum.
    Max,
    /// The minimum.
    Min,
    /// The sum.
    Sum,
    /// Count, minimum, maximum, mean and sum.
    Stats,
    /// The percentiles.
    Percentiles,
    /// The number of distinct values.
    Cardinality,
    /// The number of values.
    ValueCount,
}

/// Whether a breakdown can group by a field, and which breakdowns it can contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// No breakdown.
    No,
    /// A breakdown that can contain any other field.
    Any,
    /// A breakdown that can contain any other field except these; `x.*` is every attribute of x.
    Except(&'static [&'static str]),
}

/// The form of a filter on a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// The default of the field's type: a boolean, a list of strings, or a comparison.
    ByType,
    /// A list of integers or strings, compared as strings.
    Numbers,
    /// A list of these strings.
    Among(&'static [&'static str]),
    /// One of these strings, or a list of them. A missing value counts as the first.
    Choice(&'static [&'static str]),
    /// A free-text search in all strings of the record.
    Query,
}

/// The resources that have a field, among those that share records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliesTo {
    /// Orders and carts.
    All,
    /// Orders only.
    Orders,
    /// Orders; for carts, only a search can use the field.
    CartsDisplayOnly,
}

impl Operator {
    /// Every operator with its name in requests.
    pub const NAMES: &[(&str, Self)] = &[
        ("avg", Self::Avg),
        ("max", Self::Max),
        ("min", Self::Min),
        ("sum", Self::Sum),
        ("stats", Self::Stats),
        ("percentiles", Self::Percentiles),
        ("cardinality", Self::Cardinality),
        ("value_count", Self::ValueCount),
    ];

    /// Whether the result is a single number.
    pub fn is_single(self) -> bool {
        !matches!(self, Self::Stats | Self::Percentiles)
    }
}

/// The operators of countable fields.
const COUNT_OPERATORS: &[Operator] = &[Operator::Cardinality, Operator::ValueCount];
const CARDINALITY_ONLY: &[Operator] = &[Operator::Cardinality];
const VALUE_COUNT_ONLY: &[Operator] = &[Operator::ValueCount];
const SUM_OPERATORS: &[Operator] = &[Operator::Avg, Operator::Max, Operator::Min, Operator::Sum, Operator::Stats];
/// The operators of durations. The sum of waiting times has no meaning, so it is missing.
const DURATION_OPERATORS: &[Operator] = &[Operator::Avg, Operator::Max, Operator::Min, Operator::Stats, Operator::Percentiles];

/// Returns a field without operators.
pub(super) const fn field(name: &'static str, kind: FieldType) -> Field {
    Field {
        name,
        kind,
        operators: &[],
        grouping: Grouping::No,
        is_by_date: false,
        is_date_filter: false,
        filter: None,
        filter_kind: FilterKind::ByType,
        is_shown: true,
        applies_to: AppliesTo::All,
        is_derived: false,
    }
}

/// Returns a string field.
pub(super) const fn text(name: &'static str) -> Field {
    field(name, FieldType::Text)
}

/// Returns a field of a list of strings.
pub(super) const fn texts(name: &'static str) -> Field {
    field(name, FieldType::Texts)
}

/// Returns a boolean field.
pub(super) const fn boolean(name: &'static str) -> Field {
    field(name, FieldType::Bool)
}

/// Returns a field of money or a rate.
pub(super) const fn amount(name: &'static str) -> Field {
    field(name, FieldType::Amount).with(SUM_OPERATORS)
}

/// Returns a field of a quantity.
pub(super) const fn number(name: &'static str) -> Field {
    field(name, FieldType::Number).with(SUM_OPERATORS)
}

/// Returns a field of a count.
pub(super) const fn count(name: &'static str) -> Field {
    field(name, FieldType::Integer).with(SUM_OPERATORS)
}

/// Returns a field of a duration in seconds.
pub(super) const fn seconds(name: &'static str) -> Field {
    field(name, FieldType::Integer).with(DURATION_OPERATORS)
}

/// Returns an integer field without operators.
pub(super) const fn integer(name: &'static str) -> Field {
    field(name, FieldType::Integer)
}

/// Returns a time field.
pub(super) const fn timestamp(name: &'static str) -> Field {
    field(name, FieldType::Timestamp)
}

/// Returns a string field that is the same for all records of an organization.
pub(super) const fn organization(name: &'static str) -> Field {
    field(name, FieldType::Organization).hidden().groupable()
}

impl Field {
    const fn with(mut self, operators: &'static [Operator]) -> Self {
        self.operators = operators;
        self
    }

    /// Allows no aggregate.
    pub(super) const fn without_operators(self) -> Self {
        self.with(&[])
    }

    /// Marks a field of orders that is computed when a query asks.
    pub(super) const fn derived(mut self) -> Self {
        self.is_derived = true;
        self.orders_only()
    }

    /// Allows the number of values and of distinct values.
    pub(super) const fn countable(self) -> Self {
        self.with(COUNT_OPERATORS)
    }

    /// Allows only the number of distinct values.
    pub(super) const fn cardinality_only(self) -> Self {
        self.with(CARDINALITY_ONLY)
    }

    /// Allows only the number of values.
    pub(super) const fn value_count_only(self) -> Self {
        self.with(VALUE_COUNT_ONLY)
    }

    /// Allows breakdowns by the field.
    pub(super) const fn groupable(mut self) -> Self {
        self.grouping = Grouping::Any;
        self
    }

    /// Allows breakdowns by the field, which cannot contain these fields.
    pub(super) const fn groupable_except(mut self, forbidden: &'static [&'static str]) -> Self {
        self.grouping = Grouping::Except(forbidden);
        self
    }

    /// Allows breakdowns by date.
    pub(super) const fn by_date(mut self) -> Self {
        self.is_by_date = true;
        self
    }

    /// Allows the date filter, and sorting of searches.
    pub(super) const fn date_filter(mut self) -> Self {
        self.is_date_filter = true;
        self
    }

    /// Allows filters, with this name.
    pub(super) const fn filter(mut self, name: &'static str) -> Self {
        self.filter = Some(name);
        self
    }

    /// Sets the form of the filter.
    pub(super) const fn filter_kind(mut self, kind: FilterKind) -> Self {
        self.filter_kind = kind;
        self
    }

    /// Excludes the field from the results of searches.
    pub(super) const fn hidden(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// Excludes the field from carts.
    pub(super) const fn orders_only(mut self) -> Self {
        self.applies_to = AppliesTo::Orders;
        self
    }

    /// Limits the field to the results of searches for carts.
    pub(super) const fn cart_display_only(mut self) -> Self {
        self.applies_to = AppliesTo::CartsDisplayOnly;
        self
    }

    /// Returns the path of the record or relation that has the attribute.
    pub fn owner(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(owner, _)| owner)
    }

    /// Returns the name of the attribute, without the path.
    pub fn attribute(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, attribute)| attribute)
    }

    /// Returns the innermost array that contains the field, if any.
    pub fn array(&self) -> Option<&'static str> {
        let within = |array: &&&str| self.owner().strip_prefix(**array).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        ARRAYS.iter().filter(within).max_by_key(|array| array.len()).copied()
    }

    /// Whether a breakdown by this field can contain one by `inner`.
    pub fn can_contain(&self, inner: &Self) -> bool {
        let forbids = |name: &&str| name.strip_suffix(".*").map_or(*name == inner.name, |owner| owner == inner.owner());
        match self.grouping {
            Grouping::No => false,
            Grouping::Any => self.name != inner.name,
            Grouping::Except(forbidden) => self.name != inner.name && !forbidden.iter().any(forbids),
        }
    }
}
