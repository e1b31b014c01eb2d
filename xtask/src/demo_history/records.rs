//! Generates orders, carts and returns in the format of the import API, which is also the format of metrics searches.
//!
//! Amounts are computed in cents and written in currency units. The status of an order depends on its age.

use serde_json::{Map, Value, json};

use super::calendar::{self, Day, campaign};
use super::customers::{self, Customer, Market};
use super::products::{PRODUCTS, Product};
use crate::random::Random;

/// From this order value on, shipping is free.
const FREE_SHIPPING_CENTS: i64 = 6_000;
const SHIPPING_CENTS: i64 = 490;
/// Name, source type and weight of each payment method.
const PAYMENT_METHODS: &[(&str, &str, u64)] =
    &[("Credit card", "stripe_payments", 55), ("PayPal", "paypal_payments", 35), ("Bank transfer", "wire_transfers", 10)];

/// A line item.
struct LineItem {
    product: &'static Product,
    quantity: i64,
    unit_price_cents: i64,
}

impl LineItem {
    fn total_cents(&self) -> i64 {
        self.unit_price_cents * self.quantity
    }
}

/// An order in its state of `today`, and its return if there is one.
pub(super) fn order(day: Day, number: u64, today: Day) -> (Value, Option<Value>) {
    let mut random = Random::new("order", day, number);
    let customer = customers::of_order(day, number);
    let items = line_items(&mut random, customer.market);
    let second = second_of_day(&mut random);
    let progress = Progress::new(&mut random, today - day);
    let mut order = common_fields(&customer, &items);
    let id = format!("order-{day}-{number}");
    let coupon = coupon(&mut random, day, customer.is_new);
    extend(
        &mut order,
        json!({"id": id, "number": id, "created_at": calendar::rfc3339(day, second - 900), "placed_at": calendar::rfc3339(day, second)}),
    );
    extend(&mut order, amounts(&mut random, &customer, &items, coupon));
    if let Some((code, _)) = coupon {
        extend(&mut order, json!({"coupon_code": code, "coupon": true, "discounted": true}));
    }
    if let Some(campaign) = campaign(day) {
        extend(&mut order, json!({"tags": [{"id": campaign.tag.replace(' ', "-"), "name": campaign.tag}]}));
    }
    extend(&mut order, progress.fields(&id, day, second));
    extend(&mut order, json!({"placed_day_of_week": calendar::weekday(day) + 1}));
    let return_ = progress.returned_after_days.map(|after| return_of(&id, &customer, &items[0], day + after, second));
    (Value::Object(order), return_)
}

/// An abandoned cart.
pub(super) fn cart(day: Day, number: u64) -> Value {
    let mut random = Random::new("basket", day, number);
    let customer = customers::of_cart(day, number);
    let items = line_items(&mut random, customer.market);
    let second = second_of_day(&mut random);
    let updated_at = calendar::rfc3339(day, second + random.below(1_500) as i64);
    let is_identified = random.has_chance(38);
    let mut cart = common_fields(&customer, &items);
    let total_cents: i64 = items.iter().map(LineItem::total_cents).sum();
    extend(&mut cart, json!({"id": format!("cart-{day}-{number}"), "number": format!("cart-{day}-{number}")}));
    extend(
        &mut cart,
        json!({"status": if is_identified { "pending" } else { "draft" }, "total_amount_with_taxes": currency_units(total_cents)}),
    );
    extend(&mut cart, json!({"created_at": calendar::rfc3339(day, second), "updated_at": updated_at, "current_date": updated_at}));
    if !is_identified {
        // The visitor has not entered an e-mail address yet.
        for name in ["customer", "billing_address", "shipping_address"] {
            cart.remove(name);
        }
    }
    Value::Object(cart)
}

/// The fields that orders and carts share.
fn common_fields(customer: &Customer, items: &[LineItem]) -> Map<String, Value> {
    let market = customer.market;
    let to_json = |(index, item): (usize, &LineItem)| {
        json!({"id": format!("line-{index}"), "item_id": item.product.id, "code": item.product.id, "item_type": "skus",
            "name": item.product.name, "quantity": item.quantity, "unit_amount": currency_units(item.unit_price_cents),
            "total_amount": currency_units(item.total_cents())})
    };
    let line_items: Vec<_> = items.iter().enumerate().map(to_json).collect();
    let mut fields = Map::new();
    extend(
        &mut fields,
        json!({
            "currency_code": market.currency, "country_code": market.country, "language_code": market.language,
            "skus_count": items.iter().map(|item| item.quantity).sum::<i64>(), "market": market.to_json(), "customer": customer.to_json(),
            "billing_address": customer.billing_address(), "shipping_address": customer.shipping_address(), "line_items": line_items,
        }),
    );
    fields
}

/// The amounts and the payment method of an order.
fn amounts(random: &mut Random, customer: &Customer, items: &[LineItem], coupon: Option<(&str, i64)>) -> Value {
    let subtotal: i64 = items.iter().map(LineItem::total_cents).sum();
    let discount = coupon.map_or(0, |(_, percent)| subtotal * percent / 100);
    let shipping = if subtotal - discount < FREE_SHIPPING_CENTS { SHIPPING_CENTS } else { 0 };
    let total = subtotal - discount + shipping;
    let tax = total * customer.market.tax_percent / (100 + customer.market.tax_percent);
    let (name, kind, _) = *random.pick_weighted(PAYMENT_METHODS, |(_, _, weight)| *weight);
    json!({
        "subtotal_amount": currency_units(subtotal), "discount_amount": currency_units(-discount), "shipping_amount": currency_units(shipping), "tax_included": true,
        "total_tax_amount": currency_units(tax), "total_amount": currency_units(total), "total_amount_with_taxes": currency_units(total),
        "total_amount_with_taxes_net_of_refunds": currency_units(total), "payment_method": {"name": name, "source_type": kind},
    })
}

