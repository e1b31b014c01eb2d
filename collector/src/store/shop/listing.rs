//! The lists of the export: the current state of a project, each thing once, in the order of the ids.
//!
//! The order is that of the primary keys, so a place in a list means the same whatever is written meanwhile.

mod brought;

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};

use super::customers;
use super::document::{self, IS_PAST};
use super::orders::{self, Order, PLACED};
use super::person::Person;
use super::registers::Registers;

/// A list that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// People, by e-mail.
    Customers,
    /// Groups of products.
    Categories,
    /// What the shop sells.
    Products,
    /// What was bought.
    Orders,
    /// What is in carts.
    Carts,
    /// What came back.
    Returns,
}

/// A place in a list: after the thing with this key, or before all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Option<Key>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Text(String),
    Bytes(Vec<u8>),
    /// The id of an imported record; these come behind the shop's own.
    Imported(String),
}

impl Place {
    /// Before the first.
    pub const START: Self = Self(None);

    /// Reads a place that a list has told; None if it is one of another kind of list, or none at all.
    pub fn read(list: List, text: &str) -> Option<Self> {
        if let Some(text) = text.strip_prefix(list.letter().to_ascii_uppercase()) {
            let id = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            return Some(Self(Some(Key::Imported(id))));
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(list.letter())?).ok()?;
        let key = if list.has_text_ids() { Key::Text(String::from_utf8(bytes).ok()?) } else { Key::Bytes(bytes) };
        Some(Self(Some(key)))
    }

    fn write(&self, list: List) -> String {
        let letter = if matches!(self.0, Some(Key::Imported(_))) { list.letter().to_ascii_uppercase() } else { list.letter() };
        let mut out = String::from(letter);
        match &self.0 {
            Some(Key::Imported(id)) => BASE64_URL_SAFE_NO_PAD.encode_string(id, &mut out),
            Some(Key::Text(text)) => BASE64_URL_SAFE_NO_PAD.encode_string(text, &mut out),
            Some(Key::Bytes(bytes)) => BASE64_URL_SAFE_NO_PAD.encode_string(bytes, &mut out),
            None => {}
        }
        out
    }
}

impl List {
    /// Tells the cursors of different lists apart.
    fn letter(self) -> char {
        match self {
            Self::Customers => 'u',
            Self::Categories => 'g',
            Self::Products => 'p',
            Self::Orders => 'o',
            Self::Carts => 'c',
            Self::Returns => 'r',
        }
    }

    fn has_text_ids(self) -> bool {
        !matches!(self, Self::Carts | Self::Returns)
    }

