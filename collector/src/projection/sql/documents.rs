//! The records of a query as one relation: a column for each field that the query uses, `doc`, which identifies a record, and `project`.
//!
//! Orders and returns are stored as they are. Events, visits and customers are computed from tables: only the joins that the used fields need
//! become part of the statement. What a merge of two people changes is joined here, so nothing is rewritten.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::metrics::catalog::{Operator, RecordKind};
#[cfg(feature = "duckdb")]
use crate::metrics::query::Query;
use crate::metrics::query::{Measure, Predicate};
use crate::projection::sql::builder::SqlBuilder;
use crate::projection::sql::dialect::{Dialect, Numbered};
use crate::projection::sql::names::{column_name, table_name};
use crate::projection::sql::relations::Relations;
use crate::projection::sql::{attribution, customer_orders, customers};
use crate::time::SECOND_MS;

/// The column of a visit's visitor by which visitors are counted: the person where it is known.
const PERSON: &str = "visitor.person";
/// The number of that person, if the engine has one for each.
const PERSON_NUMBER: Expression = Sql("v.person_number");
/// The column of a visit by which visits are counted: its number, which takes the engine far less time than its id.
const VISIT_NUMBER: &str = "visit.number";
/// The id of a visit.
const VISIT_ID: &str = "visit.id";

/// The beginning of the names of an order's fields about the visits that led to it.
const ATTRIBUTION: &str = "attribution.";

/// What a field needs besides its own table. Joins are in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// The visit of an event.
    Visit,
    /// Revenue and orders of the visit, which its relation has.
    Revenue,
    /// The person of the visit, which its relation has too.
    Person,
    /// The first visit of the person.
    First,
    /// The product of an event.
    Product,
    /// The e-mail of an event without a visit.
    Email,
}

impl Need {
    /// Returns the join, if it is one.
    fn join(self, relations: &Relations<'_>) -> Option<String> {
        match self {
            Self::Visit | Self::Revenue | Self::Person => None,
            Self::First => Some(format!(" LEFT JOIN {} f ON f.project = v.project AND f.person = v.person", relations.first_visits())),
            Self::Email => Some(format!(" LEFT JOIN {} k ON k.of_event = e.seq", relations.people_of_events())),
            Self::Product => Some(format!(" LEFT JOIN {} p ON p.project = e.project AND p.id = e.product", relations.table("products"))),
        }
    }
}

use Need::{Email, First, Person, Product, Revenue, Visit};

