//! The customers, and the attribution of orders, that follow by the documentation from records and from the visits of people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tillroll_collector::sources::Source;
use tillroll_collector::time::{self, DAY_MS};

use super::random_records::RandomRecords;
use super::test_query::now;
use super::traffic_json::{currency_and_amounts, date, placed_at, set, source_json, text};

/// How long before an order a touch can lead to it.
const WINDOW_MS: i64 = 30 * DAY_MS;

/// An arrival from outside: its time and number, and the source.
pub(crate) type Touch = (i64, i64, Source);

/// A visit, as one of its person.
pub(crate) struct PersonVisit {
    /// The e-mail, else the visitor.
    pub(crate) person: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) started: i64,
    pub(crate) ended: i64,
    pub(crate) source: Value,
    pub(crate) touches: Vec<Touch>,
}

/// The attributes of customers, as they are exported.
pub(crate) type People = BTreeMap<String, Map<String, Value>>;

fn is_cart(order: &Value) -> bool {
    ["draft", "pending"].contains(&text(order, "status").unwrap_or_default())
}

fn email(record: &Value) -> Option<&str> {
    text(&record["customer"], "email")
}

/// Returns the attribution of an order.
pub(crate) fn attribution(order: &Value, visits: &[PersonVisit]) -> Value {
    let person = email(order).or_else(|| text(&order["customer"], "id"));
    let (Some(person), Some(placed), false) = (person, placed_at(order), is_cart(order)) else { return json!({"visits_count": 0}) };
    let of_person = visits.iter().filter(|visit| visit.person.as_deref() == Some(person));
    let before: Vec<_> = of_person.clone().filter(|visit| visit.started <= placed).collect();
    let Some(first) = before.iter().min_by_key(|visit| visit.started) else { return json!({"visits_count": 0}) };
    let touches = of_person.flat_map(|visit| &visit.touches).filter(|(time, ..)| (placed - WINDOW_MS..=placed).contains(time));
    let last = touches.max_by_key(|(time, seq, _)| (*time, *seq));
    let last = last.map_or_else(|| json!({"channel": "direct", "name": "direct"}), |(.., source)| source_json(source));
    let days = (placed - first.started) / DAY_MS;
    let arrived = first.touches.first().is_none_or(|(time, ..)| *time <= placed);
    let first_source = if arrived { first.source.clone() } else { json!({"channel": "direct", "name": "direct"}) };
    json!({"first": first_source, "last": last, "visits_count": before.len(), "days_to_order": days})
}

/// Returns all customers, or those of some markets.
pub(crate) fn customers(records: &RandomRecords, markets: &[String]) -> Vec<Value> {
    let traffic = records.traffic.as_ref().unwrap();
    let is_visible = |market: Option<&str>| markets.is_empty() || market.is_some_and(|market| markets.iter().any(|other| other == market));
    let visible =
        |records: &'_ [Value]| records.iter().filter(|record| is_visible(text(&record["market"], "id"))).cloned().collect::<Vec<_>>();
    let (orders, returns) = (visible(&records.orders), visible(&records.returns));
    let visits: Vec<_> = traffic.person_visits.iter().filter(|visit| is_visible(Some(visit.store.as_deref().unwrap_or("shop")))).collect();
    let known = traffic.people.keys().filter(|_| markets.is_empty()).map(String::as_str);
    let emails: BTreeSet<_> = known
        .chain(orders.iter().chain(&returns).filter_map(email))
        .chain(visits.iter().filter_map(|visit| visit.email.as_deref()))
        .collect();
    let figures = |address: &&str| Figures {
        email: (*address).to_owned(),
        orders: orders.iter().filter(|order| email(order) == Some(*address) && !is_cart(order)).collect(),
        carts: orders.iter().filter(|order| email(order) == Some(*address) && is_cart(order)).collect(),
        returns: returns.iter().filter(|record| email(record) == Some(*address)).collect(),
        visits: visits.iter().copied().filter(|visit| visit.email.as_deref() == Some(*address)).collect(),
        person: traffic.people.get(*address).cloned().unwrap_or_default(),
    };
    let all: Vec<_> = emails.iter().map(figures).collect();
    all.iter().map(|figures| figures.customer(&all)).collect()
}

/// What is known of a customer.
struct Figures<'a> {
    email: String,
    orders: Vec<&'a Value>,
    carts: Vec<&'a Value>,
    returns: Vec<&'a Value>,
    visits: Vec<&'a PersonVisit>,
    person: Map<String, Value>,
}

