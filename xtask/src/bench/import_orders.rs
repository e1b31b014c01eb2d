//! The orders that `cargo xtask bench import` imports: about 4 KB each, as the back end of a shop exports them. An order depends only on its
//! number.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

const LINES: u64 = 5;
const PRODUCTS: u64 = 20_000;
const CUSTOMERS: u64 = 200_000;

/// Writes this many orders into a file, one a line. Returns the number of bytes.
pub(super) fn write(path: &Path, orders: u64) -> Result<u64> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    for number in 0..orders {
        writeln!(file, "{}", order(number))?;
    }
    file.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

fn order(number: u64) -> Value {
    let mixed = mix(number);
    let (at, customer) = (time(mixed), mixed % CUSTOMERS);
    let lines: Vec<_> = (0..LINES).map(|at| line_item(number, mix(mixed + at), at)).collect();
    let street = address(mixed);
    let mut order = json!({
        "id": format!("order-{number:08}-{:012x}", mixed & 0xffff_ffff_ffff), "number": format!("{}", 10_000_000 + number), "status": pick(&["placed", "approved", "cancelled"], mixed),
        "payment_status": "paid", "fulfillment_status": "fulfilled", "mode": "live", "customer_type": "registered",
        "currency_code": "EUR", "country_code": street["country_code"], "language_code": "de", "reference": format!("ref-{:016x}", mix(mixed)),
        "reference_origin": "shop", "link_id": format!("link-{}", mixed % 50), "user_id": format!("user-{customer}"), "store_id": format!("store-{}", mixed % 7),
        "freight_taxable": false, "guest": mixed.is_multiple_of(3), "tax_included": true, "discounted": mixed.is_multiple_of(5), "coupon": mixed.is_multiple_of(9),
        "placed_day_of_week": 1 + mixed % 7, "line_item_options_count": 1, "shipments_count": 1, "skus_count": LINES,
    });
    let amounts = json!({
        "adjustment_amount": 0.0, "discount_amount": cents(mixed % 500), "shipping_amount": 4.9, "shipping_taxable_amount": 4.12,
        "subtotal_amount": cents(mixed % 40_000), "subtotal_tax_amount": cents(mixed % 7_600), "total_amount": cents(mixed % 40_490),
        "total_amount_with_taxes": cents(mixed % 50_000), "total_tax_amount": cents(mixed % 8_090), "total_taxable_amount": cents(mixed % 40_490),
        "total_amount_with_taxes_net_of_refunds": cents(mixed % 50_000), "seconds_in_draft": mixed % 5_000, "seconds_in_placed": mixed % 90_000,
    });
    let related = json!({
        "current_date": at, "created_at": at, "updated_at": at, "approved_at": at, "placed_at": at, "payment_updated_at": at,
        "customer": {"id": format!("c{customer}"), "email": format!("customer{customer}@mail{}.example.com", mixed % 9), "group_name": "regular"},
        "market": {"id": format!("m{}", mixed % 7), "name": format!("Market {}", mixed % 7), "number": (mixed % 7).to_string()},
        "payment_method": {"id": format!("pm{}", mixed % 3), "name": pick(&["Credit card", "PayPal", "Bank transfer"], mixed), "moto": false},
        "tags": [{"id": format!("t{}", mixed % 40), "name": format!("Campaign {}", mixed % 40)}],
        "billing_address": street, "shipping_address": address(mixed), "line_items": lines, "shipments": [shipment(number, mixed)],
    });
    for part in [amounts, related] {
        if let (Value::Object(order), Value::Object(part)) = (&mut order, part) {
            order.extend(part);
        }
    }
    order
}

fn line_item(order: u64, mixed: u64, at: u64) -> Value {
    let product = mixed % PRODUCTS;
    let mut line = json!({
        "id": format!("line-{order:08}-{at}"), "code": format!("SKU-{product:06}"), "item_id": format!("item-{product}"), "item_type": "skus",
        "name": format!("Product {product} of the collection {}, in the colour {}", product % 40, product % 11), "quantity": 1 + mixed % 3,
        "discount": 0.0, "options_amount": 0.0, "tax_amount": cents(mixed % 900), "tax_rate": 0.19, "total_amount": cents(mixed % 9_000),
        "unit_amount": cents(mixed % 4_500), "updated_at": time(mixed),
    });
    if at == 0 {
        line["options"] =
            json!([{"id": format!("gift-{order}"), "name": "Gift wrapping", "quantity": 1, "total_amount": 2.5, "unit_amount": 2.5}]);
    }
    line
}

fn shipment(order: u64, mixed: u64) -> Value {
    let at = time(mixed);
    json!({
        "id": format!("shipment-{order:08}"), "number": format!("{order}/S/001"), "status": "shipped", "seconds_in_picking": mixed % 8_000,
        "created_at": at, "picking_at": at, "packing_at": at, "ready_to_ship_at": at, "shipped_at": at, "updated_at": at,
        "stock_location": {"id": "l1", "name": "Central warehouse"}, "shipping_method": {"id": "s1", "name": "Standard delivery", "currency_code": "EUR"},
        "shipping_category": {"id": "k1", "name": "Merchandise"},
    })
}

fn address(mixed: u64) -> Value {
    json!({
        "business": false, "city": pick(&["Berlin", "Milano", "London", "Wien"], mixed), "country_code": pick(&["DE", "IT", "GB", "AT"], mixed), "geocoded": false,
        "localized": false, "state_code": pick(&["BE", "MI", "LND", "W"], mixed), "zip_code": format!("{:05}", mixed % 99_999), "first_name": format!("First{}", mixed % 900),
        "last_name": format!("Last{}", mixed % 9_000),
    })
}

fn pick(list: &[&'static str], number: u64) -> &'static str {
    list[(number % list.len() as u64) as usize]
}

fn cents(cents: u64) -> f64 {
    cents as f64 / 100.0
}

/// A time within three years.
fn time(mixed: u64) -> String {
    let second = 1_640_995_200 + mixed % (3 * 365 * 86_400);
    jiff::Timestamp::from_second(second.cast_signed()).unwrap_or_default().to_string()
}

/// A number that looks random: the mixer of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
