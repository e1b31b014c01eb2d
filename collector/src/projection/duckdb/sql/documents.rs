//! The records of a query as one relation: a column for each field that the query uses, `doc`, which identifies a record, and `project`.
//!
//! Orders and returns are stored as they are. Events, visits and customers are computed from tables: only the joins that the used fields need
//! become part of the statement. What a merge of two people changes is joined here, so nothing is rewritten.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::metrics::catalog::{Field, FieldType, Operator, RecordKind};
use crate::metrics::query::{Measure, QueryKind};
use crate::projection::duckdb::sql::builder::{SqlBuilder, table};
use crate::projection::duckdb::sql::{attribution, customers};

/// The column of a visit's visitor by which visitors are counted: the person where it is known.
const PERSON: &str = "visitor.person";

/// A table that is joined if a field needs it, in the order of the joins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Join {
    Visit,
    Person,
    Revenue,
    First,
    Product,
}

impl Join {
    fn sql(self, kind: RecordKind) -> &'static str {
        match (self, kind) {
            (Self::Visit, RecordKind::Events) => " LEFT JOIN visits v ON v.number = e.visit",
            (Self::Visit, _) => "",
            (Self::Person, _) => {
                " LEFT JOIN links l ON l.project = v.project AND l.visitor = v.visitor AND v.ended_at >= l.since AND v.ended_at < l.until"
            }
            (Self::Revenue, _) => " LEFT JOIN visit_revenue r ON r.visit = v.number",
            (Self::First, _) => " LEFT JOIN first_visits f ON f.project = v.project AND f.person = coalesce(v.email, l.email, v.visitor)",
            (Self::Product, _) => " LEFT JOIN products p ON p.project = e.project AND p.id = e.product",
        }
    }
}

use Join::{First, Person, Product, Revenue, Visit};

/// The expression of each field of a visit, and the tables that it needs.
const VISIT: &[(&str, &str, &[Join])] = &[
    ("visit.id", "coalesce(v.session, 'expired-' || v.number)", &[]),
    ("visit.started_at", "v.started_at", &[]),
    ("visit.ended_at", "v.ended_at", &[]),
    ("visit.duration_seconds", "(epoch_ms(v.ended_at) - epoch_ms(v.started_at)) // 1000", &[]),
    ("visit.events_count", "v.events_count", &[]),
    ("visit.pages_count", "v.pages_count", &[]),
    ("visit.products_count", "v.products_count", &[]),
    ("visit.is_bounce", "v.is_bounce", &[]),
    ("visit.is_first", "v.started_at = f.started_at", &[Person, First]),
    ("visit.entry_path", "v.entry_path", &[]),
    ("visit.exit_path", "v.exit_path", &[]),
    ("visit.viewed_product", "v.viewed_product", &[]),
    ("visit.added_to_cart", "v.added_to_cart", &[]),
    ("visit.checked_out", "v.checked_out", &[]),
    ("visit.ordered", "CASE WHEN v.number IS NOT NULL THEN r.visit IS NOT NULL END", &[Revenue]),
    ("visit.orders_count", "CASE WHEN v.number IS NOT NULL THEN coalesce(r.orders, 0) END", &[Revenue]),
    ("visit.revenue", "r.revenue", &[Revenue]),
    ("visit.currency_code", "r.currency", &[Revenue]),
    ("source.channel", "v.channel", &[]),
    ("source.name", "v.source", &[]),
    ("source.medium", "v.medium", &[]),
    ("source.campaign", "v.campaign", &[]),
    ("source.term", "v.term", &[]),
    ("source.content", "v.content", &[]),
    ("source.click_id", "v.click_id", &[]),
    ("device.type", "v.device_type", &[]),
    ("device.browser", "v.browser", &[]),
    ("device.system", "v.system", &[]),
    ("visitor.id", "v.visitor", &[]),
    (PERSON, "coalesce(v.email, l.email, v.visitor)", &[Person]),
    ("customer.email", "coalesce(v.email, l.email)", &[Person]),
    ("country.code", "v.country", &[]),
];

/// The same for the fields that an event has itself. An event without a visit has its own visitor, device and market.
const EVENT: &[(&str, &str, &[Join])] = &[
    ("event.id", "CAST(e.id AS VARCHAR)", &[]),
    ("event.type", "e.type", &[]),
    ("event.api", "e.api", &[]),
    ("event.time", "e.time", &[]),
    ("event.received_at", "e.received_at", &[]),
    ("event.name", "e.name", &[]),
    ("event.quantity", "e.quantity", &[]),
    ("event.is_bot", "e.is_bot", &[]),
    ("page.host", "e.host", &[]),
    ("page.path", "e.path", &[]),
    ("page.title", "e.title", &[]),
    ("page.type", "e.page_type", &[]),
    ("product.id", "e.product", &[]),
    ("product.name", "p.name", &[Product]),
    ("product.category", "p.category", &[Product]),
    ("search.query", "e.query", &[]),
    ("device.type", "coalesce(v.device_type, e.device_type)", &[Visit]),
    ("device.browser", "coalesce(v.browser, e.browser)", &[Visit]),
    ("device.system", "coalesce(v.system, e.system)", &[Visit]),
    ("country.code", "coalesce(v.country, e.country)", &[Visit]),
    ("visitor.id", "coalesce(v.visitor, e.visitor)", &[Visit]),
    (PERSON, "coalesce(v.email, l.email, v.visitor, e.email, e.visitor)", &[Visit, Person]),
    ("customer.email", "coalesce(v.email, l.email, e.email)", &[Visit, Person]),
];

