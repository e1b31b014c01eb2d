//! What is different about two baskets, read from what the page said of them.
//!
//! Everything that counts is compared, in the form in which it would be stored, and nothing is computed but quantities: a total is what
//! the shop says it is. A basket's address and its id are no contents. One without lines is empty, whatever it costs.

use crate::dyn_value::ReadValue;
use crate::event_types::{BASKET_LINE, BASKET_LINE_KEY, BASKET_TOTAL, Param};
use crate::flat_format::FlatValue;
use crate::params::{text, write_object};
use crate::{json_writer, number_text};

/// How many there are of a product and variant, in millionths.
struct Product {
    /// Both as they would be stored: an object that is open still.
    name: String,
    from: u64,
    to: u64,
}

/// Returns the `changes` from one basket to the other as a JSON list: for each product and variant whose quantity is another, both
/// quantities. None where both baskets hold the same; the order of lines means nothing.
pub(super) fn difference(before: FlatValue<'_>, after: FlatValue<'_>) -> Option<String> {
    let mut products = Vec::new();
    let is_same = read(after, true, &mut products) == read(before, false, &mut products);
    let mut out = String::from("[");
    for Product { name, from, to } in &products {
        if from != to {
            json_writer::push_comma(&mut out);
            out.push_str(name);
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

/// Counts a basket's products; returns a number for all that it holds, the same for lines in another order.
#[inline(never)]
fn read(basket: FlatValue<'_>, is_new: bool, products: &mut Vec<Product>) -> u64 {
    let mut digest = 0_u64;
    for (_, line) in basket.get("lines").entries() {
        let mut name = write(BASKET_LINE_KEY, line);
        // A line without a product is none.
        if name.pop().is_some() {
            if digest == 0 {
                digest = hash(&write(BASKET_TOTAL, basket));
            }
            digest = digest.wrapping_add(hash(&write(BASKET_LINE, line)));
            let count = number_text::to_millionths(&number_text::parse_quantity(text(line.get("quantity")).unwrap_or_default()));
            let known = products.iter_mut().find(|product| product.name == name);
            match known {
                Some(product) => product.count(count, is_new),
                None => {
                    let mut product = Product { name, from: 0, to: 0 };
                    product.count(count, is_new);
                    products.push(product);
                }
            }
        }
    }
    digest
}

impl Product {
    fn count(&mut self, count: u64, is_new: bool) {
        let sum = if is_new { &mut self.to } else { &mut self.from };
        *sum = sum.wrapping_add(count);
    }
}

/// Returns an object as it would be stored; empty where what must be there is not.
fn write(fields: &'static [Param], from: FlatValue<'_>) -> String {
    let mut out = String::new();
    if write_object(fields, from, "", &mut out).is_err() {
        out.clear();
    }
    out
}

/// The hash of Fowler, Noll and Vo.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Row = (u8, u8, u32, u32);

    /// Writes a basket as a page gives it: products, variants (none for 0), quantities in halves, prices in tenths.
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

    /// The products and variants that changed, with their quantities before and after; None where nothing is different.
    fn changes(before: &str, after: &str) -> Option<BTreeMap<(String, String), (u64, u64)>> {
        let list: Vec<serde_json::Value> = serde_json::from_str(&difference(FlatValue::new(before), FlatValue::new(after))?).unwrap();
        let mut found = BTreeMap::new();
        for change in list {
            let name = |name| change[name].as_str().unwrap_or_default().to_owned();
            let count = |name| number_text::to_millionths(&change[name].to_string());
            let last = found.insert((name("product_id"), name("variant_id")), (count("from"), count("to")));
            assert_eq!(last, None, "a product is told once");
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
        fn the_order_of_lines_means_nothing(rows in rows(), turn in 0_usize..8) {
            let mut turned = rows.clone();
            turned.rotate_left(turn.min(rows.len()));
            turned.reverse();
            prop_assert_eq!(changes(&given("9", &rows), &given("9.00", &turned)), None);
        }

        #[test]
        fn other_lines_are_another_basket(before in rows(), after in rows()) {
            let sorted = |rows: &[Row]| { let mut rows = rows.to_vec(); rows.sort_unstable(); rows };
            let is_same = changes(&given("9", &before), &given("9", &after)).is_none();
            prop_assert_eq!(is_same, sorted(&before) == sorted(&after));
        }

        #[test]
        fn changes_lead_from_one_basket_to_the_other(before in rows(), after in rows()) {
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
        fn any_text_is_read(text: String) {
            prop_assert_eq!(difference(FlatValue::new(&text), FlatValue::new(&text)), None);
        }
    }

    #[test]
    fn a_price_the_total_and_the_currency_count_and_bring_no_change_of_lines() {
        let before = given("9", &[(1, 0, 2, 10)]);
        for after in [given("9", &[(1, 0, 2, 9)]), given("8", &[(1, 0, 2, 10)]), before.replace("GBP", "EUR")] {
            assert_eq!(changes(&before, &after), Some(BTreeMap::new()), "{after:?}");
        }
    }

    #[test]
    fn null_and_empty_are_one() {
        for text in ["", "z", "{", "{:lines\u{1f}z}", "{:lines\u{1f}[{}z]:currency\u{1f}$GBP\u{1f}}", &given("5", &[])] {
            assert_eq!(changes("", text), None, "{text:?}");
            assert_eq!(changes(text, &given("0", &[(1, 0, 2, 1)])).unwrap().len(), 1, "{text:?}");
        }
    }
}