    fn query(self) -> String {
        let from = match self {
            Self::Customers => "SELECT id, told, heard, seen FROM customer",
            Self::Categories => "SELECT id, told FROM category",
            Self::Products => "SELECT id, told FROM product",
            Self::Orders => "SELECT id, told, statuses, person, reported_at FROM placed",
            Self::Returns => "SELECT id FROM returned",
            Self::Carts => {
                return format!("SELECT opened FROM cart WHERE project = ?1 AND opened > ?2 AND NOT {IS_PAST} ORDER BY opened LIMIT ?3");
            }
        };
        format!("{from} WHERE project = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
    }

    /// Returns a row as it is exported.
    fn object(self, connection: &Connection, project: i64, row: &Row<'_>) -> rusqlite::Result<Option<Map<String, Value>>> {
        match self {
            Self::Customers => customer(row).map(Some),
            Self::Categories => Ok(Some(fields("id", row.get(0)?, &row.get(1)?, &["name", "url"]))),
            Self::Products => product(row).map(Some),
            Self::Orders => order(connection, project, row).map(Some),
            Self::Carts => document::cart(connection, project, &row.get(0)?),
            Self::Returns => document::returned(connection, project, &row.get(0)?),
        }
    }
}

/// Returns a part of a list as lines of JSON, each with its cursor, and the place after it; None at the end of the list.
pub(in crate::store) fn page(
    connection: &Connection,
    project: i64,
    list: List,
    after: &Place,
    limit: usize,
) -> rusqlite::Result<(String, usize, Option<Place>)> {
    let (mut out, mut count, mut last) = match &after.0 {
        Some(Key::Imported(_)) => (String::new(), 0, None),
        _ => own(connection, project, list, after, limit)?,
    };
    if count < limit {
        let after = if let Some(Key::Imported(id)) = &after.0 { id } else { "" };
        for (id, mut object) in brought::page(connection, project, list, after, limit - count)? {
            let place = Place(Some(Key::Imported(id)));
            object.insert("cursor".into(), place.write(list).into());
            let _ = writeln!(out, "{}", Value::from(object));
            count += 1;
            last = Some(place);
        }
    }
    Ok((out, count, last.filter(|_| count == limit)))
}

/// Returns lines, how many they are, and the place after them.
fn own(connection: &Connection, project: i64, list: List, after: &Place, limit: usize) -> rusqlite::Result<(String, usize, Option<Place>)> {
    let mut statement = connection.prepare_cached(&list.query())?;
    let after = match &after.0 {
        Some(Key::Imported(_)) => Sql::Null,
        None if list.has_text_ids() => Sql::Text(String::new()),
        None => Sql::Blob(Vec::new()),
        Some(Key::Text(text)) => Sql::Text(text.clone()),
        Some(Key::Bytes(bytes)) => Sql::Blob(bytes.clone()),
    };
    let mut rows = statement.query(params![project, after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let (mut out, mut count, mut last) = (String::new(), 0, None);
    while let Some(row) = rows.next()? {
        let key = if list.has_text_ids() { Key::Text(row.get(0)?) } else { Key::Bytes(row.get(0)?) };
        let place = Place(Some(key));
        if let Some(mut object) = list.object(connection, project, row)? {
            object.insert("cursor".into(), place.write(list).into());
            let _ = writeln!(out, "{}", Value::from(object));
        }
        count += 1;
        last = Some(place);
    }
    Ok((out, count, last))
}

/// Returns how many things a list of the shop's own holds.
pub(in crate::store) fn count(connection: &Connection, project: i64, list: List) -> rusqlite::Result<u64> {
    let table = match list {
        List::Customers => "customer",
        List::Categories => "category",
        List::Products => "product",
        List::Orders => "placed",
        List::Carts => "cart",
        List::Returns => "returned",
    };
    connection
        .query_row(&format!("SELECT count(*) FROM {table} WHERE project = ?1"), [project], |row| row.get::<_, i64>(0))
        .map(i64::cast_unsigned)
}

fn fields(key: &str, id: String, told: &Registers, names: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert(key.into(), id.into());
    for name in names {
        out.extend(told.get(name).map(|value| ((*name).to_owned(), value.clone())));
    }
    out
}

fn customer(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let known = customers::merged(row.get(1)?, row.get(2)?);
    let names = ["createdAt", "firstName", "lastName", "phoneNumber", "subscribed"];
    let mut out = fields("email", row.get(0)?, &known, &names);
    if let (None, Some(seen)) = (known.get("createdAt"), row.get::<_, Option<i64>>(3)?) {
        out.insert("createdAt".into(), seen.into());
    }
    let tags = known.elements("tags").into_values().filter_map(|mut tag| tag.remove(""));
    out.insert("tags".into(), tags.collect::<Vec<_>>().into());
    Ok(out)
}

fn product(row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let told: Registers = row.get(1)?;
    let mut out = fields("id", row.get(0)?, &told, &["name", "categories", "price", "sku", "url", "imageUrl"]);
    let options = told.elements("options").into_iter().map(|(id, mut option)| {
        option.insert("id".into(), id.into());
        Value::from(option)
    });
    let options: Vec<Value> = options.collect();
    if !options.is_empty() {
        out.insert("options".into(), options.into());
    }
    Ok(out)
}

fn order(connection: &Connection, project: i64, row: &Row<'_>) -> rusqlite::Result<Map<String, Value>> {
    let order: Order = orders::read(row, 1)?;
    let names = ["amount", "status", "products", "coupons", "billing", "ipAddress", "currency", "tax", "shipping"];
    let mut out = fields("id", row.get(0)?, &order.told, &names);
    out.extend(order.created_at().map(|time| ("createdAt".to_owned(), time.into())));
    if let Some(Person::Email(email)) = document::customer_of(connection, project, &order)? {
        out.insert("email".into(), email.into());
    }
    out.entry("status").or_insert_with(|| PLACED.into());
    if let (false, Some(lines)) = (out.contains_key("products"), order.told.get("lines").and_then(Value::as_array)) {
        out.insert("products".into(), lines.iter().map(product_of).collect());
    }
    Ok(out)
}

/// A line that only a page told of, as a back end would tell it.
fn product_of(line: &Value) -> Value {
    let id = line.get("variant_id").or(line.get("product_id"));
    serde_json::json!({"productId": id, "quantity": line.get("quantity")})
}
