//! The products of the demo shop, equal to those in `www/shop/catalogue.js`, and how often customers order each.

/// A product.
pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) price_cents: i64,
    /// How often customers order it, relative to the other products.
    pub(super) weight: u64,
}

const fn product(id: &'static str, name: &'static str, price_cents: i64, weight: u64) -> Product {
    Product { id, name, price_cents, weight }
}

pub(super) const PRODUCTS: &[Product] = &[
    product("2", "Awesome T-Shirt", 1_042, 22),
    product("3", "Loopback Sweatshirt", 4_800, 11),
    product("4", "Everyday Oxford Shirt", 5_900, 9),
    product("5", "Wide Twill Trousers", 7_250, 7),
    product("6", "Chore Jacket", 9_800, 6),
    product("7", "Long Wool Coat", 21_500, 2),
    product("8", "Rain Parka", 13_900, 4),
    product("9", "Quilted Vest", 8_400, 4),
    product("10", "Fisherman Jumper", 11_200, 5),
    product("11", "Slow Sunday Cardigan", 9_500, 3),
    product("12", "Dockside Beanie", 2_400, 12),
    product("13", "Striped Wool Socks", 1_450, 18),
    product("14", "Market Tote", 1_900, 14),
    product("15", "Day Backpack", 8_900, 5),
    product("16", "Six-Panel Cap", 2_700, 8),
    product("17", "Lambswool Scarf", 3_800, 7),
];

/// The records of all products in the format of the export.
pub(super) fn records() -> Vec<serde_json::Value> {
    let record = |product: &Product| {
        let price = product.price_cents as f64 / 100.0;
        serde_json::json!({"id": product.id, "name": product.name, "price": price})
    };
    PRODUCTS.iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::PRODUCTS;

    #[test]
    fn products_equal_the_catalogue_of_the_demo_shop() {
        let shop = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../www/shop/catalogue.js")).unwrap();
        for product in PRODUCTS {
            let price = format!("price: {}", product.price_cents as f64 / 100.0);
            let line = shop.lines().find(|line| line.contains(&format!("{{ id: '{}', category", product.id))).unwrap();
            assert!(line.contains(&format!("name: '{}'", product.name)) && line.contains(&format!("{price},")), "{line}");
        }
        assert_eq!(shop.matches(", category: '").count(), PRODUCTS.len());
    }
}