/// The return of one line item.
fn return_of(order_id: &str, customer: &Customer, item: &LineItem, day: Day, second: i64) -> Value {
    let market = customer.market;
    let return_item = json!({"line_item_id": "line-0", "line_item_code": item.product.id, "line_item_name": item.product.name,
        "line_item_item_type": "skus", "quantity": item.quantity, "line_item_total_amount": currency_units(item.total_cents()),
        "created_at": calendar::rfc3339(day, second)});
    let received_at = calendar::rfc3339(day + 4, second);
    json!({
        "id": format!("return-of-{order_id}"), "number": format!("return-of-{order_id}"), "order_id": order_id, "status": "received",
        "created_at": calendar::rfc3339(day, second), "received_at": received_at, "updated_at": received_at, "current_date": received_at,
        "skus_count": item.quantity, "market": market.to_json(), "customer": customer.to_json(), "currency_code": market.currency,
        "destination_address": {"city": "Leipzig", "country_code": "DE", "zip_code": "04109"}, "origin_address": customer.shipping_address(),
        "return_line_items": [return_item],
    })
}

/// The progress of an order.
struct Progress {
    status: &'static str,
    payment: &'static str,
    fulfillment: &'static str,
    /// Days from order to shipment.
    shipped_after_days: Option<i64>,
    /// Days from order to return.
    returned_after_days: Option<i64>,
}

impl Progress {
    fn new(random: &mut Random, age_days: i64) -> Self {
        let (is_cancelled, shipping_days, is_returned) = (random.has_chance(4), 1 + random.below(3) as i64, random.has_chance(8));
        let return_days = shipping_days + 5 + random.below(12) as i64;
        let shipped = Some(shipping_days).filter(|days| !is_cancelled && *days < age_days);
        let returned = Some(return_days).filter(|days| is_returned && shipped.is_some() && days + 4 < age_days);
        let (status, payment, fulfillment) = match (is_cancelled, shipped) {
            (true, _) => ("cancelled", "voided", "unfulfilled"),
            (_, Some(_)) => ("approved", "paid", "fulfilled"),
            (_, None) if age_days > 1 => ("approved", "paid", "in_progress"),
            _ => ("placed", "authorized", "unfulfilled"),
        };
        Self { status, payment, fulfillment, shipped_after_days: shipped, returned_after_days: returned }
    }

    /// The fields of the order that depend on its progress.
    fn fields(&self, id: &str, day: Day, second: i64) -> Value {
        let mut fields = json!({"status": self.status, "payment_status": self.payment, "fulfillment_status": self.fulfillment});
        let changed_at = match self.status {
            "placed" => calendar::rfc3339(day, second),
            _ => calendar::rfc3339(day, second + 5_400),
        };
        match self.status {
            "approved" => fields["approved_at"] = json!(changed_at),
            "cancelled" => fields["cancelled_at"] = json!(changed_at),
            _ => {}
        }
        let updated_at = self.shipped_after_days.map_or_else(|| changed_at.clone(), |days| calendar::rfc3339(day + days, second));
        fields["current_date"] = json!(updated_at);
        fields["updated_at"] = json!(updated_at);
        if self.shipped_after_days.is_some() {
            fields["shipments_count"] = json!(1);
            fields["shipments"] = json!([{"id": format!("shipment-of-{id}"), "number": format!("shipment-of-{id}"), "status": "shipped",
                "created_at": changed_at, "shipped_at": updated_at}]);
        }
        if self.returned_after_days.is_some() {
            fields["returned"] = json!(true);
        }
        fields
    }
}

/// One to four different products.
fn line_items(random: &mut Random, market: &Market) -> Vec<LineItem> {
    let count = match random.below(100) {
        0..=51 => 1,
        52..=81 => 2,
        82..=94 => 3,
        _ => 4,
    };
    let mut items: Vec<LineItem> = Vec::new();
    while items.len() < count {
        let product = random.pick_weighted(PRODUCTS, |product| product.weight);
        let quantity = if random.has_chance(12) { 2 } else { 1 };
        if items.iter().all(|item| item.product.id != product.id) {
            items.push(LineItem { product, quantity, unit_price_cents: product.price_cents * market.exchange_rate / 100 });
        }
    }
    items
}

/// Returns code and percent. Two in three customers use the coupon of the current campaign; else one in four new customers uses the
/// welcome coupon.
fn coupon(random: &mut Random, day: Day, is_new: bool) -> Option<(&'static str, i64)> {
    let current = campaign(day).and_then(|campaign| campaign.coupon);
    match current {
        Some(code) if random.has_chance(66) => Some(code),
        _ if is_new && random.has_chance(25) => Some(("welcome5", 5)),
        _ => None,
    }
}

/// Between 7:00 and 22:00, most often in the evening.
fn second_of_day(random: &mut Random) -> i64 {
    let hour = 7 + random.below(9).max(random.below(15));
    (hour * 3_600 + random.below(3_600)) as i64
}

fn currency_units(cents: i64) -> Value {
    json!(cents as f64 / 100.0)
}

fn extend(record: &mut Map<String, Value>, fields: Value) {
    if let Value::Object(fields) = fields {
        record.extend(fields);
    }
}
