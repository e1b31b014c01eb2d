//! The tables in ClickHouse.

use sha2::{Digest, Sha256};

use crate::hex;
use crate::projection::clickhouse::client::Client;
use crate::projection::clickhouse::snapshot::{integer, text};
use crate::projection::clickhouse::tracking::DERIVE_VISITS;
use crate::projection::error::ProjectionError;
use crate::projection::rows::{ColumnType, RECORD_KINDS, Table, tables};

/// The oldest version whose SQL this module writes: the long-term release of March 2024.
const MIN_VERSION: (u32, u32) = (24, 3);

/// The tables that are not derived from the catalog, as their columns and their order.
const TABLES: &str = include_str!("schema.sql");

/// Where tables are created, and what replicates them.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    /// The cluster of replicated tables.
    pub(super) cluster: Option<String>,
}

impl Placement {
    fn on_cluster(&self) -> String {
        self.cluster.as_ref().map_or_else(String::new, |cluster| format!(" ON CLUSTER '{cluster}'"))
    }

    fn create(&self, name: &str, columns: &str, order: &str) -> String {
        let engine = if self.cluster.is_some() { "ReplicatedMergeTree" } else { "MergeTree" };
        // Rows of an erased person leave the disk a minute after a merge without them.
        format!(
            "CREATE TABLE IF NOT EXISTS {name}{} ({columns}) ENGINE = {engine} ORDER BY ({order}) SETTINGS old_parts_lifetime = 60",
            self.on_cluster()
        )
    }
}

/// Returns the name, the columns and the order of each table.
fn all_tables() -> Vec<(String, String, String)> {
    let fixed = TABLES.split(";\n").filter_map(|definition| {
        let (name, rest) = definition.trim().split_once(" (")?;
        let (columns, order) = rest.rsplit_once(") ORDER BY ")?;
        let name = name.rsplit('\n').next()?;
        Some((name.to_owned(), columns.to_owned(), order.to_owned()))
    });
    let records = RECORD_KINDS.into_iter().flat_map(tables).map(|table| {
        let order = if table.is_array() { "project, doc, item" } else { "project, key, doc" };
        (table.name.clone(), columns(&table), order.to_owned())
    });
    fixed.chain(records).collect()
}

fn columns(table: &Table) -> String {
    let fixed = table.fixed_columns().iter().map(|(name, kind)| {
        // Rows are not in the order of their numbers, so general compression alone leaves half of the bytes, which every query reads.
        let codec = if *name == "doc" { " CODEC(Delta, LZ4)" } else { "" };
        format!("{name} {}{codec}", type_name(*kind))
    });
    let fields = table.field_columns().map(|(name, kind)| format!("{name} Nullable({})", type_name(kind)));
    fixed.chain(fields).collect::<Vec<_>>().join(", ")
}

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text | ColumnType::Document | ColumnType::Lines => "String",
        ColumnType::Integer | ColumnType::Time => "Int64",
        ColumnType::Item => "Int32",
        ColumnType::Bool => "Bool",
    }
}

/// Returns the names of the tables whose rows have numbers.
pub(super) fn numbered_tables() -> Vec<String> {
    let is_numbered = |columns: &str| columns.trim_start().starts_with("doc ");
    all_tables().into_iter().filter(|(name, columns, _)| is_numbered(columns) && name != "gone").map(|(name, ..)| name).collect()
}

/// Returns a digest of the schema, and of the group from whose log the tables are filled. Raise the number in it when the contents of the
/// tables change, but not the tables.
pub(super) fn fingerprint(group: &str) -> String {
    let digest = Sha256::digest(format!("5\n{:?}{DERIVE_VISITS}{group}", all_tables()));
    hex::encode(&digest[..16])
}

/// Fails if the server is older than the SQL of this module.
pub(super) fn check_version(client: &Client) -> Result<(), ProjectionError> {
    let rows = client.query("SELECT version()", &[], "")?;
    let version = rows.first().map(|row| text(row, 0)).unwrap_or_default();
    if is_supported(&version) {
        return Ok(());
    }
    let (year, month) = MIN_VERSION;
    Err(ProjectionError::Unavailable(format!("ClickHouse {version} is too old; install {year}.{month} or newer")))
}

fn is_supported(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) >= MIN_VERSION
}

/// Whether the tables exist.
pub(super) fn exists(client: &Client) -> Result<bool, ProjectionError> {
    has_table(client, "projection")
}

/// Whether all tables exist. An operator can delete one of them.
pub(super) fn is_complete(client: &Client) -> Result<bool, ProjectionError> {
    let names: Vec<_> = all_tables().into_iter().map(|(name, ..)| format!("'{name}'")).collect();
    let wanted = names.len();
    let names = names.join(", ");
    let rows = client.query(
        &format!("SELECT toInt64(count()) FROM system.tables WHERE database = currentDatabase() AND name IN ({names})"),
        &[],
        "",
    )?;
    Ok(rows.first().is_some_and(|row| usize::try_from(integer(row, 0)) == Ok(wanted)))
}

/// Whether tables exist that [`drop`] has left because it was interrupted: their rows would count again.
pub(super) fn has_remains(client: &Client) -> Result<bool, ProjectionError> {
    // It deletes them in their order.
    all_tables().last().map_or(Ok(false), |(name, ..)| has_table(client, name))
}

fn has_table(client: &Client, name: &str) -> Result<bool, ProjectionError> {
    let rows = client.query(&format!("EXISTS TABLE {name}"), &[], "")?;
    Ok(rows.first().is_some_and(|row| integer(row, 0) == 1))
}

/// Creates the tables that are missing.
pub(super) fn create(client: &Client, placement: &Placement) -> Result<(), ProjectionError> {
    for (name, columns, order) in all_tables() {
        client.execute(&placement.create(&name, &columns, &order))?;
    }
    Ok(())
}

/// Deletes the tables.
pub(super) fn drop(client: &Client, placement: &Placement) -> Result<(), ProjectionError> {
    // The table of watermarks goes first: without it the others count as empty.
    let names = all_tables().into_iter().map(|(name, ..)| name);
    for name in names {
        client.execute(&format!("DROP TABLE IF EXISTS {name}{} SYNC", placement.on_cluster()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_refused() {
        for (version, expected) in
            [("24.3.1.2672", true), ("24.10.1", true), ("26.9.2.1", true), ("24.2.9", false), ("18.16.1", false), ("", false)]
        {
            assert_eq!(is_supported(version), expected, "{version}");
        }
    }

    #[test]
    fn every_table_has_its_columns_and_an_order() {
        let tables = all_tables();
        assert!(tables.iter().all(|(name, columns, order)| !name.contains(' ') && columns.contains("Int64") && !order.contains(')')));
        let names: Vec<_> = tables.iter().map(|(name, ..)| name.as_str()).collect();
        for name in ["projection", "gone", "changed", "events", "visits", "orders", "orders__line_items", "returns"] {
            assert!(names.contains(&name), "{name}");
        }
        let numbered = numbered_tables();
        assert!(
            numbered.contains(&"events".to_owned()) && !numbered.contains(&"gone".to_owned()) && !numbered.contains(&"changed".to_owned())
        );
    }
}
