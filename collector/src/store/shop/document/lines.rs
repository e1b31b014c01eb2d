//! The lines of orders, carts and returns, filled up from the catalogue.
//!
//! What was said with a line wins over what the catalogue says of its product.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::put;
use crate::store::shop::carts::Line;
use crate::store::shop::registers::Registers;

/// A line.
#[derive(Debug, Default)]
pub(super) struct Item {
    item_id: String,
    code: Option<String>,
    name: Option<String>,
    quantity: f64,
    unit: Option<Value>,
    total: Option<Value>,
}

/// Returns an order's lines: the back end's, with what a report said of the same products; or else the report's.
pub(super) fn of_order(connection: &Connection, project: i64, told: &Registers) -> rusqlite::Result<Vec<Item>> {
    let reported = told.get("lines").cloned().unwrap_or_default();
    let Some(Value::Array(products)) = told.get("products") else { return of_report(connection, project, &reported) };
    let items = products.iter().map(|product| {
        let id = text(product, "productId").unwrap_or_default();
        let quantity = product.get("quantity").and_then(Value::as_f64).unwrap_or(1.0);
        let named = |line: &&Value| [text(line, "variant_id"), text(line, "product_id")].contains(&Some(id.clone()));
        let line = reported.as_array().into_iter().flatten().find(named);
        let same = line.filter(|line| line.get("quantity").and_then(Value::as_f64) == Some(quantity));
        let mut item = line.map(of_line).unwrap_or_default();
        // A total is of its own quantity.
        item.total = same.and(item.total.take());
        Item { item_id: id, quantity, ..item }
    });
    items.map(|item| item.filled(connection, project)).collect()
}

/// Returns the lines of an `order` or `order_return`.
pub(super) fn of_report(connection: &Connection, project: i64, lines: &Value) -> rusqlite::Result<Vec<Item>> {
    lines.as_array().into_iter().flatten().map(|line| of_line(line).filled(connection, project)).collect()
}

/// Returns the lines of a cart.
pub(super) fn of_cart(connection: &Connection, project: i64, lines: &[Line]) -> rusqlite::Result<Vec<Item>> {
    let item = |line: &Line| {
        let item_id = line.variant_id.clone().unwrap_or_else(|| line.product_id.clone());
        let unit = line.price.clone().map(Value::from);
        Item { item_id, quantity: line.quantity, unit, ..Item::default() }.filled(connection, project)
    };
    lines.iter().map(item).collect()
}

/// Returns how many things all lines hold together.
pub(super) fn count(items: &[Item]) -> Value {
    plain(items.iter().map(|item| item.quantity).sum())
}

/// Returns what all lines cost together, if each is known to cost something.
pub(super) fn total(items: &[Item]) -> Option<Value> {
    let totals = items.iter().map(|item| item.total_amount()?.as_f64());
    totals.sum::<Option<f64>>().map(plain)
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
    /// Returns the line with what the catalogue knows of its product.
    fn filled(mut self, connection: &Connection, project: i64) -> rusqlite::Result<Self> {
        if let Some((product, option)) = find(connection, project, &self.item_id)? {
            let of_option = |name: &str| option.as_ref().and_then(|option| option.get(name).cloned());
            let known = |name: &str| of_option(name).or_else(|| product.get(name).cloned());
            self.code = self.code.or_else(|| known("sku")?.as_str().map(str::to_owned));
            self.name = self.name.or_else(|| product.text("name").map(str::to_owned));
            self.unit = self.unit.or_else(|| if self.total.is_some() { None } else { known("price") });
        }
        Ok(self)
    }

    pub(super) fn as_line(&self, of: &str, number: usize) -> Map<String, Value> {
        let mut out = Map::new();
        put(&mut out, "id", Some(format!("{of}-{}", number + 1)));
        put(&mut out, "item_id", Some(self.item_id.as_str()));
        put(&mut out, "item_type", Some("skus"));
        put(&mut out, "code", Some(self.code()));
        put(&mut out, "name", self.name.as_deref());
        put(&mut out, "quantity", Some(plain(self.quantity)));
        put(&mut out, "unit_amount", self.unit_amount());
        put(&mut out, "total_amount", self.total_amount());
        out
    }

    pub(super) fn as_returned(&self, of: &str, number: usize, at: &str) -> Map<String, Value> {
        let mut out = Map::new();
        put(&mut out, "line_item_id", Some(format!("{of}-{}", number + 1)));
        put(&mut out, "line_item_code", Some(self.code()));
        put(&mut out, "line_item_item_type", Some("skus"));
        put(&mut out, "line_item_name", self.name.as_deref());
        put(&mut out, "quantity", Some(plain(self.quantity)));
        put(&mut out, "line_item_total_amount", self.total_amount());
        put(&mut out, "created_at", Some(at));
        put(&mut out, "updated_at", Some(at));
        out
    }

    fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(&self.item_id)
    }

    fn unit_amount(&self) -> Option<Value> {
        let of_total = || Some(plain(self.total.as_ref()?.as_f64()? / self.quantity));
        self.unit.clone().or_else(of_total)
    }

    fn total_amount(&self) -> Option<Value> {
        let of_unit = || Some(plain(self.unit.as_ref()?.as_f64()? * self.quantity));
        self.total.clone().or_else(of_unit)
    }
}

/// A product, and the option of it that was asked for.
type Found = (Registers, Option<Map<String, Value>>);

/// Returns a product by its own id or by that of an option, which is then returned as well.
fn find(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<Found>> {
    let mut product = connection.prepare_cached("SELECT told FROM product WHERE project = ?1 AND id = ?2")?;
    if let Some(told) = product.query_row(params![project, id], |row| row.get(0)).optional()? {
        return Ok(Some((told, None)));
    }
    let mut option = connection.prepare_cached(
        "SELECT told FROM option_of JOIN product ON product.project = option_of.project AND product.id = option_of.product
         WHERE option_of.project = ?1 AND option_of.id = ?2",
    )?;
    let told: Option<Registers> = option.query_row(params![project, id], |row| row.get(0)).optional()?;
    Ok(told.map(|told| {
        let option = told.elements("options").remove(id);
        (told, option)
    }))
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// Returns a number without the noise of binary fractions, and as a whole one if it is.
fn plain(number: f64) -> Value {
    let number = (number * 1e6).round() / 1e6;
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}
