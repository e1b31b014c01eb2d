//! The difference between two baskets, from the arguments of the page's calls.
//!
//! Quantities are computed. Amounts and the currency are compared: numbers as numbers, printed prices as texts, so `10.00` equals `10`, but
//! `£10.00` does not. A page that prints the same price in two forms sends a basket without changes, which does no harm.
//! The basket's `url` and `basket_id` do not count. A basket without lines is empty, whatever its total.

use crate::dyn_value::ReadValue;
use crate::flat_format::{FlatValue, push_key, push_terminated, push_text};
use crate::params::text;
use crate::{limits, number_text};

/// The quantities of a product and variant in both baskets, in millionths.
struct Product {
    /// `product_id` and `variant_id` as properties of an object.
    key: String,
    from: u64,
    to: u64,
}

/// Returns the `changes` between two baskets as a list in the flat format: each product and variant with another quantity, with both
/// quantities. Returns None if the baskets are equal; the order of lines does not count.
pub(super) fn difference(before: FlatValue<'_>, after: FlatValue<'_>) -> Option<String> {
    let mut products = Vec::new();
    let is_same = read(after, true, &mut products) == read(before, false, &mut products);
    let mut out = String::from("[");
    for Product { key, from, to, .. } in &products {
        if from != to {
            out.push('{');
            out.push_str(key);
            for (name, count) in [("from", from), ("to", to)] {
                push_key(&mut out, name);
                out.push('#');
                number_text::push_millionths(*count, &mut out);
                push_terminated(&mut out, "");
            }
            out.push('}');
        }
    }
    out.push(']');
    (!is_same).then_some(out)
}

/// Adds up the quantities of a basket; returns a digest of its content that does not depend on the order of lines.
#[inline(never)]
fn read(basket: FlatValue<'_>, is_new: bool, products: &mut Vec<Product>) -> u64 {
    let mut digest = 0_u64;
    // A basket with more lines is rejected later.
    for (_, line) in basket.get("lines").entries().take(limits::MAX_LINES) {
        let mut key = String::new();
        push_param(line, "product_id", &mut key);
        // A line without a product does not count, and neither does one of zero or less.
        if key.is_empty() {
            continue;
        }
        push_param(line, "variant_id", &mut key);
        let quantity = number_text::parse_change(param(line, "quantity")).unwrap_or_else(|| "1".into());
        if !number_text::is_above_zero(&quantity) {
            continue;
        }
        let count = number_text::to_millionths(&quantity);
        if digest == 0 {
            digest = hash(hash(START, amount(basket, "total").as_str()), param(basket, "currency"));
        }
        digest = digest.wrapping_add(hash(hash(count, &key), &amount(line, "price")));
        match products.iter_mut().find(|product| product.key == key) {
            Some(product) => product.add(count, is_new),
            None => {
                let mut product = Product { key, from: 0, to: 0 };
                product.add(count, is_new);
                products.push(product);
            }
        }
    }
    digest
}

impl Product {
    fn add(&mut self, count: u64, is_new: bool) {
        let sum = if is_new { &mut self.to } else { &mut self.from };
        *sum = sum.wrapping_add(count);
    }
}

/// Returns a property as trimmed text; empty if it is neither a string nor a number.
fn param<'a>(from: FlatValue<'a>, name: &str) -> &'a str {
    text(from.get(name)).unwrap_or_default()
}

fn push_param(from: FlatValue<'_>, name: &str, out: &mut String) {
    push_text(out, name, param(from, name));
}

fn amount(from: FlatValue<'_>, name: &str) -> String {
    let given = param(from, name);
    number_text::normalise_decimal(given).unwrap_or_else(|| given.into())
}

/// The start of a hash.
const START: u64 = 0xcbf2_9ce4_8422_2325;