impl Figures<'_> {
    /// Returns the currency and the amounts that are added, in millionths.
    fn currency_and_amounts(&self) -> (Option<&str>, Vec<f64>) {
        let place = |order: &&Value| (placed_at(order).is_none(), placed_at(order), text(order, "id").map(str::to_owned));
        let mut orders = self.orders.clone();
        orders.sort_by_key(place);
        currency_and_amounts(&orders)
    }

    fn revenue(&self) -> Option<f64> {
        let (_, amounts) = self.currency_and_amounts();
        (!amounts.is_empty()).then(|| amounts.iter().sum())
    }

    fn order_times(&self) -> Vec<i64> {
        self.orders.iter().filter_map(|order| placed_at(order)).collect()
    }

    fn customer(&self, all: &[Self]) -> Value {
        let (times, (currency, amounts)) = (self.order_times(), self.currency_and_amounts());
        let (first_order, last_order) = (times.iter().copied().min(), times.iter().copied().max());
        let created = self.person.get("createdAt").and_then(Value::as_i64);
        let first_cart = self.carts.iter().filter_map(|cart| date(cart, "created_at")).min();
        let returned = self.returns.iter().filter_map(|record| date(record, "created_at"));
        let started = self.visits.iter().map(|visit| visit.started);
        let first_seen = started.chain(returned.clone()).chain([first_order, created, first_cart].into_iter().flatten()).min();
        let last_seen = self.visits.iter().map(|visit| visit.ended).chain(returned).chain(last_order).max();
        let mut json = json!({
            "id": self.email, "email": self.email, "visits_count": self.visits.len(), "orders_count": self.orders.len(),
            "returns_count": self.returns.len(), "has_cart": !self.carts.is_empty(), "segment": self.segment(all),
        });
        for (name, exported) in [("first_name", "firstName"), ("last_name", "lastName")] {
            set(&mut json, name, self.person.get(exported).and_then(Value::as_str).filter(|text| !text.is_empty()));
        }
        set(&mut json, "subscribed", self.person.get("subscribed").cloned());
        set(&mut json, "tags", self.person.get("tags").cloned());
        for (name, at) in [
            ("created_at", created.or(first_seen)),
            ("first_seen_at", first_seen),
            ("last_seen_at", last_seen.or(first_seen)),
            ("first_order_at", first_order),
            ("last_order_at", last_order),
        ] {
            set(&mut json, name, at.map(time::format_rfc3339_millis));
        }
        set(&mut json, "cohort", first_order.map(|at| time::format_rfc3339_millis(at)[..7].to_owned()));
        set(&mut json, "currency_code", currency);
        set(&mut json, "revenue", self.revenue().map(|sum| sum / 1e6));
        let largest = self.carts.iter().filter(|cart| cart["total_amount_with_taxes"].is_number()).max_by(|one, other| {
            let amount = |cart: &Value| cart["total_amount_with_taxes"].as_f64().unwrap_or_default();
            amount(one).total_cmp(&amount(other)).then_with(|| text(one, "id").cmp(&text(other, "id")))
        });
        set(&mut json, "cart_amount", largest.map(|cart| cart["total_amount_with_taxes"].clone()));
        let currency = largest.and_then(|cart| text(cart, "currency_code")).filter(|code| !code.is_empty());
        set(&mut json, "cart_currency_code", currency);
        set(&mut json, "average_order", self.revenue().map(|sum| (sum / as_f64(amounts.len())).round() / 1e6));
        if let (Some(first), Some(last), true) = (first_order, last_order, self.orders.len() > 1) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let millionths = ((last - first) as f64 / as_f64(self.orders.len() - 1) / 86.4).round();
            let is_whole = millionths % 1e6 == 0.0;
            #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
            let whole = json!((millionths / 1e6) as i64);
            json["days_between_orders"] = if is_whole { whole } else { json!(millionths / 1e6) };
        }
        set(&mut json, "first_source", self.visits.iter().min_by_key(|visit| visit.started).map(|visit| visit.source.clone()));
        json
    }

    fn segment(&self, all: &[Self]) -> &'static str {
        let (orders, revenue) = (self.orders.len(), self.revenue());
        let age = self.order_times().into_iter().max().map(|last| now() - last);
        let revenues: Vec<_> =
            all.iter().filter(|other| other.currency_and_amounts().0 == self.currency_and_amounts().0).filter_map(Self::revenue).collect();
        let mean = revenues.iter().sum::<f64>() / as_f64(revenues.len());
        let is_high = revenue.is_some_and(|revenue| revenue >= 2.0 * mean);
        match age {
            _ if orders == 0 => "prospect",
            Some(age) if age > 180 * DAY_MS => "lost",
            Some(age) if age > 60 * DAY_MS => "at_risk",
            _ if is_high && orders >= 4 => "champion",
            _ if is_high => "big_spender",
            _ if orders >= 2 => "loyal",
            _ => "new",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn as_f64(number: usize) -> f64 {
    number as f64
}
