//! Customers, categories and products from the back end: one row each, merged field by field.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::lww::LwwMap;
use super::records::{BackendRecord, RecordBatch};
use super::tags;
use super::updater::StateUpdater;
use crate::resource::Resource;
use crate::store::trust::TrustLevel;

impl StateUpdater<'_> {
    /// Applies a record of a customer, category or product. Returns false if the customer has too many tags for it.
    pub(super) fn apply_record(&mut self, batch: &RecordBatch, record: &BackendRecord) -> rusqlite::Result<bool> {
        let RecordBatch { project, time, trust, .. } = *batch;
        let Some((table, column)) = table_of(record.resource).filter(|_| record.resource != Resource::Orders) else { return Ok(true) };
        let select = format!("SELECT {column} FROM {table} WHERE project = ?1 AND id = ?2");
        let stored: Option<LwwMap> =
            self.connection.prepare_cached(&select)?.query_row(params![project, record.id], |row| row.get(0)).optional()?;
        let mut fields = stored.clone().unwrap_or_default();
        for (name, value) in &record.fields {
            fields.set(name, trust.rank(), time, value.clone());
        }
        let is_accepted = record.resource != Resource::Customers || tags::limit(stored.as_ref(), &mut fields, trust.rank(), record);
        // The owner can make room and send the record again. Other back ends cannot: their other fields must not depend on strangers.
        if stored.as_ref() == Some(&fields) || (!is_accepted && trust == TrustLevel::Owner) {
            return Ok(is_accepted);
        }
        let change = self.next_change();
        let upsert = format!(
            "INSERT INTO {table} (project, id, {column}, change) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (project, id) DO UPDATE SET {column} = ?3, change = ?4"
        );
        self.connection.prepare_cached(&upsert)?.execute(params![project, record.id, fields, change])?;
        if record.resource == Resource::Products && stored.is_none_or(|stored| displayed(&stored) != displayed(&fields)) {
            let update = "UPDATE product SET display_change = ?1 WHERE project = ?2 AND id = ?3";
            self.connection.prepare_cached(update)?.execute(params![change, project, record.id])?;
            self.write_options(project, &record.id, &fields)?;
        }
        Ok(is_accepted)
    }

    /// A line item may name a product option instead of the product. If two products have an option, the product with the smaller id wins.
    fn write_options(&self, project: i64, product: &str, fields: &LwwMap) -> rusqlite::Result<()> {
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO product_option (project, id, product) VALUES (?1, ?2, ?3)
             ON CONFLICT (project, id) DO UPDATE SET product = excluded.product WHERE excluded.product < product",
        )?;
        for option in fields.elements("options").into_keys() {
            upsert.execute(params![project, option, product])?;
        }
        Ok(())
    }
}

/// Returns the table with the rows of a resource that back ends send, and the column with their fields.
fn table_of(resource: Resource) -> Option<(&'static str, &'static str)> {
    match resource {
        Resource::Customers => Some(("customer", "backend_fields")),
        Resource::Categories => Some(("category", "fields")),
        Resource::Products => Some(("product", "fields")),
        Resource::Orders => Some(("customer_order", "fields")),
        Resource::Events | Resource::Carts | Resource::Returns => None,
    }
}

/// Returns how many bytes are stored under these ids.
pub(in crate::store) fn stored_bytes(connection: &Connection, project: i64, ids: &[(Resource, String)]) -> rusqlite::Result<Vec<usize>> {
    let bytes_of = |(resource, id): &(Resource, String)| {
        let Some((table, column)) = table_of(*resource) else { return Ok(0) };
        let query = format!("SELECT octet_length({column}) FROM {table} WHERE project = ?1 AND id = ?2");
        let bytes: Option<i64> = connection.prepare_cached(&query)?.query_row(params![project, id], |row| row.get(0)).optional()?.flatten();
        Ok(bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default())
    };
    ids.iter().map(bytes_of).collect()
}

/// Returns the fields of a product, and of each option, that line items show.
fn displayed(fields: &LwwMap) -> BTreeMap<&str, [Option<Value>; 3]> {
    let mut all = BTreeMap::new();
    all.insert("", ["name", "sku", "price"].map(|name| fields.get(name).cloned()));
    for (id, mut option) in fields.elements("options") {
        all.insert(id, [None, option.remove("sku"), option.remove("price")]);
    }
    all
}

/// Returns products with a display change after `after`, in the order of these changes, and their options: the number of the change, the
/// project and the id. There may be more than `limit`.
pub(in crate::store) fn changed_products(connection: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<(i64, (i64, String))>> {
    let query = "SELECT display_change, project, id, fields FROM product INDEXED BY product_by_display_change
                 WHERE display_change > ?1 ORDER BY display_change LIMIT ?2";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        let (change, project) = (row.get(0)?, row.get(1)?);
        let fields: LwwMap = row.get(3)?;
        changed.push((change, (project, row.get(2)?)));
        changed.extend(fields.elements("options").into_keys().map(|option| (change, (project, option.to_owned()))));
    }
    Ok(changed)
}

/// Returns the name and the categories of the product with this id or, if there is none, with an option of this id.
pub(in crate::store) fn displayed_by_events(
    connection: &Connection,
    project: i64,
    id: &str,
) -> rusqlite::Result<Option<Map<String, Value>>> {
    let found = find_product(connection, project, id)?;
    let attribute = |product: &LwwMap, name: &str| Some((name.to_owned(), product.get(name)?.clone()));
    Ok(found.map(|(product, _)| ["name", "categories"].iter().filter_map(|name| attribute(&product, name)).collect()))
}

/// A product, and the option whose id was looked up.
pub(super) type ProductMatch = (LwwMap, Option<Map<String, Value>>);

/// Returns the product with this id, or the product with an option of this id and that option.
pub(super) fn find_product(connection: &Connection, project: i64, id: &str) -> rusqlite::Result<Option<ProductMatch>> {
    let mut by_id = connection.prepare_cached("SELECT fields FROM product WHERE project = ?1 AND id = ?2")?;
    if let Some(fields) = by_id.query_row(params![project, id], |row| row.get(0)).optional()? {
        return Ok(Some((fields, None)));
    }
    let mut by_option = connection.prepare_cached(
        "SELECT fields FROM product_option JOIN product ON product.project = product_option.project AND product.id = product_option.product
         WHERE product_option.project = ?1 AND product_option.id = ?2",
    )?;
    let fields: Option<LwwMap> = by_option.query_row(params![project, id], |row| row.get(0)).optional()?;
    Ok(fields.map(|fields| {
        let option = fields.elements("options").remove(id);
        (fields, option)
    }))
}
