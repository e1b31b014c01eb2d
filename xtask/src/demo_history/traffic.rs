//! Generates the visits behind the orders and carts, and those of visitors who only look: the events that their pages would have sent, in the
//! format of the event export.
//!
//! An order has up to three earlier visits, some of them on another device of the same person. Visits depend only on day and number.

use serde_json::{Value, json};

use super::calendar::{self, Day};
use super::customers;
use super::devices;
use super::origins::{self, Origin};
use super::products::{PRODUCTS, Product};
use crate::random::Random;

const SHOP: &str = "https://shop.example";
const DAY_MS: i64 = 86_400_000;

/// Visits without a cart, for each order of a day.
const BROWSING_VISITS_PER_ORDER: u64 = 5;
/// What visitors search for. The shop has nothing for the last three.
const SEARCHES: &[&str] =
    &["t-shirt", "wool socks", "scarf", "coat", "backpack", "beanie", "jumper", "tote bag", "gift card", "gloves", "rain trousers"];

const COLLECTIONS: &[&str] = &["/collections/knitwear", "/collections/outerwear", "/collections/accessories"];

/// The visits before an order, and the visit that ends with it.
pub(super) fn of_order(day: Day, number: u64, order: &Value) -> Vec<Value> {
    let mut random = Random::new("visits-of-order", day, number);
    let person = Person::of(&order["customer"], &order["market"]);
    let mut events = Vec::new();
    for at in 0..random.below(4) {
        let before = (1 + random.below(6)) as i64 * (at as i64 + 1);
        let is_other_device = random.has_chance(35);
        let start = millis(&order["placed_at"]) - before * DAY_MS - random.below(7_200_000) as i64;
        let mut visit = Visit::start(&mut random, day - before, start, person.visitor(is_other_device), person.market(), origins::BROWSING);
        visit.look_around(&mut random);
        if is_other_device && random.has_chance(60) {
            visit.identify(&mut random, &person.email);
        }
        events.append(&mut visit.events);
    }
    let mut visit =
        Visit::start(&mut random, day, millis(&order["placed_at"]) - 900_000, person.visitor(false), person.market(), origins::BUYING);
    visit.look_around(&mut random);
    visit.fill_cart(&mut random, order);
    visit.add(&mut random, "/checkout", "checkout", json!({"stage": "address"}));
    visit.identify(&mut random, &person.email);
    let lines: Vec<Value> = lines(order)
        .map(|(id, name, quantity, price)| json!({"product_id": id, "name": name, "quantity": quantity, "price": price}))
        .collect();
    let params =
        json!({"order_id": order["id"], "total": order["total_amount_with_taxes"], "currency": order["currency_code"], "lines": lines});
    visit.time = millis(&order["placed_at"]);
    visit.add(&mut random, "/thank-you", "order", params);
    events.append(&mut visit.events);
    events
}

/// The visit that leaves an abandoned cart.
pub(super) fn of_cart(day: Day, number: u64, cart: &Value) -> Vec<Value> {
    let mut random = Random::new("visit-of-cart", day, number);
    let person = Person { id: format!("cart-{day}-{number}"), ..Person::of(&cart["customer"], &cart["market"]) };
    let mut visit =
        Visit::start(&mut random, day, millis(&cart["created_at"]) - 120_000, person.visitor(false), person.market(), origins::BROWSING);
    visit.look_around(&mut random);
    visit.fill_cart(&mut random, cart);
    if !person.email.is_empty() {
        visit.add(&mut random, "/checkout", "checkout", json!({"stage": "address"}));
        visit.identify(&mut random, &person.email);
    }
    visit.events
}

/// The visits of a day that leave no cart. A quarter of the visitors were there before.
pub(super) fn browsing(day: Day) -> Vec<Value> {
    let mut events = Vec::new();
    for number in 0..calendar::orders_on(day) * BROWSING_VISITS_PER_ORDER {
        let mut random = Random::new("browsing", day, number);
        let is_returning = random.has_chance(25);
        let first_day = if is_returning { day - 1 - random.below(20) as Day } else { day };
        let first_number = if is_returning { random.below(calendar::orders_on(first_day) * BROWSING_VISITS_PER_ORDER) } else { number };
        let start = day * DAY_MS + (6 * 3_600_000 + random.below(17 * 3_600_000)) as i64;
        let market = customers::any_market(&mut random);
        let visitor = format!("browser-{first_day}-{first_number}");
        let mut visit = Visit::start(&mut random, day, start, visitor, market, origins::BROWSING);
        // Half of them leave after the first page.
        if random.has_chance(54) {
            visit.look_around(&mut random);
        }
        events.append(&mut visit.events);
    }
    events
}

/// The person of an order or a cart.
struct Person {
    id: String,
    email: String,
    market: String,
}

impl Person {
    fn of(customer: &Value, market: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self { id: text(&customer["id"]), email: text(&customer["email"]), market: text(&market["id"]) }
    }

    /// The visitor id of one of the two devices. Half of the people order on the phone.
    fn visitor(&self, is_other_device: bool) -> String {
        let orders_on_phone = Random::new(&self.id, 0, 0).has_chance(48);
        format!("{}-{}", self.id, if is_other_device != orders_on_phone { "phone" } else { "laptop" })
    }

