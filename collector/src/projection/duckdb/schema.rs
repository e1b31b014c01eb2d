//! The tables of the projection in DuckDB.

use std::path::Path;

use duckdb::{Config, Connection, params};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::projection::duckdb::tracking_writer::{DERIVE_VISITS, NUMBER_PEOPLE, SCHEMA};
use crate::projection::rows::{ColumnType, RECORD_KINDS, Table, tables};

/// The oldest version of the engine that can read the file. Older forms of a file have no compression for long texts.
const STORAGE_VERSION: &str = "v1.4.0";

/// Changes are copied from the write-ahead log into the file when it has this size. The copies compress all columns: with 16 MB, the engine's own
/// default, and methods that the engine chose for documents and their texts, they were half the processor time that an import of orders took
/// in the projection.
const CHECKPOINT_THRESHOLD: &str = "64MiB";

/// The most rows of a part of a table. The engine compresses a part again whenever a copy of the log adds rows to it: with its own default,
/// 122,880, each copy of an import of orders compressed most of the orders before it again. What fills a part within one batch is compressed
/// and written once, and not to the log.
const ROW_GROUP_ROWS: usize = 16_384;

/// The name under which the file is attached.
const CATALOG: &str = "analytics";

/// Opens a file, and creates it if there is none.
///
/// The number of rows of a part can only be set for a file that is attached, so the connection begins with an empty database in memory.
pub(super) fn open(path: &Path, config: Config) -> duckdb::Result<Connection> {
    let config = config.with("temp_directory", format!("{}.tmp", path.to_string_lossy()))?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    let file = path.to_string_lossy().replace('\'', "''");
    connection.execute_batch(&format!("ATTACH '{file}' AS {CATALOG} (ROW_GROUP_SIZE {ROW_GROUP_ROWS}); USE {CATALOG}"))?;
    Ok(connection)
}

/// Returns a further connection to the file of this one.
pub(super) fn connect_again(connection: &Connection) -> duckdb::Result<Connection> {
    let further = connection.try_clone()?;
    further.execute_batch(&format!("USE {CATALOG}"))?;
    Ok(further)
}

/// Returns the settings of every connection that creates or writes a file.
pub(super) fn file_config() -> duckdb::Result<Config> {
    let config = Config::default().enable_autoload_extension(false)?;
    config.with("storage_compatibility_version", STORAGE_VERSION)?.with("checkpoint_threshold", CHECKPOINT_THRESHOLD)
}

fn create(table: &Table) -> String {
    let fixed = table.fixed_columns().iter().map(|(name, kind)| ((*name).to_owned(), *kind));
    let columns = fixed.chain(table.field_columns()).map(|(name, kind)| format!("{name} {}", type_name(kind)));
    format!("CREATE TABLE {} ({});\n", table.name, columns.collect::<Vec<_>>().join(", "))
}

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "VARCHAR",
        // Without a method that is set, the engine tries all of them whenever it writes a part of the column.
        ColumnType::Document => "BLOB USING COMPRESSION uncompressed",
        ColumnType::Lines => "VARCHAR USING COMPRESSION zstd",
        ColumnType::Integer => "BIGINT",
        ColumnType::Item => "INTEGER",
        ColumnType::Bool => "BOOLEAN",
        ColumnType::Time => "TIMESTAMP",
    }
}

/// Creates all tables, empty.
pub(super) fn create_all(connection: &Connection) -> duckdb::Result<()> {
    connection.execute_batch(&sql())?;
    connection.execute("INSERT INTO projection VALUES (?, 0, 0, 0, NULL)", params![fingerprint()]).map(|_| ())
}

/// Returns the statements that create all tables.
fn sql() -> String {
    let mut all = "CREATE TABLE projection (
        fingerprint VARCHAR, watermark BIGINT, event_watermark BIGINT, trimmed_until BIGINT, attributed_days INTEGER
    );\n"
        .to_owned();
    all += SCHEMA;
    for kind in RECORD_KINDS {
        all.extend(tables(kind).iter().map(create));
    }
    all
}

/// Returns a digest of the schema. Raise the number in it when the contents of the tables change, but not the tables.
pub(super) fn fingerprint() -> String {
    let digest = Sha256::digest(format!("8\n{}{DERIVE_VISITS}{NUMBER_PEOPLE}", sql()));
    hex::encode(&digest[..16])
}