impl SqlBuilder<'_> {
    /// Returns the relation of the records, with the alias `d`.
    pub(super) fn records(&mut self) -> String {
        let kind = self.record_kind();
        let fields = self.used_fields();
        match kind {
            RecordKind::Orders if fields.iter().any(|name| name.starts_with("attribution.")) => attribution::orders(self),
            RecordKind::Orders | RecordKind::Returns => format!("{} d", table(kind, None)),
            RecordKind::Customers => customers::relation(self),
            RecordKind::Events | RecordKind::Visits => self.tracked(kind, &fields),
        }
    }

    fn tracked(&mut self, kind: RecordKind, fields: &BTreeSet<&'static str>) -> String {
        let is_event = kind == RecordKind::Events;
        let mut joins = BTreeSet::new();
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
                joins.extend((own.is_none() && is_event).then_some(Visit));
                ((*expression).to_owned(), *needed)
            };
            joins.extend(needed.iter().copied());
            let _ = write!(columns, ", {expression} AS \"{name}\"");
        }
        let (doc, from) = if is_event { ("e.seq", "events e") } else { ("v.number", "visits v") };
        let joins: String = joins.into_iter().map(|join| join.sql(kind)).collect();
        let alias = if is_event { "e" } else { "v" };
        format!("(SELECT {doc} AS doc, {alias}.project{columns} FROM {from}{joins} WHERE {alias}.project = {}) d", self.scope.project)
    }

    fn used_fields(&self) -> BTreeSet<&'static str> {
        let query = self.query;
        let mut names: BTreeSet<_> = query.fields().into_iter().map(|field| field.name).collect();
        if !self.scope.markets.is_empty() {
            names.insert("market.id");
        }
        if counts_visitors(&query.kind) {
            names.insert(PERSON);
        }
        names
    }

    /// Returns the JSON of the fields that a search shows, or of the derived ones of a stored record.
    pub(super) fn json(&mut self, fields: &[&'static Field]) -> String {
        let id = self.query.resource.id;
        if !self.record_kind().has_documents() {
            let mut tree = Tree::default();
            for field in fields {
                let path: Vec<_> = field.name.split('.').collect();
                let is_main = path.first() == Some(&self.query.resource.main);
                tree.insert(if is_main { path.get(1..).unwrap_or_default() } else { &path }, json_value(field));
            }
            tree.insert(&["id"], format!("d.\"{id}\""));
            return format!("CAST(to_json({}) AS VARCHAR)", tree.sql());
        }
        let derived: Vec<_> = fields.iter().filter(|field| field.is_derived).collect();
        if derived.is_empty() {
            return "d.json".into();
        }
        let mut tree = Tree::default();
        for field in derived {
            tree.insert(&field.name.split('.').collect::<Vec<_>>(), json_value(field));
        }
        format!("CAST(json_merge_patch(d.json, to_json({})) AS VARCHAR)", tree.sql())
    }
}

/// Returns the column of a measure; visitors are counted by person.
pub(super) fn measured(measure: Measure) -> Option<String> {
    is_visitors(measure).then(|| format!("d.\"{PERSON}\""))
}

fn is_visitors(measure: Measure) -> bool {
    measure.field.name == "visitor.id" && measure.operator == Operator::Cardinality
}

fn counts_visitors(kind: &QueryKind) -> bool {
    kind.measures().into_iter().any(is_visitors)
}

/// A JSON object as nested structs.
#[derive(Default)]
struct Tree(Vec<(String, Node)>);

enum Node {
    Value(String),
    Object(Tree),
}

impl Tree {
    fn insert(&mut self, path: &[&str], value: String) {
        let Some((name, rest)) = path.split_first() else { return };
        let at = self.0.iter().position(|(other, _)| other == name);
        match (at.and_then(|at| self.0.get_mut(at)), rest) {
            (Some((_, Node::Object(inner))), [_, ..]) => inner.insert(rest, value),
            (Some(_), _) => {}
            (None, []) => self.0.push(((*name).to_owned(), Node::Value(value))),
            (None, _) => {
                let mut inner = Self::default();
                inner.insert(rest, value);
                self.0.push(((*name).to_owned(), Node::Object(inner)));
            }
        }
    }

    fn sql(&self) -> String {
        let members = self.0.iter().map(|(name, node)| match node {
            Node::Value(value) => format!("'{name}': {value}"),
            Node::Object(inner) => format!("'{name}': {}", inner.sql()),
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }
}

/// Returns a value in its canonical JSON form.
fn json_value(field: &Field) -> String {
    let column = format!("d.\"{}\"", field.name);
    match field.kind {
        FieldType::Timestamp => format!("strftime({column}, '%Y-%m-%dT%H:%M:%S.%gZ')"),
        FieldType::Amount => format!("CAST({column} AS DOUBLE) / 1e6"),
        FieldType::Number => {
            format!("CASE WHEN {column} % 1000000 = 0 THEN to_json({column} // 1000000) ELSE to_json(CAST({column} AS DOUBLE) / 1e6) END")
        }
        FieldType::Text | FieldType::Texts | FieldType::Bool | FieldType::Integer | FieldType::Organization => column,
    }
}