    fn market(&self) -> &str {
        &self.market
    }
}

/// A visit in progress.
struct Visit {
    visitor: String,
    session: String,
    market: String,
    device: Value,
    country: &'static str,
    origin: Origin,
    time: i64,
    events: Vec<Value>,
}

impl Visit {
    /// A visit that begins with the arrival at a page.
    fn start(random: &mut Random, day: Day, time: i64, visitor: String, market: &str, origins: &'static [(u64, Origin)]) -> Self {
        let origin = random.pick_weighted(origins, |(weight, _)| *weight).1;
        let (path, product) = match random.below(100) {
            0..=39 => ("/".to_owned(), None),
            40..=84 => {
                let product = pick_product(random);
                (product_path(product), Some(product))
            }
            _ => ("/journal/how-to-wash-wool".to_owned(), None),
        };
        let session = format!("{visitor}-{time}");
        let (device, country) = devices::of_visitor(&visitor, market);
        let mut visit = Self { visitor, session, market: market.to_owned(), device, country, origin, time, events: Vec::new() };
        let query = visit.origin.query(calendar::campaign(day).map(|campaign| campaign.tag), random);
        let landing = if query.is_empty() { path } else { format!("{path}?{query}") };
        let params = json!({"current_url": format!("{SHOP}{landing}"), "source_url": visit.origin.referrer});
        visit.add(random, &landing, "land", params);
        visit.view(random, &landing, product);
        visit
    }

    /// A page view, and what it shows.
    fn view(&mut self, random: &mut Random, path: &str, product: Option<&Product>) {
        self.add(random, path, "page_view", json!({"url": format!("{SHOP}{path}")}));
        if let Some(product) = product {
            self.add(random, path, "product_view", json!({"product_id": product.id}));
        }
    }

    /// Some pages: a search, a category, products.
    fn look_around(&mut self, random: &mut Random) {
        if random.has_chance(22) {
            let query = *random.pick(SEARCHES);
            let path = format!("/search?q={}", query.replace(' ', "+"));
            self.add(random, &path, "search", json!({"query": query, "url": format!("{SHOP}{path}")}));
        }
        if random.has_chance(35) {
            let path = *random.pick(COLLECTIONS);
            self.view(random, path, None);
        }
        for _ in 0..random.below(3) {
            let product = pick_product(random);
            self.view(random, &product_path(product), Some(product));
        }
    }

    /// Views each product of a record, and puts all of them into the cart.
    fn fill_cart(&mut self, random: &mut Random, record: &Value) {
        let mut in_cart = Vec::new();
        for (id, _, quantity, price) in lines(record) {
            let product = PRODUCTS.iter().find(|product| product.id == id).unwrap_or(&PRODUCTS[0]);
            self.view(random, &product_path(product), Some(product));
            self.add(random, &product_path(product), "basket_add", json!({"product_id": id, "quantity": quantity}));
            in_cart.push(json!({"product_id": id, "quantity": quantity, "price": price}));
        }
        let params = json!({"basket_id": record["id"], "total": record["total_amount_with_taxes"], "currency": record["currency_code"], "lines": in_cart});
        self.add(random, "/cart", "basket_update", params);
    }

    fn identify(&mut self, random: &mut Random, email: &str) {
        self.add(random, "/checkout", "identify", json!({"email": email}));
    }

    /// Adds an event, some seconds after the one before.
    fn add(&mut self, random: &mut Random, path: &str, kind: &str, params: Value) {
        let referrer = if self.events.is_empty() { self.origin.referrer } else { "" };
        self.events.push(json!({
            "id": event_id(self.time, random), "type": kind, "api": "tillroll", "time": self.time, "visitor_id": self.visitor, "session_id": self.session,
            "store_id": self.market, "page": {"url": format!("{SHOP}{path}"), "referrer": referrer, "title": ""}, "params": params,
            "device": self.device, "country": self.country,
        }));
        let wait = if kind == "land" { 0 } else { 4_000 + random.below(45_000) };
        self.time += wait as i64;
    }
}

/// Id, name, quantity and price of each line item.
fn lines(record: &Value) -> impl Iterator<Item = (&str, &Value, &Value, &Value)> {
    let lines = record["line_items"].as_array().into_iter().flatten();
    lines.map(|line| (line["item_id"].as_str().unwrap_or_default(), &line["name"], &line["quantity"], &line["unit_amount"]))
}

fn pick_product(random: &mut Random) -> &'static Product {
    random.pick_weighted(PRODUCTS, |product| product.weight)
}

fn product_path(product: &Product) -> String {
    format!("/products/{}", product.name.to_lowercase().replace(' ', "-"))
}

/// The time of a record in milliseconds since 1970.
fn millis(time: &Value) -> i64 {
    time.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(0, jiff::Timestamp::as_millisecond)
}

/// A UUID of version 7.
fn event_id(time: i64, random: &mut Random) -> String {
    let (low, high) = (random.below(1 << 48), random.below(1 << 28));
    format!("{:08x}-{:04x}-7{:03x}-{:04x}-{low:012x}", time >> 16, time & 0xffff, high & 0xfff, 0x8000 | high >> 12 & 0x3fff)
}