/// The value of a field.
#[derive(Clone, Copy)]
enum Expression {
    /// An expression in all dialects.
    Sql(&'static str),
    /// The whole seconds between two times.
    Seconds(&'static str, &'static str),
}

use Expression::{Seconds, Sql};

impl Expression {
    fn sql(self, dialect: &dyn Dialect) -> String {
        match self {
            Sql(text) => text.into(),
            Seconds(from, until) => {
                dialect.quotient(&format!("{} - {}", dialect.millis(until), dialect.millis(from)), &SECOND_MS.to_string())
            }
        }
    }
}

/// The expression of each field of a visit, and what it needs.
const VISIT: &[(&str, Expression, &[Need])] = &[
    (VISIT_ID, Sql("coalesce(v.session, 'expired-' || CAST(v.number AS VARCHAR))"), &[]),
    (VISIT_NUMBER, Sql("v.number"), &[]),
    ("visit.started_at", Sql("v.started_at"), &[]),
    ("visit.ended_at", Sql("v.ended_at"), &[]),
    ("visit.duration_seconds", Seconds("v.started_at", "v.ended_at"), &[]),
    ("visit.events_count", Sql("v.events_count"), &[]),
    ("visit.pages_count", Sql("v.pages_count"), &[]),
    ("visit.products_count", Sql("v.products_count"), &[]),
    ("visit.is_bounce", Sql("v.is_bounce"), &[]),
    ("visit.is_first", Sql("CAST(v.started_at = f.first_at AS BOOLEAN)"), &[Person, First]),
    ("visit.entry_path", Sql("v.entry_path"), &[]),
    ("visit.exit_path", Sql("v.exit_path"), &[]),
    ("visit.viewed_product", Sql("v.viewed_product"), &[]),
    ("visit.added_to_cart", Sql("v.added_to_cart"), &[]),
    ("visit.checked_out", Sql("v.checked_out"), &[]),
    ("visit.ordered", Sql("CAST(v.orders IS NOT NULL AS BOOLEAN)"), &[Revenue]),
    ("visit.orders_count", Sql("coalesce(v.orders, 0)"), &[Revenue]),
    ("visit.revenue", Sql("v.revenue"), &[Revenue]),
    ("visit.currency_code", Sql("v.currency"), &[Revenue]),
    ("source.channel", Sql("v.channel"), &[]),
    ("source.name", Sql("v.source"), &[]),
    ("source.medium", Sql("v.medium"), &[]),
    ("source.campaign", Sql("v.campaign"), &[]),
    ("source.term", Sql("v.term"), &[]),
    ("source.content", Sql("v.content"), &[]),
    ("source.click_id", Sql("v.click_id"), &[]),
    ("device.type", Sql("v.device_type"), &[]),
    ("device.browser", Sql("v.browser"), &[]),
    ("device.system", Sql("v.system"), &[]),
    ("visitor.id", Sql("v.visitor"), &[]),
    (PERSON, Sql("v.person"), &[Person]),
    ("customer.email", Sql("v.known_email"), &[Person]),
    ("country.code", Sql("v.country"), &[]),
];

/// The same for the fields that an event has itself. An event without a visit has its own visitor, device and market, and the e-mail of that
/// visitor then.
const EVENT: &[(&str, Expression, &[Need])] = &[
    ("event.id", Sql("CAST(e.id AS VARCHAR)"), &[]),
    ("event.type", Sql("e.type"), &[]),
    ("event.api", Sql("e.api"), &[]),
    ("event.time", Sql("e.time"), &[]),
    ("event.received_at", Sql("e.received_at"), &[]),
    ("event.name", Sql("e.name"), &[]),
    ("event.quantity", Sql("e.quantity"), &[]),
    ("event.is_bot", Sql("e.is_bot"), &[]),
    ("page.host", Sql("e.host"), &[]),
    ("page.path", Sql("e.path"), &[]),
    ("page.title", Sql("e.title"), &[]),
    ("page.type", Sql("e.page_type"), &[]),
    ("product.id", Sql("e.product"), &[]),
    ("product.name", Sql("p.name"), &[Product]),
    ("product.category", Sql("p.category"), &[Product]),
    ("search.query", Sql("e.query"), &[]),
    // Not every engine has NULL for no visit.
    (VISIT_NUMBER, Sql("nullif(e.visit, 0)"), &[]),
    ("visit.ordered", Sql("CASE WHEN v.number IS NOT NULL THEN CAST(v.orders IS NOT NULL AS BOOLEAN) END"), &[Visit, Revenue]),
    ("visit.orders_count", Sql("CASE WHEN v.number IS NOT NULL THEN coalesce(v.orders, 0) END"), &[Visit, Revenue]),
    ("device.type", Sql("coalesce(v.device_type, e.device_type)"), &[Visit]),
    ("device.browser", Sql("coalesce(v.browser, e.browser)"), &[Visit]),
    ("device.system", Sql("coalesce(v.system, e.system)"), &[Visit]),
    ("country.code", Sql("coalesce(v.country, e.country)"), &[Visit]),
    ("visitor.id", Sql("coalesce(v.visitor, e.visitor)"), &[Visit]),
    (PERSON, Sql("coalesce(v.person, e.email, k.link_email, e.visitor)"), &[Visit, Person, Email]),
    ("customer.email", Sql("coalesce(v.known_email, e.email, k.link_email)"), &[Visit, Person, Email]),
];

impl SqlBuilder<'_> {
    /// Returns the relation of the records, with the alias `d`.
    pub(super) fn records(&mut self) -> String {
        let kind = self.record_kind();
        if self.visible_rows().is_some() {
            return format!("{} d", table_name(kind, None));
        }
        let fields = self.used_fields();
        match kind {
            RecordKind::Orders => format!("{} d", self.orders(&fields)),
            RecordKind::Returns => format!("{} d", self.table(None)),
            RecordKind::Customers => customers::relation(self),
            RecordKind::Events | RecordKind::Visits => self.tracked(kind, &fields),
        }
    }

    /// Returns the condition that [`records`](Self::records) leaves to the statement, if it returns a bare table.
    pub(super) fn visible_rows(&self) -> Option<String> {
        let is_stored = match self.record_kind() {
            RecordKind::Orders => !self.used_fields().iter().any(|name| is_of_customer_orders(name) || name.starts_with(ATTRIBUTION)),
            RecordKind::Returns => true,
            RecordKind::Customers | RecordKind::Events | RecordKind::Visits => false,
        };
        self.dialect.visible_rows("d").filter(|_| is_stored)
    }

    fn orders(&mut self, fields: &BTreeSet<&'static str>) -> String {
        let orders = if fields.iter().any(|name| is_of_customer_orders(name)) {
            customer_orders::with_customer_orders(self)
        } else {
            self.table(None)
        };
        if fields.iter().any(|name| name.starts_with(ATTRIBUTION)) { attribution::with_attribution(self, &orders) } else { orders }
    }

