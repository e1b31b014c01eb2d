//! One field: its type, and what may be done with it.
//!
//! A line of a table is a type followed by what is allowed, and nothing that a line does not allow is.

use crate::metrics::catalog::ARRAYS;

/// A field of a resource.
#[derive(Debug)]
pub struct Field {
    /// Its full name, which is also its column: the way to it, with dots.
    pub name: &'static str,
    /// What its values are.
    pub kind: FieldType,
    /// The operators that compute something of it.
    pub operators: &'static [Operator],
    /// Whether a breakdown may be by it.
    pub grouping: Grouping,
    /// Whether a breakdown by date may be by it.
    pub is_by_date: bool,
    /// Whether the date filter of a request may be on it, and a search sorted by it.
    pub is_date_filter: bool,
    /// Its name in a filter, if there is one.
    pub filter: Option<&'static str>,
    /// How a filter looks at it.
    pub filter_kind: FilterKind,
    /// Whether a search shows it.
    pub is_shown: bool,
    /// Which resources have it, where records are shared.
    pub applies_to: AppliesTo,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A string.
    Text,
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// A number of goods: shown without a fraction where it has none.
    Number,
    /// Money or a rate: exact to the sixth decimal, always shown with a fraction.
    Amount,
    /// A point in time, exact to the millisecond.
    Timestamp,
    /// A text that is the same for all records of an organization.
    Organization,
}

/// What a query computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The mean.
    Avg,
    /// The greatest value.
    Max,
    /// The least value.
    Min,
    /// The total.
    Sum,
    /// Count, least, greatest, mean and total.
    Stats,
    /// The value below which so many percent lie.
    Percentiles,
    /// How many different values there are.
    Cardinality,
    /// How many values there are.
    ValueCount,
}

/// Whether, and with what inside, a breakdown may be by a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    No,
    /// With anything inside.
    Any,
    /// With anything inside but these; `x.*` means every attribute of x.
    Except(&'static [&'static str]),
}

/// How a filter looks at a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// By the field's own type: flags bare, texts in lists, the rest by comparison.
    Natural,
    /// A list of whole numbers that are compared as texts.
    Numbers,
    /// A list of texts out of a few.
    Among(&'static [&'static str]),
    /// One bare text out of a few, or a list of them. The first stands for what is missing.
    Choice(&'static [&'static str]),
    /// A query over all texts of the record.
    Query,
}

/// Which of the resources that share records have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliesTo {
    /// All of them.
    All,
    /// Orders, and not carts.
    Orders,
    /// Orders; carts only show it in a search.
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

    /// Whether it gives one number.
    pub fn is_single(self) -> bool {
        !matches!(self, Self::Stats | Self::Percentiles)
    }
}

/// What can be counted.
pub(super) const COUNTED: &[Operator] = &[Operator::Cardinality, Operator::ValueCount];
const DIFFERENT: &[Operator] = &[Operator::Cardinality];
const PRESENT: &[Operator] = &[Operator::ValueCount];
const SUMMED: &[Operator] = &[Operator::Avg, Operator::Max, Operator::Min, Operator::Sum, Operator::Stats];
/// The total of waiting times means nothing, so it is not offered.
const TIMED: &[Operator] = &[Operator::Avg, Operator::Max, Operator::Min, Operator::Stats, Operator::Percentiles];

const fn field(name: &'static str, kind: FieldType) -> Field {
    Field {
        name,
        kind,
        operators: &[],
        grouping: Grouping::No,
        is_by_date: false,
        is_date_filter: false,
        filter: None,
        filter_kind: FilterKind::Natural,
        is_shown: true,
        applies_to: AppliesTo::All,
    }
}

/// A string.
pub(super) const fn text(name: &'static str) -> Field {
    field(name, FieldType::Text)
}

/// True or false.
pub(super) const fn boolean(name: &'static str) -> Field {
    field(name, FieldType::Bool)
}

