//! The records themselves, in the shape in which a search shows them and an import takes them.
//!
//! Money is counted in cents and written in units. What happened to an order follows from its age.

use serde_json::{Map, Value, json};

use super::buyers::{self, Buyer, Market};
use super::calendar::{self, Day, campaign};
use super::dice::Dice;
use super::goods::{PRODUCTS, Product};

/// Goods are sent for nothing from here on, in cents.
const FREE_SHIPPING: i64 = 6_000;
const SHIPPING: i64 = 490;
const PAYMENTS: &[(&str, &str, u64)] =
    &[("Credit card", "stripe_payments", 55), ("PayPal", "paypal_payments", 35), ("Bank transfer", "wire_transfers", 10)];

/// What somebody wants of one product.
struct Line {
    product: &'static Product,
    quantity: i64,
    unit: i64,
}

impl Line {
    fn total(&self) -> i64 {
        self.unit * self.quantity
    }
}

/// An order as it is known on the day `today`, and what came back of it.
pub(super) fn order(day: Day, place: u64, today: Day) -> (Value, Option<Value>) {
    let mut dice = Dice::new("order", day, place);
    let buyer = buyers::of_order(day, place);
    let lines = lines(&mut dice, buyer.market);
    let second = second_of_day(&mut dice);
    let fate = Fate::new(&mut dice, today - day);
    let mut order = basket(&buyer, &lines);
    let id = format!("order-{day}-{place}");
    let code = coupon(&mut dice, day, buyer.is_new);
    put(
        &mut order,
        json!({"id": id, "number": id, "created_at": calendar::text(day, second - 900), "placed_at": calendar::text(day, second)}),
    );
    put(&mut order, pay(&mut dice, &buyer, &lines, code));
    if let Some((code, _)) = code {
        put(&mut order, json!({"coupon_code": code, "coupon": true, "discounted": true}));
    }
    if let Some(campaign) = campaign(day) {
        put(&mut order, json!({"tags": [{"id": campaign.tag.replace(' ', "-"), "name": campaign.tag}]}));
    }
    put(&mut order, fate.of_order(&id, day, second));
    put(&mut order, json!({"placed_day_of_week": calendar::weekday(day) + 1}));
    let returned = fate.returned.map(|after| returned(&id, &buyer, &lines[0], day + after, second));
    (Value::Object(order), returned)
}

/// A basket that was filled and left.
pub(super) fn cart(day: Day, place: u64) -> Value {
    let mut dice = Dice::new("basket", day, place);
    let buyer = buyers::of_cart(day, place);
    let lines = lines(&mut dice, buyer.market);
    let second = second_of_day(&mut dice);
    let touched = calendar::text(day, second + dice.below(1_500) as i64);
    let is_known = dice.chance(38);
    let mut cart = basket(&buyer, &lines);
    let total: i64 = lines.iter().map(Line::total).sum();
    put(&mut cart, json!({"id": format!("cart-{day}-{place}"), "number": format!("cart-{day}-{place}")}));
    put(&mut cart, json!({"status": if is_known { "pending" } else { "draft" }, "total_amount_with_taxes": money(total)}));
    put(&mut cart, json!({"created_at": calendar::text(day, second), "updated_at": touched, "current_date": touched}));
    if !is_known {
        // The shop does not know yet who this is.
        for name in ["customer", "billing_address", "shipping_address"] {
            cart.remove(name);
        }
    }
    Value::Object(cart)
}

/// What orders and carts have alike.
fn basket(buyer: &Buyer, lines: &[Line]) -> Map<String, Value> {
    let market = buyer.market;
    let line = |(at, line): (usize, &Line)| {
        json!({"id": format!("line-{at}"), "item_id": line.product.id, "code": line.product.id, "item_type": "skus", "name": line.product.name,
            "quantity": line.quantity, "unit_amount": money(line.unit), "total_amount": money(line.total())})
    };
    let items: Vec<_> = lines.iter().enumerate().map(line).collect();
    let mut basket = Map::new();
    put(
        &mut basket,
        json!({
            "currency_code": market.currency, "country_code": market.country, "language_code": market.language,
            "skus_count": lines.iter().map(|line| line.quantity).sum::<i64>(), "market": market.describe(), "customer": buyer.customer(),
            "billing_address": buyer.address(), "shipping_address": buyer.place(), "line_items": items,
        }),
    );
    basket
}

fn pay(dice: &mut Dice, buyer: &Buyer, lines: &[Line], code: Option<(&str, i64)>) -> Value {
    let goods: i64 = lines.iter().map(Line::total).sum();
    let discount = code.map_or(0, |(_, percent)| goods * percent / 100);
    let shipping = if goods - discount < FREE_SHIPPING { SHIPPING } else { 0 };
    let total = goods - discount + shipping;
    let tax = total * buyer.market.tax / (100 + buyer.market.tax);
    let (name, kind, _) = *dice.weighed(PAYMENTS, |(_, _, weight)| *weight);
    json!({
        "subtotal_amount": money(goods), "discount_amount": money(-discount), "shipping_amount": money(shipping), "tax_included": true,
        "total_tax_amount": money(tax), "total_amount": money(total), "total_amount_with_taxes": money(total),
        "total_amount_with_taxes_net_of_refunds": money(total), "payment_method": {"name": name, "source_type": kind},
    })
}