    fn tracked(&mut self, kind: RecordKind, fields: &BTreeSet<&'static str>) -> String {
        let is_event = kind == RecordKind::Events;
        let mut needs = BTreeSet::new();
        let mut columns = String::new();
        for name in fields {
            let (expression, needed) = if name.starts_with("market.") {
                // A shop without stores has one market, the project.
                let project = self.organization();
                let store = if is_event { "coalesce(v.store, e.store" } else { "coalesce(v.store" };
                (format!("{store}, {project})"), &[Visit][..])
            } else {
                let own = EVENT.iter().find(|(own, ..)| is_event && own == name);
                let Some((_, expression, needed)) = own.or_else(|| VISIT.iter().find(|(other, ..)| other == name)) else { continue };
                needs.extend((own.is_none() && is_event).then_some(Visit));
                let expression = if *name == PERSON && self.numbers_people() { PERSON_NUMBER } else { *expression };
                (expression.sql(self.dialect), *needed)
            };
            needs.extend(needed.iter().copied());
            let _ = write!(columns, ", {expression} AS {}", column_name(name));
        }
        let mut relations = self.relations();
        if needs.contains(&Revenue) && !self.scope.markets.is_empty() {
            let markets = self.bind_all(&self.scope.markets.clone());
            relations = relations.of_markets(markets);
        }
        let visits =
            if needs.contains(&Revenue) { relations.visits_with_orders(self.has_ordered_only()) } else { relations.table("visits") };
        let visits = if needs.contains(&Person) { relations.with_people(&visits) } else { visits };
        let (doc, from) = if is_event {
            let join = if self.has_ordered_only() { "JOIN" } else { "LEFT JOIN" };
            let visit = if needs.contains(&Visit) { format!(" {join} {visits} v ON v.number = e.visit") } else { String::new() };
            ("e.seq", format!("{} e{visit}", relations.table("events")))
        } else {
            ("v.number", format!("{visits} v"))
        };
        let joins: String = needs.into_iter().filter_map(|need| need.join(&relations)).collect();
        let alias = if is_event { "e" } else { "v" };
        let project = self.scope.project;
        format!("(SELECT {doc} AS doc, {alias}.project AS project{columns} FROM {from}{joins} WHERE {alias}.project = {project}) d")
    }

    /// Returns what the measure counts by number, if anything.
    pub(super) fn numbered(&self, measure: Measure) -> Option<Numbered> {
        match counted_by(measure)? {
            VISIT_NUMBER => Some(Numbered::Visits),
            PERSON if self.numbers_people() => Some(Numbered::People),
            _ => None,
        }
    }

    /// Whether people are counted by number. An event without a visit has none.
    fn numbers_people(&self) -> bool {
        self.dialect.numbers_people() && self.record_kind() == RecordKind::Visits
    }

    /// Whether the filter excludes all visits without an order, so that the others need not be read.
    fn has_ordered_only(&self) -> bool {
        self.query.filter.conditions.iter().any(|condition| match &condition.predicate {
            Predicate::Is(is_ordered) => condition.field.name == "visit.ordered" && *is_ordered,
            Predicate::In(_) => condition.field.name == "visit.currency_code",
            _ => false,
        })
    }

    fn used_fields(&self) -> BTreeSet<&'static str> {
        let query = self.query;
        let mut fields: Vec<_> = query.fields().into_iter().map(|field| field.name).collect();
        if !self.scope.markets.is_empty() {
            fields.push("market.id");
        }
        for measure in query.kind.measures() {
            // The fields of measures come first: the same one as a group or in the filter stays.
            let own = fields.iter_mut().find(|name| **name == measure.field.name);
            if let (Some(own), Some(column)) = (own, counted_by(measure)) {
                *own = column;
            }
        }
        fields.into_iter().collect()
    }
}

/// Whether a field is computed from the orders of the customer.
fn is_of_customer_orders(field: &str) -> bool {
    customer_orders::FIELDS.contains(&field)
}

/// Returns whether a query uses the attribution of orders or the revenue of visits.
#[cfg(feature = "duckdb")]
pub(in crate::projection) fn uses_attribution(query: &Query) -> bool {
    let uses_revenue = |name: &str| VISIT.iter().any(|(field, _, needs)| *field == name && needs.contains(&Revenue));
    query.fields().into_iter().any(|field| field.name.starts_with(ATTRIBUTION) || uses_revenue(field.name))
}

/// Returns the column of a measure that is not that of its field.
pub(super) fn measured(measure: Measure) -> Option<String> {
    counted_by(measure).map(|name| format!("d.{}", column_name(name)))
}

/// Returns what stands for a field whose values are counted: visitors are counted by person, visits by number.
fn counted_by(measure: Measure) -> Option<&'static str> {
    match measure.field.name {
        _ if measure.operator != Operator::Cardinality => None,
        "visitor.id" => Some(PERSON),
        VISIT_ID => Some(VISIT_NUMBER),
        _ => None,
    }
}
