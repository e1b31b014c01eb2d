//! Customers, categories and products as the back end tells them: one row each, field by field.

use rusqlite::{OptionalExtension, params};

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
        if record.table == Table::Product {
            self.keep_options(project, &record.id, &told)?;
        }
        Ok(())
    }

    /// An order may name the option that was bought instead of its product.
    fn keep_options(&self, project: i64, product: &str, told: &Registers) -> rusqlite::Result<()> {
        let mut statement =
            self.connection.prepare_cached("INSERT INTO option_of (project, id, product) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
        for option in told.elements("options").into_keys() {
            statement.execute(params![project, option, product])?;
        }
        Ok(())
    }
}