// Not inlined: 70 bytes of brotli.
/// Adds a text and its end to a 64-bit FNV-1a hash.
#[inline(never)]
fn hash(start: u64, text: &str) -> u64 {
    text.bytes().chain([0]).fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Row = (u8, u8, u32, u32);

    /// Returns a basket in the flat format: products, variants (null for 0), quantities in halves, prices in tenths.
    fn given(total: &str, rows: &[Row]) -> String {
        let mut lines = String::new();
        for (product, variant, halves, price) in rows {
            let variant = if *variant == 0 { "z".into() } else { format!("#{variant}\u{1f}") };
            let quantity = format!("{}.{}0", halves / 2, halves % 2 * 5);
            let price = format!("{}.{}0", price / 10, price % 10);
            lines += &format!(
                "{{:product_id\u{1f}#{product}\u{1f}:quantity\u{1f}#{quantity}\u{1f}:price\u{1f}$£{price}\u{1f}:variant_id\u{1f}{variant}}}"
            );
        }
        format!("{{:total\u{1f}${total}\u{1f}:currency\u{1f}$GBP\u{1f}:lines\u{1f}[{lines}]}}")
    }

    /// Returns the changed products and variants with their quantities before and after; None if the baskets are equal.
    fn changes(before: &str, after: &str) -> Option<BTreeMap<(String, String), (u64, u64)>> {
        let mut json = String::new();
        FlatValue::new(&difference(FlatValue::new(before), FlatValue::new(after))?).write(&mut json);
        let list: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        let mut found = BTreeMap::new();
        for change in list {
            let name = |name| change[name].as_str().unwrap_or_default().to_owned();
            let count = |name| number_text::to_millionths(&change[name].to_string());
            let last = found.insert((name("product_id"), name("variant_id")), (count("from"), count("to")));
            assert_eq!(last, None, "each product is listed once");
        }
        Some(found)
    }

    fn quantities(rows: &[Row]) -> BTreeMap<(String, String), u64> {
        let mut found = BTreeMap::new();
        for (product, variant, halves, _) in rows {
            let variant = if *variant == 0 { String::new() } else { variant.to_string() };
            *found.entry((product.to_string(), variant)).or_default() += u64::from(*halves) * 500_000;
        }
        found
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        prop::collection::vec((0_u8..4, 0_u8..3, 1_u32..9, 0_u32..3), 0..8)
    }

    proptest! {
        #[test]
        fn order_of_lines_does_not_count(rows in rows(), turn in 0_usize..8) {
            let mut turned = rows.clone();
            turned.rotate_left(turn.min(rows.len()));
            turned.reverse();
            prop_assert_eq!(changes(&given("9", &rows), &given("9.00", &turned)), None);
        }

        #[test]
        fn other_lines_make_another_basket(before in rows(), after in rows()) {
            let sorted = |rows: &[Row]| { let mut rows = rows.to_vec(); rows.sort_unstable(); rows };
            let is_same = changes(&given("9", &before), &given("9", &after)).is_none();
            prop_assert_eq!(is_same, sorted(&before) == sorted(&after));
        }

        #[test]
        fn changes_turn_one_basket_into_the_other(before in rows(), after in rows()) {
            let mut counted = quantities(&before);
            for (product, (from, to)) in changes(&given("1", &before), &given("2", &after)).unwrap_or_default() {
                prop_assert_ne!(from, to);
                prop_assert_eq!(counted.remove(&product).unwrap_or(0), from);
                if to > 0 {
                    counted.insert(product, to);
                }
            }
            prop_assert_eq!(counted, quantities(&after));
        }

        #[test]
        fn any_text_is_accepted(text: String) {
            prop_assert_eq!(difference(FlatValue::new(&text), FlatValue::new(&text)), None);
        }
    }

    #[test]
    fn changed_price_total_or_currency_gives_empty_changes() {
        let before = given("9", &[(1, 0, 2, 10)]);
        for after in [given("9", &[(1, 0, 2, 9)]), given("8", &[(1, 0, 2, 10)]), before.replace("GBP", "EUR")] {
            assert_eq!(changes(&before, &after), Some(BTreeMap::new()), "{after:?}");
        }
    }

    #[test]
    fn null_and_empty_basket_are_equal() {
        for text in ["", "z", "{", "{:lines\u{1f}z}", "{:lines\u{1f}[{}z]:currency\u{1f}$GBP\u{1f}}", &given("5", &[])] {
            assert_eq!(changes("", text), None, "{text:?}");
            assert_eq!(changes(text, &given("0", &[(1, 0, 2, 1)])).unwrap().len(), 1, "{text:?}");
        }
    }
}