fn returned(order: &str, buyer: &Buyer, line: &Line, day: Day, second: i64) -> Value {
    let market = buyer.market;
    let item = json!({"line_item_id": "line-0", "line_item_code": line.product.id, "line_item_name": line.product.name,
        "line_item_item_type": "skus", "quantity": line.quantity, "line_item_total_amount": money(line.total()),
        "created_at": calendar::text(day, second)});
    let received = calendar::text(day + 4, second);
    json!({
        "id": format!("return-of-{order}"), "number": format!("return-of-{order}"), "order_id": order, "status": "received",
        "created_at": calendar::text(day, second), "received_at": received, "updated_at": received, "current_date": received,
        "skus_count": line.quantity, "market": market.describe(), "customer": buyer.customer(), "currency_code": market.currency,
        "destination_address": {"city": "Leipzig", "country_code": "DE", "zip_code": "04109"}, "origin_address": buyer.place(),
        "return_line_items": [item],
    })
}

/// What became of an order so far.
struct Fate {
    status: &'static str,
    payment: &'static str,
    fulfillment: &'static str,
    /// When it was sent, in days after it was placed.
    sent: Option<i64>,
    /// When something came back, in days after it was placed.
    returned: Option<i64>,
}

impl Fate {
    fn new(dice: &mut Dice, age: i64) -> Self {
        let (is_cancelled, takes, comes_back) = (dice.chance(4), 1 + dice.below(3) as i64, dice.chance(8));
        let after = takes + 5 + dice.below(12) as i64;
        let sent = Some(takes).filter(|takes| !is_cancelled && *takes < age);
        let returned = Some(after).filter(|after| comes_back && sent.is_some() && after + 4 < age);
        match (is_cancelled, sent) {
            (true, _) => Self { status: "cancelled", payment: "voided", fulfillment: "unfulfilled", sent: None, returned: None },
            (_, Some(_)) => Self { status: "approved", payment: "paid", fulfillment: "fulfilled", sent, returned },
            (_, None) if age > 1 => Self { status: "approved", payment: "paid", fulfillment: "in_progress", sent, returned },
            _ => Self { status: "placed", payment: "authorized", fulfillment: "unfulfilled", sent, returned },
        }
    }

    fn of_order(&self, id: &str, day: Day, second: i64) -> Value {
        let decided = calendar::text(day, second + 5_400);
        let mut out = json!({"status": self.status, "payment_status": self.payment, "fulfillment_status": self.fulfillment});
        let changed = match self.status {
            "placed" => calendar::text(day, second),
            _ => decided,
        };
        put(
            out.as_object_mut().unwrap_or(&mut Map::new()),
            match self.status {
                "approved" => json!({"approved_at": changed}),
                "cancelled" => json!({"cancelled_at": changed}),
                _ => json!({}),
            },
        );
        let latest = self.sent.map_or_else(|| changed.clone(), |after| calendar::text(day + after, second));
        out["current_date"] = json!(latest);
        out["updated_at"] = json!(latest);
        if self.sent.is_some() {
            out["shipments_count"] = json!(1);
            out["shipments"] = json!([{"id": format!("shipment-of-{id}"), "number": format!("shipment-of-{id}"), "status": "shipped",
                "created_at": changed, "shipped_at": latest}]);
        }
        if self.returned.is_some() {
            out["returned"] = json!(true);
        }
        out
    }
}

fn lines(dice: &mut Dice, market: &Market) -> Vec<Line> {
    let wanted = match dice.below(100) {
        0..=51 => 1,
        52..=81 => 2,
        82..=94 => 3,
        _ => 4,
    };
    let mut lines: Vec<Line> = Vec::new();
    while lines.len() < wanted {
        let product = dice.weighed(PRODUCTS, |product| product.weight);
        let quantity = if dice.chance(12) { 2 } else { 1 };
        if lines.iter().all(|line| line.product.id != product.id) {
            lines.push(Line { product, quantity, unit: product.price * market.rate / 100 });
        }
    }
    lines
}

/// Two in three use the code of the campaign that runs; one in four newcomers that of the newsletter.
fn coupon(dice: &mut Dice, day: Day, is_new: bool) -> Option<(&'static str, i64)> {
    let running = campaign(day).and_then(|campaign| campaign.coupon);
    match running {
        Some(code) if dice.chance(66) => Some(code),
        _ if is_new && dice.chance(25) => Some(("welcome5", 5)),
        _ => None,
    }
}

/// Most buy between breakfast and bedtime, and most of those after supper.
fn second_of_day(dice: &mut Dice) -> i64 {
    let hour = 7 + dice.below(9).max(dice.below(15));
    (hour * 3_600 + dice.below(3_600)) as i64
}

fn money(cents: i64) -> Value {
    json!(cents as f64 / 100.0)
}

fn put(into: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        into.extend(more);
    }
}