/// Money or a rate.
pub(super) const fn amount(name: &'static str) -> Field {
    field(name, FieldType::Amount).with(SUMMED)
}

/// A number of goods.
pub(super) const fn number(name: &'static str) -> Field {
    field(name, FieldType::Number).with(SUMMED)
}

/// How many of something a record has.
pub(super) const fn count(name: &'static str) -> Field {
    field(name, FieldType::Integer).with(SUMMED)
}

/// How many seconds something took.
pub(super) const fn seconds(name: &'static str) -> Field {
    field(name, FieldType::Integer).with(TIMED)
}

/// A whole number that nothing is computed of.
pub(super) const fn integer(name: &'static str) -> Field {
    field(name, FieldType::Integer)
}

/// A point in time.
pub(super) const fn timestamp(name: &'static str) -> Field {
    field(name, FieldType::Timestamp)
}

/// A text that is the same for all records of an organization.
pub(super) const fn organization(name: &'static str) -> Field {
    field(name, FieldType::Organization).hidden().grouped()
}

impl Field {
    const fn with(mut self, operators: &'static [Operator]) -> Self {
        self.operators = operators;
        self
    }

    /// Its values and its different values can be counted.
    pub(super) const fn counted(self) -> Self {
        self.with(COUNTED)
    }

    /// Only its different values can be counted.
    pub(super) const fn cardinality_only(self) -> Self {
        self.with(DIFFERENT)
    }

    /// Only its values can be counted.
    pub(super) const fn value_count_only(self) -> Self {
        self.with(PRESENT)
    }

    /// A breakdown may be by it.
    pub(super) const fn grouped(mut self) -> Self {
        self.grouping = Grouping::Any;
        self
    }

    /// A breakdown may be by it, with anything inside but these.
    pub(super) const fn grouped_but(mut self, forbidden: &'static [&'static str]) -> Self {
        self.grouping = Grouping::Except(forbidden);
        self
    }

    /// A breakdown by date may be by it.
    pub(super) const fn by_date(mut self) -> Self {
        self.is_by_date = true;
        self
    }

    /// The date filter may be on it, and a search sorted by it.
    pub(super) const fn date_filter(mut self) -> Self {
        self.is_date_filter = true;
        self
    }

    /// A filter looks at it under this name.
    pub(super) const fn filter(mut self, name: &'static str) -> Self {
        self.filter = Some(name);
        self
    }

    /// A filter looks at it in this way.
    pub(super) const fn filter_kind(mut self, kind: FilterKind) -> Self {
        self.filter_kind = kind;
        self
    }

    /// A search does not show it.
    pub(super) const fn hidden(mut self) -> Self {
        self.is_shown = false;
        self
    }

    /// Carts do not have it.
    pub(super) const fn orders_only(mut self) -> Self {
        self.applies_to = AppliesTo::Orders;
        self
    }

    /// Carts only show it.
    pub(super) const fn cart_display_only(mut self) -> Self {
        self.applies_to = AppliesTo::CartsDisplayOnly;
        self
    }

    /// Returns the way to the record or relation whose attribute this is.
    pub fn owner(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(owner, _)| owner)
    }

    /// Returns the attribute's own name.
    pub fn attribute(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, attribute)| attribute)
    }

    /// Returns the innermost array in which it stands, if it stands in one.
    pub fn array(&self) -> Option<&'static str> {
        let within = |array: &&&str| self.owner().strip_prefix(**array).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        ARRAYS.iter().filter(within).max_by_key(|array| array.len()).copied()
    }

    /// Whether a breakdown by this one may hold one by `inner`.
    pub fn may_hold(&self, inner: &Self) -> bool {
        let forbids = |name: &&str| name.strip_suffix(".*").map_or(*name == inner.name, |owner| owner == inner.owner());
        match self.grouping {
            Grouping::No => false,
            Grouping::Any => self.name != inner.name,
            Grouping::Except(forbidden) => self.name != inner.name && !forbidden.iter().any(forbids),
        }
    }
}
