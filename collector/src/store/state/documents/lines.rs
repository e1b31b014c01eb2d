//! Line items of orders, carts and returns, with missing attributes from the catalog.
//!
//! An attribute of the line wins over the attribute of the product.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::put::put;
use crate::store::state::carts::derive::Line;
use crate::store::state::catalog::find_product;
use crate::store::state::lww::LwwMap;

/// A line item.
#[derive(Debug, Default)]
pub(super) struct Item {
    item_id: String,
    code: Option<String>,
    name: Option<String>,
    quantity: f64,
    unit: Option<Value>,
    total: Option<Value>,
}

/// Returns the lines of an order: those of the back end, with attributes from the page's report of the same products, or else the lines of the
/// report.
pub(super) fn of_order(connection: &Connection, project: i64, fields: &LwwMap) -> rusqlite::Result<Vec<Item>> {
    let reported = fields.get("lines").cloned().unwrap_or_default();
    let Some(Value::Array(products)) = fields.get("products") else { return of_report(connection, project, &reported) };
    let items = products.iter().map(|product| {
        let id = text(product, "productId").unwrap_or_default();
        let quantity = product.get("quantity").and_then(Value::as_f64).unwrap_or(1.0);
        let is_same = |line: &&Value| [text(line, "variant_id"), text(line, "product_id")].contains(&Some(id.clone()));
        let line = reported.as_array().into_iter().flatten().find(is_same);
        let same_quantity = line.filter(|line| line.get("quantity").and_then(Value::as_f64) == Some(quantity));
        let mut item = line.map(of_line).unwrap_or_default();
        // The total of a line is valid for the quantity of that line only.
        item.total = same_quantity.and(item.total.take());
        Item { item_id: id, quantity, ..item }
    });
    items.map(|item| item.complete(connection, project)).collect()
}

/// Returns the lines of an `order` or `order_return`.
pub(super) fn of_report(connection: &Connection, project: i64, lines: &Value) -> rusqlite::Result<Vec<Item>> {
    lines.as_array().into_iter().flatten().map(|line| of_line(line).complete(connection, project)).collect()
}

/// Returns the lines of a cart.
pub(super) fn of_cart(connection: &Connection, project: i64, lines: &[Line]) -> rusqlite::Result<Vec<Item>> {
    let item = |line: &Line| {
        let item_id = line.variant_id.clone().unwrap_or_else(|| line.product_id.clone());
        let unit = line.price.clone().map(Value::from);
        Item { item_id, quantity: line.quantity, unit, ..Item::default() }.complete(connection, project)
    };
    lines.iter().map(item).collect()
}

/// Returns the sum of the quantities.
pub(super) fn count(items: &[Item]) -> Value {
    number(items.iter().map(|item| item.quantity).sum())
}

/// Returns the sum of the totals, or None if a line has no total.
pub(super) fn total(items: &[Item]) -> Option<Value> {
    let totals = items.iter().map(|item| item.total_amount()?.as_f64());
    totals.sum::<Option<f64>>().map(number)
}

fn of_line(line: &Value) -> Item {
    Item {
        item_id: text(line, "variant_id").or_else(|| text(line, "product_id")).unwrap_or_default(),
        code: text(line, "variant_sku").or_else(|| text(line, "sku")),
        name: text(line, "name"),
        quantity: line.get("quantity").and_then(Value::as_f64).unwrap_or(1.0),
        unit: line.get("price").cloned(),
        total: line.get("total").cloned(),
    }
}

impl Item {
    /// Returns the line with missing attributes from the catalog.
    fn complete(mut self, connection: &Connection, project: i64) -> rusqlite::Result<Self> {
        if let Some((product, option)) = find_product(connection, project, &self.item_id)? {
            let from_option = |name: &str| option.as_ref().and_then(|option| option.get(name).cloned());
            let from_catalog = |name: &str| from_option(name).or_else(|| product.get(name).cloned());
            self.code = self.code.or_else(|| from_catalog("sku")?.as_str().map(str::to_owned));
            self.name = self.name.or_else(|| product.text("name").map(str::to_owned));
            self.unit = self.unit.or_else(|| if self.total.is_some() { None } else { from_catalog("price") });
        }
        Ok(self)
    }

    /// Returns the line as a line item of an order or cart with the id `parent`.
    pub(super) fn as_line(&self, parent: &str, index: usize) -> Map<String, Value> {
        let mut out = Map::new();
        put(&mut out, "id", Some(format!("{parent}-{}", index + 1)));
        put(&mut out, "item_id", Some(self.item_id.as_str()));
        put(&mut out, "item_type", Some("skus"));
        put(&mut out, "code", Some(self.code()));
        put(&mut out, "name", self.name.as_deref());
        put(&mut out, "quantity", Some(number(self.quantity)));
        put(&mut out, "unit_amount", self.unit_amount());
        put(&mut out, "total_amount", self.total_amount());
        out
    }

    /// Returns the line as a line item of a return with the id `parent`.
    pub(super) fn as_returned(&self, parent: &str, index: usize, at: &str) -> Map<String, Value> {
        let mut out = Map::new();
        put(&mut out, "line_item_id", Some(format!("{parent}-{}", index + 1)));
        put(&mut out, "item_id", Some(self.item_id.as_str()));
        put(&mut out, "line_item_code", Some(self.code()));
        put(&mut out, "line_item_item_type", Some("skus"));
        put(&mut out, "line_item_name", self.name.as_deref());
        put(&mut out, "quantity", Some(number(self.quantity)));
        put(&mut out, "line_item_total_amount", self.total_amount());
        put(&mut out, "created_at", Some(at));
        put(&mut out, "updated_at", Some(at));
        out
    }

    fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(&self.item_id)
    }

    fn unit_amount(&self) -> Option<Value> {
        let from_total = || Some(number(self.total.as_ref()?.as_f64()? / self.quantity));
        self.unit.clone().or_else(from_total)
    }

    fn total_amount(&self) -> Option<Value> {
        let from_unit = || Some(number(self.unit.as_ref()?.as_f64()? * self.quantity));
        self.total.clone().or_else(from_unit)
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// Returns a JSON number without the error of binary fractions, an integer where possible.
fn number(number: f64) -> Value {
    let number = (number * 1e6).round() / 1e6;
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}
