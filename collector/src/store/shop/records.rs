//! Customers, categories and products as the back end tells them: one row each, field by field.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::registers::Registers;
use super::{Keeper, Record, Table};

/// What a back end says ranks the same whatever it speaks of; only orders are told by pages as well.
pub(super) const BACK_END: u8 = 1;

impl Table {
    /// Returns the table's name in the store; orders have a table of another form.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Category => "category",
            Self::Product => "product",
            Self::Order => "placed",
        }
    }
}

impl Keeper<'_> {
    pub(super) fn tell_record(&mut self, project: i64, time: u64, record: &Record) -> rusqlite::Result<()> {
        let table = record.table.name();
        let known: Option<Registers> = self
            .connection
            .prepare_cached(&format!("SELECT told FROM {table} WHERE project = ?1 AND id = ?2"))?
            .query_row(params![project, record.id], |row| row.get(0))
            .optional()?;
        let mut told = known.clone().unwrap_or_default();
        for (name, value) in &record.fields {
            told.set(name, BACK_END, time, value.clone());
        }
        if known.as_ref() == Some(&told) {
            return Ok(());
        }
        let change = self.next_change();
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO {table} (project, id, told, change) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (project, id) DO UPDATE SET told = ?3, change = ?4"
            ))?
            .execute(params![project, record.id, told, change])?;
        if record.table == Table::Product && known.is_none_or(|known| shown(&known) != shown(&told)) {
            let shows = "UPDATE product SET shown = ?1 WHERE project = ?2 AND id = ?3";
            self.connection.prepare_cached(shows)?.execute(params![change, project, record.id])?;
            self.keep_options(project, &record.id, &told)?;
        }
        Ok(())
    }

    /// An order may name the option that was bought instead of its product. If two products claim an option it is the first one's by id.
    fn keep_options(&self, project: i64, product: &str, told: &Registers) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO option_of (project, id, product) VALUES (?1, ?2, ?3)
             ON CONFLICT (project, id) DO UPDATE SET product = excluded.product WHERE excluded.product < product",
        )?;
        for option in told.elements("options").into_keys() {
            statement.execute(params![project, option, product])?;
        }
        Ok(())
    }
}

/// What lines of orders, carts and returns show of a product, and of each of its options.
fn shown(told: &Registers) -> BTreeMap<&str, [Option<Value>; 3]> {
    let mut all = BTreeMap::new();
    all.insert("", ["name", "sku", "price"].map(|name| told.get(name).cloned()));
    for (id, mut option) in told.elements("options") {
        all.insert(id, [None, option.remove("sku"), option.remove("price")]);
    }
    all
}

/// Returns the ids of the options of a product, of which this was told.
pub(in crate::store) fn options_of(told: &str) -> Vec<String> {
    let told: Registers = serde_json::from_str(told).unwrap_or_default();
    told.elements("options").into_keys().map(str::to_owned).collect()
}
