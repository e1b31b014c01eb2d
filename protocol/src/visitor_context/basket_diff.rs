//! The difference between two baskets, from the arguments of the page's calls.
//!
//! Lines, total and currency are compared in the form in which they are stored. Only quantities are computed: totals are used as given.
//! The basket's `url` and `basket_id` do not count. A basket without lines is empty, whatever its total.

use crate::dyn_value::ReadValue;
use crate::event_types::{BASKET_LINE, BASKET_LINE_KEY, BASKET_TOTAL, Param};
use crate::flat_format::FlatValue;
use crate::params::{text, write_object};
use crate::{json_writer, number_text};

/// The quantities of a product and variant in both baskets, in millionths.
struct Product {
    /// `product_id` and `variant_id` as a JSON object without its closing brace.
    key: String,
    from: u64,
    to: u64,
}

/// Returns the `changes` between two baskets as a JSON list: each product and variant with another quantity, with both quantities. Returns
/// None if the baskets are equal; the order of lines does not count.
pub(super) fn difference(before: FlatValue<'_>, after: FlatValue<'_>) -> Option<String> {
    let mut products = Vec::new();
    let is_same = read(after, true, &mut products) == read(before, false, &mut products);
    let mut out = String::from("[");
    for Product { key, from, to } in &products {
        if from != to {
            json_writer::push_comma(&mut out);
            out.push_str(key);
            for (name, count) in [("from", from), ("to", to)] {
                json_writer::push_key(&mut out, name);
                number_text::push_millionths(*count, &mut out);
            }
            json_writer::push_ascii(&mut out, b'}');
        }
    }
    json_writer::push_ascii(&mut out, b']');
    (!is_same).then_some(out)
}

/// Adds up the quantities of a basket; returns a digest of its content that does not depend on the order of lines.
#[inline(never)]
fn read(basket: FlatValue<'_>, is_new: bool, products: &mut Vec<Product>) -> u64 {
    let mut digest = 0_u64;
    for (_, line) in basket.get("lines").entries() {
        let mut key = write(BASKET_LINE_KEY, line);
        // A line without a product does not count.
        if key.pop().is_some() {
            if digest == 0 {
                digest = fnv1a(&write(BASKET_TOTAL, basket));
            }
            digest = digest.wrapping_add(fnv1a(&write(BASKET_LINE, line)));
            let count = number_text::to_millionths(&number_text::parse_quantity(text(line.get("quantity")).unwrap_or_default()));
            let known = products.iter_mut().find(|product| product.key == key);
            match known {
                Some(product) => product.add(count, is_new),
                None => {
                    let mut product = Product { key, from: 0, to: 0 };
                    product.add(count, is_new);
                    products.push(product);
                }
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

/// Returns an object in its stored form; empty if a required property is missing.
fn write(fields: &'static [Param], from: FlatValue<'_>) -> String {
    let mut out = String::new();
    if write_object(fields, from, "", &mut out).is_err() {
        out.clear();
    }
    out
}

/// The 64-bit FNV-1a hash.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
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
        let list: Vec<serde_json::Value> = serde_json::from_str(&difference(FlatValue::new(before), FlatValue::new(after))?).unwrap();
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
