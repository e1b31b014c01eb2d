//! The tables of the projection in DuckDB.

use sha2::{Digest, Sha256};

use crate::projection::duckdb::tracking_writer::{DERIVE_VISITS, SCHEMA};
use crate::projection::rows::{ColumnType, RECORD_KINDS, Table, tables};

fn create(table: &Table) -> String {
    let fixed = table.fixed_columns().iter().map(|(name, kind)| ((*name).to_owned(), *kind));
    let columns = fixed.chain(table.field_columns()).map(|(name, kind)| format!("{name} {}", type_name(kind)));
    format!("CREATE TABLE {} ({});\n", table.name, columns.collect::<Vec<_>>().join(", "))
}

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "VARCHAR",
        ColumnType::Integer => "BIGINT",
        ColumnType::Item => "INTEGER",
        ColumnType::Bool => "BOOLEAN",
        ColumnType::Time => "TIMESTAMP",
    }
}

/// Returns the statements that create all tables.
pub(super) fn sql() -> String {
    let mut all =
        "CREATE TABLE projection (fingerprint VARCHAR, watermark BIGINT, event_watermark BIGINT, trimmed_until BIGINT);\n".to_owned();
    all += SCHEMA;
    for kind in RECORD_KINDS {
        all.extend(tables(kind).iter().map(create));
    }
    all
}

/// Returns a digest of the schema. Raise the number in it when the contents of the tables change, but not the tables.
pub(super) fn fingerprint() -> String {
    let digest = Sha256::digest(format!("4\n{}{DERIVE_VISITS}", sql()));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
