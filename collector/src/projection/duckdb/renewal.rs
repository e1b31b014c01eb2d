//! Replaces the projection's file with an empty one that keeps the figures of expired visits.
//!
//! The store has everything else in the projection, but not the events of these visits, so a rebuild cannot derive them again. They contain no
//! person. The new file is complete before it takes the place of the old one.

use std::path::{Path, PathBuf};

use super::schema;

/// The rows of expired visits, by table. The events of a visit that have not expired find it by its session.
const EXPIRED: &[(&str, &str)] = &[("visits", "v.number"), ("visit_orders", "v.visit")];

/// Replaces the file. Rows that cannot be read are lost, and the file with them.
pub(super) fn renew(path: &Path) -> std::io::Result<()> {
    let new = with_suffix(path, ".new");
    remove(&new)?;
    match copy_expired(path, &new) {
        Ok(visits) => {
            tracing::info!(visits, "the figures of expired visits stay in the new projection");
            remove_leftovers(path)?;
            std::fs::rename(&new, path)
        }
        Err(error) => {
            tracing::warn!(%error, "cannot keep the figures of expired visits");
            remove(&new)?;
            remove(path)
        }
    }
}

/// Removes a file, its write-ahead log, and the temporary files that a killed process left.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    remove_leftovers(path)?;
    ignore_missing(std::fs::remove_file(path))
}

fn remove_leftovers(path: &Path) -> std::io::Result<()> {
    ignore_missing(std::fs::remove_file(with_suffix(path, ".wal")))?;
    ignore_missing(std::fs::remove_dir_all(with_suffix(path, ".tmp")))
}

fn ignore_missing(result: std::io::Result<()>) -> std::io::Result<()> {
    result.or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Creates a file with the rows, and returns the number of visits.
fn copy_expired(old: &Path, new: &Path) -> duckdb::Result<usize> {
    let config = schema::file_config()?.threads(1)?.max_memory("512MiB")?;
    let connection = schema::open(new, config)?;
    let old = old.to_string_lossy().replace('\'', "''");
    connection.execute_batch(&format!("ATTACH '{old}' AS old"))?;
    let transaction = connection.unchecked_transaction()?;
    schema::create_all(&transaction)?;
    for (table, number) in EXPIRED {
        let insert = format!(
            "INSERT INTO {table} BY NAME SELECT * FROM old.{table} v WHERE {number} IN (
                 SELECT number FROM old.visits WHERE session IS NULL)"
        );
        transaction.execute(&insert, [])?;
    }
    transaction.commit()?;
    let visits: i64 = connection.query_row("SELECT count(*) FROM visits", [], |row| row.get(0))?;
    connection.execute_batch("DETACH old; CHECKPOINT")?;
    Ok(usize::try_from(visits).unwrap_or_default())
}
